import ConnectorKit
import DICOM
import Definitions
import Hilt
package import Messages
import Text

// Contents that may be too large to be held in memory.

extension Pipeline {
  /// Begins to read a content.
  package typealias Open = @Sendable (Payload) throws(ContentError) -> any ContentReader

  static func whole(_ payload: Payload, _ open: Open) throws(ContentError) -> [UInt8] {
    if case .bytes(let bytes) = payload.content { return bytes }
    return try open(payload).all()
  }

  /// An object of DICOM: what is read of it, and what it is kept as.
  struct Image {
    let object: DICOMObject
    let payload: Payload
  }

  func readImage(_ payload: Payload, _ context: Context) -> Decided {
    var came = Outgoing()
    do {
      let image = try Self.image(payload, context.open)
      if let refusal = Self.mismatch(image.object) { return Decided(refusal) }
      came.image = image
    } catch let error as ContentError {
      return .failed(error.description)
    } catch {
      return Decided(Self.refused(.cannotUnderstand, "this is not a DICOM object that can be read: \(error)"))
    }
    if case .bytes(let bytes) = payload.content { came.bytes = bytes }
    return route(came, context)
  }

  /// Reads what isn't pixels; the rest is passed over.
  static func image(_ payload: Payload, _ open: Open) throws -> Image {
    if case .bytes(let bytes) = payload.content { return Image(object: try DICOMObject(bytes), payload: payload) }
    return Image(object: try DICOMObject(reading: try open(payload)), payload: payload)
  }

  /// What a program made, and what it is kept as; `nil` where it is what came to the program.
  static func made(_ emitted: HiltEmitted, of came: Outgoing) -> Payload? {
    if case .dicom(let stretches) = emitted.content, let changed = came.image?.payload.changed(to: stretches) {
      return changed
    }
    return emitted.made(of: came.bytes).map { Payload(emitted.format, $0) }
  }

  /// PS3.4 B.2.3: «Data Set does not match SOP Class». What came by C-STORE has the command's words in its meta group.
  private static func mismatch(_ object: DICOMObject) -> Rejection? {
    let pairs: [(DICOMTag, DICOMTag)] = [
      (.mediaStorageSOPClassUID, .sopClassUID), (.mediaStorageSOPInstanceUID, .sopInstanceUID),
    ]
    for (announced, own) in pairs {
      guard let said = try? object.meta[announced]?.text(), said != mediaStorageDirectory else { continue }
      if (try? object.dataSet[own]?.text()) != said {
        return refused(.dataSetDoesNotMatch, "the data set does not have the SOP class and instance it came with", own)
      }
    }
    return nil
  }

  /// Read once for all expressions. One that can't be read says so where it is looked into.
  func document(_ bytes: [UInt8], _ format: Format) -> JSONNode? {
    guard format == .json || format == .fhir,
      needsMessage || !definition.columns.isEmpty || definition.duplicates != nil
    else { return nil }
    return try? JSONDocument(bytes).root
  }

  /// A DICOMDIR is no instance: its data set names none.
  private static let mediaStorageDirectory = "1.2.840.10008.1.3.10"

  static func refused(_ status: DIMSEStatus, _ text: String, _ tag: DICOMTag? = nil) -> Rejection {
    Rejection(.reject, Int(status.code), text, at: tag.map { "\($0)" })
  }
}

extension Payload {
  /// What is made of a large object: new bytes and stretches of what it is kept as; `nil` where it is in memory.
  fileprivate func changed(to stretches: [DICOMStretch]) -> Payload? {
    let source: BlobReference
    let old: [PatchedBlob.Piece]
    switch content {
    case .bytes: return nil
    case .blob(let blob): (source, old) = (blob, [.range(0..<blob.byteCount)])
    case .patched(let patched): (source, old) = (patched.source, patched.pieces)
    }
    let pieces = stretches.flatMap { stretch -> [PatchedBlob.Piece] in
      switch stretch {
      case .bytes(let bytes): [.bytes(bytes)]
      case .range(let range): Self.cut(old, range)
      }
    }
    return PatchedBlob(source, pieces).map { Payload(format: format, content: .patched($0)) }
  }

  /// A range of what pieces are together.
  private static func cut(_ pieces: [PatchedBlob.Piece], _ range: Range<Int>) -> [PatchedBlob.Piece] {
    var cut: [PatchedBlob.Piece] = []
    var start = 0
    for piece in pieces {
      let own = range.clamped(to: start..<start + piece.byteCount)
      if !own.isEmpty {
        switch piece {
        case .bytes(let bytes): cut.append(.bytes(Array(bytes[own.lowerBound - start..<own.upperBound - start])))
        case .range(let old):
          let first = old.lowerBound + own.lowerBound - start
          cut.append(.range(first..<first + own.count))
        }
      }
      start += piece.byteCount
    }
    return cut
  }
}
