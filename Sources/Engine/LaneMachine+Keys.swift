import DequeModule
import Messages
import Store

// A lane that orders by key, or not at all: several are under way at once, each on a connection of its own.

extension LaneMachine {
  /// Hands out what shares no key with anything in front of it.
  mutating func sendFree(atOnce: Int, _ now: Moment) {
    order?.wake(now.steady)
    while sending < atOnce, unconfirmed + sending < policy.unconfirmedMax, let sequence = order?.take() {
      guard let index = index(of: sequence) else { continue }
      handOut(index, followsOthers: false)
    }
    if sending < atOnce, let due = order?.earliestDue { wake(at: max(due, now.steady + 1), now) }
  }

  /// Where a delivery stands in memory.
  func index(of sequence: Int64) -> Int? {
    let index = place(of: sequence)
    return index < entries.endIndex && entries[index].delivery.sequence == sequence ? index : nil
  }

  /// Where it stands, or would stand.
  func place(of sequence: Int64) -> Int { entries.firstIndex(notBefore: sequence) { $0.delivery.sequence } }

  /// A delivery rests until its next try: what waits behind its keys makes room for others.
  mutating func rest(_ index: Int) {
    guard order != nil else { return }
    let delivery = entries[index].delivery
    order?.rest(delivery.sequence, until: entries[index].due)
    order?.park(behind: delivery.sequence, delivery.orderKeys)
    var stuck = Set(delivery.orderKeys)
    var kept: Deque<Entry> = []
    kept.reserveCapacity(entries.count)
    for (place, entry) in entries.enumerated() {
      let (sequence, keys) = (entry.delivery.sequence, entry.delivery.orderKeys)
      if place > index, entry.state == .queued, order?.evicts(sequence, keys, &stuck) == true {
        order?.remove(sequence, keys)
        giveRoom(of: entry)
      } else {
        kept.append(entry)
      }
    }
    entries = kept
  }

  /// What is over leaves memory at once, and what shares a key with it may come to its turn. Until its end is durable
  /// the store shows it as waiting.
  mutating func leave(_ index: Int) {
    let delivery = entries.remove(at: index).delivery
    heldBytes -= delivery.bytesInMemory
    order?.remove(delivery.sequence, delivery.orderKeys)
    over[delivery.sequence] = false
  }

  /// The partner answered on one connection. Where others failed meanwhile, it serves no more than are under way: one
  /// more is tried after a while, not at once with the next message.
  mutating func narrow(_ index: Int, _ now: Moment) {
    guard order != nil, policy.question == nil else { return }
    if let outage {
      let isProbe = entries[index].failuresBefore == outage.failures
      width = isProbe ? policy.inFlight : max(1, sending + 1)
      widenAt = now.steady + policy.retry.firstMilliseconds
    } else if width < policy.inFlight, widenAt <= now.steady {
      width += 1
      widenAt = now.steady + policy.retry.firstMilliseconds
    }
  }

  // MARK: Parked keys

  /// Reads what waits behind a key that has come to its turn; whether there is one.
  mutating func readsParked(_ now: Moment) -> Bool {
    guard let order, order.hasCandidates, hasRoom(for: 1) || order.isBarrierAlone else { return false }
    guard refillDue <= now.steady else {
      wake(at: refillDue, now)
      return false
    }
    guard let (key, from, count) = self.order?.nextToRead() else { return false }
    refilling = Refill(offered: offered, key: key, through: tail)
    actions.append(
      .refill(
        WaitingPart(
          after: from - 1, through: tail, key: key,
          countMax: max(1, min(count, policy.heldCountMax - entries.count + standing, policy.heldCountMax / 16)),
          bytesMax: max(1, policy.heldBytesMax - heldBytes))))
    return true
  }

  /// What the store holds of a parked key.
  mutating func unpark(_ key: UInt64, through: Int64, _ deliveries: [WaitingDelivery], all: Bool, _ now: Moment) {
    var isAll = all && through == tail
    var isFirst = true
    for delivery in deliveries where index(of: delivery.sequence) == nil && over[delivery.sequence] == nil {
      // One is taken however large, or it would never be.
      guard isFirst || hasRoom(for: delivery.bytesInMemory),
        order?.unparks(delivery.sequence, delivery.orderKeys, readFor: key) == true
      else {
        isAll = false
        break
      }
      isFirst = false
      insert(delivery, at: place(of: delivery.sequence), now)
    }
    order?.haveRead(key, all: isAll)
  }
}
