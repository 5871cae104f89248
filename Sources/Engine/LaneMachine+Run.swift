import DequeModule
import Messages
import Store

// What a lane has in memory, what it hands out, and what it reads.

extension LaneMachine {
  // MARK: What comes into memory

  /// Takes in what comes next from the lane's end, or leaves it in the store behind its key; `false` where there is no
  /// room for it.
  ///
  /// - Parameter isFirst: of what was read; one is taken however large, or it would never be.
  mutating func admit(_ delivery: WaitingDelivery, isFirst: Bool, _ now: Moment) -> Bool {
    guard order?.isOpen(to: delivery.orderKeys) != false else { return false }
    if order?.parks(delivery.sequence, delivery.orderKeys) == true {
      tail = delivery.sequence
      return true
    }
    guard isFirst || hasRoom(for: delivery.bytesInMemory) else { return false }
    tail = delivery.sequence
    // Behind all others, but for what was kept when the lane let go.
    insert(delivery, at: order == nil ? entries.count : place(of: delivery.sequence), now)
    return true
  }

  mutating func insert(_ delivery: WaitingDelivery, at index: Int, _ now: Moment) {
    var entry = Entry(delivery: delivery, since: now.steady, came: arrivals.start(of: delivery, now))
    entry.isHeldInStore = delivery.held != nil
    // The wall clock may have been set since: nothing waits longer than the delay that was meant.
    if delivery.dueAt > 0 {
      let left = delivery.dueAt.subtractingReportingOverflow(now.wall)
      entry.due = now.steady + min(max(0, left.overflow ? 0 : left.partialValue), max(0, delivery.delay))
    }
    if entry.isHeld {
      entry.due = .max
      standing += 1
    }
    let isNewSuspect = suspect(&entry.delivery)
    heldBytes += delivery.bytesInMemory
    entries.insert(entry, at: index)
    order?.add(delivery.sequence, delivery.orderKeys, due: entry.due)
    if entry.due > now.steady { order?.park(behind: delivery.sequence, delivery.orderKeys) }
    if delivery.damaged {
      let reason = "the stored bytes don't fit their SHA-256; they were not sent"
      conclude(index, .dead(reason: reason, reply: nil), now)
    } else if isLeftOver(entry) {
      end(index, "the engine stopped before it was answered; it is not asked again", now)
    } else if isNewSuspect {
      finishSuspect(entry.delivery, now)
    }
  }

  /// Takes a delivery for possibly sent where an owner that died may have had it under way; whether that is news.
  private mutating func suspect(_ delivery: inout WaitingDelivery) -> Bool {
    guard suspects.count > 0, delivery.sequence <= suspects.through, delivery.held == nil else { return false }
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
  mutating func flagSuspects(_ deliveries: [WaitingDelivery], all: Bool, _ now: Moment) {
    for var delivery in deliveries where delivery.sequence > tail {
      tail = delivery.sequence
      if suspect(&delivery) { finishSuspect(delivery, now) }
    }
    if all || deliveries.isEmpty { suspects.count = 0 }
  }

  func hasRoom(for bytes: Int) -> Bool {
    let count = entries.count - standing
    if standing >= Self.standingMax { return false }
    return count == 0 || count < policy.heldCountMax && heldBytes + bytes <= policy.heldBytesMax
  }

  // MARK: What leaves memory

  /// What the store still shows of the released entries counts again; the rest is gone.
  mutating func settle(_ found: [WaitingDelivery], through last: Int64, _ now: Moment) {
    var kept: Deque<Entry> = []
    for var entry in entries {
      if entry.state == .released, entry.delivery.sequence <= last {
        released -= 1
        guard let row = found.first(where: { $0.sequence == entry.delivery.sequence }) else {
          giveRoom(of: entry)
          order?.remove(entry.delivery.sequence, entry.delivery.orderKeys)
          continue
        }
        entry.state = .queued
        if order != nil, isLetGo(entry, as: row) {
          // It is read again as any other, when there is room for it.
          giveRoom(of: entry)
          order?.remove(row.sequence, row.orderKeys)
          tail = min(tail, row.sequence - 1)
          continue
        }
        settle(&entry, as: row)
        // What waits behind it was forgotten with all that is parked, and would come into memory for nothing.
        if entry.due > now.steady { order?.park(behind: row.sequence, row.orderKeys) }
      }
      kept.append(entry)
    }
    entries = kept
    dropEnded()
  }

  /// There is no room to read as far as what was kept when the lane let go: that is read again in its turn, and has all
  /// its tries again.
  mutating func forgetReleased() {
    for entry in entries where entry.state == .released {
      giveRoom(of: entry)
      tail = min(tail, entry.delivery.sequence - 1)
      order?.remove(entry.delivery.sequence, entry.delivery.orderKeys)
    }
    entries.removeAll { $0.state == .released }
    released = 0
  }

  /// What is over leaves when everything in front of it has: at once, where a lane orders by key.
  mutating func dropEnded() {
    while let first = entries.first, first.state == .ended {
      heldBytes -= first.delivery.bytesInMemory
      entries.removeFirst()
    }
  }

  // MARK: What happens next

  /// Hands out what may be sent now, asks for more where it runs low, and says when to look again.
  mutating func pump(_ now: Moment) {
    if stopping {
      let areSuspectsUnread = suspects.count > 0 && behind && tail < suspects.through
      if areSuspectsUnread, refilling == nil {
        guard refillDue <= now.steady else { return wake(at: refillDue, now) }
        refilling = Refill(offered: offered)
        actions.append(
          .refill(WaitingPart(after: tail, countMax: suspects.count, bytesMax: policy.heldBytesMax)))
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
    if refilling == nil { askForMore(now) }
  }

  private mutating func askForMore(_ now: Moment) {
    let wantsTail = wantsTail
    if released == 0, !(tailIsNext && wantsTail), readsParked(now) {
      tailIsNext = true
      return
    }
    guard wantsTail else { return }
    tailIsNext = false
    guard refillDue <= now.steady else { return wake(at: refillDue, now) }
    refilling = Refill(offered: offered, settles: released > 0)
    lookAgain = false
    let firstReleased = released > 0 ? entries.first { $0.state == .released } : nil
    actions.append(
      .refill(
        WaitingPart(
          after: min(tail, firstReleased.map { $0.delivery.sequence - 1 } ?? tail),
          countMax: max(1, min(refillMax, policy.heldCountMax - entries.count + standing)),
          bytesMax: max(1, policy.heldBytesMax - heldBytes))))
  }

  /// More could come into memory from the lane's end.
  private var wantsTail: Bool {
    guard behind else { return false }
    if released > 0 { return true }
    if order?.isClosed == true { return false }
    if standing >= Self.standingMax { return false }
    let count = entries.count - standing
    var isLow = count <= policy.heldCountMax / 2
    // Where much rests, what could be sent counts.
    if let order, !isLow, outage == nil, !paused {
      isLow = order.freeCount <= policy.inFlight && count < policy.heldCountMax
    }
    return isLow && (count == 0 || heldBytes < policy.heldBytesMax / 2)
  }

  private mutating func sendDue(_ now: Moment) {
    if waitsForAll, sending > 0 { return }
    waitsForAll = false
    var window = order == nil ? policy.window : width
    // A question that finds its partner away is refused at once, each for itself.
    if let outage, policy.question == nil {
      guard outage.nextTry <= now.steady else {
        if sending == 0, entries.contains(where: { !$0.isHeld }) { wake(at: outage.nextTry, now) }
        return
      }
      window = 1  // The head alone finds out whether the partner is back.
    }
    if order != nil { return sendFree(atOnce: window, now) }
    var index = 0
    while sending < window, index < min(window, entries.count), unconfirmed + sending < policy.unconfirmedMax {
      defer { index += 1 }
      guard entries[index].state == .queued else { continue }
      if entries[index].isHeld { return }
      guard entries[index].due <= now.steady else { return wake(at: entries[index].due, now) }
      handOut(index, followsOthers: sending > 0)
    }
  }

  mutating func handOut(_ index: Int, followsOthers: Bool) {
    entries[index].state = .sending
    entries[index].delivery.attempts += 1
    entries[index].failuresBefore = outage?.failures ?? 0
    let delivery = entries[index].delivery
    actions.append(.send(delivery, attempt: delivery.attempts, followsOthers: followsOthers))
    sending += 1
  }

  mutating func wake(at moment: Int64, _ now: Moment) {
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
