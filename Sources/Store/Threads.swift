import CSQLite
import Glibc
import Synchronization

/// A thread of the store's own: SQLite, hashing of files and syncing must not stand on the cooperative pool.
enum StoreThread {
  private final class Start {
    let body: () -> Void
    init(_ body: @escaping () -> Void) { self.body = body }
  }

  /// - Parameter name: at most 15 letters, as `top -H` shows it.
  static func start(_ name: String, _ body: @escaping @Sendable () -> Void) {
    var thread = pthread_t()
    var attributes = pthread_attr_t()
    pthread_attr_init(&attributes)
    pthread_attr_setdetachstate(&attributes, Int32(PTHREAD_CREATE_DETACHED))
    pthread_attr_setstacksize(&attributes, 2 << 20)
    let start = Unmanaged.passRetained(
      Start {
        hilum_name_thread(name)
        body()
      })
    let code = pthread_create(
      &thread, &attributes,
      { argument in
        guard let argument else { return nil }
        Unmanaged<Start>.fromOpaque(argument).takeRetainedValue().body()
        return nil
      }, start.toOpaque())
    pthread_attr_destroy(&attributes)
    precondition(code == 0, "the system refused a thread")
  }
}

/// Reads on a few threads, each with a connection of its own that can't write.
final class Readers: @unchecked Sendable {
  typealias Job = @Sendable (Connection) -> Void
  private let mutex = UnsafeMutablePointer<pthread_mutex_t>.allocate(capacity: 1)
  private let wake = UnsafeMutablePointer<pthread_cond_t>.allocate(capacity: 1)
  private var jobs: [Job] = []
  private var head = 0
  private var running = 0
  private var isClosed = false
  private var onClosed: (@Sendable () -> Void)?

  init() {
    pthread_mutex_init(mutex, nil)
    pthread_cond_init(wake, nil)
  }

  deinit {
    pthread_mutex_destroy(mutex)
    pthread_cond_destroy(wake)
    mutex.deallocate()
    wake.deallocate()
  }

  func start(_ connection: Connection, number: Int) {
    pthread_mutex_lock(mutex)
    running += 1
    pthread_mutex_unlock(mutex)
    nonisolated(unsafe) let connection = connection
    StoreThread.start("store-read-\(number)") { self.run(connection) }
  }

  /// Returns `false` where the store is closed.
  func submit(_ job: @escaping Job) -> Bool {
    pthread_mutex_lock(mutex)
    defer { pthread_mutex_unlock(mutex) }
    guard !isClosed else { return false }
    jobs.append(job)
    pthread_cond_signal(wake)
    return true
  }

  /// Whether long work should end.
  var isClosing: Bool {
    pthread_mutex_lock(mutex)
    defer { pthread_mutex_unlock(mutex) }
    return isClosed
  }

  /// What was submitted is still run; then the connections close and `then` is called.
  func close(_ then: @escaping @Sendable () -> Void) {
    pthread_mutex_lock(mutex)
    isClosed = true
    let isDone = running == 0
    if !isDone { onClosed = then }
    pthread_cond_broadcast(wake)
    pthread_mutex_unlock(mutex)
    if isDone { then() }
  }

  private func run(_ connection: Connection) {
    while let job = next() { job(connection) }
    connection.close()
    pthread_mutex_lock(mutex)
    running -= 1
    let then = running == 0 ? onClosed : nil
    pthread_mutex_unlock(mutex)
    then?()
  }

  private func next() -> Job? {
    pthread_mutex_lock(mutex)
    defer { pthread_mutex_unlock(mutex) }
    while head == jobs.count {
      if isClosed { return nil }
      jobs.removeAll(keepingCapacity: true)
      head = 0
      pthread_cond_wait(wake, mutex)
    }
    defer { head += 1 }
    return jobs[head]
  }
}
