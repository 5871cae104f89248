import CSQLite

/// The tables, and how a file of an older engine becomes one of this engine.
///
/// A migration is never changed once it was released: a new one is added behind it. All that a file lacks run in one
/// transaction, after a copy of the file was put beside it.
enum Schema {
  /// Says that a file is a store of Hilum ("HILM").
  static let applicationID: Int64 = 0x4849_4C4D
  static var version: Int { migrations.count }

  static let migrations: [String] = [version1, version2, version3, version4, version5]

  /// Rows are lean and in the order of their keys, so that a group touches few pages:
  ///
  /// - `message` and `delivery` are appended by id (48 bits of time and a counter); a delivery is one row for its life.
  /// - What waits is found by the partial index `waiting`, what is dead by `dead`: a row is in them only while it is
  ///   so.
  /// - `message.keys` holds the blind hashes of the message; they are carried into `searched` and `key_run` later, in
  ///   sorted runs, because an index with random keys would dirty a page for each of its rows in every commit.
  ///   `listed` (messages by channel) is filled in the same step. What isn't there yet has an id beyond
  ///   `meta.indexed_through`, or stands in `late`.
  /// - Counters are rows of their own, of channels (`owner` is twice the key) and lanes (twice the key, and one) in
  ///   one table so that they share a page; the two views give them their names.
  private static let version1 = """
    CREATE TABLE meta (name TEXT PRIMARY KEY, value) WITHOUT ROWID;
    CREATE TABLE data_key (
      id INTEGER PRIMARY KEY, made_at INTEGER NOT NULL, master TEXT NOT NULL, wrapped BLOB NOT NULL);

    CREATE TABLE channel (
      id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE, state TEXT NOT NULL, sealed INTEGER NOT NULL,
      revision INTEGER NOT NULL);
    CREATE TABLE lane (
      id INTEGER PRIMARY KEY, channel INTEGER NOT NULL, name TEXT NOT NULL, paused INTEGER NOT NULL DEFAULT 0,
      UNIQUE (channel, name));
    CREATE TABLE tally (
      owner INTEGER PRIMARY KEY, last_commit INTEGER NOT NULL DEFAULT 0,
      n0 INTEGER NOT NULL DEFAULT 0, n1 INTEGER NOT NULL DEFAULT 0, n2 INTEGER NOT NULL DEFAULT 0,
      n3 INTEGER NOT NULL DEFAULT 0, n4 INTEGER NOT NULL DEFAULT 0, n5 INTEGER NOT NULL DEFAULT 0,
      n6 INTEGER NOT NULL DEFAULT 0, n7 INTEGER NOT NULL DEFAULT 0, n8 INTEGER NOT NULL DEFAULT 0,
      n9 INTEGER NOT NULL DEFAULT 0, n10 INTEGER NOT NULL DEFAULT 0, n11 INTEGER NOT NULL DEFAULT 0,
      n12 INTEGER NOT NULL DEFAULT 0, n13 INTEGER NOT NULL DEFAULT 0, n14 INTEGER NOT NULL DEFAULT 0,
      n15 INTEGER NOT NULL DEFAULT 0);
    CREATE VIEW channel_count AS SELECT owner / 2 AS channel, last_commit, n0 AS received, n1 AS accepted,
      n2 AS unavailable, n3 AS routed, n4 AS dropped, n5 AS held, n6 AS failed, n7 AS rejected, n8 AS duplicate,
      n9 AS discarded, n10 AS pruned, n11 AS raw_through, n12 AS sent_through, n13 AS replies_through,
      n14 AS blobs_through, n15 AS record_through FROM tally WHERE owner % 2 = 0;
    CREATE VIEW lane_count AS SELECT owner / 2 AS lane, last_commit, n0 AS last_sequence, n1 AS created, n2 AS waiting,
      n3 AS delivered, n4 AS dead, n5 AS discarded, n6 AS cancelled, n7 AS passed_by, n8 AS waiting_bytes, n9 AS pruned
      FROM tally WHERE owner % 2 = 1;
    CREATE TABLE searchable (
      id INTEGER PRIMARY KEY, channel INTEGER NOT NULL, name TEXT NOT NULL, UNIQUE (channel, name));
    CREATE TABLE revision (
      id INTEGER PRIMARY KEY, channel INTEGER NOT NULL, hash BLOB NOT NULL, made_at INTEGER NOT NULL,
      UNIQUE (channel, hash));
    CREATE TABLE content (hash BLOB PRIMARY KEY, bytes BLOB NOT NULL) WITHOUT ROWID;
    CREATE TABLE revision_file (
      revision INTEGER NOT NULL, path TEXT NOT NULL, hash BLOB NOT NULL, PRIMARY KEY (revision, path)) WITHOUT ROWID;

    CREATE TABLE message (
      id INTEGER PRIMARY KEY, low INTEGER NOT NULL, channel INTEGER NOT NULL, state INTEGER NOT NULL,
      received_at INTEGER NOT NULL, format INTEGER NOT NULL, size INTEGER NOT NULL, generation INTEGER NOT NULL,
      revision INTEGER NOT NULL, prior INTEGER, sha BLOB NOT NULL, keys BLOB, deliveries BLOB, blob INTEGER,
      record BLOB, raw BLOB);
    CREATE INDEX message_open ON message (channel, state) WHERE state = 2 OR state = 3;
    CREATE TABLE output (
      id INTEGER PRIMARY KEY, low INTEGER NOT NULL, message INTEGER NOT NULL, format INTEGER NOT NULL,
      size INTEGER NOT NULL, sha BLOB, blob INTEGER, data BLOB);
    CREATE TABLE delivery (
      id INTEGER PRIMARY KEY, low INTEGER NOT NULL, message INTEGER NOT NULL, lane INTEGER NOT NULL,
      sequence INTEGER NOT NULL, state INTEGER NOT NULL, attempts INTEGER NOT NULL, possibly_sent INTEGER NOT NULL,
      size INTEGER NOT NULL, created_at INTEGER NOT NULL, due_at INTEGER NOT NULL, delay INTEGER NOT NULL,
      ended_at INTEGER, output INTEGER, resend_of INTEGER, blob INTEGER, rendered BLOB, result BLOB);
    CREATE UNIQUE INDEX waiting ON delivery (lane, sequence) WHERE state = 0;
    CREATE INDEX dead ON delivery (lane) WHERE state = 2;
    CREATE INDEX resent ON delivery (message) WHERE resend_of IS NOT NULL;

    CREATE TABLE run (id INTEGER PRIMARY KEY, last INTEGER NOT NULL);
    CREATE TABLE searched (
      run INTEGER NOT NULL, field INTEGER NOT NULL, hash INTEGER NOT NULL, message INTEGER NOT NULL,
      PRIMARY KEY (run, field, hash, message)) WITHOUT ROWID;
    CREATE TABLE listed (
      channel INTEGER NOT NULL, message INTEGER NOT NULL, PRIMARY KEY (channel, message)) WITHOUT ROWID;
    CREATE TABLE late (message INTEGER PRIMARY KEY);
    CREATE TABLE key_run (id INTEGER PRIMARY KEY, entries BLOB NOT NULL);
    CREATE TABLE old_key (hash INTEGER PRIMARY KEY, message INTEGER NOT NULL, until INTEGER NOT NULL);

    CREATE TABLE progress (channel INTEGER NOT NULL, key BLOB NOT NULL, value BLOB NOT NULL,
      PRIMARY KEY (channel, key)) WITHOUT ROWID;
    CREATE TABLE blob (id INTEGER PRIMARY KEY, low INTEGER NOT NULL, message INTEGER NOT NULL);
    CREATE TABLE trash (id INTEGER PRIMARY KEY, low INTEGER NOT NULL);
    CREATE TABLE kept (
      channel INTEGER NOT NULL, kind INTEGER NOT NULL, message INTEGER NOT NULL,
      PRIMARY KEY (channel, kind, message)) WITHOUT ROWID;
    """

  /// Order by key: the blind hashes of a delivery's keys, eight bytes each, and of a lane by what it orders (the
  /// expressions of its channel file), from which number on they hold, and up to which number an owner that died may
  /// have sent what waits.
  private static let version2 = """
    ALTER TABLE delivery ADD COLUMN order_keys BLOB;
    ALTER TABLE lane ADD COLUMN ordering TEXT;
    ALTER TABLE lane ADD COLUMN keyed_after INTEGER NOT NULL DEFAULT 0;
    ALTER TABLE lane ADD COLUMN suspect_through INTEGER NOT NULL DEFAULT 0;
    """

  /// What holds its place in a lane until a person decides (`HeldCode`): such a row stays among what waits, so that
  /// nothing passes it, and is found by the index `held`, or by its message. Two more counters of a lane tell how many
  /// there are.
  private static let version3 = """
    ALTER TABLE delivery ADD COLUMN held INTEGER NOT NULL DEFAULT 0;
    CREATE INDEX held ON delivery (lane, sequence) WHERE held <> 0;
    CREATE INDEX held_of ON delivery (message) WHERE held <> 0;
    DROP VIEW lane_count;
    CREATE VIEW lane_count AS SELECT owner / 2 AS lane, last_commit, n0 AS last_sequence, n1 AS created, n2 AS waiting,
      n3 AS delivered, n4 AS dead, n5 AS discarded, n6 AS cancelled, n7 AS passed_by, n8 AS waiting_bytes, n9 AS pruned,
      n10 AS held, n11 AS places FROM tally WHERE owner % 2 = 1;
    """

  /// Numbers that a commit gives (`sequence("name")`): the last of each name of a channel, and with a delivery those it
  /// was given, as JSON.
  private static let version4 = """
    CREATE TABLE sequence (
      channel INTEGER NOT NULL, name TEXT NOT NULL, last INTEGER NOT NULL, PRIMARY KEY (channel, name)) WITHOUT ROWID;
    ALTER TABLE delivery ADD COLUMN numbers TEXT;
    """

  /// What stands for identifiers in what a channel sends: found by a blind hash, what it stands for is sealed.
  private static let version5 = """
    CREATE TABLE stand_in (
      channel INTEGER NOT NULL, high INTEGER NOT NULL, low INTEGER NOT NULL, message INTEGER NOT NULL,
      message_low INTEGER NOT NULL, used_at INTEGER NOT NULL, content BLOB NOT NULL,
      PRIMARY KEY (channel, high, low)) WITHOUT ROWID;
    CREATE INDEX stand_in_age ON stand_in (channel, used_at);
    """

  /// Brings the file to this engine's version.
  ///
  /// - Parameter backUp: called before the first change of a file that holds something, with the version it has.
  static func migrate(
    _ connection: Connection, to migrations: [String] = Schema.migrations, backUp: (Int) throws(StoreError) -> Void
  ) throws(StoreError) {
    do throws(SQLiteFailure) {
      let found = Int(try connection.number("PRAGMA user_version") ?? 0)
      let application = try connection.number("PRAGMA application_id") ?? 0
      if found > 0, application != applicationID {
        throw SQLiteFailure(code: SQLITE_NOTADB, systemError: 0, doing: "read the file's mark")
      }
      guard found < migrations.count else { return }
      if found > 0 {
        do { try backUp(found) } catch {
          throw SQLiteFailure(code: SQLITE_CANTOPEN, systemError: 0, doing: error.reason)
        }
      }
      try connection.transaction { () throws(SQLiteFailure) in
        for migration in migrations[found...] { try connection.execute(migration) }
        try connection.execute("PRAGMA application_id = \(applicationID); PRAGMA user_version = \(migrations.count)")
        Failpoint.inMigration.pass()
      }
    } catch {
      throw error.storeError
    }
  }

  /// The version a file has must not be one that this engine doesn't know.
  static func refuseNewer(_ connection: Connection, path: String, known: Int = Schema.version) throws(StoreError) {
    let found: Int64
    do { found = try connection.number("PRAGMA user_version") ?? 0 } catch { throw error.storeError }
    guard found <= Int64(known) else {
      throw StoreError(
        .refused,
        "\(path) has schema \(found); this engine knows schemas up to \(known). Use the newer engine that wrote "
          + "it, or a backup from before the upgrade.")
    }
  }
}
