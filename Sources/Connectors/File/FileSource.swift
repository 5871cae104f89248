package import ConnectorKit
import Logging
import Messages

/// Takes files out of a folder, each only when it is whole and each only once, and in order.
///
/// A file stays where it is until all its messages are on disk in the engine; then it is moved, deleted or left. What
/// happens between the two (the engine dies, the folder can't be written) can't make it a second message: each message
/// carries the identity of its file, and the engine knows it again.
package final class FileSource: SourceConnector {
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
    let stop = try StopSignal()
    try await withTaskCancellationHandler {
      try await withCheckedThrowingContinuation { (continuation: CheckedContinuation<Void, any Error>) in
        do throws(FileFault) {
          try startThread { [self] in
            continuation.resume(with: Result { try watchFolder(inbox, until: stop) })
          }
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
