import Foundation
import Glibc
import Synchronization

/// A program that was started, with its output and its complaints in files.
///
/// Killed when nobody holds it any more.
final class Launch: Sendable {
  enum Ending: Sendable, Equatable {
    case exited(Int32)
    case signalled(Int32)
  }

  private struct State {
    var ending: Ending?
    var waiters: [Int: CheckedContinuation<Ending?, Never>] = [:]
    var nextWaiter = 0
  }

  let id: pid_t
  private let outputPath: String
  private let errorsPath: String
  private let state = Mutex(State())

  /// - Parameters:
  ///   - words: the program, found on the path, and its arguments.
  ///   - folder: where it runs.
  ///   - output: a file for its standard output, emptied first.
  ///   - errors: a file for its standard error, added to.
  init(
    _ words: [String], in folder: String, environment: [String: String] = [:], output: String, errors: String
  ) throws {
    outputPath = output
    errorsPath = errors
    var actions = posix_spawn_file_actions_t()
    posix_spawn_file_actions_init(&actions)
    defer { posix_spawn_file_actions_destroy(&actions) }
    posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0)
    posix_spawn_file_actions_addopen(&actions, 1, output, O_WRONLY | O_CREAT | O_TRUNC, 0o600)
    posix_spawn_file_actions_addopen(&actions, 2, errors, O_WRONLY | O_CREAT | O_APPEND, 0o600)
    // Sockets of the tests that are not marked would keep ports and connections open.
    _ = Self.addCloseFrom?(&actions, 3)
    // `env -C` takes the program's place after the change of folder: the number is the program's.
    let words = ["env", "-C", folder] + words
    let arguments = words.map { strdup($0) }
    let variables = ProcessInfo.processInfo.environment.merging(Self.quiet) { $1 }.merging(environment) { $1 }
      .map { strdup("\($0.key)=\($0.value)") }
    defer { for text in arguments + variables { free(text) } }
    var attributes = posix_spawnattr_t()
    posix_spawnattr_init(&attributes)
    defer { posix_spawnattr_destroy(&attributes) }
    // The threads that tests run on block signals, and a child would inherit that.
    var none = sigset_t()
    sigemptyset(&none)
    posix_spawnattr_setsigmask(&attributes, &none)
    posix_spawnattr_setflags(&attributes, Int16(POSIX_SPAWN_SETSIGMASK))
    var id: pid_t = 0
    let code = posix_spawnp(&id, words[0], &actions, &attributes, arguments + [nil], variables + [nil])
    guard code == 0 else { throw WayError("\(words[3]) can't be started: \(String(cString: strerror(code)))") }
    self.id = id
    Thread.detachNewThread { [self] in reap() }
  }

  /// From glibc 2.34 on; the module that Swift sees doesn't have it.
  private static let addCloseFrom: (@convention(c) (UnsafeMutableRawPointer, Int32) -> Int32)? = {
    dlsym(nil, "posix_spawn_file_actions_addclosefrom_np").map {
      unsafeBitCast($0, to: (@convention(c) (UnsafeMutableRawPointer, Int32) -> Int32).self)
    }
  }()

  /// A crash on purpose shall not spend seconds on its backtrace.
  private static let quiet = ["SWIFT_BACKTRACE": "enable=no"]

  deinit { if state.withLock({ $0.ending }) == nil { Glibc.kill(id, SIGKILL) } }

  /// What it printed so far.
  var output: String { text(outputPath) }
  var errors: String { text(errorsPath) }
  private func text(_ path: String) -> String {
    String(decoding: FileManager.default.contents(atPath: path) ?? Data(), as: UTF8.self)
  }

  var isRunning: Bool { state.withLock { $0.ending } == nil }

  /// Sends a signal, unless it has ended.
  func signal(_ number: Int32) { state.withLock { if $0.ending == nil { Glibc.kill(id, number) } } }

  /// How it ended, once it has; `nil` where that takes longer.
  func ending(within seconds: Double) async -> Ending? {
    await withCheckedContinuation { continuation in
      let number: Int? = state.withLock { state in
        guard state.ending == nil else { return nil }
        state.nextWaiter += 1
        state.waiters[state.nextWaiter] = continuation
        return state.nextWaiter
      }
      guard let number else { return continuation.resume(returning: state.withLock { $0.ending }) }
      DispatchQueue.global().asyncAfter(deadline: .now() + seconds) { [self] in
        state.withLock { $0.waiters.removeValue(forKey: number) }?.resume(returning: nil)
      }
    }
  }

  /// SIGKILL; returns when it is gone.
  func kill() async {
    signal(SIGKILL)
    _ = await ending(within: 20)
  }

  private func reap() {
    var info = siginfo_t()
    // Not reaped yet its number is nobody else's: a signal that is sent meanwhile hurts no stranger.
    while waitid(P_PID, id_t(id), &info, WEXITED | WNOWAIT) != 0, errno == EINTR {}
    let (ending, waiters) = state.withLock { state in
      var status: Int32 = 0
      while waitpid(id, &status, 0) < 0, errno == EINTR {}
      let ending: Ending = status & 0x7F == 0 ? .exited(status >> 8 & 0xFF) : .signalled(status & 0x7F)
      state.ending = ending
      defer { state.waiters = [:] }
      return (ending, state.waiters.values)
    }
    for waiter in waiters { waiter.resume(returning: ending) }
  }
}

struct WayError: Error, CustomStringConvertible {
  let description: String
  init(_ description: String) { self.description = description }
}

/// Looks again and again until something holds, for at most so long: for what other processes do, of which nothing here
/// tells.
func eventually(
  within seconds: Double = 20, _ what: String, _ holds: () async throws -> Bool
) async throws {
  let deadline = ContinuousClock.now + .seconds(seconds)
  var pause = 5
  while true {
    if try await holds() { return }
    if ContinuousClock.now >= deadline { throw WayError("not within \(seconds) s: \(what)") }
    try await Task.sleep(for: .milliseconds(pause))
    pause = min(100, pause * 2)
  }
}

/// Runs what blocks on a thread of its own, never on the pool that the tests run on.
func offPool<Value: Sendable>(_ work: @escaping @Sendable () throws -> Value) async throws -> Value {
  try await withCheckedThrowingContinuation { continuation in
    Thread.detachNewThread { continuation.resume(with: Result { try work() }) }
  }
}
