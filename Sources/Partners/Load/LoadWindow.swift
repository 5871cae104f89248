internal import Synchronization

/// The stretch of time that counts. What comes before is warm-up, what comes after is not looked at. Set once before
/// the load begins; read by every connection and by the partner that receives.
package final class LoadWindow: Sendable {
  private let from = Atomic<UInt64>(.max)
  private let until = Atomic<UInt64>(.max)

  package init() {}

  func set(from start: UInt64, until end: UInt64) {
    from.store(start, ordering: .relaxed)
    until.store(end, ordering: .relaxed)
  }

  func contains(_ nanoseconds: UInt64) -> Bool {
    nanoseconds >= from.load(ordering: .relaxed) && nanoseconds < until.load(ordering: .relaxed)
  }

  var isOver: Bool { MonotonicClock.nanoseconds() >= until.load(ordering: .relaxed) }
}

/// When each message was sent, so that the partner at the other end of the engine can say how long it was under way.
///
/// A slot for each of the last messages of each connection; a message's number names its slot.
package final class LoadTimes: @unchecked Sendable {
  /// The numbers of one connection's messages begin at its index times this.
  static let numbersPerConnection = 1_000_000_000
  private static let slotsMax = 1 << 20

  private let connectionSlots: Int
  private let slots: UnsafeMutablePointer<Atomic<UInt64>>
  private let slotCount: Int

  package init(connections: Int) {
    var perConnection = 1_024
    while perConnection * 2 * connections <= Self.slotsMax { perConnection *= 2 }
    connectionSlots = perConnection
    slotCount = perConnection * connections
    slots = .allocate(capacity: slotCount)
    for index in 0..<slotCount { (slots + index).initialize(to: Atomic(0)) }
  }

  deinit {
    slots.deinitialize(count: slotCount)
    slots.deallocate()
  }

  func sent(_ number: Int, at nanoseconds: UInt64) {
    guard let slot = slot(of: number) else { return }
    slots[slot].store(nanoseconds, ordering: .relaxed)
  }

  /// `nil` for a number that no connection sent.
  func sentAt(_ number: Int) -> UInt64? {
    guard let slot = slot(of: number) else { return nil }
    let time = slots[slot].load(ordering: .relaxed)
    return time == 0 ? nil : time
  }

  private func slot(of number: Int) -> Int? {
    let connection = number / Self.numbersPerConnection
    guard number >= 0, connection * connectionSlots < slotCount else { return nil }
    return connection * connectionSlots + number % Self.numbersPerConnection & (connectionSlots - 1)
  }
}
