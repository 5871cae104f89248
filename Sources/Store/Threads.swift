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

/// Runs short jobs that block, on threads that are started when they are needed and then stay.
final class StoreCrew: @unchecked Sendable {
  private let name: String
  private let threadsMax: Int
  private let monitor = Monitor()
  private var jobs: [@Sendable () -> Void] = []
  private var threads = 0
  private var idle = 0

  init(_ name: String, threadsMax: Int) {
    self.name = name
    self.threadsMax = threadsMax
  }

  func run(_ job: @escaping @Sendable () -> Void) {
    let startsThread = monitor.locked {
      jobs.append(job)
      monitor.signal()
      guard jobs.count > idle, threads < threadsMax else { return false }
      threads += 1
      return true
    }
    if startsThread { StoreThread.start(name) { while true { self.next()() } } }
  }

  private func next() -> @Sendable () -> Void {
    monitor.locked {
      idle += 1
      defer { idle -= 1 }
      while jobs.isEmpty { monitor.wait() }
      return jobs.removeFirst()
    }
  }
}

/// Reads on a few threads, each with a connection of its own that can't write.
final class Readers: @unchecked Sendable {
  typealias Job = @Sendable (Connection) -> Void
  private let monitor = Monitor()
  private var jobs: [Job] = []
  private var head = 0
  private var running = 0
  private var isClosed = false
  private var onClosed: (@Sendable () -> Void)?

  func start(_ connection: Connection, number: Int) {
    monitor.locked { running += 1 }
    nonisolated(unsafe) let connection = connection
    StoreThread.start("store-read-\(number)") { self.run(connection) }
  }

  /// Returns `false` where the store is closed.
  func submit(_ job: @escaping Job) -> Bool {
    monitor.locked {
      guard !isClosed else { return false }
      jobs.append(job)
      monitor.signal()
      return true
    }
  }

  /// Whether long work should end.
  var isClosing: Bool { monitor.locked { isClosed } }

  /// What was submitted is still run; then the connections close and `then` is called.
  func close(_ then: @escaping @Sendable () -> Void) {
    let isDone = monitor.locked {
      isClosed = true
      if running > 0 { onClosed = then }
      monitor.signalAll()
      return running == 0
    }
    if isDone { then() }
  }

  private func run(_ connection: Connection) {
    while let job = next() { job(connection) }
    connection.close()
    let then = monitor.locked {
      running -= 1
      return running == 0 ? onClosed : nil
    }
    then?()
  }

  private func next() -> Job? {
    monitor.locked {
      while head == jobs.count {
        if isClosed { return nil }
        jobs.removeAll(keepingCapacity: true)
        head = 0
        monitor.wait()
      }
      defer { head += 1 }
      return jobs[head]
    }
  }
}
