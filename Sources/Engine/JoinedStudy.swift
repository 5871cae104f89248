import ConnectorKit
import DICOM
import Messages
import Store

/// One message that tells of the DICOM objects of a study.
enum JoinedStudy {
  /// One of them can't be read, which nothing but a person mends.
  struct Unreadable: Error {
    var delivery: WaitingDelivery
    var reason: String
  }

  /// - Returns: the message, and those that it tells of: objects of another study or patient are left for another
  ///   message.
  static func join(
    _ parts: ArraySlice<WaitingDelivery>, in store: any Store
  ) -> Result<(payload: Payload, parts: [WaitingDelivery]), Unreadable> {
    var study = DICOMStudy()
    var own: [WaitingDelivery] = []
    for part in parts {
      do {
        let object = try Pipeline.image(part.payload) { payload throws(ContentError) in
          try store.open(payload, isTrusted: true)
        }.object
        let kept = DICOMStudy.Kept(
          message: part.message.description, delivery: part.id.description, byteCount: part.payload.byteCount)
        if study.add(object, kept) { own.append(part) }
      } catch {
        return .failure(Unreadable(delivery: part, reason: "\(error)"))
      }
    }
    return .success((Payload(.json, study.json()), own))
  }
}
