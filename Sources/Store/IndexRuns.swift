import Messages

/// Carries the blind hashes of new messages into the search index, in sorted runs.
///
/// An index whose keys are hashes dirties a page of its own for every row, and every commit pays for it. So the hashes stand in the
/// message's row first, and after some thousand messages they are appended as one sorted run: to `searched` for columns, to `key_run`
/// for duplicate keys. Rows beyond `through` are found by reading them.
struct IndexRuns {
  /// Rows up to this message are in the index (or were added to it singly because they came late).
  private(set) var through: Int64 = 0
  private var greatest: Int64 = 0
  private var pending: [(field: Int64, hash: Int64, message: Int64)] = []
  private var pendingKeys = 0
  private var messages = 0
  private var undo: (pending: Int, keys: Int, messages: Int, greatest: Int64)?
  /// The runs of duplicate keys whose entries are in memory, oldest first, with how many entries each has.
  private(set) var keyRuns: [(id: Int64, count: Int)] = []
  private var hasOldKeys = false
  /// Rows that came late are kept in this run.
  static let strays: Int64 = 0

  // MARK: Taking over

  /// Takes over the hashes of a row that is being inserted. One whose id lies before the end of the last run (its caller was slow) is
  /// indexed at once.
  mutating func add(
    _ keys: MessageKeys, message: Int64, window: inout DuplicateWindow, _ connection: Connection
  ) throws(SQLiteFailure) {
    if undo == nil { undo = (pending.count, pendingKeys, messages, greatest) }
    messages += 1
    greatest = max(greatest, message)
    if message <= through {
      for column in keys.columns { try insert(column, run: Self.strays, message: message, connection) }
      for entry in Self.entries(keys, message) { try keep(entry, connection) }
      return
    }
    for column in keys.columns { pending.append((column.field, column.hash, message)) }
    for entry in Self.entries(keys, message) {
      window.remember(entry)
      pendingKeys += 1
    }
  }

  static func entries(_ keys: MessageKeys, _ message: Int64) -> [DuplicateWindow.Entry] {
    var entries: [DuplicateWindow.Entry] = []
    if let hash = keys.duplicate { entries.append(.init(hash: hash, message: message, until: keys.until)) }
    // A file or another thing with an identity is known as long as its message is.
    if let hash = keys.transport { entries.append(.init(hash: hash, message: message, until: .max)) }
    return entries
  }

  mutating func committed() { undo = nil }

  mutating func rolledBack() {
    guard let before = undo else { return }
    pending.removeLast(pending.count - before.pending)
    (pendingKeys, messages, greatest) = (before.keys, before.messages, before.greatest)
    undo = nil
  }

  /// The newest message with a key.
  func find(_ hash: Int64, _ window: DuplicateWindow, _ connection: Connection) throws(SQLiteFailure) -> Int64? {
    if let message = window[hash] { return message }
    guard hasOldKeys else { return nil }
    return try connection.number("SELECT message FROM old_key WHERE hash = ?1", hash)
  }

  // MARK: Runs

  func isDue(_ runMessages: Int) -> Bool { messages >= runMessages }

  /// Appends the pending rows as a run. Call inside a transaction, then `built` after its commit.
  func build(_ window: DuplicateWindow, _ connection: Connection) throws(SQLiteFailure) {
    let run = (try connection.number("SELECT max(id) FROM run") ?? 0) + 1
    let row = try connection.statement("INSERT INTO run (id, first, last) VALUES (?1, ?2, ?3)")
    row.bind(1, run)
    row.bind(2, through + 1)
    row.bind(3, greatest)
    try row.run()
    for entry in pending.sorted(by: { ($0.field, $0.hash, $0.message) < ($1.field, $1.hash, $1.message) }) {
      try insert(.init(field: entry.field, hash: entry.hash), run: run, message: entry.message, connection)
    }
    if pendingKeys > 0 {
      var writer = ByteWriter(reserving: 24 * pendingKeys)
      for entry in window.latest(pendingKeys) {
        writer.fixed(UInt64(bitPattern: entry.hash))
        writer.fixed(UInt64(bitPattern: entry.message))
        writer.fixed(UInt64(bitPattern: entry.until))
      }
      let keys = try connection.statement("INSERT INTO key_run (id, last, entries) VALUES (?1, ?2, ?3)")
      keys.bind(1, run)
      keys.bind(2, greatest)
      keys.bind(3, writer.bytes)
      try keys.run()
    }
    try setThrough(greatest, connection)
  }

  mutating func built(_ connection: Connection) throws(SQLiteFailure) {
    if pendingKeys > 0 { keyRuns.append((try connection.number("SELECT max(id) FROM run") ?? 0, pendingKeys)) }
    through = greatest
    pending.removeAll(keepingCapacity: true)
    pendingKeys = 0
    messages = 0
  }

  private func setThrough(_ message: Int64, _ connection: Connection) throws(SQLiteFailure) {
    let row = try connection.statement("INSERT OR REPLACE INTO meta (name, value) VALUES ('indexed_through', ?1)")
    row.bind(1, message)
    try row.run()
  }

  private func insert(
    _ column: MessageKeys.Column, run: Int64, message: Int64, _ connection: Connection
  ) throws(SQLiteFailure) {
    let row = try connection.statement(
      "INSERT INTO searched (run, field, hash, message) VALUES (?1, ?2, ?3, ?4) ON CONFLICT DO NOTHING")
    row.bind(1, run)
    row.bind(2, column.field)
    row.bind(3, column.hash)
    row.bind(4, message)
    try row.run()
  }

  /// Adds columns of a reprocessed message, whose row is older than the last run.
  mutating func addSingly(_ keys: MessageKeys, message: Int64, _ connection: Connection) throws(SQLiteFailure) {
    for column in keys.columns { try insert(column, run: Self.strays, message: message, connection) }
  }

  // MARK: Old keys

  /// Keeps a key in the file; the newest message with it stays.
  mutating func keep(_ entry: DuplicateWindow.Entry, _ connection: Connection) throws(SQLiteFailure) {
    let row = try connection.statement(
      """
      INSERT INTO old_key (hash, message, until) VALUES (?1, ?2, ?3)
      ON CONFLICT (hash) DO UPDATE SET message = max(message, excluded.message), until = max(until, excluded.until)
      """)
    row.bind(1, entry.hash)
    row.bind(2, entry.message)
    row.bind(3, entry.until)
    try row.run()
    hasOldKeys = true
  }

  /// Whether the oldest run in memory should go: there are too many, or all of its keys have run out.
  func wantsRetirement(_ window: DuplicateWindow, keysMax: Int, now: Int64) -> Bool {
    guard let run = keyRuns.first else { return false }
    return window.count > keysMax || window.oldest(run.count).allSatisfy { $0.until < now }
  }

  /// Moves what can still match of the oldest run into the file. Call inside a transaction, then `retired` after its commit.
  mutating func retire(_ window: DuplicateWindow, now: Int64, _ connection: Connection) throws(SQLiteFailure) {
    guard let run = keyRuns.first else { return }
    for entry in window.oldest(run.count).filter({ $0.until >= now }).sorted(by: { $0.hash < $1.hash }) {
      try keep(entry, connection)
    }
    let row = try connection.statement("DELETE FROM key_run WHERE id = ?1")
    row.bind(1, run.id)
    try row.run()
  }

  mutating func retired(_ window: inout DuplicateWindow) {
    guard !keyRuns.isEmpty else { return }
    window.forget(keyRuns.removeFirst().count)
  }

  // MARK: Opening

  /// Reads the runs of keys that are in memory and the rows behind the last run: bounded, whatever the store holds.
  mutating func load(_ window: inout DuplicateWindow, _ connection: Connection) throws(SQLiteFailure) {
    through = try connection.number("SELECT value FROM meta WHERE name = 'indexed_through'") ?? 0
    greatest = through
    hasOldKeys = try connection.number("SELECT 1 FROM old_key LIMIT 1") != nil
    let runs = try connection.statement("SELECT id, entries FROM key_run ORDER BY id")
    while try runs.step() {
      var reader = ByteReader(runs.bytes(1) ?? [])
      var count = 0
      while let hash = try? reader.fixed(), let message = try? reader.fixed(), let until = try? reader.fixed() {
        window.remember(
          .init(hash: Int64(bitPattern: hash), message: Int64(bitPattern: message), until: Int64(bitPattern: until)))
        count += 1
      }
      keyRuns.append((runs.integer(0), count))
    }
    runs.reset()
    window.committed()
    let rows = try connection.statement("SELECT id, keys FROM message WHERE id > ?1 AND keys IS NOT NULL ORDER BY id")
    defer { rows.reset() }
    rows.bind(1, through)
    while try rows.step() {
      guard let bytes = rows.bytes(1), let keys = try? MessageKeys(decoding: bytes) else { continue }
      try add(keys, message: rows.integer(0), window: &window, connection)
    }
    committed()
    window.committed()
  }
}
