package import Definitions
import Messages
package import Store
import Synchronization

/// What one revision of a channel works with.
package final class ChannelVersion: Sendable {
  package let definition: ChannelDefinition
  package let keys: ChannelKeys
  let pipeline: Pipeline
  /// In the order of the definition's destinations.
  let lanes: [Lane]

  init(_ definition: ChannelDefinition, keys: ChannelKeys, lanes: [Lane]) {
    self.definition = definition
    self.keys = keys
    self.lanes = lanes
    pipeline = Pipeline(definition)
  }

  /// Runs a message; nothing is stored.
  func preview(
    _ payload: Payload, _ attributes: [String: Value], id: MessageID, receivedAt: Int64, isReleased: Bool = false
  ) -> Decided {
    pipeline.run(payload, attributes, id: id, receivedAt: receivedAt, isReleased: isReleased)
  }
}

/// Where messages enter the version of a channel that runs, so that it can be changed between two of them.
///
/// A message is inside from the moment it is run until it is durable and its lanes know of it. While the passage is
/// held, what comes waits in front of it, in its order, for as long as a commit takes.
final class Passage: Sendable {
  private struct State {
    var version: ChannelVersion
    var inside = 0
    var isHeld = false
    /// Told when the passage opens.
    var waiting: [@Sendable () -> Void] = []
    var whenEmpty: [CheckedContinuation<Void, Never>] = []
  }
  private let state: Mutex<State>

  init(_ version: ChannelVersion) { state = Mutex(State(version: version)) }

  var version: ChannelVersion { state.withLock { $0.version } }

  /// Enters; `leave` must follow. `nil` while the passage is held: `wait` is called once it opens, and must return at
  /// once.
  func enter(orWhenOpen wait: @escaping @Sendable () -> Void) -> ChannelVersion? {
    state.withLock { state in
      if state.isHeld {
        state.waiting.append(wait)
        return nil
      }
      state.inside += 1
      return state.version
    }
  }

  /// Enters as soon as the passage is open.
  func enter() async -> ChannelVersion {
    while true {
      var entered: ChannelVersion?
      await withCheckedContinuation { continuation in
        entered = enter { continuation.resume() }
        if entered != nil { continuation.resume() }
      }
      if let entered { return entered }
    }
  }

  func leave() {
    let waiters = state.withLock { state in
      state.inside -= 1
      guard state.inside == 0 else { return [] as [CheckedContinuation<Void, Never>] }
      defer { state.whenEmpty = [] }
      return state.whenEmpty
    }
    for waiter in waiters { waiter.resume() }
  }

  /// Lets nobody in any more; returns when nobody is inside. One at a time.
  func hold() async {
    await withCheckedContinuation { continuation in
      let isEmpty = state.withLock { state in
        state.isHeld = true
        if state.inside > 0 { state.whenEmpty.append(continuation) }
        return state.inside == 0
      }
      if isEmpty { continuation.resume() }
    }
  }

  /// Returns when nobody is inside. Others may enter meanwhile: for who knows that nobody does who matters.
  func emptied() async {
    await withCheckedContinuation { continuation in
      let isEmpty = state.withLock { state in
        if state.inside > 0 { state.whenEmpty.append(continuation) }
        return state.inside == 0
      }
      if isEmpty { continuation.resume() }
    }
  }

  /// Opens to a version. Not held before, messages inside end with the version that they entered.
  func open(_ version: ChannelVersion? = nil) {
    let waiting = state.withLock { state in
      if let version { state.version = version }
      state.isHeld = false
      defer { state.waiting = [] }
      return state.waiting
    }
    for wait in waiting { wait() }
  }
}
