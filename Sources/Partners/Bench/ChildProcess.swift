internal import Glibc
internal import NIOCore
internal import NIOPosix
internal import Synchronization

/// A process that is started, listened to and stopped: the floor or an engine under measure or under trial.
///
/// Its standard input is a pipe that stays open as long as this process lives: a child that reads to its end dies with
/// its parent. Its standard error is ours, or a file.
package final class ChildProcess: Sendable {
  package enum Exit: Sendable, Hashable {
    case code(Int32)
    case signal(Int32)
  }

  private struct State {
    var exit: Exit?
    var input: Int32?
  }

  package let processID: Int32
  private let output: ChildOutput
  private let state: Mutex<State>

  private init(processID: Int32, input: Int32, output: ChildOutput) {
    self.processID = processID
    self.output = output
    state = Mutex(State(input: input))
  }

  /// - Parameters:
  ///   - executable: a path; `/proc/self/exe` is this program.
  ///   - environment: added to our own.
  ///   - errorsTo: a file that standard error is added to.
  package static func start(
    _ executable: String, _ arguments: [String], environment: [String: String] = [:], errorsTo: String? = nil
  ) async throws -> ChildProcess {
    let spawned = try spawn(executable, arguments, environment: environment, errorsTo: errorsTo)
    let lines = ChildOutput()
    let child = ChildProcess(processID: spawned.processID, input: spawned.input, output: lines)
    do {
      _ = try await NIOPipeBootstrap(group: MultiThreadedEventLoopGroup.singleton)
        .channelInitializer { channel in
          channel.eventLoop.makeCompletedFuture {
            try channel.pipeline.syncOperations.addHandler(ChildOutputReader(output: lines))
          }
        }
        .takingOwnershipOfDescriptor(input: spawned.output).get()
    } catch {
      _ = await child.kill()
      throw error
    }
    return child
  }

  /// The first line of its standard output, from the first it ever wrote, that fits; at once where it has come already.
  /// - Throws: where the output ends or the time is over before it comes.
  package func line(
    within: Duration = .seconds(30), where fits: @escaping @Sendable (String) -> Bool
  ) async throws -> String {
    try await output.line(within: within, where: fits)
  }

  package func usage() throws -> ProcessUsage { try ProcessUsage(of: processID) }

  /// Sends a signal, unless it has ended.
  package func signal(_ number: Int32) {
    state.withLock { state in
      if state.exit == nil { _ = Glibc.kill(processID, number) }
    }
  }

  /// Asks it to end (the end of its input, and SIGTERM), and kills it where it does not within the time.
  package func stop(within: Duration = .seconds(20)) async -> Exit {
    closeInput()
    signal(SIGTERM)
    let loop = MultiThreadedEventLoopGroup.singleton.next()
    let last = loop.scheduleTask(in: .nanoseconds(Int64(clamping: within.nanosecondsWhole))) { self.signal(SIGKILL) }
    defer { last.cancel() }
    return await ended()
  }

  /// SIGKILL; returns when it is gone.
  package func kill() async -> Exit {
    signal(SIGKILL)
    closeInput()
    return await ended()
  }

  /// Waits for its end.
  package func ended() async -> Exit {
    if let exit = state.withLock({ $0.exit }) { return exit }
    return await withCheckedContinuation { continuation in
      // The wait blocks its thread, which is therefore one of its own.
      BlockingThread.detach { continuation.resume(returning: self.reap()) }
    }
  }

  private func closeInput() {
    state.withLock { state in
      if let input = state.input { close(input) }
      state.input = nil
    }
  }

  private func reap() -> Exit {
    var info = siginfo_t()
    // First without reaping: as long as it is not reaped its number is not given to another, so that a signal sent
    // meanwhile hurts no stranger.
    while waitid(P_PID, id_t(processID), &info, WEXITED | WNOWAIT) != 0, errno == EINTR {}
    return state.withLock { state in
      if let exit = state.exit { return exit }
      var status: Int32 = 0
      while waitpid(processID, &status, 0) < 0, errno == EINTR {}
      let exit: Exit = status & 0x7F == 0 ? .code(status >> 8 & 0xFF) : .signal(status & 0x7F)
      state.exit = exit
      return exit
    }
  }

  /// One at a time: a pipe's end that is not yet marked close-on-exec would be inherited by a child of another thread,
  /// and its reader would never see the end.
  private static let spawning = Mutex(())

  private static func spawn(
    _ executable: String, _ arguments: [String], environment: [String: String], errorsTo: String?
  ) throws -> (processID: Int32, input: Int32, output: Int32) {
    try spawning.withLock { _ in
      let input = try pipe()
      let output = try pipe()
      var actions = posix_spawn_file_actions_t()
      posix_spawn_file_actions_init(&actions)
      defer { posix_spawn_file_actions_destroy(&actions) }
      posix_spawn_file_actions_adddup2(&actions, input.read, 0)
      posix_spawn_file_actions_adddup2(&actions, output.write, 1)
      if let errorsTo { posix_spawn_file_actions_addopen(&actions, 2, errorsTo, O_WRONLY | O_CREAT | O_APPEND, 0o600) }
      let words = ([executable] + arguments).map { strdup($0) }
      let variables = self.environment(adding: environment).map { strdup($0) }
      defer { for text in words + variables { free(text) } }
      var processID: pid_t = 0
      let code = posix_spawn(&processID, executable, &actions, nil, words + [nil], variables + [nil])
      close(input.read)
      close(output.write)
      guard code == 0 else {
        close(input.write)
        close(output.read)
        throw PartnerError.child("\(executable) cannot be started (errno \(code))")
      }
      return (processID, input.write, output.read)
    }
  }

  private static func pipe() throws -> (read: Int32, write: Int32) {
    var ends: [Int32] = [0, 0]
    guard Glibc.pipe(&ends) == 0 else { throw PartnerError.child("no pipe can be made (errno \(errno))") }
    for end in ends { _ = fcntl(end, F_SETFD, FD_CLOEXEC) }
    return (ends[0], ends[1])
  }

  private static func environment(adding more: [String: String]) -> [String] {
    var result: [String] = []
    var entry = environ
    while let text = entry.pointee {
      let variable = String(cString: text)
      let name = String(variable.prefix { $0 != "=" })
      if more[name] == nil { result.append(variable) }
      entry += 1
    }
    return result + more.map { "\($0.key)=\($0.value)" }
  }
}
