import ConnectorKit
import DICOM
import Messages
import Synchronization

/// What partners report of storage commitment (PS3.4 annex J.3.3).
enum DICOMReports {
  /// What is asked or reported is a list; a longer one is none.
  static let listBytesMax = 4 << 20

  /// - Returns: no report, and what it is answered instead, where it is none.
  static func read(
    _ command: CommandSet, _ bytes: [UInt8], _ syntax: DICOMTransferSyntax
  ) -> (report: StorageCommitment?, status: DIMSEStatus) {
    guard command[text: .affectedSOPClassUID] == DICOMUID.storageCommitment else { return (nil, .noSuchSOPClass) }
    guard command[text: .affectedSOPInstanceUID] == DICOMUID.storageCommitmentInstance else {
      return (nil, .noSuchInstance)
    }
    guard [1, 2].contains(command[number: .eventTypeID]) else { return (nil, .noSuchEvent) }
    guard let report = StorageCommitment(bytes, syntax: syntax) else { return (nil, .invalidArgument) }
    return (report, .success)
  }

  /// Hands what is said of each object to the delivery that waits for it.
  ///
  /// - Parameter then: what the partner is answered, when the ends that follow are on disk.
  static func hand(_ report: StorageCommitment, to inbox: any Inbox, then: @escaping @Sendable (DIMSEStatus) -> Void) {
    let answers = Answers(then)
    for (reference, failure) in report.verdicts {
      guard let said = payload(report.transaction, reference, failure) else { continue }
      let name = DICOMCommitmentRule.name(report.transaction, reference)
      answers.begin()
      if !inbox.answer(name, said, then: { answers.end(isTaken: $0) }) { answers.end(isTaken: nil) }
    }
    answers.end(isTaken: nil)
  }

  /// What is said of one object, as it is kept with the delivery: a file that says itself what it is.
  static func payload(
    _ transaction: String, _ reference: StorageCommitment.Reference, _ failure: CommitmentFailure?
  ) -> Payload? {
    let said = StorageCommitment(
      transaction, failure == nil ? [reference] : [], failed: failure.map { [.init(reference, $0)] } ?? [])
    let head = try? DICOMFile.head(
      sopClass: DICOMUID.storageCommitment, sopInstance: DICOMUID.storageCommitmentInstance, syntax: .explicitLittle)
    guard let head, let bytes = said.bytes(.explicitLittle) else { return nil }
    return Payload(.dicom, head + bytes)
  }

  /// The other way round.
  static func read(_ payload: Payload) -> StorageCommitment? {
    guard case .bytes(let bytes) = payload.content, let dataSet = try? DICOMObject(bytes).dataSet else { return nil }
    return StorageCommitment(dataSet)
  }

  /// Counts until all that were handed on have ended.
  private final class Answers: Sendable {
    private struct State {
      var open = 1
      var isKnown = false
      var isTaken = true
    }

    private let state = Mutex(State())
    private let then: @Sendable (DIMSEStatus) -> Void

    init(_ then: @escaping @Sendable (DIMSEStatus) -> Void) { self.then = then }

    func begin() { state.withLock { $0.open += 1 } }

    /// - Parameter isTaken: `nil` where nothing awaited it.
    func end(isTaken: Bool?) {
      let status = state.withLock { state -> DIMSEStatus? in
        state.open -= 1
        if let isTaken {
          state.isKnown = true
          state.isTaken = state.isTaken && isTaken
        }
        guard state.open == 0 else { return nil }
        // What could not be ended now is to be told again.
        return !state.isKnown ? .invalidArgument : state.isTaken ? .success : .processingFailure
      }
      if let status { then(status) }
    }
  }
}
