import Glibc

/// One reading of both clocks.
///
/// What waits is due by the wall clock (it has to survive a restart) but a running engine waits by the monotonic
/// clock: a wall clock that is set forward or back neither floods a partner nor stalls a lane.
package struct Moment: Sendable, Equatable {
  /// Milliseconds since 1970, UTC.
  package var wall: Int64
  /// Milliseconds on a clock that only goes forward.
  package var steady: Int64

  package init(wall: Int64, steady: Int64) {
    self.wall = wall
    self.steady = steady
  }
}

/// Time as a parameter: the engine's own, or a test's.
package protocol EngineClock: Sendable {
  func now() -> Moment
  /// Calls `then` once, on any thread, when this many milliseconds of the steady clock have passed, and never before.
  func wake(after milliseconds: Int64, _ then: @escaping @Sendable () -> Void)
}

/// The machine's clocks.
package struct SystemClock: EngineClock {
  package init() {}

  package func now() -> Moment {
    Moment(wall: Self.read(CLOCK_REALTIME), steady: Self.read(CLOCK_MONOTONIC))
  }

  package func wake(after milliseconds: Int64, _ then: @escaping @Sendable () -> Void) {
    // SuspendingClock reads CLOCK_MONOTONIC on Linux, as `now` does.
    Task {
      try? await Task.sleep(for: .milliseconds(max(0, milliseconds)), clock: SuspendingClock())
      then()
    }
  }

  private static func read(_ clock: clockid_t) -> Int64 {
    var time = timespec()
    clock_gettime(clock, &time)
    return Int64(time.tv_sec) * 1000 + Int64(time.tv_nsec) / 1_000_000
  }
}
