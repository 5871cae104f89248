import Glibc

/// The thread on which a backup reads and checks: one job after the other, away from the threads that carry messages.
///
/// Ends when it is closed, or when nobody has asked for anything for so long that nobody will.
final class BackupThread: @unchecked Sendable {
  private let monitor = Monitor()
  private var jobs: [@Sendable () -> Void] = []
  private var isClosed = false
  private var isStarted = false
  private var hasEnded = false
  private var whenEnded: [@Sendable () -> Void] = []

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
    monitor.locked {
      hasEnded = true
      defer { whenEnded = [] }
      return whenEnded
    }
  }

  /// Returns `false` where the thread has ended, or is ending.
  func submit(_ job: @escaping @Sendable () -> Void) -> Bool {
    monitor.locked {
      if isClosed { return false }
      jobs.append(job)
      monitor.signal()
      return true
    }
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
    monitor.locked {
      isClosed = true
      monitor.signal()
      if !hasEnded { whenEnded.append(then) }
      return hasEnded
    }
  }

  /// What was submitted is still run.
  func close() {
    monitor.locked {
      isClosed = true
      monitor.signal()
    }
  }

  private func next(_ patienceSeconds: Int) -> (@Sendable () -> Void)? {
    let deadline = nanoseconds(CLOCK_MONOTONIC) + UInt64(patienceSeconds) * 1_000_000_000
    return monitor.locked {
      while jobs.isEmpty, !isClosed {
        if !monitor.wait(until: deadline) { isClosed = true }
      }
      return jobs.isEmpty ? nil : jobs.removeFirst()
    }
  }
}
