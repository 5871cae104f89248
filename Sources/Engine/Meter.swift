import Synchronization

/// Counts what a channel's source offered, for its rate and for what the ledger can't count because it wasn't stored.
package final class Meter: Sendable {
  private let received = Atomic<Int>(0)
  private let refused = Atomic<Int>(0)
  /// `received` at the last minute's ticks, oldest first.
  private let samples = Mutex<[Int]>([0])
  private static let samplesMax = 12

  package func arrived() { received.wrappingAdd(1, ordering: .relaxed) }
  package func turnedAway() { refused.wrappingAdd(1, ordering: .relaxed) }

  /// Called every five seconds.
  package func tick() {
    let count = received.load(ordering: .relaxed)
    samples.withLock { samples in
      samples.append(count)
      if samples.count > Self.samplesMax { samples.removeFirst() }
    }
  }

  /// Arrivals in the last minute, or since the start where that is shorter.
  package var perMinute: Int { received.load(ordering: .relaxed) - (samples.withLock { $0.first } ?? 0) }

  /// How many were answered `unavailable` since the last call.
  package func takeTurnedAway() -> Int { refused.exchange(0, ordering: .relaxed) }
}
