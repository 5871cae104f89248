import ConnectorKit
import DICOM
package import Messages

// Contents that may be too large to be held in memory.

extension Pipeline {
  /// Begins to read a content.
  package typealias Open = @Sendable (Payload) throws(ContentError) -> any ContentReader

  /// Where there is no store.
  package static let inMemory: Open = { payload throws(ContentError) in
    guard case .bytes(let bytes) = payload.content else { throw ContentError("the content is not at hand") }
    return BytesReader(bytes)
  }

  static func whole(_ payload: Payload, _ open: Open) throws(ContentError) -> [UInt8] {
    if case .bytes(let bytes) = payload.content { return bytes }
    let reader = try open(payload)
    var bytes: [UInt8] = []
    bytes.reserveCapacity(reader.rest)
    while reader.rest > 0 { bytes += try reader.next(1 << 16) }
    return bytes
  }

  /// DICOM: what isn't pixels is read, the rest is passed over.
  func readImage(_ payload: Payload, _ context: Context, _ open: Open) -> Decided {
    let object: DICOMObject
    do {
      object = try Self.object(payload, open)
    } catch let error as ContentError {
      return .failed(error.description)
    } catch {
      return Decided(Self.refused(.cannotUnderstand, "this is not a DICOM object that can be read: \(error)"))
    }
    if let refusal = Self.mismatch(object) { return Decided(refusal) }
    var bytes: [UInt8] = []
    if case .bytes(let all) = payload.content { bytes = all }
    return route(bytes, nil, context)
  }

  private static func object(_ payload: Payload, _ open: Open) throws -> DICOMObject {
    if case .bytes(let bytes) = payload.content { return try DICOMObject(bytes) }
    let content = try open(payload)
    var reader = DICOMReader()
    while content.rest > 0 {
      let unwanted = min(reader.bytesToSkip, content.rest)
      if unwanted > 0 {
        content.skip(unwanted)
        reader.skip(unwanted)
      } else {
        try reader.receive(try content.next(1 << 16))
      }
    }
    return try reader.finish()
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

  /// A DICOMDIR is no instance: its data set names none.
  private static let mediaStorageDirectory = "1.2.840.10008.1.3.10"

  static func refused(_ status: DIMSEStatus, _ text: String, _ tag: DICOMTag? = nil) -> Rejection {
    Rejection(.reject, Int(status.code), text, at: tag.map { "\($0)" })
  }
}
