import Synchronization

/// Runs what it is given one after the other, in the order of the calls: what was asked for last is what holds in the
/// end, however long what was asked for before takes.
final class Turns: Sendable {
  private let last = Mutex<Task<Void, any Error>?>(nil)

  func take(_ turn: @escaping @Sendable () async throws -> Void) async throws {
    let mine = last.withLock { last in
      let task = Task { [before = last] in
        _ = await before?.result
        try await turn()
      }
      last = task
      return task
    }
    try await mine.value
  }
}
