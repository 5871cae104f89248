import ConnectorKit
package import Definitions
package import Logging
import Messages
package import Store
import Synchronization
package import Text

/// The engine: one store, the channels that work on it, and what a person may do to them.
package final class Engine: Sendable {
  package let store: any Store
  package let startedAt: Int64
  /// The name of this installation.
  let site: String
  let shared: EngineShared
  let log: Logger
  /// Tells people when something is wrong; `nil` where nobody is told.
  let watch: AlertWatch?
  /// When the engine last looked after itself, on the steady clock.
  let rounds: Atomic<Int64>
  /// Where channels are read from; `nil` where nobody can deploy.
  let files: ChannelFiles?
  var gate: DeploymentGate { shared.gate }
  /// Of what must not meet a lane that takes another's place.
  let laneSwaps = Turns()
  let state = Mutex(State())

  struct State {
    var channels: [ChannelRuntime] = []
    /// Lanes whose destination is gone, and that go on until they are empty.
    var leaving: [LeavingLane] = []
    var isEndingLeft = false
    var notes: [String: DeploymentNote] = [:]
    /// In which environment its channels are.
    var environment: String?
    /// Channels that could not be started, and why.
    var broken: [BrokenChannel] = []
    var housekeeping: Task<Void, Never>?
    var stopping = false
  }

  package init(
    site: String, store: any Store, strikes: Strikes, clock: any EngineClock = SystemClock(), waitingBytesMax: Int?,
    zone: TimeZoneRules? = nil, files: ChannelFiles? = nil, watch: AlertWatch? = nil, log: Logger
  ) {
    self.watch = watch
    self.site = site
    self.files = files
    self.store = store
    self.log = log
    shared = EngineShared(store: store, clock: clock, strikes: strikes, waitingBytesMax: waitingBytesMax, zone: zone)
    state.withLock { $0.environment = files?.environment }
    let now = clock.now()
    startedAt = now.wall
    rounds = Atomic(now.steady)
    shared.channels.withLock { channels in
      channels = { [weak self] in
        guard let (running, leaving) = self?.state.withLock({ ($0.channels, $0.leaving) }) else { return ([], []) }
        return (running, running.flatMap(\.lanes) + leaving.map(\.lane))
      }
    }
    shared.answers.use { [weak self] lane, deliveries in await self?.withdraw(lane, deliveries) }
  }

  /// In which environment its channels are; `nil` where they are in none.
  package var environment: String? { state.withLock { $0.environment } }

  var isStopping: Bool { state.withLock { $0.stopping } }

  package var channels: [ChannelRuntime] { state.withLock { $0.channels } }
  var broken: [BrokenChannel] { state.withLock { $0.broken } }
  var leaving: [LeavingLane] { state.withLock { $0.leaving } }
  package func channel(_ name: String) -> ChannelRuntime? { channels.first { $0.name.text == name } }

  /// Starts channels, those first that others depend on, and returns when their sources listen. One that can't start is
  /// reported and left out; the others work.
  ///
  /// - Parameter broken: channels whose file did not pass the check: shown in the status beside those that work.
  package func start(_ definitions: [ChannelDefinition], broken: [BrokenChannel] = []) async {
    state.withLock { $0.broken += broken }
    await readNotes()
    for definition in definitions {
      do {
        let (definition, over) = try await rolledBack(definition)
        let channel = try await make(definition, prepare(definition), by: "start", over: over)
        state.withLock { $0.channels.append(channel) }
      } catch {
        log.error("A channel could not be started.", metadata: ["channel": "\(definition.name)", "reason": "\(error)"])
        state.withLock { $0.broken.append(BrokenChannel(name: definition.name.text, reason: "\(error)")) }
      }
    }
    for one in broken where channel(one.name) == nil { await startRolledBack(one) }
    await goOnLeaving()
    await forgetSchedules()
    await warnOfStranded()
    // Those that others hand on to are open before anything is handed on.
    for channel in channels where channel.takesFromChannels && channel.work == .running { channel.startSource() }
    for level in StartOrder.levels(of: channels) {
      for channel in level { channel.start() }
      await withTaskGroup(of: Void.self) { group in
        for channel in level { group.addTask { await channel.cameUp() } }
      }
    }
    let housekeeping = Task {
      // What is too old may be so much that removing it takes long: people are told meanwhile.
      async let watching: Void = keepWatch()
      await keepHouse()
      await watching
    }
    state.withLock { $0.housekeeping = housekeeping }
  }

  /// Stops in order: sources first, then the lanes when what is under way was answered, then the store. Channels that
  /// depend on others stop before those.
  ///
  /// - Parameter seconds: how long to wait for partners' answers; what is unanswered then goes again after the next
  ///   start, marked as a possible duplicate.
  package func stop(within seconds: Int = 8) async {
    let first = state.withLock { state in
      defer { state.stopping = true }
      return !state.stopping
    }
    guard first else { return }
    await gate.close()
    state.withLock { $0.housekeeping }?.cancel()
    // A store that was lost ends the engine: people learn why.
    if store.condition != .open { await watchOnce() }
    let levels = StartOrder.levels(of: channels)
    // What others depend on takes messages until those have sent theirs.
    for level in levels.reversed() {
      await withTaskGroup(of: Void.self) { group in
        for channel in level { group.addTask { await channel.stopSource() } }
      }
      let others = level.first === levels.first?.first ? leaving.map(\.lane) : []
      await Lane.stop(level.flatMap(\.lanes) + others, within: seconds / max(1, levels.count))
    }
    if levels.isEmpty { await Lane.stop(leaving.map(\.lane), within: seconds) }
    await countTurnedAway()
    await watch?.close()
    await store.close()
  }

  // MARK: Housekeeping

  /// Every five seconds the meters tick; every minute a little of what is too old goes.
  private func keepHouse() async {
    var ticks = 0
    while !Task.isCancelled {
      try? await Task.sleep(for: .seconds(5), clock: SuspendingClock())
      for channel in channels { channel.meter.tick() }
      endLeft()
      await countTurnedAway()
      ticks += 1
      if ticks.isMultiple(of: 12) { await prune() }
    }
  }

  private func countTurnedAway() async {
    for channel in channels {
      let count = channel.meter.takeTurnedAway()
      if count > 0 { _ = try? await shared.change(.unavailable(channel: channel.keys.channel, count: count)) }
    }
  }

  private func prune() async {
    let keeping = Dictionary(uniqueKeysWithValues: channels.map { ($0.keys.channel, $0.definition.retention) })
    do throws(StoreError) {
      while try await store.prune(keeping, now: shared.clock.now().wall, rowsMax: 200), !Task.isCancelled {
        await Task.yield()
      }
    } catch {
      log.error("What is too old could not be removed.", metadata: ["reason": "\(error)"])
    }
  }
}

/// A channel that isn't at work because its file, or what it needs, is wrong.
package struct BrokenChannel: Sendable, Codable, Equatable {
  package var name: String
  package var reason: String
  package init(name: String, reason: String) {
    self.name = name
    self.reason = reason
  }
}

extension StoreCondition {
  package var text: String {
    switch self {
    case .open: "open"
    case .low(let reason), .lost(let reason): reason
    }
  }
}
