import ConnectorKit
import HL7
import Messages
import NIOCore

// Enhanced mode (HL7 v2.9 chapter 2.9.3): behind the accept acknowledgement (CA), by which the partner has the message
// safe, comes its application acknowledgement, on this connection or on a way of its own. Either names the message in
// MSA-2, and those of several messages come in any order.

/// How long the application acknowledgement is awaited, and where.
struct MLLPApplicationRule: Sendable {
  let within: TimeAmount
  /// `nil` where it comes on the connection that the message went on.
  let later: (any LaterAnswers)?
  let accepted: AcceptedDeliveries
}

extension MLLPLane {
  /// What silence behind CA means.
  enum Application {
    /// MSH-16 asks for an answer whatever came of the message.
    case awaited
    /// MSH-16 asks for one where the message is refused (ER).
    case refusals

    /// - Returns: `nil` where MSH-16 wants none.
    init?(_ condition: String?) {
      switch condition {
      case "NE": return nil
      case "ER": self = .refusals
      default: self = .awaited
      }
    }
  }

  /// Accepted, and what came of it is to be told.
  struct Awaited {
    let delivery: DeliveryID
    let controlID: String?
    let application: Application
    /// The partner's CA; `nil` where the connection was lost while the application acknowledgement was on its way here.
    let acceptance: Payload?
    let timer: Scheduled<Void>?
    let then: @Sendable (Result) -> Void
  }

  /// Nothing is awaited on the connection.
  var isIdle: Bool { outstanding.isEmpty && (awaited.isEmpty || rule?.later != nil) }

  /// Before it is sent: the answer may be faster than CA.
  func lookOut(for entry: Outstanding) {
    guard entry.application != nil, let later = rule?.later, let controlID = entry.controlID else { return }
    let delivery = entry.delivery
    later.expect(controlID, to: delivery) { [weak self, loop] answer in
      loop.execute { self?.cameLater(delivery, answer) }
    }
  }

  // MARK: What the partner says

  /// The first answer to a message.
  func answered(_ head: Outstanding, _ answer: HL7Answer, _ payload: Payload) {
    guard let then = head.then else { return }
    guard let application = head.application, let rule, answer.code == .CA else {
      // One may follow: the application's behind CA, or CA behind what answers an earlier sending of the same message.
      if answer.code == .CA || head.application != nil && !answer.code.isCommit { committed.add(answer.controlID) }
      if isForgotten(head) { then(Self.result(answer, payload)) }
      return
    }
    if isStopping {
      if isForgotten(head) { then(.failure(Self.stopped(bytesSent: true))) }
      return
    }
    let timer = loop.scheduleTask(in: rule.within) { [weak self] () -> Void in self?.timeIsOver(head.delivery) }
    awaited.append(
      Awaited(
        delivery: head.delivery, controlID: head.controlID, application: application, acceptance: payload, timer: timer,
        then: then))
    rule.accepted.add(head.delivery, until: UnixTime.milliseconds() + rule.within.nanoseconds / 1_000_000)
  }

  /// An answer of the application on the connection; `false` where no message waits for it.
  func hasEnded(_ answer: HL7Answer, _ payload: Payload) -> Bool {
    guard let index = awaited.firstIndex(where: { $0.controlID == answer.controlID }) else { return false }
    lastUse = loop.now
    lastAnswer = lastUse
    // It has come on the other way too, and is on its way here.
    guard rule?.later?.forget(awaited[index].delivery) != false else { return true }
    takeAwaited(index).then(Self.result(answer, payload, "\(answer.code.rawValue) after CA"))
    return true
  }

  /// An answer of the application that came as a message of its own.
  private func cameLater(_ delivery: DeliveryID, _ payload: Payload) {
    let answer = answers.reading(answerTo: delivery) { Self.meaning(of: payload, reading) }
    let result =
      answer
      ?? .failure(
        DeliveryError(
          .unanswered, "the application acknowledgement can't be read", code: "unanswered", reply: payload,
          bytesSent: true))
    if let index = awaited.firstIndex(where: { $0.delivery == delivery }) {
      takeAwaited(index).then(result)
    } else if let index = outstanding.firstIndex(where: { $0.delivery == delivery }) {
      // Its CA is still to come, and keeps its place among the answers.
      let then = outstanding[index].then
      outstanding[index].then = nil
      then?(result)
    }
  }

  static func meaning(of payload: Payload, _ reading: HL7ReadingOptions) -> Result? {
    guard case .bytes(let bytes) = payload.content, let answer = try? HL7Answer(bytes, reading) else { return nil }
    return result(answer, payload, "\(answer.code.rawValue) after CA")
  }

  /// - Parameter summary: what people see of an answer that takes the message.
  static func result(_ answer: HL7Answer, _ payload: Payload, _ summary: String? = nil) -> Result {
    let code = answer.code.rawValue
    if answer.code.isAccepted { return .success(Reply(summary ?? code, payload: payload)) }
    return .failure(
      DeliveryError(
        answer.code.isRejection ? .permanent : .retryable, "the partner refused the message: \(code)", code: code,
        partnerText: answer.text, reply: payload, bytesSent: true))
  }

  // MARK: When nothing comes

  private func timeIsOver(_ delivery: DeliveryID) {
    guard let index = awaited.firstIndex(where: { $0.delivery == delivery }), let rule,
      rule.later?.forget(delivery) != false
    else { return }
    let entry = takeAwaited(index)
    // Said after all, it is passed over.
    committed.add(entry.controlID)
    let time = "within \(rule.within.nanoseconds / 1_000_000_000) s"
    switch entry.application {
    case .refusals:
      entry.then(.success(Reply("CA, and no refusal \(time)", payload: entry.acceptance)))
    case .awaited:
      entry.then(
        .failure(
          DeliveryError(
            .unanswered, "the partner accepted it (CA), and no application acknowledgement came \(time)",
            code: "unanswered", reply: entry.acceptance, bytesSent: true)))
    }
    closeIfDone()
  }

  /// Those that were to be answered on the connection, which is lost.
  func takeAwaitedHere() -> [Awaited] { rule?.later == nil ? takeAll() : [] }

  /// Nobody looks out for its answer any more; `false` where that has come, and is on its way here: it ends with that.
  func isForgotten(_ entry: Outstanding) -> Bool {
    guard entry.application != nil, let later = rule?.later, let then = entry.then else { return true }
    if later.forget(entry.delivery) { return true }
    awaited.append(
      Awaited(
        delivery: entry.delivery, controlID: entry.controlID, application: .awaited, acceptance: nil, timer: nil,
        then: then))
    return false
  }

  /// From the lane's loop: what the partner has accepted goes again after the next start.
  func awaitNoLonger() {
    isStopping = true
    for entry in takeAll() {
      // What has come for it is on its way here.
      guard rule?.later?.forget(entry.delivery) != false else {
        awaited.append(entry)
        continue
      }
      entry.then(.failure(Self.stopped(bytesSent: true)))
    }
    closeIfDone()
  }

  private func takeAll() -> [Awaited] {
    let all = awaited
    awaited = []
    for entry in all {
      entry.timer?.cancel()
      rule?.accepted.remove(entry.delivery)
    }
    return all
  }

  private func takeAwaited(_ index: Int) -> Awaited {
    let entry = awaited.remove(at: index)
    entry.timer?.cancel()
    rule?.accepted.remove(entry.delivery)
    return entry
  }
}
