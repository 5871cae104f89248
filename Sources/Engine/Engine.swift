import ConnectorKit
package import Definitions
package import Logging
import Messages
package import Store
import Synchronization

/// The engine: one store, the channels that work on it, and what a person may do to them.
package final class Engine: Sendable {
  package let store: any Store
  package let startedAt: Int64
  /// The name of this installation.
  let site: String
  let shared: EngineShared
  let log: Logger
  private let state = Mutex(State())

  private struct State {
    var channels: [ChannelRuntime] = []
    /// Channels that could not be started, and why.
    var broken: [BrokenChannel] = []
    var housekeeping: Task<Void, Never>?
    var stopping = false
  }

  package init(
    site: String, store: any Store, strikes: Strikes, clock: any EngineClock = SystemClock(), waitingBytesMax: Int?,
    log: Logger
  ) {
    self.site = site
    self.store = store
    self.log = log
    shared = EngineShared(store: store, clock: clock, strikes: strikes, waitingBytesMax: waitingBytesMax)
    startedAt = clock.now().wall
  }

  package var channels: [ChannelRuntime] { state.withLock { $0.channels } }
  var broken: [BrokenChannel] { state.withLock { $0.broken } }
  package func channel(_ name: String) -> ChannelRuntime? { channels.first { $0.name.text == name } }

  /// Starts channels, and returns when their sources listen. One that can't start is reported and left out; the
  /// others work.
  package func start(_ definitions: [ChannelDefinition]) async {
    for definition in definitions {
      do {
        let channel = try await make(definition)
        state.withLock { $0.channels.append(channel) }
      } catch {
        log.error("A channel could not be started.", metadata: ["channel": "\(definition.name)", "reason": "\(error)"])
        state.withLock { $0.broken.append(BrokenChannel(name: definition.name.text, reason: "\(error)")) }
      }
    }
    await warnOfStranded()
    for channel in channels { channel.start() }
    await withTaskGroup(of: Void.self) { group in
      for channel in channels { group.addTask { await channel.cameUp() } }
    }
    let housekeeping = Task { await keepHouse() }
    state.withLock { $0.housekeeping = housekeeping }
  }

  /// A channel file that did not pass the check: shown in the status beside those that work.
  package func report(_ broken: BrokenChannel) { state.withLock { $0.broken.append(broken) } }

  private func make(_ definition: ChannelDefinition) async throws -> ChannelRuntime {
    var log = log
    log[metadataKey: "channel"] = "\(definition.name)"
    let keys = try await store.register(definition.registration)
    var context = ConnectorContext(
      channel: definition.name, logger: log, hl7: definition.hl7, messageBytesMax: definition.limits.messageBytesMax,
      answers: shared.strikes)
    let source = try definition.source.make(context)
    let pipeline = Pipeline(definition)
    var replies: [ReplyReader] = []
    let lanes = try definition.destinations.indices.map { index in
      let (destination, own) = (definition.destinations[index], keys.lanes[index])
      var log = log
      log[metadataKey: "lane"] = "\(destination.name)"
      context.destination = destination.name
      context.inFlight = destination.order.inFlight
      context.logger = log
      let reader = destination.reply.map { _ in ReplyReader(destination: index, pipeline, keys, shared) }
      if let reader { replies.append(reader) }
      return Lane(
        LaneName(channel: definition.name, destination: destination.name), keys: own,
        connector: try destination.connector.make(context), store: store,
        policy: LanePolicy(destination), clock: shared.clock, log: log, replies: reader,
        isStruck: { [shared] in shared.strikes.isStruck($0) })
    }
    for reader in replies { reader.know(lanes) }
    return ChannelRuntime(
      definition, keys: keys, pipeline: pipeline, source: source, lanes: lanes, shared: shared, log: log)
  }

  /// Stops in order: sources first, then the lanes when what is under way was answered, then the store.
  ///
  /// - Parameter seconds: how long to wait for partners' answers; what is unanswered then goes again after the next
  ///   start, marked as a possible duplicate.
  package func stop(within seconds: Int = 8) async {
    let first = state.withLock { state in
      defer { state.stopping = true }
      return !state.stopping
    }
    guard first else { return }
    state.withLock { $0.housekeeping }?.cancel()
    await withTaskGroup(of: Void.self) { group in
      for channel in channels { group.addTask { await channel.stopSource() } }
    }
    let lanes = channels.flatMap(\.lanes)
    await withTaskGroup(of: Void.self) { group in
      let patience = Task {
        try? await Task.sleep(for: .seconds(seconds), clock: SuspendingClock())
        if Task.isCancelled { return }
        // At once: a connector that is slow to close must not hold up those behind it.
        await withTaskGroup(of: Void.self) { group in
          for lane in lanes { group.addTask { await lane.abandon() } }
        }
      }
      for lane in lanes { group.addTask { await lane.stop() } }
      await group.waitForAll()
      patience.cancel()
    }
    await countTurnedAway()
    await store.close()
  }

  // MARK: Housekeeping

  /// Every five seconds the meters tick; every minute a little of what is too old goes.
  private func keepHouse() async {
    var ticks = 0
    while !Task.isCancelled {
      try? await Task.sleep(for: .seconds(5), clock: SuspendingClock())
      for channel in channels { channel.meter.tick() }
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
