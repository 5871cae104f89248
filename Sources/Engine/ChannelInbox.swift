import ConnectorKit
import Definitions
import Dispatch
import Messages
import Store
import Synchronization

/// Where a channel's source hands over what arrived: runs the pipeline, makes message and outcome durable, answers.
final class ChannelInbox: Inbox {
  private let channel: ChannelRuntime

  init(_ channel: ChannelRuntime) { self.channel = channel }

  func origin(_ name: String) -> any Origin { ChannelOrigin(channel) }

  func progress(_ key: String) async throws -> Value? {
    try await channel.store.progress(channel: channel.keys.channel, key: key)
  }
}

/// The order of one sender: what it offers runs, commits and is answered in the order of the calls.
///
/// Nearly everything runs where it was offered, on the connection's own event loop: no task, no actor, no queue. A
/// large message would hold that loop up (its hash alone takes milliseconds, and its blob is synced), so it runs on a
/// worker, and what is offered behind it waits for it there.
final class ChannelOrigin: Origin {
  /// Beyond this a message runs on a worker.
  private static let inPlaceBytesMax = 64 << 10
  private static let workers = DispatchQueue(label: "hilum.pipeline", attributes: .concurrent)

  private struct Offer {
    let arrival: Arrival
    let then: @Sendable (Receipt) -> Void
  }

  private struct State {
    /// Waits for the worker, or for the channel's next version; the first is being worked on.
    var backlog: [Offer] = []
    /// Handed to the store and not answered yet.
    var outstanding = 0
    /// Turned away without asking the store, behind what is outstanding.
    var turnedAway: [(then: @Sendable (Receipt) -> Void, reason: String)] = []
  }

  private let channel: ChannelRuntime
  private let gate = OriginGate()
  private let state = Mutex(State())

  init(_ channel: ChannelRuntime) { self.channel = channel }

  func offer(_ arrival: Arrival, then: @escaping @Sendable (Receipt) -> Void) {
    channel.meter.arrived()
    // A batch is many messages.
    let isLarge = arrival.payload.byteCount > Self.inPlaceBytesMax || channel.definition.splitsRecords
    let entered: ChannelVersion? = state.withLock { state in
      let isFirst = state.backlog.isEmpty
      if isFirst, !isLarge, let version = enter() { return version }
      state.backlog.append(Offer(arrival: arrival, then: then))
      if isFirst, isLarge { Self.workers.async { self.workOff() } }
      return nil
    }
    if let entered { process(arrival, entered, then) }
  }

  /// Enters the version that runs; while that is changed, the backlog is worked off when it has been.
  private func enter() -> ChannelVersion? {
    channel.passage.enter { [self] in Self.workers.async { self.workOff() } }
  }

  private func workOff() {
    while true {
      let next = state.withLock { $0.backlog.first }
      guard let next, let version = enter() else { return }
      process(next.arrival, version, next.then)
      let done = state.withLock { state in
        state.backlog.removeFirst()
        return state.backlog.isEmpty
      }
      if done { return }
    }
  }

  private func process(
    _ arrival: Arrival, _ version: ChannelVersion, _ then: @escaping @Sendable (Receipt) -> Void
  ) {
    if gate.isBroken {
      channel.passage.leave()
      return turnAway("an earlier message of this sender was not stored", then)
    }
    if let reason = channel.reasonToTurnAway(bytes: arrival.payload.byteCount, version) {
      channel.passage.leave()
      gate.close()
      return turnAway(reason, then)
    }
    let size = arrival.payload.byteCount
    channel.arriving(size)
    state.withLock { $0.outstanding += 1 }
    if version.definition.splitsRecords {
      let receipt = channel.takeBatch(arrival, version, gate: gate)
      channel.arriving(-size)
      if case .unavailable = receipt { channel.meter.turnedAway() }
      then(receipt)
      return answered()
    }
    channel.take(arrival, version, gate: gate) { [self] receipt in
      channel.arriving(-size)
      if case .unavailable = receipt { channel.meter.turnedAway() }
      then(receipt)
      answered()
    }
  }

  /// Answers that the arrival wasn't stored, in its turn.
  private func turnAway(_ reason: String, _ then: @escaping @Sendable (Receipt) -> Void) {
    channel.meter.turnedAway()
    let now = state.withLock { state in
      if state.outstanding == 0 { return true }
      state.turnedAway.append((then, reason))
      return false
    }
    if now { then(.unavailable(reason: reason)) }
  }

  private func answered() {
    let late = state.withLock { state in
      state.outstanding -= 1
      guard state.outstanding == 0, !state.turnedAway.isEmpty else {
        return [] as [(then: @Sendable (Receipt) -> Void, reason: String)]
      }
      defer { state.turnedAway = [] }
      return state.turnedAway
    }
    for one in late { one.then(.unavailable(reason: one.reason)) }
  }
}
