import CSQLite
import Glibc

/// One connection to the store's file. Belongs to one thread at a time; never shared.
final class Connection {
  let handle: OpaquePointer
  private var statements: [String: Statement] = [:]
  private var isOpen = true

  /// - Parameter busyMilliseconds: how long a statement waits for a lock that another connection holds.
  init(path: String, flags: Int32, busyMilliseconds: Int32) throws(SQLiteFailure) {
    _ = Self.configured
    var opened: OpaquePointer?
    let code = sqlite3_open_v2(path, &opened, flags | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_EXRESCODE, nil)
    guard code == SQLITE_OK, let opened else {
      let system = opened.map { sqlite3_system_errno($0) } ?? 0
      sqlite3_close(opened)
      throw SQLiteFailure(code: code, systemError: system, doing: "open the file")
    }
    handle = opened
    sqlite3_busy_timeout(handle, busyMilliseconds)
  }

  private static let configured: Void = hilum_sqlite_configure()

  deinit { close() }

  /// Ends the connection; statements made from it may not be used afterwards.
  func close() {
    guard isOpen else { return }
    isOpen = false
    for statement in statements.values { statement.finalize() }
    statements = [:]
    sqlite3_close_v2(handle)
  }

  func failure(_ code: Int32, _ doing: String) -> SQLiteFailure {
    SQLiteFailure(code: code, systemError: sqlite3_system_errno(handle), doing: doing)
  }

  /// Runs statements that give no rows.
  func execute(_ sql: String) throws(SQLiteFailure) {
    let code = sqlite3_exec(handle, sql, nil, nil, nil)
    guard code == SQLITE_OK else { throw failure(code, String(sql.prefix(60))) }
  }

  /// A statement that is compiled once for this connection and used again.
  func statement(_ sql: String) throws(SQLiteFailure) -> Statement {
    if let known = statements[sql] { return known }
    let statement = try Statement(self, sql)
    statements[sql] = statement
    return statement
  }

  /// The one number that `sql` gives; `nil` where it gives no row or NULL.
  func number(_ sql: String, _ values: Int64...) throws(SQLiteFailure) -> Int64? {
    let statement = try statement(sql)
    defer { statement.reset() }
    for (index, value) in values.enumerated() { statement.bind(Int32(index + 1), value) }
    return try statement.step() ? statement.optionalInteger(0) : nil
  }

  /// The one text that `sql` gives.
  func text(_ sql: String) throws(SQLiteFailure) -> String? {
    let statement = try statement(sql)
    defer { statement.reset() }
    return try statement.step() ? statement.text(0) : nil
  }

  /// Rows that the statements of this connection walked over without an index, in all. Small where every way in has
  /// one.
  var rowsScanned: Int { statements.values.reduce(0) { $0 + $1.rowsScanned } }

  /// Whether no transaction is open: SQLite ends one by itself after some errors.
  var isAutocommit: Bool {
    precondition(isOpen, "the connection is closed, its handle is freed")
    return sqlite3_get_autocommit(handle) != 0
  }

  /// Runs `body` in one transaction that is rolled back where it throws.
  func transaction<T>(_ body: () throws(SQLiteFailure) -> T) throws(SQLiteFailure) -> T {
    try execute("BEGIN IMMEDIATE")
    do {
      let value = try body()
      try execute("COMMIT")
      return value
    } catch {
      if !isAutocommit { try? execute("ROLLBACK") }
      throw error
    }
  }
}
