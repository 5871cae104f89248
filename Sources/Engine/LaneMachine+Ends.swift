import DequeModule
import Messages
import Store

// What follows from the end of a send.

extension LaneMachine {
  /// The longest that a partner may ask to wait: a day, in milliseconds.
  static let retryAfterMax: Int64 = 86_400_000
  /// A message that takes the connection with it this often in a row counts as refused.
  static let lossesMax = 3

  mutating func unreachable(
    _ index: Int, _ reason: String, bytesSent: Bool, retryAfter: Int64?, _ now: Moment
  ) {
    let asked = min(max(0, retryAfter ?? 0), Self.retryAfterMax)
    if let known = outage, entries[index].failuresBefore != known.failures {
      // Handed out before the partner was known to be away: several sends that fail with one connection are one
      // failure.
      outage?.nextTry = max(known.nextTry, now.steady + asked)
    } else {
      let failures = (outage?.failures ?? 0) + 1
      let delay = max(policy.retry.delay(failures: failures, draw: draw()), asked)
      outage = Outage(
        reason: reason, failures: failures, since: outage?.since ?? now, failed: now, nextTry: now.steady + delay)
    }
    if order != nil {
      // Others may still reach the partner, and end the outage at once: this one waits all the same.
      entries[index].due = outage?.nextTry ?? now.steady
      order?.rest(entries[index].delivery.sequence, until: entries[index].due)
    }
    guard bytesSent else { return }
    let wasFlagged = entries[index].delivery.possiblySent
    entries[index].delivery.possiblySent = true
    if !hasBlamedMessage { entries[index].losses += 1 }
    // In a strict lane what stands behind others goes with their connection; by key each has one of its own.
    if index == 0 || order != nil, !hasBlamedMessage, entries[index].losses >= Self.lossesMax {
      // It may be this message that the partner can't bear.
      entries[index].losses = 0
      let reason = "the connection was lost \(Self.lossesMax) times after it was sent: \(reason)"
      // Where that was its last try and the next ones fare alike, it was not the message: one died of this outage.
      hasBlamedMessage = refused(index, reason, code: nil, forever: false, reply: nil, retryAfter: nil, now)
    } else if !wasFlagged {
      let delay = max(0, (outage?.nextTry ?? now.steady) - now.steady)
      finish(
        entries[index].delivery, .waits(dueAt: now.wall + delay, delay: delay, reason: reason, reply: nil), now)
    }
  }

  /// - Returns: whether the message is dead of it, or held.
  @discardableResult
  mutating func refused(
    _ index: Int, _ reason: String, code: String?, forever: Bool, reply: Payload?, retryAfter: Int64?, _ now: Moment
  ) -> Bool {
    entries[index].refusals += 1
    let refusals = entries[index].refusals
    let budget = code.flatMap { policy.refused[$0] } ?? policy.refused[forever ? "AR" : "AE"] ?? (forever ? 0 : 3)
    if refusals > budget {
      if policy.holdsRefused {
        hold(index, reason, reply: reply, now)
      } else {
        conclude(index, .dead(reason: reason, reply: reply), isPassing: !forever, now)
      }
      return true
    }
    let asked = min(max(0, retryAfter ?? 0), Self.retryAfterMax)
    let delay = max(policy.retry.delay(failures: refusals, draw: draw()), asked)
    entries[index].due = now.steady + delay
    finish(
      entries[index].delivery, .waits(dueAt: now.wall + delay, delay: delay, reason: reason, reply: reply), now)
    rest(index)
    return false
  }

  /// Says nothing about partner or message. Not again at once: a connector that is closed cancels everything.
  mutating func cancelled(_ index: Int, _ reason: String, bytesSent: Bool, _ now: Moment) {
    entries[index].due = now.steady + max(1, policy.retry.firstMilliseconds)
    order?.rest(entries[index].delivery.sequence, until: entries[index].due)
    guard bytesSent, !entries[index].delivery.possiblySent else { return }
    // Also when stopping: a store that was closed in order is all that the next owner has to know it from.
    entries[index].delivery.possiblySent = true
    finish(entries[index].delivery, .waits(dueAt: now.wall, delay: 0, reason: reason, reply: nil), now)
  }

  /// What the connector has still not answered although it was closed may be at the partner: flagged now, because a
  /// store that was closed in order is all that the next owner has to know it from. What is answered later counts for
  /// nothing: it goes again.
  package mutating func abandoned(_ now: Moment) {
    for index in entries.indices where entries[index].state == .sending {
      sending -= 1
      entries[index].state = .queued
      order?.giveBack(entries[index].delivery.sequence)
      cancelled(index, "the engine stopped when this was under way", bytesSent: true, now)
    }
  }

  /// Gives up what has waited for the partner longer than `retry: for`, from the front.
  ///
  /// A message that came late into an outage, or that a person sent again, has its own time, and what came into memory
  /// after the last failed try gets one more.
  mutating func giveUp(_ now: Moment) {
    guard let outage, let limit = policy.retry.forMilliseconds,
      outage.failed.steady - outage.since.steady >= limit
    else { return }
    var index = 0
    while index < entries.count, unconfirmed + sending < policy.unconfirmedMax {
      let entry = entries[index]
      if entry.isHeld {
        // In a strict lane nothing passes it.
        if order == nil { return }
        index += 1
        continue
      }
      guard entry.state == .queued, entry.since <= outage.failed.steady, outage.failed.steady - entry.came >= limit
      else { return }
      conclude(
        index, .dead(reason: "not delivered for \(limit / 1000) s: \(outage.reason)", reply: nil), isPassing: true, now)
    }
  }

  /// The delivery is over.
  mutating func conclude(
    _ index: Int, _ end: Attempt.End, follows: Acceptance? = nil, answer: Payload? = nil, isPassing: Bool = false,
    _ now: Moment
  ) {
    entries[index].state = .ended
    finish(entries[index].delivery, end, follows: follows, answer: answer, isPassing: isPassing, now)
    if order == nil { dropEnded() } else { leave(index) }
  }

  /// The delivery is over, and the store knows.
  mutating func endedInStore(_ index: Int) {
    let sequence = entries[index].delivery.sequence
    entries[index].state = .ended
    if order == nil { return dropEnded() }
    leave(index)
    over[sequence] = refilling == nil ? nil : true
  }

  mutating func finish(
    _ delivery: WaitingDelivery, _ end: Attempt.End, follows: Acceptance? = nil, answer: Payload? = nil,
    isPassing: Bool = false, _ now: Moment
  ) {
    unconfirmed += 1
    var attempt = Attempt(
      delivery: delivery.id, lane: lane, sequence: delivery.sequence, epoch: epoch, attempts: delivery.attempts,
      at: now.wall, possiblySent: delivery.possiblySent, end: end)
    attempt.follows = follows
    attempt.answer = answer
    attempt.isPassing = isPassing
    attempt.isAwaited = policy.isAwaited
    actions.append(.finish(attempt, bytes: delivery.byteCount))
  }
}
