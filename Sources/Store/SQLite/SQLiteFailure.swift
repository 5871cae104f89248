import CSQLite
import Glibc

/// What SQLite said when it couldn't do what it was asked. Holds no content: codes, a place in the code, and errno.
struct SQLiteFailure: Error, CustomStringConvertible {
  /// The extended result code.
  var code: Int32
  /// `errno` of the system call that failed, 0 where none did.
  var systemError: Int32
  /// What was being done, as `commit` or `insert message`.
  var doing: String

  var primary: Int32 { code & 0xFF }

  /// The disk, or the quota on it, is full. SQLite reports `ENOSPC` of a write as `SQLITE_FULL`, but that of a
  /// shared-memory file or a quota as an I/O error.
  var isFull: Bool {
    primary == SQLITE_FULL || (primary == SQLITE_IOERR && (systemError == ENOSPC || systemError == EDQUOT))
  }
  /// Another connection holds the file.
  var isBusy: Bool { primary == SQLITE_BUSY || primary == SQLITE_LOCKED }
  /// The file on disk isn't what SQLite wrote.
  var isDamage: Bool { primary == SQLITE_CORRUPT || primary == SQLITE_NOTADB }
  /// Reading, writing or syncing failed: what the page cache holds can't be trusted any more.
  var isInputOutput: Bool { primary == SQLITE_IOERR && !isFull }
  /// A COMMIT that failed so may have reached the log all the same, and come back at the next start. That includes a
  /// full disk that only the sync noticed.
  var leavesCommitUnknown: Bool { primary == SQLITE_IOERR }

  var description: String {
    let words = sqlite3_errstr(code).map { String(cString: $0) } ?? "unknown error"
    let system = systemError == 0 ? "" : ", errno \(systemError): \(String(cString: strerror(systemError)))"
    return "SQLite: \(words) (code \(code)\(system)) while it did: \(doing)"
  }

  /// Why the store is lost, and for damage what to do.
  var reasonToEnd: String { isDamage ? "the store's file is damaged (\(description)). \(Self.advice)" : description }
  static let advice =
    "Keep a copy of the folder, and restore a backup, or salvage with `sqlite3 hilum.db .recover`."

  var storeError: StoreError {
    StoreError(isDamage ? .damaged : .io, reasonToEnd)
  }
}

/// Runs `body` and says what SQLite said in the store's words.
func inStoreWords<T>(_ body: () throws(SQLiteFailure) -> T) throws(StoreError) -> T {
  do throws(SQLiteFailure) { return try body() } catch { throw error.storeError }
}
