import Glibc
import Synchronization

/// A named place at which a test stops the process as a power cut or a crash would.
///
/// `HILUM_FAILPOINT=after-commit:3` kills the process with SIGKILL when it passes the place for the third time
/// (`after-commit` alone: the first). Without the variable a failpoint costs one comparison. Any binary of the engine
/// knows them: `HILUM_FAILPOINT=before-commit:100 hilum run` dies in its hundredth commit.
package enum Failpoint: String, Sendable, CaseIterable {
  /// A group's rows are written, its commit isn't.
  case beforeCommit = "before-commit"
  /// A group is durable, nobody has been told.
  case afterCommit = "after-commit"
  /// The log was carried over, and not started anew.
  case inCheckpoint = "in-checkpoint"
  /// A step of retention is written but not committed.
  case inPrune = "in-prune"
  /// Rows are gone and in the trash table, their files are not removed yet.
  case afterPrune = "after-prune"
  /// A migration's statements have run, its transaction is open.
  case inMigration = "in-migration"
  /// A blob's file is written, its row isn't.
  case afterBlob = "after-blob"
  /// A revision and what belongs to it is registered, not committed.
  case inDeployment = "in-deployment"
  /// A part of a backup's copy of the file is made.
  case inBackup = "in-backup"
  /// A restored store is checked, its blobs have their names, its file hasn't.
  case inRestore = "in-restore"
  /// The key ring is rewrapped, not committed.
  case inRotation = "in-rotation"

  private struct Armed: Sendable {
    var point: Failpoint
    var passing: Int
  }

  private static let armed: Armed? = {
    guard let value = getenv("HILUM_FAILPOINT") else { return nil }
    let parts = String(cString: value).split(separator: ":", maxSplits: 1)
    guard let name = parts.first, let point = Failpoint(rawValue: String(name)) else { return nil }
    return Armed(point: point, passing: parts.count > 1 ? Int(parts[1]) ?? 1 : 1)
  }()
  private static let passings = Atomic<Int>(0)

  /// Stops the process here where this place was asked for.
  func pass() {
    guard let armed = Self.armed, armed.point == self else { return }
    if Self.passings.add(1, ordering: .sequentiallyConsistent).newValue == armed.passing { kill(getpid(), SIGKILL) }
  }
}
