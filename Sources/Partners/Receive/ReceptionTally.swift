internal import NIOCore
internal import Synchronization

/// What a receiver got, and who waits for more of it.
final class ReceptionTally<Item: Sendable>: Sendable {
  private struct Waiter {
    let id: UInt64
    let count: Int
    let continuation: CheckedContinuation<Void, any Error>
  }
  private struct State {
    var receptions: [Item] = []
    var occurrences: [String: Int] = [:]
    var connectionCount = 0
    var waiters: [Waiter] = []
    var nextWaiter: UInt64 = 0
  }
  private let state = Mutex(State())

  var receptions: [Item] { state.withLock { $0.receptions } }
  var receptionCount: Int { state.withLock { $0.receptions.count } }
  var connectionCount: Int { state.withLock { $0.connectionCount } }

  func nextConnection() -> Int {
    state.withLock { state in
      state.connectionCount += 1
      return state.connectionCount - 1
    }
  }

  /// Numbers a reception. It is known to those who wait only after ``announce()``.
  func add(_ key: String, _ make: (_ number: Int, _ occurrence: Int) -> Item) -> Item {
    state.withLock { state in
      state.occurrences[key, default: 0] += 1
      let reception = make(state.receptions.count, state.occurrences[key, default: 1])
      state.receptions.append(reception)
      return reception
    }
  }

  /// Wakes those who have waited for as many as there are.
  func announce() {
    let ready = state.withLock { state in
      let ready = state.waiters.filter { $0.count <= state.receptions.count }
      state.waiters.removeAll { $0.count <= state.receptions.count }
      return ready
    }
    for waiter in ready { waiter.continuation.resume() }
  }

  /// Returns when at least `count` have come.
  /// - Throws: ``PartnerError/notInTime(awaited:came:)``; cancellation.
  func wait(for count: Int, within: Duration, on loop: any EventLoop) async throws {
    let id = state.withLock { state in
      state.nextWaiter += 1
      return state.nextWaiter
    }
    let timer = loop.scheduleTask(in: .nanoseconds(Int64(clamping: within.nanosecondsWhole))) {
      self.giveUp(id, awaited: count)
    }
    defer { timer.cancel() }
    try await withTaskCancellationHandler {
      try await withCheckedThrowingContinuation { continuation in
        let isReady = state.withLock { state in
          if state.receptions.count >= count { return true }
          state.waiters.append(Waiter(id: id, count: count, continuation: continuation))
          return false
        }
        if isReady { continuation.resume() }
        if Task.isCancelled { giveUp(id, awaited: count) }
      }
    } onCancel: {
      giveUp(id, awaited: count)
    }
  }

  private func giveUp(_ id: UInt64, awaited: Int) {
    let (waiter, came) = state.withLock { state in
      let place = state.waiters.firstIndex { $0.id == id }
      return (place.map { state.waiters.remove(at: $0) }, state.receptions.count)
    }
    waiter?.continuation.resume(throwing: PartnerError.notInTime(awaited: awaited, came: came))
  }
}
