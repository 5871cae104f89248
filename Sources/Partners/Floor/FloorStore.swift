internal import CSQLite
internal import NIOCore

/// The floor's disk: one table of raw messages in SQLite, in groups, each group durable when `commit` returns.
///
/// WAL with `synchronous=FULL`: a commit returns after an fdatasync of the log. Used by one thread. Readers are let
/// in: `locking_mode=EXCLUSIVE` would be worth a tenth, and no engine whose messages are looked at can have it.
final class FloorStore {
  /// From this many pages on a commit also checkpoints (8 MiB). A log that is written over again is cheaper to sync
  /// than one that grows, so a small one is the faster choice.
  private static let checkpointPages = 1_000

  private let database: OpaquePointer
  private let begin: OpaquePointer
  private let insert: OpaquePointer
  private let end: OpaquePointer

  /// - Parameter path: the file, made where it is missing.
  /// - Throws: ``PartnerError/database(_:)``.
  init(path: String) throws {
    var opened: OpaquePointer?
    // One thread uses the connection: no mutex.
    let flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOMUTEX
    let code = sqlite3_open_v2(path, &opened, flags, nil)
    guard code == SQLITE_OK, let opened else {
      sqlite3_close_v2(opened)
      throw PartnerError.database("the floor's database cannot be opened (SQLite \(code))")
    }
    database = opened
    do {
      for sql in [
        "PRAGMA page_size=8192", "PRAGMA journal_mode=WAL", "PRAGMA synchronous=FULL",
        "PRAGMA wal_autocheckpoint=\(Self.checkpointPages)",
        "CREATE TABLE IF NOT EXISTS message (id INTEGER PRIMARY KEY, raw BLOB NOT NULL)",
      ] {
        guard sqlite3_exec(opened, sql, nil, nil, nil) == SQLITE_OK else { throw Self.failure(opened) }
      }
      begin = try Self.statement("BEGIN IMMEDIATE", opened)
      insert = try Self.statement("INSERT INTO message (raw) VALUES (?1)", opened)
      end = try Self.statement("COMMIT", opened)
    } catch {
      sqlite3_close_v2(opened)
      throw error
    }
  }

  deinit {
    for statement in [begin, insert, end] { sqlite3_finalize(statement) }
    sqlite3_close_v2(database)
  }

  /// What SQLite says of its own promise: 2 is FULL.
  func synchronous() throws -> Int { try number("PRAGMA synchronous") }

  /// How many messages are stored.
  func messageCount() throws -> Int { try number("SELECT count(*) FROM message") }

  /// Writes a group in one transaction.
  /// - Parameter content: the message of each index of the group.
  func commit(_ group: Range<Int>, content: (Int) -> ByteBuffer) throws {
    try step(begin)
    for index in group {
      let raw = content(index)
      raw.withUnsafeReadableBytes { bytes in
        _ = sqlite3_bind_blob64(insert, 1, bytes.baseAddress, UInt64(bytes.count), hilum_sqlite_static())
      }
      try step(insert)
    }
    try step(end)
  }

  private func step(_ statement: OpaquePointer) throws {
    let code = sqlite3_step(statement)
    sqlite3_reset(statement)
    guard code == SQLITE_DONE else { throw Self.failure(database) }
  }

  private func number(_ sql: String) throws -> Int {
    let statement = try Self.statement(sql, database)
    defer { sqlite3_finalize(statement) }
    guard sqlite3_step(statement) == SQLITE_ROW else { throw Self.failure(database) }
    return Int(sqlite3_column_int64(statement, 0))
  }

  private static func statement(_ sql: String, _ database: OpaquePointer) throws -> OpaquePointer {
    var statement: OpaquePointer?
    guard sqlite3_prepare_v3(database, sql, -1, UInt32(SQLITE_PREPARE_PERSISTENT), &statement, nil) == SQLITE_OK,
      let statement
    else { throw failure(database) }
    return statement
  }

  private static func failure(_ database: OpaquePointer) -> PartnerError {
    .database("the floor's database failed: \(String(cString: sqlite3_errmsg(database)))")
  }
}
