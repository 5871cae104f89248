import Glibc
import Messages
import Testing

@testable import Store

@Suite struct MigrationTests {
  @Test func `A newer file is refused by name and not changed`() async throws {
    let folder = TestFolder()
    let store = try SQLiteStore.open(folder.path, settings: testSettings())
    await store.close()
    try Bench.sql(folder, "PRAGMA user_version = 99")
    let before = TestFolder.read(folder.database)
    let error = #expect(throws: StoreError.self) { try SQLiteStore.open(folder.path, settings: testSettings()) }
    #expect(error?.kind == .refused)
    #expect(error?.reason.contains("schema 99") == true && error?.reason.contains("newer engine") == true)
    let isUnchanged = TestFolder.read(folder.database) == before
    #expect(isUnchanged)
  }

  @Test func `A database of another program is refused`() async throws {
    let folder = TestFolder()
    let connection = try Connection(path: folder.database, flags: 6, busyMilliseconds: 1_000)
    try connection.execute("CREATE TABLE theirs (a); PRAGMA user_version = 1; PRAGMA application_id = 77")
    connection.close()
    #expect(throws: StoreError.self) { try SQLiteStore.open(folder.path, settings: testSettings()) }
    #expect(try Bench.number(folder, "SELECT count(*) FROM theirs") == 0)
  }

  @Test func `An older file is backed up and migrated in one transaction`() throws {
    let folder = TestFolder()
    let connection = try Connection(path: folder.database, flags: 6, busyMilliseconds: 1_000)
    let older = ["CREATE TABLE a (x); INSERT INTO a VALUES (1)"]
    try Schema.migrate(connection, to: older) { _ in Issue.record("an empty file needs no backup") }
    #expect(try connection.number("PRAGMA user_version") == 1)

    let backedUp = Collected<Int>()
    try Schema.migrate(
      connection, to: older + ["ALTER TABLE a ADD COLUMN y; UPDATE a SET y = 2", "CREATE TABLE b (z)"]
    ) {
      backedUp.add($0)
    }
    #expect(backedUp.values == [1])
    #expect(try connection.number("PRAGMA user_version") == 3)
    #expect(try connection.number("SELECT y FROM a") == 2)

    // One that fails in the middle leaves the file as it was.
    #expect(throws: StoreError.self) {
      try Schema.migrate(connection, to: older + ["", "", "CREATE TABLE c (q)", "no sql"]) { _ in }
    }
    #expect(try connection.number("PRAGMA user_version") == 3)
    #expect(try connection.number("SELECT count(*) FROM sqlite_master WHERE name = 'c'") == 0)
    // Without its backup nothing is migrated.
    #expect(throws: StoreError.self) {
      try Schema.migrate(connection, to: older + ["", "", "CREATE TABLE c (q)"]) { _ throws(StoreError) in
        throw StoreError(.io, "no room")
      }
    }
    #expect(try connection.number("PRAGMA user_version") == 3)
    connection.close()
  }

  @Test func `What waits in a file of schema 2 waits in schema 3, and nothing of it is held`() throws {
    let folder = TestFolder()
    let connection = try Connection(path: folder.database, flags: 6, busyMilliseconds: 1_000)
    try Schema.migrate(connection, to: Array(Schema.migrations.prefix(2))) { _ in }
    try connection.execute(
      """
      INSERT INTO tally (owner, n0, n1, n2) VALUES (15, 2, 2, 2);
      INSERT INTO delivery (id, low, message, lane, sequence, state, attempts, possibly_sent, size, created_at, due_at,
        delay) VALUES (1, 1, 1, 7, 1, 0, 0, 0, 9, 0, 0, 0), (2, 2, 2, 7, 2, 0, 0, 0, 9, 0, 0, 0)
      """)
    try Schema.migrate(connection) { _ in }
    #expect(try connection.number("PRAGMA user_version") == Int64(Schema.version))
    #expect(try connection.number("SELECT count(*) FROM delivery INDEXED BY waiting WHERE state = 0 AND held = 0") == 2)
    #expect(try connection.number("SELECT count(*) FROM delivery INDEXED BY held WHERE held <> 0") == 0)
    #expect(try connection.number("SELECT waiting + 10 * held + 100 * places FROM lane_count WHERE lane = 7") == 2)
    connection.close()
  }

  @Test func `What waits in a file of schema 3 has no number in schema 4, and the next one is the first`() throws {
    let folder = TestFolder()
    let connection = try Connection(path: folder.database, flags: 6, busyMilliseconds: 1_000)
    try Schema.migrate(connection, to: Array(Schema.migrations.prefix(3))) { _ in }
    try connection.execute(
      """
      INSERT INTO delivery (id, low, message, lane, sequence, state, attempts, possibly_sent, size, created_at, due_at,
        delay) VALUES (1, 1, 1, 7, 1, 0, 0, 0, 9, 0, 0, 0)
      """)
    try Schema.migrate(connection) { _ in }
    #expect(try connection.number("PRAGMA user_version") == Int64(Schema.version))
    #expect(try connection.number("SELECT count(*) FROM delivery WHERE numbers IS NULL") == 1)
    #expect(try connection.number("SELECT count(*) FROM sequence") == 0)
    connection.close()
  }

  @Test func `A copy is whole or isn't there`() throws {
    let folder = TestFolder()
    TestFolder.write([UInt8](repeating: 7, count: 3_000_000), folder.path + "/a")
    try Folder.copy(folder.path + "/a", to: folder.path + "/b", in: folder.path)
    let isCopied = TestFolder.read(folder.path + "/b") == [UInt8](repeating: 7, count: 3_000_000)
    #expect(isCopied)
    #expect(throws: StoreError.self) { try Folder.copy(folder.path + "/none", to: folder.path + "/c", in: folder.path) }
    #expect(Folder.names(folder.path).sorted() == ["a", "b"])
  }
}
