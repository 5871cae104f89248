package import DICOM

/// Who speaks by an ``AssociationHandler``. Everything comes on the channel's event loop, in the order in which it
/// happened, and everything that the handler offers may be called from within.
package protocol AssociationUser: AnyObject {
  /// First of all, unless it ends before.
  func associationEstablished(_ agreement: Agreement)
  func associationReceived(_ command: CommandSet, contextID: UInt8)
  /// The next piece of the data set that the last command announced. Whoever can't take more calls `pauseReading`;
  /// what was read before still comes.
  func associationReceived(_ piece: ArraySlice<UInt8>, isLast: Bool)
  /// The peer takes more of the data set that the last command announced: `send(piece:isLast:)` with at most so many
  /// bytes is to follow, now or later.
  func associationWantsData(byteCountMax: Int)
  /// To be answered with `answerRelease` when nothing more is to be said.
  func associationReleaseRequested()
  /// Last of all, and once. Why a connection broke, if anything is known of it, is the handler's `failure`.
  func associationEnded(_ end: Association.End)
}
