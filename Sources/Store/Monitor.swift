import Glibc

/// Guards what threads of the store share, and lets one of them sleep until another has changed it. What it guards is
/// touched inside `locked` alone.
final class Monitor: @unchecked Sendable {
  private let mutex = UnsafeMutablePointer<pthread_mutex_t>.allocate(capacity: 1)
  private let change = UnsafeMutablePointer<pthread_cond_t>.allocate(capacity: 1)

  init() {
    pthread_mutex_init(mutex, nil)
    var attributes = pthread_condattr_t()
    pthread_condattr_init(&attributes)
    // A clock that is set must not wake a sleeper early or late.
    pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC)
    pthread_cond_init(change, &attributes)
    pthread_condattr_destroy(&attributes)
  }

  deinit {
    pthread_mutex_destroy(mutex)
    pthread_cond_destroy(change)
    mutex.deallocate()
    change.deallocate()
  }

  func locked<Value>(_ body: () throws -> Value) rethrows -> Value {
    pthread_mutex_lock(mutex)
    defer { pthread_mutex_unlock(mutex) }
    return try body()
  }

  /// Inside `locked`: sleeps until somebody signals; may wake without that.
  func wait() { pthread_cond_wait(change, mutex) }

  /// The same, for so long at most.
  ///
  /// - Parameter deadline: nanoseconds of the monotonic clock.
  /// - Returns: `false` when it has passed.
  func wait(until deadline: UInt64) -> Bool {
    var time = timespec(tv_sec: Int(deadline / 1_000_000_000), tv_nsec: Int(deadline % 1_000_000_000))
    return pthread_cond_timedwait(change, mutex, &time) != ETIMEDOUT
  }

  /// Wakes one sleeper, or all.
  func signal() { pthread_cond_signal(change) }
  func signalAll() { pthread_cond_broadcast(change) }
}
