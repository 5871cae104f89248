import DequeModule
import Synchronization

/// Keeps deployments and what people do to lanes out of each other's way: many of the latter at once, or one deployment
/// alone. A deployment waits until nothing else is under way; what comes while it works waits for it.
final class DeploymentGate: Sendable {
  private struct State {
    var operations = 0
    var isDeploying = false
    var isClosed = false
    var waitingOperations: [CheckedContinuation<Void, Never>] = []
    var waitingDeployments: Deque<CheckedContinuation<Bool, Never>> = []
    var whenDone: [CheckedContinuation<Void, Never>] = []
  }
  private let state = Mutex(State())

  /// Runs what must not meet a deployment.
  func beside<Value>(_ operation: () async throws -> Value) async rethrows -> Value {
    await withCheckedContinuation { continuation in
      let mayGo = state.withLock { state in
        if state.isDeploying {
          state.waitingOperations.append(continuation)
          return false
        }
        state.operations += 1
        return true
      }
      if mayGo { continuation.resume() }
    }
    defer { operationEnded() }
    return try await operation()
  }

  private func operationEnded() {
    let next = state.withLock { state in
      state.operations -= 1
      return Self.nextDeployment(&state)
    }
    next?.resume(returning: true)
  }

  private static func nextDeployment(_ state: inout State) -> CheckedContinuation<Bool, Never>? {
    guard state.operations == 0, !state.isDeploying, let next = state.waitingDeployments.popFirst() else { return nil }
    state.isDeploying = true
    return next
  }

  /// Runs a deployment; those that were asked for at once run one after the other.
  ///
  /// - Throws: where the engine is stopping, before it has begun.
  func alone<Value>(_ deployment: () async throws -> Value) async throws -> Value {
    let mayGo = await withCheckedContinuation { continuation in
      let answer: Bool? = state.withLock { state in
        if state.isClosed { return false }
        if state.isDeploying || state.operations > 0 {
          state.waitingDeployments.append(continuation)
          return nil
        }
        state.isDeploying = true
        return true
      }
      if let answer { continuation.resume(returning: answer) }
    }
    guard mayGo else { throw OperationError("the engine is stopping: nothing was changed") }
    defer { deploymentEnded() }
    return try await deployment()
  }

  private func deploymentEnded() {
    let (operations, deployment, done) = state.withLock { state in
      state.isDeploying = false
      state.operations += state.waitingOperations.count
      defer {
        state.waitingOperations = []
        state.whenDone = []
      }
      return (state.waitingOperations, Self.nextDeployment(&state), state.whenDone)
    }
    for waiter in operations { waiter.resume() }
    deployment?.resume(returning: true)
    for waiter in done { waiter.resume() }
  }

  /// The engine is stopping: no deployment begins any more. Returns when the one that works has ended.
  func close() async {
    let refused = state.withLock { state in
      state.isClosed = true
      defer { state.waitingDeployments = [] }
      return state.waitingDeployments
    }
    for waiter in refused { waiter.resume(returning: false) }
    await withCheckedContinuation { continuation in
      let isDone = state.withLock { state in
        if state.isDeploying { state.whenDone.append(continuation) }
        return !state.isDeploying
      }
      if isDone { continuation.resume() }
    }
  }

  /// A deployment that works should end soon.
  var isClosed: Bool { state.withLock { $0.isClosed } }
}
