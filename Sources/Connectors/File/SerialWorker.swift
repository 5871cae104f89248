import Dispatch
import Glibc
import Synchronization

/// Starts a thread of its own for calls that block; the pool of `async` code has as many threads as cores and none to
/// spare.
func startThread(_ body: @escaping @Sendable () -> Void) throws(FileFault) {
  let box = Unmanaged.passRetained(ThreadBody(body))
  var thread = pthread_t()
  let number = pthread_create(
    &thread, nil,
    { argument in
      guard let argument else { return nil }
      Unmanaged<ThreadBody>.fromOpaque(argument).takeRetainedValue().body()
      return nil
    }, box.toOpaque())
  guard number == 0 else {
    box.release()
    throw FileFault(.startThread, number)
  }
  pthread_detach(thread)
}

private final class ThreadBody {
  let body: @Sendable () -> Void
  init(_ body: @escaping @Sendable () -> Void) { self.body = body }
}

/// One thread that does jobs in the order in which they were handed over. What waits is taken several at a time, for
/// work that costs less together.
final class SerialWorker<Job: Sendable>: Sendable {
  private struct State {
    var waiting: [Job] = []
    var hasThread = false
    var isClosed = false
    var whenEnded: [@Sendable () -> Void] = []
  }

  private let state = Mutex(State())
  private let wake = DispatchSemaphore(value: 0)
  private let jobsMax: Int
  /// Called once on the thread: what it returns does the jobs, and may keep what is no business of other threads.
  private let begin: @Sendable () -> Work

  typealias Work = (_ jobs: [Job], _ worker: SerialWorker<Job>) -> Void

  init(jobsMax: Int, begin: @escaping @Sendable () -> Work) {
    self.jobsMax = jobsMax
    self.begin = begin
  }

  /// Hands over a job and returns at once. `false` where the worker is closed: the job will not be done.
  ///
  /// - Throws: where no thread could be started; the job will not be done.
  func add(_ job: Job) throws(FileFault) -> Bool {
    let isTaken = try state.withLock { (state) throws(FileFault) -> Bool in
      guard !state.isClosed else { return false }
      if !state.hasThread { try startThread { [self] in run() } }
      state.hasThread = true
      state.waiting.append(job)
      return true
    }
    if isTaken { wake.signal() }
    return isTaken
  }

  /// Takes away the jobs that wait. Only for a job that knows that those behind it can't be done either.
  func takeWaiting() -> [Job] {
    state.withLock { state in
      defer { state.waiting = [] }
      return state.waiting
    }
  }

  /// Takes no more jobs, gives back those that were not begun, and calls when the one under way is done.
  func close(_ ended: @escaping @Sendable () -> Void) -> [Job] {
    let (rest, isIdle) = state.withLock { state -> ([Job], Bool) in
      state.isClosed = true
      if state.hasThread { state.whenEnded.append(ended) }
      defer { state.waiting = [] }
      return (state.waiting, !state.hasThread)
    }
    if isIdle { ended() } else { wake.signal() }
    return rest
  }

  private func run() {
    let work = begin()
    while true {
      wake.wait()
      let (jobs, ended) = state.withLock { state -> ([Job], [@Sendable () -> Void]?) in
        if state.waiting.isEmpty {
          guard state.isClosed else { return ([], nil) }
          state.hasThread = false
          defer { state.whenEnded = [] }
          return ([], state.whenEnded)
        }
        let jobs = Array(state.waiting.prefix(jobsMax))
        state.waiting.removeFirst(jobs.count)
        return (jobs, nil)
      }
      if !jobs.isEmpty { work(jobs, self) }
      if let ended {
        for call in ended { call() }
        return
      }
    }
  }
}
