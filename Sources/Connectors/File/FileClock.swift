import Glibc

/// The clocks of a file source: one that only goes forward to measure with, one to show to people.
struct FileClock: Sendable {
  /// Since some moment in the past; never set back.
  var now: @Sendable () -> Duration
  /// Milliseconds since 1970.
  var wallMilliseconds: @Sendable () -> Int64

  static let system = FileClock(
    now: {
      let time = read(CLOCK_MONOTONIC)
      return .seconds(Int64(time.tv_sec)) + .nanoseconds(Int64(time.tv_nsec))
    },
    wallMilliseconds: {
      let time = read(CLOCK_REALTIME)
      return Int64(time.tv_sec) &* 1000 &+ Int64(time.tv_nsec) / 1_000_000
    })

  private static func read(_ clock: clockid_t) -> timespec {
    var time = timespec()
    clock_gettime(clock, &time)
    return time
  }
}
