package import DequeModule
package import Messages
package import Store

/// One lane's order, as a pure state machine: events in, actions out, no I/O and no clock.
///
/// Invariants, held by `LaneMachineTests` and `LaneModelTests`:
/// - `entries` is one contiguous run of the lane: nothing that waits lies between two of its members, and nothing
///   waits in front of it.
/// - Nothing is handed out to send before everything in front of it was handed out; with a window of 1, before it
///   ended. At most `window` deliveries, counted from the oldest that isn't over, have been handed out.
/// - `behind` is false only when the store holds nothing of this lane after `tail` that isn't about to be offered.
/// - What it holds stays within the policy's count and bytes, but for a single delivery.
/// - What may be at the partner and isn't durably over is never more than `unconfirmedMax`.
package struct LaneMachine: Sendable {
  var entries: Deque<Entry> = []
  /// Bytes of payloads in `entries`.
  private var heldBytes = 0
  var sending = 0
  var unconfirmed = 0
  /// The greatest sequence number that is, or was, in `entries`.
  private var tail: Int64
  /// The greatest sequence number that the writer has offered.
  private var offered: Int64
  private var behind: Bool
  /// The number that had been offered when the refill under way was asked for.
  private var refilling: Int64?
  /// The run was let go while a refill was under way: what it brings may not be true any more.
  private var ignoresRefill = false
  /// More was added at the lane's end than was offered: the store has to be asked once more.
  private var lookAgain = false
  /// The store could not be read: not again before this moment of the steady clock.
  private var refillDue: Int64 = 0
  private var random: UInt64
  /// How many changes of the store are under way; each began with `letGo`.
  private var frozen = 0
  /// How many of `entries` are `released`.
  private var released = 0
  /// The earliest moment for which a wake-up was asked.
  private var wakeAt: Int64?
  /// Deliveries that an owner that died may have had under way, and the last number that it can have sent.
  private var suspects: (count: Int, through: Int64)
  /// How often a lane that stops still tries to read its suspects.
  private var readsLeft = 3
  private var saidStopped = false
  /// A message died of lost connections, and the partner has answered nothing since: it is the partner that can't bear
  /// them, not the message.
  var hasBlamedMessage = false
  private var arrivals: Arrivals

  package private(set) var paused: Bool
  package private(set) var stopping = false
  /// Why the partner can't be reached, how often in a row, since when and until when nothing is tried.
  package var outage: Outage?
  package private(set) var lastAnswer: (summary: String, at: Int64)?
  package let policy: LanePolicy
  package var actions: Deque<Action> = []
  let lane: Int64
  let epoch: Int64

  /// - Parameters:
  ///   - keys: where the lane stands in the store.
  ///   - suspects: how many of the first deliveries may have been sent by an owner that died.
  package init(_ keys: ChannelKeys.Lane, epoch: Int64, policy: LanePolicy, suspects: Int, seed: UInt64) {
    lane = keys.key
    self.epoch = epoch
    self.policy = policy.workable
    tail = keys.doneThrough
    offered = keys.lastSequence
    behind = keys.waiting > 0
    paused = keys.paused
    random = seed
    self.suspects = (suspects, keys.lastSequence)
    arrivals = Arrivals(limit: policy.retry.forMilliseconds, lastBefore: keys.lastSequence)
  }

  /// Deliveries in memory, their payloads' bytes, and how many of them are at the partner.
  package var held: (count: Int, bytes: Int, sending: Int) { (entries.count, heldBytes, sending) }
  /// The store holds more of this lane than is in memory.
  package var isBehind: Bool { behind }
  /// Ends of attempts that are not yet durable.
  package var unconfirmedCount: Int { unconfirmed }
  /// When the lane tries again, on the steady clock; `nil` where it doesn't wait for a time.
  package var nextTry: Int64? {
    if let outage { return outage.nextTry }
    guard let first = entries.first, first.state == .queued, first.due > 0 else { return nil }
    return first.due
  }

  // MARK: Events

  /// The lane begins its work.
  package mutating func started(_ now: Moment) {
    arrivals.begin(now)
    pump(now)
  }

  /// A delivery became durable. Called in the order of the commits.
  package mutating func offer(_ delivery: WaitingDelivery, _ now: Moment) {
    guard delivery.sequence > tail else { return }
    arrivals.note(behind: delivery.sequence - 1, now)
    offered = max(offered, delivery.sequence)
    if !behind, delivery.sequence == tail + 1, hasRoom(for: delivery.bytesInMemory) {
      append(delivery, now)
    } else {
      behind = true
    }
    pump(now)
  }

  /// More waits at the lane's end than was offered: a dead letter that is tried again, a resend.
  package mutating func grown(_ now: Moment) {
    arrivals.note(behind: max(offered, tail), isAgain: true, now)
    behind = true
    lookAgain = true
    pump(now)
  }

  /// What the store holds after the run; `all` where nothing more waited when it was read.
  package mutating func refilled(_ deliveries: [WaitingDelivery], all: Bool, _ now: Moment) {
    guard let seen = refilling else { return }
    refilling = nil
    if ignoresRefill || stopping {
      if stopping { flagSuspects(deliveries, all: all, now) }
      ignoresRefill = false
      pump(now)
      return
    }
    if released > 0 { settle(deliveries, through: all ? .max : deliveries.last?.sequence ?? tail) }
    var all = all
    var isFirst = true
    for delivery in deliveries where delivery.sequence > tail {
      // A store may bring a little more than was asked for; at least one is taken, or a large one would never be.
      guard isFirst || hasRoom(for: delivery.bytesInMemory) else {
        all = false
        break
      }
      append(delivery, now)
      isFirst = false
    }
    if all {
      // What was offered before the read is committed: it is in what was read, or it is gone.
      tail = max(tail, seen)
      behind = offered > tail || lookAgain
    } else if deliveries.isEmpty {
      refillDue = now.steady + 1000  // A store that says "more" and brings nothing isn't asked in a circle.
    }
    pump(now)
  }

  /// The store could not be read: tried again in a second.
  package mutating func refillFailed(_ now: Moment) {
    refilling = nil
    ignoresRefill = false
    refillDue = now.steady + 1000
    if stopping {
      readsLeft -= 1
      if readsLeft <= 0 { suspects.count = 0 }
    }
    pump(now)
  }

  package mutating func woken(_ now: Moment) {
    if let wakeAt, wakeAt <= now.steady { self.wakeAt = nil }
    pump(now)
  }

  /// A finish is durable, or never will be.
  package mutating func finished(_ now: Moment) {
    unconfirmed -= 1
    pump(now)
  }

  /// Sends nothing more until `resume`; what is at the partner goes on.
  package mutating func pause(_ now: Moment) { paused = true }

  /// Sends again. A partner that was away is tried at once.
  package mutating func resume(_ now: Moment) {
    paused = false
    outage?.nextTry = now.steady
    pump(now)
  }

  /// Sends nothing more; `stopped` follows when what is under way has ended and is durable.
  package mutating func stop(_ now: Moment) {
    stopping = true
    pump(now)
  }

  /// Lets go of everything that isn't at the partner, so that the store can be changed under it, once the action
  /// `letGo` has come up. Nothing is sent and nothing is read until `changed`, which must follow; several changes may
  /// overlap.
  package mutating func letGo() {
    while let last = entries.last, last.state == .queued, last.refusals == 0, last.losses == 0 {
      heldBytes -= last.delivery.bytesInMemory
      tail = last.delivery.sequence - 1
      entries.removeLast()
    }
    // What has used up some of its tries keeps their count; with a window above 1 it may stand in front of what is at
    // the partner.
    for index in entries.indices where entries[index].state == .queued {
      entries[index].state = .released
      released += 1
    }
    ignoresRefill = refilling != nil
    behind = true
    frozen += 1
    actions.append(.letGo(underWay: Set(entries.lazy.filter { $0.state == .sending }.map(\.delivery.id))))
  }

  /// The store was changed after `letGo`: reads it again.
  package mutating func changed(_ now: Moment) {
    frozen -= 1
    pump(now)
  }

  /// A send ended.
  ///
  /// - Parameter attempt: as it was handed out; an answer to an earlier attempt counts for nothing.
  package mutating func sent(_ id: DeliveryID, attempt: Int, _ end: End, _ now: Moment) {
    // What is under way lies within `window` of the front.
    let found = entries.firstIndex {
      $0.state == .sending && $0.delivery.id == id && $0.delivery.attempts == attempt
    }
    guard let index = found else { return }
    sending -= 1
    entries[index].state = .queued
    switch end {
    case .taken(let summary, let reply):
      outage = nil
      hasBlamedMessage = false
      lastAnswer = (summary, now.wall)
      conclude(index, .delivered(summary: summary, reply: reply), now)
    case .unreachable(let reason, let bytesSent, let retryAfter):
      unreachable(index, reason, bytesSent: bytesSent, retryAfter: retryAfter, now)
    case .refused(let reason, let code, let forever, let reply, let retryAfter):
      outage = nil
      hasBlamedMessage = false
      lastAnswer = (code ?? reason, now.wall)
      entries[index].losses = 0
      refused(index, reason, code: code, forever: forever, reply: reply, retryAfter: retryAfter, now)
    case .cancelled(let reason, let bytesSent):
      cancelled(index, reason, bytesSent: bytesSent, now)
    }
    pump(now)
  }

  // MARK: The run

  private mutating func append(_ delivery: WaitingDelivery, _ now: Moment) {
    var entry = Entry(delivery: delivery, since: now.steady, came: arrivals.start(of: delivery, now))
    tail = delivery.sequence
    // The wall clock may have been set since: nothing waits longer than the delay that was meant.
    if delivery.dueAt > 0 {
      let left = delivery.dueAt.subtractingReportingOverflow(now.wall)
      entry.due = now.steady + min(max(0, left.overflow ? 0 : left.partialValue), max(0, delivery.delay))
    }
    let isNewSuspect = suspect(&entry.delivery)
    heldBytes += delivery.bytesInMemory
    entries.append(entry)
    if delivery.damaged {
      let reason = "the stored bytes don't fit their SHA-256; they were not sent"
      conclude(entries.count - 1, .dead(reason: reason, reply: nil), now)
    } else if isNewSuspect {
      finishSuspect(entry.delivery, now)
    }
  }

  /// Takes a delivery for possibly sent where an owner that died may have had it under way; whether that is news.
  private mutating func suspect(_ delivery: inout WaitingDelivery) -> Bool {
    guard suspects.count > 0, delivery.sequence <= suspects.through else { return false }
    suspects.count -= 1
    defer { delivery.possiblySent = true }
    return !delivery.possiblySent
  }

  /// Made durable: the next owner can't know it once this one has closed the store in order.
  private mutating func finishSuspect(_ delivery: WaitingDelivery, _ now: Moment) {
    let reason = "the engine stopped when this may have been under way"
    finish(delivery, .waits(dueAt: delivery.dueAt, delay: delivery.delay, reason: reason, reply: nil), now)
  }

  /// A lane that stops before it has read its suspects hands them down.
  private mutating func flagSuspects(_ deliveries: [WaitingDelivery], all: Bool, _ now: Moment) {
    for var delivery in deliveries where delivery.sequence > tail {
      tail = delivery.sequence
      if suspect(&delivery) { finishSuspect(delivery, now) }
    }
    if all || deliveries.isEmpty { suspects.count = 0 }
  }

  private func hasRoom(for bytes: Int) -> Bool {
    entries.isEmpty || entries.count < policy.heldCountMax && heldBytes + bytes <= policy.heldBytesMax
  }

  /// What the store still shows of the released entries counts again; the rest is gone.
  private mutating func settle(_ found: [WaitingDelivery], through last: Int64) {
    var kept: Deque<Entry> = []
    for var entry in entries {
      if entry.state == .released, entry.delivery.sequence <= last {
        released -= 1
        guard found.contains(where: { $0.sequence == entry.delivery.sequence }) else {
          heldBytes -= entry.delivery.bytesInMemory
          continue
        }
        entry.state = .queued
      }
      kept.append(entry)
    }
    entries = kept
    dropEnded()
  }

  /// What is over leaves when everything in front of it has.
  mutating func dropEnded() {
    while let first = entries.first, first.state == .ended {
      heldBytes -= first.delivery.bytesInMemory
      entries.removeFirst()
    }
  }

  /// Hands out what may be sent now, asks for more where it runs low, and says when to look again.
  private mutating func pump(_ now: Moment) {
    if stopping {
      let areSuspectsUnread = suspects.count > 0 && behind && tail < suspects.through
      if areSuspectsUnread, refilling == nil {
        guard refillDue <= now.steady else { return wake(at: refillDue, now) }
        refilling = offered
        actions.append(.refill(after: tail, countMax: suspects.count, bytesMax: policy.heldBytesMax))
      }
      guard sending == 0, unconfirmed == 0, refilling == nil, !saidStopped else { return }
      saidStopped = true
      actions.append(.stopped)
      return
    }
    if frozen > 0 { return }
    if released == 0 {
      giveUp(now)
      if !paused { sendDue(now) }
    }
    if behind, refilling == nil { askForMore(now) }
  }

  private mutating func askForMore(_ now: Moment) {
    let isLow =
      entries.count <= policy.heldCountMax / 2 && (entries.isEmpty || heldBytes < policy.heldBytesMax / 2)
    guard isLow || released > 0 else { return }
    guard refillDue <= now.steady else { return wake(at: refillDue, now) }
    refilling = offered
    lookAgain = false
    let firstReleased = released > 0 ? entries.first { $0.state == .released } : nil
    actions.append(
      .refill(
        after: firstReleased.map { $0.delivery.sequence - 1 } ?? tail,
        countMax: max(1, policy.heldCountMax - entries.count), bytesMax: max(1, policy.heldBytesMax - heldBytes)))
  }

  private mutating func sendDue(_ now: Moment) {
    var window = policy.window
    if let outage {
      guard outage.nextTry <= now.steady else {
        if sending == 0, !entries.isEmpty { wake(at: outage.nextTry, now) }
        return
      }
      window = 1  // The head alone finds out whether the partner is back.
    }
    var index = 0
    while sending < window, index < min(window, entries.count), unconfirmed + sending < policy.unconfirmedMax {
      defer { index += 1 }
      guard entries[index].state == .queued else { continue }
      guard entries[index].due <= now.steady else { return wake(at: entries[index].due, now) }
      entries[index].state = .sending
      entries[index].delivery.attempts += 1
      entries[index].failuresBefore = outage?.failures ?? 0
      let delivery = entries[index].delivery
      actions.append(.send(delivery, attempt: delivery.attempts, followsOthers: sending > 0))
      sending += 1
    }
  }

  private mutating func wake(at moment: Int64, _ now: Moment) {
    if let wakeAt, wakeAt <= moment { return }
    wakeAt = moment
    actions.append(.wake(after: moment - now.steady))
  }

  /// A number from 0 up to 1 (splitmix64).
  mutating func draw() -> Double {
    random &+= 0x9E37_79B9_7F4A_7C15
    var z = random
    z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
    z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
    return Double((z ^ (z >> 31)) >> 11) / 9_007_199_254_740_992
  }
}
