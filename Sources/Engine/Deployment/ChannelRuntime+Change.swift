import ConnectorKit
import Definitions
import Messages
import Synchronization

extension ChannelRuntime {
  /// The source doesn't run although it should, and why.
  var trouble: String? {
    state.withLock { state in
      state.work == .running && state.source.status().listening == nil ? state.trouble : nil
    }
  }

  var isListening: Bool { state.withLock { $0.source }.status().listening != nil }

  /// Another source takes the place of one that was stopped.
  func replace(_ source: SourceAtWork) { state.withLock { $0.source = source } }

  /// Starts the source where the channel shall run, and waits until it listens or has said why not.
  func resumeSource() async {
    guard work == .running else { return }
    startSource()
    await cameUp()
  }
}

extension Lane {
  /// Ends lanes in order: what is under way is answered, and durable.
  ///
  /// - Parameter seconds: what has no answer by then is given up, and goes again, marked as a possible duplicate.
  static func stop(_ lanes: [Lane], within seconds: Int) async {
    if lanes.isEmpty { return }
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
  }
}
