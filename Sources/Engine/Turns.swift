import Synchronization

/// Runs what it is given one after the other, in the order of the calls: what was asked for last is what holds in the
/// end, however long what was asked for before takes.
final class Turns: Sendable {
  private let last = Mutex<Task<Void, Never>?>(nil)

  func take<Value: Sendable>(_ turn: @escaping @Sendable () async throws -> Value) async throws -> Value {
    let mine = last.withLock { last in
      let task = Task { [before = last] in
        await before?.value
        return try await turn()
      }
      last = Task { _ = await task.result }
      return task
    }
    return try await mine.value
  }
}
