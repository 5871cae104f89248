import DequeModule
import Messages
import Store

extension LaneMachine.Verdict {
  /// What the log may say of one that doesn't end well; `nil` where it does.
  var refusal: String? {
    switch self {
    case .done: nil
    case .retry: "its reply transform said retry"
    case .dead: "its reply transform said dead"
    case .hold: "its reply transform said hold"
    case .failed: "its reply transform failed"
    }
  }
}

extension LaneMachine {
  /// Does what the reply transform decided about a delivery.
  mutating func judged(_ index: Int, _ verdict: Verdict, _ summary: String, reply: Payload, _ now: Moment) {
    switch verdict {
    case .done(let follows, let answer):
      conclude(index, .delivered(summary: summary, reply: reply), follows: follows, answer: answer, now)
    case .retry(let reason):
      lastRefusal = "retry, said its reply transform"
      refused(index, "\(summary): \(reason)", code: "retry", forever: false, reply: reply, retryAfter: nil, now)
    case .dead(let reason):
      lastRefusal = "dead, said its reply transform"
      conclude(index, .dead(reason: "\(summary): \(reason)", reply: reply), now)
    case .hold(let reason):
      lastRefusal = "hold, said its reply transform"
      hold(index, "\(summary): \(reason)", reply: reply, now)
    case .failed(let reason):
      lastRefusal = "its reply transform failed"
      // Without a decision nobody knows whether the partner has it.
      entries[index].delivery.possiblySent = true
      let reason = "\(summary), and the reply transform failed: \(reason)"
      if policy.holdsRefused {
        hold(index, reason, reply: reply, now)
      } else {
        conclude(index, .dead(reason: reason, reply: reply), now)
      }
    }
  }
}
