import Store
import Synchronization

/// Whether an engine lives and whether it takes messages, with reasons.
package struct EngineHealth: Sendable, Codable, Equatable {
  package enum State: String, Sendable, Codable {
    /// Everything that shall run does.
    case ready
    /// Messages are taken, but a part is not at work.
    case degraded
    /// Nothing is taken.
    case unready
  }
  package var state: State
  /// What is wrong, in our words; empty where nothing is.
  package var reasons: [String]

  package init(state: State, reasons: [String]) {
    self.state = state
    self.reasons = reasons
  }
}

extension Engine {
  /// The engine looks after itself every five seconds; after so many milliseconds without it something hangs.
  static let idleMax: Int64 = 60_000

  /// Why the process should be started anew; `nil` while it lives. Asks nothing that could hang.
  package var reasonToRestart: String? {
    let idleFor = shared.clock.now().steady - rounds.load(ordering: .relaxed)
    return Self.reasonToRestart(store.condition, idleFor: idleFor)
  }

  /// A full disk or a partner that is away is no reason: a restart mends neither.
  ///
  /// - Parameter idleFor: since the engine last looked after itself, in milliseconds of the steady clock.
  static func reasonToRestart(_ condition: StoreCondition, idleFor: Int64) -> String? {
    if case .lost(let reason) = condition { return reason }
    if idleFor > idleMax { return "the engine has not looked after itself for \(idleFor / 1000) s" }
    return nil
  }
}

extension EngineLook {
  /// Whether messages are taken.
  package var health: EngineHealth {
    var closed: [String] = []
    if isStopping { closed.append("the engine is stopping") }
    if condition != .open { closed.append("nothing is taken: \(condition.text)") }
    let parts =
      status.broken.map { "channel \($0.name) is not at work: \($0.reason)" }
      + status.channels.compactMap { channel in
        channel.trouble.map { "the source of channel \(channel.name) is not running: \($0)" }
      }
    let wanted = status.broken.count + status.channels.count { $0.state == ChannelRuntime.Work.running.rawValue }
    if wanted > 0, parts.count >= wanted { closed.append("no channel takes messages") }
    let state: EngineHealth.State = closed.isEmpty ? (parts.isEmpty ? .ready : .degraded) : .unready
    return EngineHealth(state: state, reasons: closed + parts)
  }
}
