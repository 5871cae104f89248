import ConnectorKit
import DICOM
import Messages
import NIOCore

/// An object that is sent: what is said of it, and its data set as it is read.
///
/// Used on its lane's worker alone: hence `@unchecked`.
final class DICOMOutgoing: @unchecked Sendable {
  /// What a context must be agreed on for.
  struct Kind: Sendable, Hashable {
    let sopClass: String
    let transferSyntax: String

    /// For people: `CTImageStorage in JPEGBaseline8Bit`.
    var inWords: String {
      [sopClass, transferSyntax].map { DICOMDictionary.name(ofUID: $0)?.keyword ?? $0 }.joined(separator: " in ")
    }
  }

  let kind: Kind
  let sopInstance: String
  private let syntax: DICOMTransferSyntax
  private let reader: any ContentReader
  /// What stands before the data set.
  private let head: ArraySlice<UInt8>
  /// The first bytes of the data set, which were read with what stands in front of it.
  private var first: ArraySlice<UInt8>

  /// As storage commitment names it.
  var reference: StorageCommitment.Reference { .init(sopClass: kind.sopClass, sopInstance: sopInstance) }

  /// - Throws: where the content can't be read, or is no DICOM object.
  init(_ delivery: Delivery) throws {
    reader = try delivery.read()
    var parser = DICOMReader()
    var seen: [UInt8] = []
    while parser.head == nil, reader.rest > 0 {
      let piece = try reader.next(1 << 16)
      seen += piece
      try parser.receive(piece)
    }
    let (start, syntax, announced): (Int, DICOMTransferSyntax, (String, String)?)
    if let head = parser.head {
      (start, syntax) = (head.dataSetStart, head.syntax)
      announced = head.sopClass.flatMap { sopClass in head.sopInstance.map { (sopClass, $0) } }
    } else {
      let object = try parser.finish()
      (start, syntax, announced) = (object.dataSetStart, object.syntax, nil)
    }
    let (sopClass, sopInstance) = try announced ?? Self.named(delivery)
    kind = Kind(sopClass: sopClass, transferSyntax: syntax.uid)
    self.sopInstance = sopInstance
    self.syntax = syntax
    head = seen[..<start]
    first = seen[start...]
  }

  /// Without a meta group the data set says what it is.
  private static func named(_ delivery: Delivery) throws -> (String, String) {
    let dataSet = try DICOMObject(reading: try delivery.read()).dataSet
    guard let sopClass = try dataSet[.sopClassUID]?.text(), let instance = try dataSet[.sopInstanceUID]?.text() else {
      throw ContentError("the object has no SOP class and instance")
    }
    return (sopClass, instance)
  }

  /// What stands before the data set in a file (PS3.10), as it is kept; a new one where it is a data set alone.
  func fileHead() throws -> [UInt8] {
    if head.dropFirst(128).starts(with: "DICM".utf8) { return Array(head) }
    return try DICOMFile.head(sopClass: kind.sopClass, sopInstance: sopInstance, syntax: syntax)
  }

  /// How many bytes of the data set are still to come.
  var dataSetBytes: Int { first.count + reader.rest }

  /// The next bytes of the data set, as many as fit and an even number; fewer only at the end.
  func next(_ byteCountMax: Int) throws -> (piece: ByteBuffer, isLast: Bool) {
    let room = byteCountMax & ~1
    var piece = ByteBuffer()
    piece.reserveCapacity(min(room, first.count + reader.rest))
    piece.writeBytes(first.prefix(room))
    first = first.dropFirst(room)
    while piece.readableBytes < room, reader.rest > 0 {
      piece.writeBytes(try reader.next(room - piece.readableBytes))
    }
    return (piece, first.isEmpty && reader.rest == 0)
  }
}
