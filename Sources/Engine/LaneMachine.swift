package import DequeModule
package import Messages
package import Store

/// One lane's order, as a pure state machine: events in, actions out, no I/O and no clock.
///
/// Invariants, held by `LaneMachineTests` and `LaneModelTests`:
/// - `entries` is one contiguous run of the lane: nothing that waits lies between two of its members, and nothing
///   waits in front of it. Where the lane orders by key, what waits behind a parked key is not in it (`KeyOrder`).
/// - In a strict lane nothing is handed out to send before everything in front of it was handed out; with a window of
///   1, before it ended. At most `window` deliveries, counted from the oldest that isn't over, have been handed out.
///   In a lane that orders by key nothing is handed out before everything in front of it that shares a key has ended.
/// - `behind` is false only when the store holds nothing of this lane after `tail` that isn't about to be offered.
/// - What it holds stays within the policy's count and bytes, but for a single delivery.
/// - What may be at the partner and isn't durably over is never more than `unconfirmedMax`.
package struct LaneMachine: Sendable {
  var entries: Deque<Entry> = []
  /// Which of them may go past others; `nil` where the lane is strict.
  var order: KeyOrder?
  /// Sequence numbers that are over here and that the store, or a read of it that is under way, may still show as
  /// waiting; whether the end is durable. Only where the lane isn't strict: there they lie in front of everything that
  /// is read.
  var over: [Int64: Bool] = [:]
  /// How many may be under way at once where the lane isn't strict: fewer than the policy says where the partner serves
  /// fewer connections; and when one more is tried.
  var width: Int
  var widenAt: Int64 = 0
  /// A parked key was read last: what waits at the lane's end comes next.
  var tailIsNext = false
  /// So many are read from the lane's end at once: few, where deliveries without a key keep what follows out of memory.
  var refillMax = 0
  /// Bytes of payloads in `entries`.
  var heldBytes = 0
  /// How many of `entries` are held: they cost little, and take no room from the others.
  var standing = 0
  var sending = 0
  /// Something was not tried: nothing is handed out until all that is under way has ended.
  var waitsForAll = false
  var unconfirmed = 0
  /// The greatest sequence number that is, or was, in `entries`.
  var tail: Int64
  /// The greatest sequence number that the writer has offered.
  var offered: Int64
  var behind: Bool
  /// The read of the store that is under way.
  var refilling: Refill?
  /// The run was let go while a refill was under way: what it brings may not be true any more.
  private var ignoresRefill = false
  /// More was added at the lane's end than was offered: the store has to be asked once more.
  var lookAgain = false
  /// The store could not be read: not again before this moment of the steady clock.
  var refillDue: Int64 = 0
  var random: UInt64
  /// How many changes of the store are under way; each began with `letGo`.
  var frozen = 0
  /// How many of `entries` are `released`.
  var released = 0
  /// The earliest moment for which a wake-up was asked.
  var wakeAt: Int64?
  /// Deliveries that an owner that died may have had under way, and the last number that it can have sent.
  var suspects: (count: Int, through: Int64)
  /// How often a lane that stops still tries to read its suspects.
  private var readsLeft = 3
  var saidStopped = false
  /// A message died of lost connections, and the partner has answered nothing since: it is the partner that can't bear
  /// them, not the message.
  var hasBlamedMessage = false
  var arrivals: Arrivals
  /// What waits up to this number was no question when it came, and up to that one an earlier engine may have asked.
  let questionsAfter: Int64
  let leftOverThrough: Int64
  /// Questions, since the lane began.
  var answeredCount = 0
  var unansweredCount = 0

  package private(set) var paused: Bool
  package private(set) var stopping = false
  /// Why the partner can't be reached, how often in a row, since when and until when nothing is tried.
  package var outage: Outage?
  package private(set) var lastAnswer: (summary: String, at: Int64)?
  /// What the partner last refused a message with.
  package internal(set) var lastRefusal: String?
  package let policy: LanePolicy
  package var actions: Deque<Action> = []
  let lane: Int64
  let epoch: Int64

  /// - Parameters:
  ///   - keys: where the lane stands in the store.
  ///   - suspects: how many of the first deliveries may have been sent by an owner that died.
  ///   - isFirst: this engine has not worked with the lane before.
  package init(
    _ keys: ChannelKeys.Lane, epoch: Int64, policy: LanePolicy, suspects: Int, seed: UInt64, isFirst: Bool = true
  ) {
    questionsAfter = keys.orderedAfter
    leftOverThrough = isFirst ? keys.lastSequence : 0
    lane = keys.key
    self.epoch = epoch
    self.policy = policy.workable
    width = self.policy.inFlight
    refillMax = self.policy.heldCountMax
    order = self.policy.order.map { KeyOrder($0, heldCountMax: policy.workable.heldCountMax) }
    tail = keys.doneThrough
    offered = keys.lastSequence
    behind = keys.waiting + keys.held > 0
    paused = keys.paused || keys.awaitsRelease
    random = seed
    // Of a lane that isn't strict the store knows what may have been under way.
    self.suspects = (self.policy.order == nil ? suspects : 0, keys.lastSequence)
    arrivals = Arrivals(limit: policy.retry.forMilliseconds, lastBefore: keys.lastSequence)
  }

  /// Deliveries in memory that may be sent, their payloads' bytes, and how many of them are at the partner.
  package var held: (count: Int, bytes: Int, sending: Int) { (entries.count - standing, heldBytes, sending) }
  /// The store holds more of this lane than is in memory.
  package var isBehind: Bool { behind }
  /// Ends of attempts that are not yet durable.
  package var unconfirmedCount: Int { unconfirmed }
  /// When the lane tries again, on the steady clock; `nil` where it doesn't wait for a time.
  package var nextTry: Int64? {
    if let outage { return outage.nextTry }
    if let order { return order.freeCount > 0 || sending > 0 ? nil : order.earliestDue }
    guard let first = entries.first, first.state == .queued, first.due > 0, !first.isHeld else { return nil }
    return first.due
  }

  /// How many rest until their next try, because they were refused or got no connection of their own, and how many keys
  /// wait behind such ones.
  package func resting(_ now: Moment) -> (deliveries: Int, keys: Int) {
    let deliveries = entries.lazy.filter {
      $0.state == .queued && $0.due > now.steady && ($0.refusals > 0 || order != nil) && !$0.isHeld
    }.count
    return (deliveries, order?.parkedKeyCount ?? 0)
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
    behind = behind || delivery.sequence != tail + 1 || !admit(delivery, isFirst: false, now)
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
    guard let asked = refilling else { return }
    refilling = nil
    defer { over = over.filter { !$0.value } }
    if ignoresRefill || stopping {
      if stopping { flagSuspects(deliveries, all: all, now) }
      ignoresRefill = false
      pump(now)
      return
    }
    if let key = asked.key {
      unpark(key, through: asked.through, deliveries, all: all, now)
      pump(now)
      return
    }
    if released > 0 { settle(deliveries, through: all ? .max : deliveries.last?.sequence ?? tail, now) }
    var all = all
    // Nobody asked whether there was room for more, where it was read to settle what was kept.
    var isFirst = !asked.settles
    for delivery in deliveries where delivery.sequence > tail {
      if order != nil, index(of: delivery.sequence) != nil || over[delivery.sequence] != nil {
        tail = delivery.sequence
        continue
      }
      // A store may bring a little more than was asked for; at least one is taken, or a large one would never be.
      guard admit(delivery, isFirst: isFirst, now) else {
        all = false
        refillMax = order?.isClosed == true ? 2 : refillMax
        if order != nil, released > 0 { forgetReleased() }
        break
      }
      isFirst = false
    }
    if order?.isClosed != true { refillMax = min(policy.heldCountMax, refillMax * 2) }
    if all {
      // What was offered before the read is committed: it is in what was read, or it is gone.
      tail = max(tail, asked.offered)
      behind = offered > tail || lookAgain
    } else if deliveries.isEmpty {
      refillDue = now.steady + 1000  // A store that says "more" and brings nothing isn't asked in a circle.
    }
    pump(now)
  }

  /// The store could not be read: tried again in a second.
  package mutating func refillFailed(_ now: Moment) {
    if let key = refilling?.key, !ignoresRefill { order?.haveRead(key, all: false) }
    refilling = nil
    over = over.filter { !$0.value }
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
  package mutating func finished(_ attempt: Attempt, _ now: Moment) {
    unconfirmed -= 1
    if order != nil, attempt.isEnd { over[attempt.sequence] = refilling == nil ? nil : true }
    if case .held = attempt.end { knowHeld(attempt) }
    pump(now)
  }

  /// Sends nothing more until `resume`; what is at the partner goes on.
  package mutating func pause(_ now: Moment) { paused = true }

  /// Sends again. A partner that was away is tried at once.
  package mutating func resume(_ now: Moment) {
    paused = false
    partnerIsBack(now)
  }

  /// A partner that was away can be reached again: it is tried at once.
  package mutating func partnerIsBack(_ now: Moment) {
    tryAgain(at: now.steady)
    pump(now)
  }

  /// A partner that was away is there, as its connector knows: tried as soon as after the first failure, for one that
  /// comes and goes.
  package mutating func reachable(_ now: Moment) {
    if let outage { tryAgain(at: max(now.steady, outage.failed.steady + policy.retry.firstMilliseconds)) }
    pump(now)
  }

  private mutating func tryAgain(at moment: Int64) {
    guard let known = outage, known.nextTry > moment else { return }
    outage?.nextTry = moment
    for entry in entries where entry.state == .queued && entry.refusals == 0 && !entry.isHeld {
      order?.wake(only: entry.delivery.sequence)
    }
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
    if order == nil { dropLast() } else { dropUntouched() }
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

  /// Lets go of what nothing was tried with, from the end, and of what is over: that is durable before the store is
  /// changed.
  private mutating func dropLast() {
    while let last = entries.last, last.isUntouched || last.state == .ended {
      giveRoom(of: last)
      tail = last.delivery.sequence - 1
      entries.removeLast()
    }
  }

  /// The same where it may stand before what is under way.
  private mutating func dropUntouched() {
    if let first = order?.firstParked { tail = min(tail, first - 1) }
    order?.forgetParked()
    for entry in entries where entry.isUntouched {
      giveRoom(of: entry)
      tail = min(tail, entry.delivery.sequence - 1)
      order?.remove(entry.delivery.sequence, entry.delivery.orderKeys)
    }
    entries.removeAll { $0.isUntouched }
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
    let found = entries.firstIndex {
      $0.state == .sending && $0.delivery.id == id && $0.delivery.attempts == attempt
    }
    guard let index = found else { return }
    sending -= 1
    entries[index].state = .queued
    order?.giveBack(entries[index].delivery.sequence)
    if policy.question != nil, unanswered(index, end, now) { return pump(now) }
    switch end {
    case .taken(let summary, let reply):
      answered(index, summary, now)
      conclude(index, .delivered(summary: summary, reply: reply), now)
    case .unreachable(let reason, let bytesSent, let retryAfter):
      unreachable(index, reason, bytesSent: bytesSent, retryAfter: retryAfter, now)
    case .refused(let reason, let code, let forever, let reply, let retryAfter):
      answered(index, code ?? reason, now)
      lastRefusal = code ?? reason
      entries[index].losses = 0
      refused(index, reason, code: code, forever: forever, reply: reply, retryAfter: retryAfter, now)
    case .unanswered(let reason, let code, let reply):
      answered(index, code, now)
      lastRefusal = code
      entries[index].losses = 0
      entries[index].delivery.possiblySent = true
      refused(index, reason, code: code, forever: true, reply: reply, retryAfter: nil, now)
    case .cancelled(let reason, let bytesSent):
      cancelled(index, reason, bytesSent: bytesSent, now)
    case .handedOn(let summary):
      answered(index, summary, now)
      endedInStore(index)
    case .gone: endedInStore(index)
    case .notTried:
      entries[index].delivery.attempts -= 1
      waitsForAll = true
    case .judged(let verdict, let summary, let reply):
      answered(index, summary, now)
      entries[index].losses = 0
      judged(index, verdict, summary, reply: reply, now)
    }
    pump(now)
  }

  /// Hands out, without sending it, what was sent before and waits to be sent again: its answer has come by itself. Its
  /// end is told by `sent` as of any other.
  ///
  /// - Returns: `nil` where there is none. In a strict lane what stands behind something held is not looked at: other
  ///   deliveries may be put there, and everything behind them must be forgotten then.
  package mutating func claim(where isIt: (WaitingDelivery) -> Bool) -> WaitingDelivery? {
    let reachable = order == nil ? entries.firstIndex(where: \.isHeld) ?? entries.endIndex : entries.endIndex
    let found = entries[..<reachable].firstIndex {
      $0.state == .queued && !$0.isHeld && $0.delivery.possiblySent && isIt($0.delivery)
    }
    guard canClaim, let index = found, order?.take(entries[index].delivery.sequence) != false else { return nil }
    entries[index].state = .sending
    entries[index].failuresBefore = outage?.failures ?? 0
    sending += 1
    return entries[index].delivery
  }

  /// What waits and was sent before is in memory, and one more end may be not yet durable.
  package var canClaim: Bool {
    frozen == 0 && released == 0 && !stopping && (!behind || !entries.isEmpty)
      && unconfirmed + sending < policy.unconfirmedMax
  }

  /// The partner is there, whatever it said of the message.
  mutating func answered(_ index: Int, _ summary: String, _ now: Moment) {
    narrow(index, now)
    outage = nil
    hasBlamedMessage = false
    lastAnswer = (summary, now.wall)
  }

  /// What leaves memory takes no room any more.
  mutating func giveRoom(of entry: Entry) {
    heldBytes -= entry.delivery.bytesInMemory
    if entry.isHeld { standing -= 1 }
  }
}
