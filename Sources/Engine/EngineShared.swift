import Messages
import Store
import Synchronization
import Text

/// What all channels of an engine share.
final class EngineShared: Sendable {
  /// What may be on its way from the wire to the disk at once. Beyond it senders get no answer and send again: memory
  /// stays bounded however many connections push at once.
  static let arrivingBytesMax = 256 << 20

  let store: any Store
  let clock: any EngineClock
  let strikes: Strikes
  let gate = DeploymentGate()
  /// Senders that wait for a partner's verdict.
  let answers: AwaitedAnswers
  /// Partners' answers that come as messages of their own.
  let laterAnswers = LaterAnswerBook()
  let arrivingBytes = Atomic<Int>(0)
  /// The keys of lanes that this engine has worked with: what an owner that died had under way is known of them.
  let lanesKnown = Mutex<Set<Int64>>([])
  /// The channels of the engine, for those that hand on to each other; set once it is there.
  let channels = Mutex<(@Sendable () -> (running: [ChannelRuntime], lanes: [Lane]))?>(nil)
  /// What one channel may have waiting when it doesn't say; `nil` for no limit.
  let waitingBytesMax: Int?
  /// Where the engine stands; `nil` where this machine knows no time zones.
  let zone: TimeZoneRules?

  init(store: any Store, clock: any EngineClock, strikes: Strikes, waitingBytesMax: Int?, zone: TimeZoneRules?) {
    self.store = store
    self.clock = clock
    self.strikes = strikes
    answers = AwaitedAnswers(store, clock)
    self.waitingBytesMax = waitingBytesMax
    self.zone = zone
  }

  func channel(_ name: ChannelName) -> ChannelRuntime? {
    channels.withLock { $0 }?().running.first { $0.name == name }
  }

  /// The lanes, also those of former revisions, that hand on to a channel.
  func lanesInto(_ name: ChannelName) -> [Lane] {
    channels.withLock { $0 }?().lanes.filter { $0.handOver?.target == name } ?? []
  }

  /// Makes a change durable.
  ///
  /// - Returns: how many rows it was about.
  @discardableResult
  func change(_ change: Change) async throws(StoreError) -> Int { try await taking(change).count }

  /// Makes a change durable.
  ///
  /// - Returns: how many rows it was about, and how many bytes it took from what waits.
  func taking(_ change: Change) async throws(StoreError) -> (count: Int, bytes: Int) {
    let result = await withCheckedContinuation { continuation in
      store.change(change) { continuation.resume(returning: $0) }
    }
    switch result {
    case .done(let count): return (count, 0)
    case .cancelled(let count, let bytes): return (count, bytes)
    case .followed(let sequences): return (sequences.count, 0)
    case .stale: return (0, 0)
    case .unavailable(let reason): throw StoreError(.io, reason)
    }
  }
}
