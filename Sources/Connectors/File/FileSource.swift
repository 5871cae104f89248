package import ConnectorKit
import Logging
import Messages
import Synchronization

/// Takes files out of a folder, each only when it is whole and each only once, and in order.
///
/// A file stays where it is until all its messages are on disk in the engine; then it is moved, deleted or left. What
/// happens between the two (the engine dies, the folder can't be written) can't make it a second message: each message
/// carries the identity of its file, and the engine knows it again.
package final class FileSource: PollingSource {
  package static let name = "file"
  package static let about = """
    Takes the files of a folder as messages, whole files only and each once. A file is moved away (or deleted, or \
    left) when its messages are on disk here.
    """

  private let plan: FileSourcePlan
  private let context: ConnectorContext
  private let clock: FileClock
  private let failpoint: FileFailpoint?
  private let counts: FileSourceCounts
  /// From the last single run.
  private let memory = Mutex(FileMemory())

  package convenience init(_ options: FileSourceSettings, context: ConnectorContext) throws {
    try self.init(options, context: context, clock: .system, failpoint: nil)
  }

  init(
    _ options: FileSourceSettings, context: ConnectorContext, clock: FileClock, failpoint: FileFailpoint?
  ) throws(SettingError) {
    plan = try FileSourcePlan(options, context)
    self.context = context
    self.clock = clock
    self.failpoint = failpoint
    counts = FileSourceCounts(directory: plan.directory)
  }

  package func run(_ inbox: any Inbox) async throws {
    try await onThread { [self] in try watchFolder(inbox, until: $0) }
  }

  package var place: String { plan.directory }

  package func poll(_ inbox: any Inbox, patience: Duration) async throws {
    try await onThread { [self] in try lookOnce(inbox, patience, until: $0) }
  }

  /// Does what blocks on a thread of its own, and tells it when the task is cancelled.
  private func onThread(_ work: @escaping @Sendable (StopSignal) throws -> Void) async throws {
    let stop = try StopSignal()
    try await withTaskCancellationHandler {
      try await withCheckedThrowingContinuation { (continuation: CheckedContinuation<Void, any Error>) in
        do throws(FileFault) {
          try startThread { continuation.resume(with: Result { try work(stop) }) }
        } catch {
          continuation.resume(throwing: error)
        }
      }
    } onCancel: {
      stop.set()
    }
  }

  package func status() -> SourceStatus { counts.status }

  /// The whole life of the source, on its own thread.
  private func watchFolder(_ inbox: any Inbox, until stop: StopSignal) throws(FileSourceFault) {
    let intake = try intake(inbox, until: stop)
    // Watching begins before the first look, so that nothing falls between.
    let watch = FolderWatch(path: plan.directory, stop: stop) { [plan] in plan.concerns($0) }
    if !watch.isTold {
      context.logger.notice("no news of the folder from the system: it is looked at every \(plan.poll.text)")
    }
    counts.begins()
    defer { counts.ends() }
    while !stop.wasSet {
      let next = try intake.look()
      if watch.wait(until: next, now: clock.now) == .stop { return }
    }
  }

  /// One run of a schedule, on its own thread.
  private func lookOnce(_ inbox: any Inbox, _ patience: Duration, until stop: StopSignal) throws(FileSourceFault) {
    let intake = try intake(inbox, until: stop)
    let watch = FolderWatch(path: plan.directory, stop: stop) { [plan] in plan.concerns($0) }
    counts.begins()
    defer { counts.ends() }
    intake.memory = memory.withLock { $0 }
    defer { memory.withLock { $0 = intake.memory } }
    try intake.lookOnce(patience: patience) { watch.wait(until: $0, now: clock.now) }
  }

  /// Opens the folders.
  func intake(_ inbox: any Inbox, until stop: StopSignal) throws(FileSourceFault) -> FileIntake {
    let folders = try FileIntakeFolders(plan, failpoint: failpoint)
    return FileIntake(plan, folders, inbox, context, clock: clock, counts: counts, stop: stop)
  }
}

/// Why a source can't go on: its folder is not there, or not one that can be used.
struct FileSourceFault: Error, CustomStringConvertible {
  let path: String
  let reason: String

  var description: String { "\(path): \(reason)" }
}
