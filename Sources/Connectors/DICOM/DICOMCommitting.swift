import ConnectorKit
import DICOM
import DICOMTransport
import Messages
import NIOCore

/// How storage commitment is awaited, and where.
struct DICOMCommitmentRule: Sendable {
  let within: TimeAmount
  /// `nil` where the report comes on the association that asked for it.
  let later: (any LaterAnswers)?
  let accepted: AcceptedDeliveries

  /// How a report on a way of its own names one object: of a transaction each comes by itself.
  static func name(_ transaction: String, _ reference: StorageCommitment.Reference) -> String {
    "\(transaction) \(reference.sopClass) \(reference.sopInstance)"
  }
}

/// An object that the partner has, and has not committed itself to yet.
struct DICOMStored {
  let delivery: DeliveryID
  let reference: StorageCommitment.Reference
  /// What C-STORE was answered.
  let status: DIMSEStatus
  let then: DICOMLane.Then
}

/// What a partner was asked to commit itself to at once, and has said nothing of.
final class DICOMTransaction {
  let uid = StorageCommitment.newTransaction()
  var open: [DICOMStored]
  /// On which it was asked.
  var call: DICOMCall?
  var messageID: UInt16?
  var timer: Scheduled<Void>?

  init(_ open: [DICOMStored]) { self.open = open }

  var request: StorageCommitment { StorageCommitment(uid, open.map(\.reference)) }
}

// Storage commitment (PS3.4 annex J): behind C-STORE comes an N-ACTION that names what was stored, and the partner
// reports, at once or hours later, which of it it commits itself to keep.
extension DICOMLane {
  /// Named in one request: more wait for the next.
  private static let referencesMax = 500

  /// Nothing goes before it: the next object would have to wait for its answer anyway, and a partner that is asked for
  /// many at once has less to do.
  var isAskingDue: Bool { !stored.isEmpty && (waiting.isEmpty || stored.count >= Self.referencesMax) }

  /// An association must not be left while something is to come on it.
  func isAwaited(on call: DICOMCall) -> Bool { rule?.later == nil && transactions.contains { $0.call === call } }

  func ask() {
    var seen: Set<StorageCommitment.Reference> = []
    var asked: [DICOMStored] = []
    // The same object twice can't be told apart in a report: the other is asked for on its own.
    stored.removeAll { object in
      guard asked.count < Self.referencesMax, seen.insert(object.reference).inserted else { return false }
      asked.append(object)
      return true
    }
    asking = DICOMTransaction(asked)
    proceed()
  }

  /// Over an association that is there.
  func ask(_ transaction: DICOMTransaction, on call: DICOMCall) {
    guard transaction.messageID == nil else { return }
    guard let contextID = call.commitmentContext, let bytes = transaction.request.bytes(.implicitLittle) else {
      return refused(transaction, Self.notCommitting(partner, bytesSent: true))
    }
    let messageID = nextMessageID()
    transaction.messageID = messageID
    transaction.call = call
    transactions.append(transaction)
    // Before it goes: the report may be faster than the answer.
    for object in transaction.open {
      let name = DICOMCommitmentRule.name(transaction.uid, object.reference)
      rule?.later?.expect(name, to: object.delivery) { [self] answer in
        loop.execute { self.cameLater(object.delivery, answer) }
      }
    }
    call.handler?.send(.commitment(messageID: messageID), dataSet: bytes, contextID: contextID)
  }

  static func notCommitting(_ partner: DICOMCall.Partner, bytesSent: Bool) -> DeliveryError {
    DeliveryError(
      .permanent, "\(partner.dial.target) takes no request for storage commitment", code: "0122", bytesSent: bytesSent)
  }

  // MARK: What the partner says

  /// - Returns: `false` where it was not asked that.
  func asked(_ response: CommandSet) -> Bool {
    guard let transaction = asking, response.field == .actionResponse,
      let messageID = transaction.messageID, response[number: .messageIDBeingRespondedTo] == messageID,
      let code = response[number: .status]
    else { return false }
    let status = DIMSEStatus(code)
    guard [.success, .warning].contains(status.statusClass) else {
      refused(
        transaction,
        DeliveryError(
          CommitmentFailure(code).isTransient ? .retryable : .permanent,
          "\(partner.dial.target) answered the request for storage commitment with \(status)", code: status.hexadecimal,
          partnerText: response[text: .errorComment], bytesSent: true))
      return true
    }
    asking = nil
    if let rule, !transaction.open.isEmpty {
      let until = UnixTime.milliseconds() + rule.within.nanoseconds / 1_000_000
      for object in transaction.open { rule.accepted.add(object.delivery, until: until) }
      transaction.timer = loop.assumeIsolated().scheduleTask(in: rule.within) { [weak self, weak transaction] in
        if let transaction { self?.timeIsOver(transaction) }
      }
    }
    next()
    return true
  }

  /// A report on an association of this lane.
  ///
  /// - Returns: what it is answered.
  func reported(_ report: StorageCommitment) -> DIMSEStatus {
    guard let transaction = transactions.first(where: { $0.uid == report.transaction }) else { return .invalidArgument }
    var isKnown = false
    for (reference, failure) in report.verdicts {
      guard let object = transaction.open.first(where: { $0.reference == reference }) else { continue }
      isKnown = true
      // It has come on the other way too, and is on its way here.
      guard rule?.later?.forget(object.delivery) != false else { continue }
      let said = DICOMReports.payload(report.transaction, reference, failure)
      end(object, of: transaction, verdict(on: object, failure, said))
    }
    return isKnown ? .success : .invalidArgument
  }

  /// What was reported of one object, on an association that the partner made.
  private func cameLater(_ delivery: DeliveryID, _ payload: Payload) {
    for transaction in transactions {
      guard let object = transaction.open.first(where: { $0.delivery == delivery }) else { continue }
      let said = DICOMReports.read(payload)?.verdicts.first { $0.reference == object.reference }
      guard let said else { return }
      return end(object, of: transaction, verdict(on: object, said.failure, payload))
    }
  }

  private func verdict(
    on object: DICOMStored, _ failure: CommitmentFailure?, _ said: Payload?
  ) -> Result<Reply, DeliveryError> {
    guard let failure else { return .success(Reply("\(object.status); committed", payload: said)) }
    return .failure(
      DeliveryError(
        failure.isTransient ? .retryable : .permanent, "\(partner.dial.target) does not commit itself: \(failure)",
        code: failure.hexadecimal, reply: said, bytesSent: true))
  }

  // MARK: When nothing comes

  private func timeIsOver(_ transaction: DICOMTransaction) {
    let seconds = (rule?.within.nanoseconds ?? 0) / 1_000_000_000
    for object in transaction.open where rule?.later?.forget(object.delivery) != false {
      end(object, of: transaction, Self.unanswered("\(partner.dial.target) did not report within \(seconds) s"))
    }
  }

  /// The partner has ended an association in order that a report was to come on: it won't come.
  func isLeft(by call: DICOMCall) {
    for transaction in transactions where transaction.call === call && isAwaited(on: call) {
      let reason = "\(partner.dial.target) ended the association before it reported: it may report on one of its own"
      for object in transaction.open { end(object, of: transaction, Self.unanswered(reason)) }
    }
  }

  private static func unanswered(_ reason: String) -> Result<Reply, DeliveryError> {
    .failure(DeliveryError(.retryable, "storage commitment: \(reason)", code: "unanswered", bytesSent: true))
  }

  private func refused(_ transaction: DICOMTransaction, _ error: DeliveryError) {
    asking = nil
    for object in transaction.open where rule?.later?.forget(object.delivery) != false || transaction.messageID == nil {
      end(object, of: transaction, .failure(error))
    }
    next()
  }

  private func end(_ object: DICOMStored, of transaction: DICOMTransaction, _ result: Result<Reply, DeliveryError>) {
    transaction.open.removeAll { $0.delivery == object.delivery }
    rule?.accepted.remove(object.delivery)
    if transaction.open.isEmpty {
      transaction.timer?.cancel()
      transactions.removeAll { $0 === transaction }
      leaveIfDone()
    }
    object.then(result)
  }

  /// What is stored and not committed, to be ended otherwise. What has been answered on a way of its own is on its way
  /// here, and ends with that.
  func takeUncommitted() -> [DICOMStored] {
    var taken = stored
    stored = []
    if let unsent = asking, unsent.messageID == nil {
      taken += unsent.open
      asking = nil
    }
    for transaction in transactions {
      transaction.timer?.cancel()
      let open = transaction.open.filter { rule?.later?.forget($0.delivery) != false }
      for object in open { rule?.accepted.remove(object.delivery) }
      transaction.open.removeAll { object in open.contains { $0.delivery == object.delivery } }
      taken += open
    }
    transactions.removeAll { $0.open.isEmpty }
    return taken
  }

  /// The lane stops: a report may be hours away, and what it is about goes again after the next start.
  func awaitNoLonger() {
    isStopping = true
    for object in takeUncommitted() { object.then(.failure(Self.stopped(bytesSent: true))) }
    leaveIfDone()
    next()
  }

  static func stopped(bytesSent: Bool) -> DeliveryError {
    DeliveryError(.cancelled, "the destination was closed", bytesSent: bytesSent)
  }
}

extension StorageCommitment {
  /// What a report says of each object. Named as both, it isn't committed.
  var verdicts: [(reference: Reference, failure: CommitmentFailure?)] {
    let failing = Set(failed.map(\.reference))
    return failed.map { ($0.reference, $0.reason) }
      + references.filter { !failing.contains($0) }.map { ($0, nil) }
  }
}
