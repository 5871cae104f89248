import DequeModule
import Messages
import Store

// A lane of questions: each is asked once. Answered it is delivered; unanswered it is over all the same, withdrawn
// where its sender waits and asks again, dead where nobody does.

extension LaneMachine {
  /// An earlier engine may have asked it, or its asker is gone with that.
  func isLeftOver(_ entry: Entry) -> Bool {
    guard let question = policy.question, !entry.isHeld, entry.delivery.sequence > questionsAfter,
      entry.delivery.sequence <= leftOverThrough
    else { return false }
    return question.isAsked || entry.delivery.possiblySent
  }

  /// Ends a question that has no answer.
  mutating func end(_ index: Int, _ reason: String, reply: Payload? = nil, _ now: Moment) {
    unansweredCount += 1
    let isAsked = policy.question?.isAsked == true && entries[index].delivery.sequence > questionsAfter
    conclude(index, isAsked ? .withdrawn(reason: reason, reply: reply) : .dead(reason: reason, reply: reply), now)
  }

  /// Ends a question as it came back, where that is no answer; `false` where it is one, or a person shall decide.
  mutating func unanswered(_ index: Int, _ end: End, _ now: Moment) -> Bool {
    switch end {
    case .taken, .judged(.done, _, _):
      answeredCount += 1
      return false
    // A question is asked of a partner, never of another channel.
    case .handedOn, .notTried, .gone: return false
    case .judged(.hold, _, _) where policy.question?.isAsked == false: return false
    case .judged(let verdict, let summary, let reply):
      answered(index, summary, now)
      lastRefusal = verdict.refusal
      self.end(index, "\(summary): \(verdict.reason)", reply: reply, now)
    case .refused(let reason, let code, _, let reply, _):
      answered(index, code ?? reason, now)
      lastRefusal = code ?? reason
      self.end(index, reason, reply: reply, now)
    case .unanswered(let reason, let code, let reply):
      answered(index, code, now)
      lastRefusal = code
      entries[index].delivery.possiblySent = true
      self.end(index, reason, reply: reply, now)
    case .unreachable(let reason, let bytesSent, _):
      // For people to see: the next question is asked all the same.
      outage = Outage(
        reason: reason, failures: (outage?.failures ?? 0) + 1, since: outage?.since ?? now, failed: now,
        nextTry: now.steady)
      entries[index].delivery.possiblySent = entries[index].delivery.possiblySent || bytesSent
      self.end(index, reason, now)
    case .cancelled(let reason, let bytesSent):
      // Nobody has heard it: it still waits.
      guard bytesSent else { return false }
      entries[index].delivery.possiblySent = true
      self.end(index, reason, now)
    }
    return true
  }
}

extension LaneMachine.Verdict {
  /// In the words of the program, or of what it failed with.
  fileprivate var reason: String {
    switch self {
    case .done: ""
    case .retry(let reason), .dead(let reason), .hold(let reason): reason
    case .failed(let reason): "the reply transform failed: \(reason)"
    }
  }
}
