import Foundation

/// How much is done in a second of one core.
///
/// What counts is the time in which the thread had a core. That it waited for one, because something else ran on the
/// machine, says nothing of the work.
enum CoreRate {
  /// Works until the time is up.
  ///
  /// - Parameters:
  ///   - seconds: how long, by a clock on the wall.
  ///   - count: how many things a pass of the body does.
  static func measure(_ seconds: Double, of count: Int = 1, _ body: () throws -> Void) rethrows -> Double {
    let clock = ContinuousClock()
    let (start, coreStart) = (clock.now, coreSeconds())
    var done = 0
    repeat {
      try body()
      done += count
    } while (clock.now - start) / .seconds(1) < seconds
    return Double(done) / (coreSeconds() - coreStart)
  }

  private static func coreSeconds() -> Double {
    var time = timespec()
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time)
    return Double(time.tv_sec) + Double(time.tv_nsec) / 1e9
  }
}
