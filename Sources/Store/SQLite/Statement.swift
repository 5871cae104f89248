import CSQLite
import Glibc

/// One compiled statement. Bind, step, read, reset; parameters count from 1 and columns from 0, as in SQLite.
final class Statement {
  private let handle: OpaquePointer
  private let database: OpaquePointer
  private let doing: String

  init(_ connection: Connection, _ sql: String) throws(SQLiteFailure) {
    var compiled: OpaquePointer?
    let code = sqlite3_prepare_v3(connection.handle, sql, -1, UInt32(SQLITE_PREPARE_PERSISTENT), &compiled, nil)
    let doing = String(sql.prefix(40))
    guard code == SQLITE_OK, let compiled else { throw connection.failure(code, doing) }
    handle = compiled
    database = connection.handle
    self.doing = doing
  }

  func finalize() { sqlite3_finalize(handle) }

  // MARK: Parameters

  func bind(_ index: Int32, _ value: Int64) { sqlite3_bind_int64(handle, index, value) }
  func bind(_ index: Int32, _ value: Int) { sqlite3_bind_int64(handle, index, Int64(value)) }

  func bind(_ index: Int32, _ value: Int64?) {
    if let value { sqlite3_bind_int64(handle, index, value) } else { sqlite3_bind_null(handle, index) }
  }

  func bind(_ index: Int32, _ text: String) {
    sqlite3_bind_text(handle, index, text, Int32(clamping: text.utf8.count), hilum_sqlite_transient())
  }

  func bind(_ index: Int32, _ text: String?) {
    if let text { bind(index, text) } else { sqlite3_bind_null(handle, index) }
  }

  func bind(_ index: Int32, _ bytes: [UInt8]?) {
    guard let bytes else {
      sqlite3_bind_null(handle, index)
      return
    }
    bytes.withUnsafeBytes {
      _ =
        $0.isEmpty
        ? sqlite3_bind_zeroblob(handle, index, 0)
        : sqlite3_bind_blob64(handle, index, $0.baseAddress, UInt64($0.count), hilum_sqlite_transient())
    }
  }

  // MARK: Running

  /// Goes to the next row; `false` where there is none (any more).
  func step() throws(SQLiteFailure) -> Bool {
    let code = sqlite3_step(handle)
    if code == SQLITE_ROW { return true }
    if code == SQLITE_DONE { return false }
    let failure = SQLiteFailure(code: code, systemError: sqlite3_system_errno(database), doing: doing)
    sqlite3_reset(handle)
    throw failure
  }

  /// Runs a statement that gives no rows and makes it ready for its next use. Returns how many rows it changed.
  @discardableResult
  func run() throws(SQLiteFailure) -> Int {
    let code = sqlite3_step(handle)
    guard code == SQLITE_DONE else {
      let failure = SQLiteFailure(code: code, systemError: sqlite3_system_errno(database), doing: doing)
      sqlite3_reset(handle)
      throw failure
    }
    sqlite3_reset(handle)
    return Int(sqlite3_changes(database))
  }

  /// Runs a statement some of whose parameters are pieces of a slab, which isn't copied: they count for this run only.
  @discardableResult
  func run(_ slab: Slab, _ pieces: (Int32, Slab.Piece?)...) throws(SQLiteFailure) -> Int {
    var code = SQLITE_OK
    slab.bytes.withUnsafeBytes { bytes in
      for (index, piece) in pieces {
        guard let piece, let start = bytes.baseAddress else {
          sqlite3_bind_null(handle, index)
          continue
        }
        sqlite3_bind_blob64(handle, index, start + piece.start, UInt64(piece.count), hilum_sqlite_static())
      }
      code = sqlite3_step(handle)
      if code != SQLITE_DONE { code = sqlite3_extended_errcode(database) }
      sqlite3_reset(handle)
    }
    guard code == SQLITE_DONE else {
      throw SQLiteFailure(code: code, systemError: sqlite3_system_errno(database), doing: doing)
    }
    return Int(sqlite3_changes(database))
  }

  func reset() { sqlite3_reset(handle) }

  var rowsScanned: Int { Int(sqlite3_stmt_status(handle, SQLITE_STMTSTATUS_FULLSCAN_STEP, 0)) }

  // MARK: Columns of the row

  func integer(_ column: Int32) -> Int64 { sqlite3_column_int64(handle, column) }
  func int(_ column: Int32) -> Int { Int(sqlite3_column_int64(handle, column)) }

  func optionalInteger(_ column: Int32) -> Int64? {
    sqlite3_column_type(handle, column) == SQLITE_NULL ? nil : sqlite3_column_int64(handle, column)
  }

  func bytes(_ column: Int32) -> [UInt8]? {
    guard sqlite3_column_type(handle, column) != SQLITE_NULL else { return nil }
    guard let start = sqlite3_column_blob(handle, column) else { return [] }
    return [UInt8](UnsafeRawBufferPointer(start: start, count: Int(sqlite3_column_bytes(handle, column))))
  }

  func text(_ column: Int32) -> String? {
    guard let start = sqlite3_column_text(handle, column) else { return nil }
    let count = Int(sqlite3_column_bytes(handle, column))
    return String(decoding: UnsafeBufferPointer(start: start, count: count), as: UTF8.self)
  }
}
