import ConnectorKit
import Definitions
import Messages
import Store

extension ChannelRuntime {
  /// The sender of a message waits for a lane that the message goes to; `nil` where it doesn't. Made before it is
  /// stored: no end of a delivery is missed.
  ///
  /// - Parameter isPromised: the sender is told that it is safe as soon as it is, and so won't send it again: it is not
  ///   taken back when the time is over, and the answer comes when there is one.
  func awaited(
    by turn: SenderTurn, of acceptance: Acceptance, _ version: ChannelVersion, isPromised: Bool
  ) -> AwaitedAnswer? {
    guard let rule = version.awaited, acceptance.state == .routed else { return nil }
    let lane = version.lanes[rule.lane]
    let deliveries = acceptance.deliveries.filter { $0.lane == lane.key }
    guard !deliveries.isEmpty else { return nil }
    let answer = AwaitedAnswer(
      acceptance.id, lane: lane.name, deliveries: deliveries.map(\.id), keeps: rule.keeps, isPromised: isPromised,
      reader: VerdictReader(reading: version.pipeline.reading, isQuestion: rule.isQuestion), isLate: turn.isLate,
      then: turn.then)
    shared.answers.expect(answer, unanswered: answer.isPromised ? [] : deliveries.map(\.id))
    turn.waits(answer)
    for delivery in deliveries {
      if let reason = delivery.dead { answer.tell(delivery.id, DeliveryVerdict(.dead, summary: reason)) }
    }
    return answer
  }

  /// The sender has sent again what came before, and waits for what becomes of that.
  func wait(
    _ turn: SenderTurn, for awaited: [Awaited], of message: MessageID, _ version: ChannelVersion, isPromised: Bool
  ) {
    guard let rule = version.awaited, case let lane = version.lanes[rule.lane],
      case let own = awaited.filter({ $0.lane == lane.key }), !own.isEmpty
    else { return answer(turn, awaited, of: message, version) }
    let answer = AwaitedAnswer(
      message, lane: lane.name, deliveries: own.map(\.delivery), keeps: rule.keeps, isPromised: isPromised,
      reader: VerdictReader(reading: version.pipeline.reading, isQuestion: rule.isQuestion), isLate: turn.isLate,
      then: turn.then)
    let anew = own.filter { $0.newBytes != nil }.map(\.delivery)
    shared.answers.expect(answer, unanswered: answer.isPromised ? [] : anew)
    turn.waits(answer)
    shared.answers.begin(answer, within: rule)
    Task { [answers = shared.answers] in await answers.look(answer) }
  }

  /// Nobody waits for those lanes any more: what goes on is durable, and waits where it is. What was refused for good
  /// while its sender waited is refused again, as long as no person has decided on it.
  private func answer(_ turn: SenderTurn, _ awaited: [Awaited], of message: MessageID, _ version: ChannelVersion) {
    guard let refused = awaited.first(where: { $0.newBytes == nil }) else {
      return turn.then(.duplicate(of: message))
    }
    Task { [store] in
      guard let verdict = try? await store.verdict(refused.delivery), verdict.state == .dead else {
        return turn.then(.duplicate(of: message))
      }
      VerdictReader(reading: version.pipeline.reading, isQuestion: false).read([verdict], of: message, turn.then)
    }
  }
}

extension AwaitedAnswers {
  func begin(_ answer: AwaitedAnswer, within rule: AwaitedAnswer.Rule?) {
    guard let rule else { return }
    if answer.isAnswered { return forget(answer) }
    // It is safe, and its sender knows: the answer has no time to be there in.
    if answer.isPromised, !answer.keeps { return }
    begin(answer, within: rule.withinMilliseconds)
  }
}

extension ChannelVersion {
  /// Whose partner's verdict senders wait for.
  var awaited: AwaitedAnswer.Rule? {
    guard let rule = definition.acknowledgement,
      let lane = definition.destinations.firstIndex(where: { $0.name == rule.destination }), lane < lanes.count
    else { return nil }
    return AwaitedAnswer.Rule(
      lane: lane, withinMilliseconds: rule.within.milliseconds, keeps: rule.keeps, isQuestion: rule.isQuestion)
  }
}

extension AcceptResult {
  /// Of a message that is on disk: whether it was rejected; `nil` of one that isn't.
  func isRejected(_ state: MessageState) -> Bool? {
    switch self {
    case .accepted: state == .rejected
    case .duplicate, .awaited: false
    case .conflict: true
    case .stale, .unavailable: nil
    }
  }
}
