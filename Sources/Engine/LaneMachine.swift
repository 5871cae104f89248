package import DequeModule
package import Messages
package import Store

/// One lane's order, as a pure state machine: events in, actions out, no I/O and no clock.
///
/// Invariants, held by `LaneMachineTests`:
/// - `entries` is one contiguous run of the lane: nothing that waits lies between two of its members, and nothing waits in front of it.
/// - Nothing is handed out to send before everything in front of it was handed out; with a window of 1, before it ended.
/// - `behind` is false only when the store holds nothing of this lane after `tail`.
/// - What it holds stays within the policy's count and bytes, but for a single delivery that is larger than these.
package struct LaneMachine: Sendable {
  package enum Action: Sendable {
    /// Hand it to the connector. `attempt` counts from 1.
    case send(WaitingDelivery, attempt: Int)
    /// Make an attempt's end durable; answer with `finished`.
    case finish(Attempt, bytes: Int)
    /// Read on in the store; answer with `refilled` or `refillFailed`.
    case refill(after: Int64, countMax: Int, bytesMax: Int)
    /// Call `woken` after this many milliseconds.
    case wake(after: Int64)
    /// Nothing is under way any more, after `stop`.
    case stopped
  }

  /// How a send ended, as the lane sees it.
  package enum End: Sendable {
    case taken(summary: String, reply: Payload?)
    case unreachable(reason: String, bytesSent: Bool, retryAfter: Int64?)
    case refused(reason: String, code: String?, forever: Bool, reply: Payload?, retryAfter: Int64?)
    case cancelled
  }

  private struct Entry {
    enum State { case queued, sending, ended }
    var delivery: WaitingDelivery
    var state = State.queued
    var refusals = 0
    /// Connections lost in a row after bytes of this message were sent.
    var losses = 0
    /// Not before this moment of the steady clock.
    var due: Int64 = 0
  }

  private var entries: Deque<Entry> = []
  private var heldBytes = 0
  private var sending = 0
  private var unconfirmed = 0
  /// The greatest sequence number that is, or was, in `entries`.
  private var tail: Int64
  /// The greatest sequence number that the writer has offered.
  private var offered: Int64
  private var behind: Bool
  /// The number that had been offered when the refill under way was asked for.
  private var refilling: Int64?
  /// The run was let go while a refill was under way: what it brings doesn't join on.
  private var ignoresRefill = false
  /// More was added at the lane's end than was offered: the store has to be asked once more.
  private var lookAgain = false
  private var random: UInt64
  /// Between `letGo` and `grown`.
  private var frozen = false
  /// The earliest moment for which a wake-up was asked.
  private var wakeAt: Int64?
  /// Deliveries that the last owner may have had under way: they count as possibly sent.
  private var suspects: Int

  package private(set) var paused: Bool
  package private(set) var stopping = false
  /// Why the partner can't be reached, how often in a row, since when and until when nothing is tried.
  package private(set) var outage: Outage?
  package private(set) var lastAnswer: (summary: String, at: Int64)?
  package var policy: LanePolicy
  package var actions: Deque<Action> = []
  let lane: Int64
  let epoch: Int64

  package struct Outage: Sendable, Equatable {
    package var reason: String
    package var failures: Int
    package var since: Int64
    package var nextTry: Int64
  }

  /// - Parameters:
  ///   - keys: where the lane stands in the store.
  ///   - suspects: how many of the first deliveries may have been sent by an owner that died.
  package init(_ keys: ChannelKeys.Lane, epoch: Int64, policy: LanePolicy, suspects: Int, seed: UInt64) {
    lane = keys.key
    self.epoch = epoch
    self.policy = policy
    tail = keys.doneThrough
    offered = keys.lastSequence
    behind = keys.waiting > 0
    paused = keys.paused
    random = seed
    self.suspects = suspects
  }

  /// Deliveries in memory, and how many of them are at the partner.
  package var held: (count: Int, bytes: Int, sending: Int) { (entries.count, heldBytes, sending) }
  package var isBehind: Bool { behind }
  /// Deliveries that are at the partner.
  package var underWay: [DeliveryID] { entries.filter { $0.state == .sending }.map(\.delivery.id) }

  // MARK: Events

  /// The lane begins its work.
  package mutating func started(_ now: Moment) { pump(now) }

  /// A delivery became durable. Called in the order of the commits.
  package mutating func offer(_ delivery: WaitingDelivery, _ now: Moment) {
    guard delivery.sequence > tail else { return }
    offered = max(offered, delivery.sequence)
    guard !behind, delivery.sequence == tail + 1, hasRoom(for: delivery.payload.byteCount) else {
      behind = true
      pump(now)
      return
    }
    append(delivery, now)
    pump(now)
  }

  /// More waits at the lane's end than was offered: a dead letter that is tried again, a resend.
  package mutating func grown(_ now: Moment) {
    behind = true
    lookAgain = true
    frozen = false
    pump(now)
  }

  /// What the store holds after the run; `all` where nothing more waited when it was read.
  package mutating func refilled(_ deliveries: [WaitingDelivery], all: Bool, _ now: Moment) {
    guard let seen = refilling else { return }
    refilling = nil
    if ignoresRefill {
      ignoresRefill = false
      pump(now)
      return
    }
    for delivery in deliveries where delivery.sequence > tail { append(delivery, now) }
    if all {
      // What was offered before the read is committed: it is in what was read, or it is gone.
      tail = max(tail, seen)
      behind = offered > tail || lookAgain
    }
    pump(now)
  }

  /// The store could not be read: tried again in a second.
  package mutating func refillFailed(_ now: Moment) {
    refilling = nil
    ignoresRefill = false
    wake(at: now.steady + 1000, now)
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

  package mutating func pause(_ now: Moment) { paused = true }

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

  /// Lets go of everything that isn't at the partner, so that the store can be changed under it. Nothing is sent and nothing is read
  /// until `grown`.
  package mutating func letGo() {
    while let last = entries.last, last.state == .queued {
      heldBytes -= last.delivery.payload.byteCount
      tail = last.delivery.sequence - 1
      entries.removeLast()
    }
    ignoresRefill = refilling != nil
    behind = true
    lookAgain = true
    frozen = true
  }

  package mutating func sent(_ id: Identifier, _ end: End, _ now: Moment) {
    guard let index = entries.firstIndex(where: { $0.state == .sending && $0.delivery.id == id }) else { return }
    sending -= 1
    entries[index].state = .queued
    switch end {
    case .taken(let summary, let reply):
      outage = nil
      lastAnswer = (summary, now.wall)
      conclude(index, .delivered(summary: summary, reply: reply), now)
    case .unreachable(let reason, let bytesSent, let retryAfter):
      unreachable(index, reason, bytesSent: bytesSent, retryAfter: retryAfter, now)
    case .refused(let reason, let code, let forever, let reply, let retryAfter):
      outage = nil
      lastAnswer = (code ?? reason, now.wall)
      refused(index, reason, code: code, forever: forever, reply: reply, retryAfter: retryAfter, now)
    case .cancelled:
      entries[index].delivery.attempts -= 1
    }
    pump(now)
  }

  // MARK: What follows

  private mutating func unreachable(
    _ index: Int, _ reason: String, bytesSent: Bool, retryAfter: Int64?, _ now: Moment
  ) {
    // Several sends fail with one connection: that is one failure.
    if outage == nil || sending == 0 && (outage?.nextTry ?? 0) <= now.steady {
      let failures = (outage?.failures ?? 0) + 1
      let delay = max(policy.retry.delay(failures: failures, draw: draw()), retryAfter ?? 0)
      outage = Outage(
        reason: reason, failures: failures, since: outage?.since ?? now.steady, nextTry: now.steady + delay)
    }
    // A message that came late into an outage has its own time.
    let waited = min(now.steady - (outage?.since ?? now.steady), now.wall - entries[index].delivery.id.milliseconds)
    if let limit = policy.retry.forMilliseconds, waited >= limit {
      conclude(index, .dead(reason: "not delivered for \(limit / 1000) s: \(reason)", reply: nil), now)
      return
    }
    guard bytesSent else { return }
    entries[index].losses += 1
    if index == 0, entries[index].losses.isMultiple(of: 3) {
      // It may be this message that the partner can't bear.
      refused(
        index, "the connection was lost \(entries[index].losses) times after it was sent: \(reason)", code: nil,
        forever: false, reply: nil, retryAfter: nil, now)
    } else if !entries[index].delivery.possiblySent {
      entries[index].delivery.possiblySent = true
      let delay = max(0, (outage?.nextTry ?? now.steady) - now.steady)
      finish(entries[index].delivery, .waits(dueAt: now.wall + delay, delay: delay, reason: reason, reply: nil), now)
    }
  }

  private mutating func refused(
    _ index: Int, _ reason: String, code: String?, forever: Bool, reply: Payload?, retryAfter: Int64?, _ now: Moment
  ) {
    entries[index].refusals += 1
    let refusals = entries[index].refusals
    let budget = code.flatMap { policy.refused[$0] } ?? policy.refused[forever ? "AR" : "AE"] ?? (forever ? 0 : 3)
    if refusals > budget {
      conclude(index, .dead(reason: reason, reply: reply), now)
      return
    }
    let delay = max(policy.retry.delay(failures: refusals, draw: draw()), retryAfter ?? 0)
    entries[index].due = now.steady + delay
    finish(
      entries[index].delivery, .waits(dueAt: now.wall + delay, delay: delay, reason: reason, reply: reply), now)
  }

  /// The delivery is over. It leaves when everything in front of it has.
  private mutating func conclude(_ index: Int, _ end: Attempt.End, _ now: Moment) {
    entries[index].state = .ended
    finish(entries[index].delivery, end, now)
    while let first = entries.first, first.state == .ended {
      heldBytes -= first.delivery.payload.byteCount
      entries.removeFirst()
    }
  }

  private mutating func finish(_ delivery: WaitingDelivery, _ end: Attempt.End, _ now: Moment) {
    unconfirmed += 1
    actions.append(
      .finish(
        Attempt(
          delivery: delivery.id, lane: lane, sequence: delivery.sequence, epoch: epoch, attempts: delivery.attempts,
          at: now.wall, possiblySent: delivery.possiblySent, end: end), bytes: delivery.payload.byteCount))
  }

  private mutating func append(_ delivery: WaitingDelivery, _ now: Moment) {
    var entry = Entry(delivery: delivery)
    tail = delivery.sequence
    // The wall clock may have been set since: nothing waits longer than the delay that was meant.
    if delivery.dueAt > 0 { entry.due = now.steady + min(max(0, delivery.dueAt - now.wall), delivery.delay) }
    if suspects > 0 {
      suspects -= 1
      entry.delivery.possiblySent = true
    }
    heldBytes += delivery.payload.byteCount
    entries.append(entry)
    guard delivery.damaged else { return }
    conclude(entries.count - 1, .dead(reason: "the stored bytes don't fit their SHA-256; they were not sent", reply: nil), now)
  }

  private func hasRoom(for bytes: Int) -> Bool {
    entries.isEmpty || entries.count < policy.heldCountMax && heldBytes + bytes <= policy.heldBytesMax
  }

  /// Hands out what may be sent now, asks for more where it runs low, and says when to look again.
  private mutating func pump(_ now: Moment) {
    if stopping {
      if sending == 0, unconfirmed == 0, refilling == nil { actions.append(.stopped) }
      return
    }
    if frozen { return }
    if !paused { sendDue(now) }
    let room = policy.heldCountMax - entries.count
    if behind, refilling == nil, entries.count <= policy.heldCountMax / 2,
      entries.isEmpty || heldBytes < policy.heldBytesMax / 2
    {
      refilling = offered
      lookAgain = false
      actions.append(.refill(after: tail, countMax: room, bytesMax: policy.heldBytesMax - heldBytes))
    }
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
    while sending < window, index < entries.count, unconfirmed + sending < policy.unconfirmedMax {
      defer { index += 1 }
      guard entries[index].state == .queued else { continue }
      guard entries[index].due <= now.steady else {
        wake(at: entries[index].due, now)
        return
      }
      entries[index].state = .sending
      entries[index].delivery.attempts += 1
      sending += 1
      actions.append(.send(entries[index].delivery, attempt: entries[index].delivery.attempts))
    }
  }

  private mutating func wake(at moment: Int64, _ now: Moment) {
    if let wakeAt, wakeAt <= moment { return }
    wakeAt = moment
    actions.append(.wake(after: moment - now.steady))
  }

  /// A number from 0 up to 1 (splitmix64).
  private mutating func draw() -> Double {
    random &+= 0x9E37_79B9_7F4A_7C15
    var z = random
    z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
    z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
    return Double((z ^ (z >> 31)) >> 11) / 9_007_199_254_740_992
  }
}
