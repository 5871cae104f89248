import ConnectorKit
import Messages
import Store
import Synchronization

/// A sender that waits for what a partner says of its message.
package final class AwaitedAnswer: Sendable {
  /// How long senders wait for which lane.
  struct Rule: Sendable {
    /// Among the lanes of the channel.
    var lane: Int
    var withinMilliseconds: Int64
    /// Not answered in time, the message counts as accepted; otherwise its delivery is withdrawn.
    var keeps: Bool
    /// Not answered in time, the sender is refused.
    var isQuestion: Bool
  }

  let lane: LaneName
  /// Whose ends make the answer.
  let deliveries: [DeliveryID]
  let keeps: Bool
  /// Its sender knows that the message is safe and won't send it again: nothing is withdrawn. Who asked a question is
  /// told when it was not answered, whatever came before.
  let isPromised: Bool
  private let message: MessageID
  private let reader: VerdictReader
  private let isLate: @Sendable (AwaitedAnswer) -> Void

  private struct State {
    var verdicts: [DeliveryID: DeliveryVerdict] = [:]
    /// `nil` once it was answered.
    var then: (@Sendable (Receipt) -> Void)?
  }
  private let state: Mutex<State>

  /// - Parameters:
  ///   - isLate: called when the time is over and nothing was answered.
  ///   - then: gets the receipt, once, on any thread.
  init(
    _ message: MessageID, lane: LaneName, deliveries: [DeliveryID], keeps: Bool, isPromised: Bool = false,
    reader: VerdictReader,
    isLate: @escaping @Sendable (AwaitedAnswer) -> Void, then: @escaping @Sendable (Receipt) -> Void
  ) {
    self.message = message
    self.lane = lane
    self.deliveries = deliveries
    self.keeps = keeps
    self.isPromised = isPromised && !reader.isQuestion
    self.reader = reader
    self.isLate = isLate
    state = Mutex(State(then: then))
  }

  var isAnswered: Bool { state.withLock { $0.then == nil } }

  /// Those whose end isn't known.
  var open: [DeliveryID] { state.withLock { state in deliveries.filter { state.verdicts[$0] == nil } } }

  /// One of its deliveries has ended.
  func tell(_ delivery: DeliveryID, _ verdict: DeliveryVerdict) {
    let (then, verdicts) = state.withLock { state in
      guard deliveries.contains(delivery) else { return (nil as (@Sendable (Receipt) -> Void)?, [DeliveryVerdict]()) }
      state.verdicts[delivery] = verdict
      let verdicts = deliveries.compactMap { state.verdicts[$0] }
      guard verdicts.count == deliveries.count else { return (nil, []) }
      defer { state.then = nil }
      return (state.then, verdicts)
    }
    guard let then else { return }
    reader.read(verdicts, of: message, then)
  }

  /// Answered without the partner's word.
  func end(_ receipt: Receipt) {
    let then = state.withLock { state in
      defer { state.then = nil }
      return state.then
    }
    then?(receipt)
  }

  var isQuestion: Bool { reader.isQuestion }

  /// Answered when the time is over.
  func giveUp() {
    guard isQuestion else {
      return end(.unavailable(reason: "\(lane) has not taken it in time; its sender sends it again"))
    }
    end(VerdictReader.refusal(.error, 207, "the receiver did not answer in time", message))
  }

  /// The message counts as accepted.
  func keep() { end(.accepted(message, reply: nil)) }

  /// The time is over.
  func expire() { if !isAnswered { isLate(self) } }
}
