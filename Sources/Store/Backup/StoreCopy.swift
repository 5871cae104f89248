import CSQLite
import Glibc

/// A copy of the store's file that is made beside the work, a few pages at a time, by the connection that writes.
///
/// SQLite's online backup, run by the writer's own connection, is the one way that holds nobody up: what the writer
/// changes of pages that were copied already goes into the copy too, so it never begins anew, it needs no transaction
/// that would keep the log from being carried over, and no second process or connection comes near the file. When the
/// last page is done the copy is the store as of that moment.
///
/// Belongs to the writer's thread.
final class StoreCopy {
  let path: String
  private let target: Connection
  private var backup: OpaquePointer?

  init(of source: Connection, to path: String) throws(SQLiteFailure) {
    self.path = path
    target = try Connection(path: path, flags: SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE, busyMilliseconds: 0)
    // Nobody needs it if this process dies: it needs neither journal nor sync.
    try target.execute(
      "PRAGMA journal_mode = OFF; PRAGMA synchronous = OFF; PRAGMA locking_mode = EXCLUSIVE; PRAGMA cache_size = -2048")
    guard let backup = sqlite3_backup_init(target.handle, "main", source.handle, "main") else {
      throw target.failure(sqlite3_extended_errcode(target.handle), "begin a copy of the file")
    }
    self.backup = backup
  }

  deinit { end() }

  /// Copies the next pages; `true` when the copy is whole. Call outside a transaction.
  func step(pages: Int32) throws(SQLiteFailure) -> Bool {
    guard let backup else { return true }
    let code = sqlite3_backup_step(backup, pages)
    switch code {
    case SQLITE_OK, SQLITE_BUSY, SQLITE_LOCKED: return false
    case SQLITE_DONE:
      self.backup = nil
      let end = sqlite3_backup_finish(backup)
      guard end == SQLITE_OK else { throw target.failure(end, "end a copy of the file") }
      target.close()
      return true
    default: throw target.failure(code, "copy the file")
    }
  }

  /// How many pages there are, and how many of them are still to be copied.
  var pages: (all: Int, left: Int) {
    backup.map { (Int(sqlite3_backup_pagecount($0)), Int(sqlite3_backup_remaining($0))) } ?? (0, 0)
  }

  func end() {
    if let backup { sqlite3_backup_finish(backup) }
    backup = nil
    target.close()
  }
}
