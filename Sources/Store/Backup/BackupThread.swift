import Glibc

/// The thread on which a backup reads and checks: one job after the other, away from the threads that carry messages.
///
/// Ends when it is closed, or when nobody has asked for anything for so long that nobody will.
final class BackupThread: @unchecked Sendable {
  private let mutex = UnsafeMutablePointer<pthread_mutex_t>.allocate(capacity: 1)
  private let wake = UnsafeMutablePointer<pthread_cond_t>.allocate(capacity: 1)
  private var jobs: [@Sendable () -> Void] = []
  private var isClosed = false
  private var isStarted = false
  private var hasEnded = false
  private var whenEnded: [@Sendable () -> Void] = []

  init() {
    pthread_mutex_init(mutex, nil)
    var attributes = pthread_condattr_t()
    pthread_condattr_init(&attributes)
    pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC)
    pthread_cond_init(wake, &attributes)
    pthread_condattr_destroy(&attributes)
  }

  deinit {
    pthread_mutex_destroy(mutex)
    pthread_cond_destroy(wake)
    mutex.deallocate()
    wake.deallocate()
  }

  /// - Parameter whenDone: called on the thread at its end, once.
  func start(patienceSeconds: Int, whenDone: @escaping @Sendable () -> Void) {
    isStarted = true
    StoreThread.start("store-backup") {
      while let job = self.next(patienceSeconds) { job() }
      whenDone()
      for then in self.ended() { then() }
    }
  }

  private func ended() -> [@Sendable () -> Void] {
    pthread_mutex_lock(mutex)
    defer { pthread_mutex_unlock(mutex) }
    hasEnded = true
    defer { whenEnded = [] }
    return whenEnded
  }

  /// Returns `false` where the thread has ended, or is ending.
  func submit(_ job: @escaping @Sendable () -> Void) -> Bool {
    pthread_mutex_lock(mutex)
    defer { pthread_mutex_unlock(mutex) }
    if isClosed { return false }
    jobs.append(job)
    pthread_cond_signal(wake)
    return true
  }

  /// Closes it, and returns when it has ended; `false` where it was never started.
  func end() async -> Bool {
    guard isStarted else { return false }
    await withCheckedContinuation { (continuation: CheckedContinuation<Void, Never>) in
      if close({ continuation.resume() }) { continuation.resume() }
    }
    return true
  }

  private func close(_ then: @escaping @Sendable () -> Void) -> Bool {
    pthread_mutex_lock(mutex)
    defer { pthread_mutex_unlock(mutex) }
    isClosed = true
    pthread_cond_signal(wake)
    if !hasEnded { whenEnded.append(then) }
    return hasEnded
  }

  /// What was submitted is still run.
  func close() {
    pthread_mutex_lock(mutex)
    isClosed = true
    pthread_cond_signal(wake)
    pthread_mutex_unlock(mutex)
  }

  private func next(_ patienceSeconds: Int) -> (@Sendable () -> Void)? {
    pthread_mutex_lock(mutex)
    defer { pthread_mutex_unlock(mutex) }
    let deadline = nanoseconds(CLOCK_MONOTONIC) + UInt64(patienceSeconds) * 1_000_000_000
    var time = timespec(tv_sec: Int(deadline / 1_000_000_000), tv_nsec: Int(deadline % 1_000_000_000))
    while jobs.isEmpty, !isClosed {
      if pthread_cond_timedwait(wake, mutex, &time) == ETIMEDOUT { isClosed = true }
    }
    return jobs.isEmpty ? nil : jobs.removeFirst()
  }
}
