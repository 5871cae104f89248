import Messages

/// Carries new messages into the indexes, in sorted runs: `listed` by channel, `searched` by column, `key_run` by
/// duplicate key.
///
/// An index whose keys are hashes dirties a page of its own for every row, and every commit pays for it. So the hashes
/// stand in the message's row first, and after some thousand messages they are appended as one sorted run. What isn't
/// in a run yet is found by reading the rows beyond `through`, and those named in `late`.
struct IndexRuns {
  private struct Pending {
    var listed: [(channel: Int64, message: Int64)] = []
    var columns: [(field: Int64, hash: Int64, message: Int64)] = []
    var keys = 0
    var greatest: Int64 = 0
  }
  /// The greatest message of the last run. One with a smaller id that comes now (its caller was slow) is late.
  private(set) var through: Int64 = 0
  private var pending = Pending()
  private var undo: (listed: Int, columns: Int, keys: Int, greatest: Int64)?
  /// The runs of duplicate keys whose entries are in memory, oldest first, with how many entries each has.
  private(set) var keyRuns: [(id: Int64, count: Int)] = []
  private var hasOldKeys = false

  // MARK: Taking over

  /// Takes over a row that is being inserted.
  mutating func add(
    _ keys: MessageKeys, message: Int64, channel: Int64, window: inout DuplicateWindow, _ connection: Connection
  ) throws(SQLiteFailure) {
    mark()
    pending.greatest = max(pending.greatest, message)
    pending.listed.append((channel, message))
    if message <= through { try noteLate(message, connection) }
    for column in keys.columns { pending.columns.append((column.field, column.hash, message)) }
    remember(keys, message, &window)
  }

  private mutating func remember(_ keys: MessageKeys, _ message: Int64, _ window: inout DuplicateWindow) {
    if let hash = keys.duplicate {
      window.remember(.init(hash: hash, message: message, until: keys.until))
      pending.keys += 1
    }
    // A file or another thing with an identity is known as long as its message is.
    if let hash = keys.transport {
      window.remember(.init(hash: hash, message: message, until: .max))
      pending.keys += 1
    }
  }

  /// Takes over the columns of a reprocessed message, whose row may be older than the last run.
  mutating func addColumns(_ keys: MessageKeys, message: Int64, _ connection: Connection) throws(SQLiteFailure) {
    guard !keys.columns.isEmpty else { return }
    mark()
    if message <= through { try noteLate(message, connection) }
    for column in keys.columns { pending.columns.append((column.field, column.hash, message)) }
  }

  private mutating func mark() {
    if undo == nil { undo = (pending.listed.count, pending.columns.count, pending.keys, pending.greatest) }
  }

  private func noteLate(_ message: Int64, _ connection: Connection) throws(SQLiteFailure) {
    let row = try connection.statement("INSERT INTO late (message) VALUES (?1) ON CONFLICT DO NOTHING")
    row.bind(1, message)
    try row.run()
  }

  mutating func committed() { undo = nil }

  mutating func rolledBack() {
    guard let before = undo else { return }
    pending.listed.removeLast(pending.listed.count - before.listed)
    pending.columns.removeLast(pending.columns.count - before.columns)
    (pending.keys, pending.greatest) = (before.keys, before.greatest)
    undo = nil
  }

  /// The newest message with a key.
  func find(_ hash: Int64, _ window: DuplicateWindow, _ connection: Connection) throws(SQLiteFailure) -> Int64? {
    if let message = window[hash] { return message }
    guard hasOldKeys else { return nil }
    return try connection.number("SELECT message FROM old_key WHERE hash = ?1", hash)
  }

  // MARK: Runs

  func isDue(_ runMessages: Int) -> Bool { max(pending.listed.count, pending.columns.count / 4) >= runMessages }

  /// Whether something from before `message` waits for its run.
  func isOlder(than message: Int64) -> Bool { pending.listed.contains { $0.message < message } }

  /// Appends what is pending as a run. Call inside a transaction, then `built` after its commit.
  func build(_ window: DuplicateWindow, _ connection: Connection) throws(SQLiteFailure) {
    let run = (try connection.number("SELECT max(id) FROM run") ?? 0) + 1
    let row = try connection.statement("INSERT INTO run (id, last) VALUES (?1, ?2)")
    row.bind(1, run)
    row.bind(2, max(through, pending.greatest))
    try row.run()
    let listed = try connection.statement(
      "INSERT INTO listed (channel, message) VALUES (?1, ?2) ON CONFLICT DO NOTHING")
    for entry in pending.listed.sorted(by: { $0 < $1 }) {
      listed.bind(1, entry.channel)
      listed.bind(2, entry.message)
      try listed.run()
    }
    let searched = try connection.statement(
      "INSERT INTO searched (run, field, hash, message) VALUES (?1, ?2, ?3, ?4) ON CONFLICT DO NOTHING")
    for entry in pending.columns.sorted(by: { $0 < $1 }) {
      searched.bind(1, run)
      searched.bind(2, entry.field)
      searched.bind(3, entry.hash)
      searched.bind(4, entry.message)
      try searched.run()
    }
    try buildKeys(run, window, connection)
    try connection.execute("DELETE FROM late")
    let mark = try connection.statement("INSERT OR REPLACE INTO meta (name, value) VALUES ('indexed_through', ?1)")
    mark.bind(1, max(through, pending.greatest))
    try mark.run()
  }

  private func buildKeys(_ run: Int64, _ window: DuplicateWindow, _ connection: Connection) throws(SQLiteFailure) {
    guard pending.keys > 0 else { return }
    var writer = ByteWriter(reserving: 24 * pending.keys)
    for entry in window.latest(pending.keys) {
      writer.fixed(UInt64(bitPattern: entry.hash))
      writer.fixed(UInt64(bitPattern: entry.message))
      writer.fixed(UInt64(bitPattern: entry.until))
    }
    let keys = try connection.statement("INSERT INTO key_run (id, entries) VALUES (?1, ?2)")
    keys.bind(1, run)
    keys.bind(2, writer.bytes)
    try keys.run()
  }

  mutating func built(_ connection: Connection) throws(SQLiteFailure) {
    if pending.keys > 0 { keyRuns.append((try connection.number("SELECT max(id) FROM run") ?? 0, pending.keys)) }
    through = max(through, pending.greatest)
    pending = Pending()
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

  /// Moves what can still match of the oldest run into the file. Call inside a transaction, then `retired` after its
  /// commit.
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
    hasOldKeys = try connection.number("SELECT 1 FROM old_key LIMIT 1") != nil
    window.reserve(Int(try connection.number("SELECT sum(length(entries)) FROM key_run") ?? 0) / 24)
    let runs = try connection.statement("SELECT id, entries FROM key_run ORDER BY id")
    while try runs.step() {
      var reader = ByteReader(runs.bytes(1) ?? [])
      var count = 0
      while let hash = try? reader.fixed(), let message = try? reader.fixed(), let until = try? reader.fixed() {
        window.restore(
          .init(hash: Int64(bitPattern: hash), message: Int64(bitPattern: message), until: Int64(bitPattern: until)))
        count += 1
      }
      keyRuns.append((runs.integer(0), count))
    }
    runs.reset()
    let rows = try connection.statement(
      """
      SELECT id, channel, keys, prior FROM message WHERE id > ?1
      UNION ALL SELECT m.id, m.channel, m.keys, m.prior FROM late l CROSS JOIN message m ON m.id = l.message
      """)
    defer { rows.reset() }
    rows.bind(1, through)
    while try rows.step() {
      let keys = rows.bytes(2).flatMap { try? MessageKeys(decoding: $0) } ?? MessageKeys()
      let message = rows.integer(0)
      pending.greatest = max(pending.greatest, message)
      pending.listed.append((rows.integer(1), message))
      for column in keys.columns { pending.columns.append((column.field, column.hash, message)) }
      remember(try newer(keys, message, prior: rows.optionalInteger(3), window, connection), message, &window)
    }
    window.committed()
  }

  /// Of a row's keys those that no newer message is known by. A reprocessed message stands in `late` though its keys
  /// were carried over long ago; one that really came late names the one before it (`prior`).
  private func newer(
    _ keys: MessageKeys, _ message: Int64, prior: Int64?, _ window: DuplicateWindow, _ connection: Connection
  ) throws(SQLiteFailure) -> MessageKeys {
    let isLate = message <= through
    func known(_ hash: Int64) throws(SQLiteFailure) -> Int64? {
      isLate ? try find(hash, window, connection) : window[hash]
    }
    var keys = keys
    if let hash = keys.duplicate, let other = try known(hash), other != prior { keys.duplicate = nil }
    if let hash = keys.transport, let other = try known(hash), other >= message { keys.transport = nil }
    return keys
  }
}
