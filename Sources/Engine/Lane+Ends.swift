import ConnectorKit
import Logging
import Messages
import Store
import Synchronization

// How an attempt ended, and what the store says to that.

extension Lane {
  static func end(_ result: Result<Reply, DeliveryError>) -> LaneMachine.End {
    switch result {
    case .success(let reply): .taken(summary: reply.summary, reply: reply.payload)
    case .failure(let failure): end(failure)
    }
  }

  func refusal(_ attempt: Attempt) -> String? {
    if case .delivered = attempt.end { return nil }
    return state.withLock { $0.refusals.removeValue(forKey: attempt.delivery) }
  }

  func finish(_ attempt: Attempt, _ bytes: Int, refusal: String?) {
    store.finish(attempt) { [self] result in finished(attempt, bytes, refusal, result) }
  }

  private func finished(_ attempt: Attempt, _ bytes: Int, _ refusal: String?, _ result: UnitResult) {
    if case (.done, .dead(let reason, _)) = (result, attempt.end) {
      logDead(attempt.delivery, refusal ?? reason)
    }
    if case (.done, .held(let reason, _)) = (result, attempt.end) { logHeld(attempt.delivery, refusal ?? reason) }
    if case .followed(let sequences) = result, let follows = attempt.follows { replies?.offer(follows, sequences) }
    switch (result, attempt.end) {
    case (.followed, _), (.done, .delivered), (.done, .dead), (.done, .held), (.done, .withdrawn),
      (.cancelled, _):
      backlog.wrappingSubtract(1, ordering: .relaxed)
      backlogBytes.wrappingSubtract(bytes, ordering: .relaxed)
    case (.done, .waits), (.stale, .waits):
      break  // Stale where a later attempt's end was written before it.
    case (.stale, _):
      log.warning("A delivery ended that the store had given up.", metadata: ["delivery": "\(attempt.delivery)"])
    case (.unavailable(let reason), _):
      return notDurable(attempt, bytes, refusal, reason)
    }
    answers?.ended(attempt)
    laterAnswers?.ended(attempt)
    run { $0.finished(attempt, $1) }
  }

  /// A delivery that was given up before it came into the lane.
  func wasBornDead(_ id: DeliveryID) {
    logDead(id, "a setting of its destination could not be filled from the message")
  }

  private func logDead(_ id: DeliveryID, _ reason: String) {
    log.warning(
      "A delivery is dead. It waits for a person: hilum dead list.",
      metadata: ["delivery": "\(id)", "reason": "\(reason)"])
  }

  private func logHeld(_ id: DeliveryID, _ reason: String) {
    log.warning(
      "A delivery is held; what its order lets wait waits behind it. It waits for a person: hilum held list.",
      metadata: ["delivery": "\(id)", "reason": "\(reason)"])
  }

  /// The end of an attempt could not be written. It stays unconfirmed, so that no more than `unconfirmedMax` go twice
  /// after a restart, and is written again in a second; a lane that stops lets it go.
  private func notDurable(_ attempt: Attempt, _ bytes: Int, _ refusal: String?, _ reason: String) {
    let (stopping, isNews) = state.withLock { state in
      defer { state.saidNotDurable = true }
      return (state.machine.stopping, !state.saidNotDurable)
    }
    if isNews { log.error("The end of a delivery is not durable.", metadata: ["reason": "\(reason)"]) }
    if stopping { return run { $0.finished(attempt, $1) } }
    clock.wake(after: 1000) { [self] in finish(attempt, bytes, refusal: refusal) }
  }

  private static func end(_ failure: DeliveryError) -> LaneMachine.End {
    let wait = failure.retryAfter?.milliseconds
    return switch failure.kind {
    case .unreachable: .unreachable(reason: failure.reason, bytesSent: failure.bytesSent, retryAfter: wait)
    case .retryable, .permanent:
      .refused(
        reason: [failure.reason, failure.partnerText].compactMap(\.self).joined(separator: ": "), code: failure.code,
        forever: failure.kind == .permanent, reply: failure.reply, retryAfter: wait)
    case .unanswered:
      .unanswered(reason: failure.reason, code: failure.code ?? "unanswered", reply: failure.reply)
    case .cancelled: .cancelled(reason: failure.reason, bytesSent: failure.bytesSent)
    }
  }

  static func pieces(_ values: [TemplateValue]) -> [TemplatePiece] {
    values.map { $0.isValue ? .value($0.text) : .literal($0.text) }
  }
}
