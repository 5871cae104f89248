import Synchronization

/// Ends what doesn't get on: each step pushes its end out.
final class Patience: Sendable {
  /// Nothing happened for too long.
  struct Over: Error {}

  private let time: Duration
  private let end: Mutex<ContinuousClock.Instant>

  /// - Parameter first: how long the first step may take besides.
  init(_ time: Duration, first: Duration = .zero) {
    // What is longer than ten years can't be added to any clock.
    let longest = Duration.seconds(10 * 365 * 86_400)
    self.time = min(time, longest)
    end = Mutex(.now + min(time, longest) + min(first, longest))
  }

  func step() { end.withLock { $0 = .now + time } }

  /// Returns what `body` returns; where it doesn't get on, it is cancelled.
  ///
  /// - Throws: `Over`, or what `body` throws.
  func run<Value: Sendable>(_ body: @escaping @Sendable () async throws -> Value) async throws -> Value {
    try await withThrowingTaskGroup(of: Value.self) { group in
      group.addTask(operation: body)
      group.addTask { [self] in
        while true {
          let end = end.withLock { $0 }
          guard end > .now else { throw Over() }
          // The first step may bring it nearer.
          try await Task.sleep(until: min(end, .now + time), clock: .continuous)
        }
      }
      defer { group.cancelAll() }
      guard let first = try await group.next() else { throw Over() }
      return first
    }
  }
}
