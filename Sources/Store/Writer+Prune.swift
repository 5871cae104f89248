import Messages

/// What retention removes, each kind by its own age. The numbers stand in the file.
enum PruneKind: Int, CaseIterable {
  case raw = 0, sent, replies, blobs, record

  func age(_ retention: Retention) -> Int64? {
    switch self {
    case .raw: retention.raw
    case .sent: retention.sent
    case .replies: retention.replies
    case .blobs: retention.blobs
    case .record: retention.record
    }
  }
}

/// Where the walks of retention go on: they hold nothing back when they start anew.
struct PruneCursors {
  struct Place: Hashable {
    var channel: Int64
    var kind: Int
  }
  /// Among the rows that had to stay.
  var kept: [Place: Int64] = [:]
  /// Among the entries of the search index.
  var run: Int64 = -1
  var field: Int64 = 0
  var hash: Int64 = 0
  var message: Int64 = 0
  /// Among the old duplicate keys.
  var oldKey: Int64 = .min
}

extension Writer {
  /// One small step of retention. Returns whether there is more to remove.
  ///
  /// Each channel and kind has a mark up to which it was walked, in the order of the ids. What had to stay (it waits,
  /// is held, failed or dead) is noted in `kept` and looked at again later.
  func prune(_ keeping: [Int64: Retention], now: Int64, rowsMax: Int) throws(StoreError) -> Bool {
    // Retention walks along the index: what is older than a day, or than the smallest age, is carried into it first.
    let ages = keeping.values.flatMap { retention in PruneKind.allCases.compactMap { $0.age(retention) } }
    let age = max(0, min(86_400_000, ages.min() ?? 86_400_000))
    if runs.isOlder(than: Identifier(high: UInt64(max(0, now - age)) << 15, low: 0).key) { try buildRun() }
    var more = false
    for kind in PruneKind.allCases {
      var rest = max(1, rowsMax)
      for (channel, retention) in keeping.sorted(by: { $0.key < $1.key }) {
        guard let age = kind.age(retention), tally.channels[channel] != nil, rest > 0 else { continue }
        let before = Identifier(high: UInt64(max(0, now - age)) << 15, low: 0).key
        let budget = rest
        let done = try taskTransaction { () throws(SQLiteFailure) in
          let done = try pruneStep(kind, channel: channel, before: before, rowsMax: budget)
          Failpoint.inPrune.pass()
          return done
        }
        rest -= done
      }
      if rest <= 0 { more = true }
    }
    for (channel, retention) in keeping {
      guard let age = retention.identities else { continue }
      let isAll = try taskTransaction { () throws(SQLiteFailure) in
        try pruneStandIns(of: channel, before: now - age, rowsMax: rowsMax)
      }
      if !isAll { more = true }
    }
    try taskTransaction { () throws(SQLiteFailure) in
      try pruneIndex(rowsMax: rowsMax)
      try pruneOldKeys(now: now, rowsMax: rowsMax)
    }
    Failpoint.afterPrune.pass()
    try emptyTrash()
    do throws(SQLiteFailure) {
      if try connection.number("PRAGMA freelist_count") ?? 0 > 1_000 {
        try connection.execute("PRAGMA incremental_vacuum(100)")
      }
    } catch { throw error.storeError }
    return more
  }

  private func pruneStep(
    _ kind: PruneKind, channel: Int64, before: Int64, rowsMax: Int
  ) throws(SQLiteFailure) -> Int {
    let through = tally.channels[channel]?.through[kind.rawValue] ?? 0
    let place = PruneCursors.Place(channel: channel, kind: kind.rawValue)
    let kept = try column(
      """
      SELECT message FROM kept WHERE channel = ?1 AND kind = ?2 AND message > ?3 AND message < ?4
      ORDER BY message LIMIT ?5
      """,
      channel, Int64(kind.rawValue), pruneCursors.kept[place] ?? 0, before, Int64(rowsMax))
    pruneCursors.kept[place] = kept.count < rowsMax ? nil : kept.last
    for message in kept where try pruneMessage(kind, message, channel) {
      let row = try connection.statement("DELETE FROM kept WHERE channel = ?1 AND kind = ?2 AND message = ?3")
      row.bind(1, channel)
      row.bind(2, kind.rawValue)
      row.bind(3, message)
      try row.run()
    }
    let walked = try column(
      "SELECT message FROM listed WHERE channel = ?1 AND message > ?2 AND message < ?3 ORDER BY message LIMIT ?4",
      channel, through, before, Int64(rowsMax))
    for message in walked where !(try pruneMessage(kind, message, channel)) { try keep(kind, message, channel) }
    if let last = walked.last { tally.change(channel: channel) { $0.through[kind.rawValue] = last } }
    return walked.count
  }

  /// Notes a message that has to stay for now, to be looked at again.
  private func keep(_ kind: PruneKind, _ message: Int64, _ channel: Int64) throws(SQLiteFailure) {
    let row = try connection.statement(
      "INSERT INTO kept (channel, kind, message) VALUES (?1, ?2, ?3) ON CONFLICT DO NOTHING")
    row.bind(1, channel)
    row.bind(2, kind.rawValue)
    row.bind(3, message)
    try row.run()
  }

  /// What is added to a message that retention has passed is looked at again: the walk doesn't come by a second time.
  func keepForRetention(_ message: Int64, _ channel: Int64) throws(SQLiteFailure) {
    guard let through = tally.channels[channel]?.through else { return }
    for kind in PruneKind.allCases where through[kind.rawValue] >= message { try keep(kind, message, channel) }
  }

  private func column(_ sql: String, _ values: Int64...) throws(SQLiteFailure) -> [Int64] {
    let rows = try connection.statement(sql)
    defer { rows.reset() }
    for (index, value) in values.enumerated() { rows.bind(Int32(index + 1), value) }
    var column: [Int64] = []
    while try rows.step() { column.append(rows.integer(0)) }
    return column
  }

  // MARK: One message

  private struct Part {
    var id: DeliveryID
    var lane: Int64
    var state: DeliveryState
    var output: Int64?
    var blob: Int64?
  }

  /// Removes one kind of one message; `false` where it must stay for now.
  private func pruneMessage(_ kind: PruneKind, _ message: Int64, _ channel: Int64) throws(SQLiteFailure) -> Bool {
    let row = try connection.statement("SELECT state, deliveries, blob FROM message WHERE id = ?1")
    defer { row.reset() }
    row.bind(1, message)
    guard try row.step() else { return true }
    if let state = MessageState(code: row.integer(0)), state == .held || state == .failed { return false }
    let blob = row.optionalInteger(2)
    var ids = DeliveryList.decode(row.bytes(1))
    row.reset()
    ids += try column("SELECT id FROM delivery INDEXED BY resent WHERE message = ?1 AND resend_of IS NOT NULL", message)
    var parts: [Part] = []
    for id in ids { if let part = try part(id) { parts.append(part) } }
    if parts.contains(where: { $0.state == .waiting || $0.state == .dead }) { return false }

    switch kind {
    case .raw: try update("UPDATE message SET raw = NULL WHERE id = ?1", message)
    case .sent: for output in Set(parts.compactMap(\.output)) { try removeOutput(output, blobs: false) }
    case .replies: for part in parts where part.blob == nil { try removeReply(part) }
    case .blobs:
      if let blob {
        try trash(blob)
        try update("UPDATE message SET blob = NULL WHERE id = ?1", message)
      }
      for output in Set(parts.compactMap(\.output)) { try removeOutput(output, blobs: true) }
      for part in parts where part.blob != nil { try removeReply(part) }
    case .record: try removeRecord(message, channel, blob, parts)
    }
    return true
  }

  private func part(_ id: Int64) throws(SQLiteFailure) -> Part? {
    let row = try connection.statement("SELECT low, lane, state, output, blob FROM delivery WHERE id = ?1")
    defer { row.reset() }
    row.bind(1, id)
    guard try row.step(), let state = DeliveryState(code: row.integer(2)) else { return nil }
    return Part(
      id: DeliveryID(key: id, low: row.integer(0)), lane: row.integer(1), state: state, output: row.optionalInteger(3),
      blob: row.optionalInteger(4))
  }

  private func update(_ sql: String, _ key: Int64) throws(SQLiteFailure) {
    let row = try connection.statement(sql)
    row.bind(1, key)
    try row.run()
  }

  private func removeOutput(_ output: Int64, blobs: Bool) throws(SQLiteFailure) {
    let row = try connection.statement("SELECT blob, data IS NULL FROM output WHERE id = ?1")
    defer { row.reset() }
    row.bind(1, output)
    guard try row.step() else { return }
    let blob = row.optionalInteger(0)
    guard (blob != nil) == blobs else { return }
    // What changes the message's own blob doesn't own it.
    if let blob, row.integer(1) != 0 { try trash(blob) }
    row.reset()
    try update("DELETE FROM output WHERE id = ?1", output)
  }

  /// Takes the partner's answer out of a delivery's result; its summary stays.
  private func removeReply(_ part: Part) throws(SQLiteFailure) {
    let find = try connection.statement("SELECT result FROM delivery WHERE id = ?1")
    defer { find.reset() }
    find.bind(1, part.id.key)
    guard try find.step(), var result = openResult(find.bytes(0), lane: part.lane, id: part.id) else { return }
    find.reset()
    if case .none = result.reply { return }
    if let blob = part.blob { try trash(blob) }
    result.reply = .none
    let row = try connection.statement("UPDATE delivery SET result = ?2, blob = NULL WHERE id = ?1")
    row.bind(1, part.id.key)
    row.bind(
      2,
      preparer.sealer.seal(
        result.encoded, sealed: preparer.registry.isSealed(lane: part.lane), owner: part.lane, id: part.id,
        kind: .result))
    try row.run()
  }

  private func removeRecord(
    _ message: Int64, _ channel: Int64, _ blob: Int64?, _ parts: [Part]
  ) throws(SQLiteFailure) {
    if let blob { try trash(blob) }
    for part in parts {
      if let reply = part.blob { try trash(reply) }
      if let output = part.output {
        try removeOutput(output, blobs: true)
        try removeOutput(output, blobs: false)
      }
      try update("DELETE FROM delivery WHERE id = ?1", part.id.key)
      tally.change(lane: part.lane) { $0.pruned += 1 }
    }
    try update("DELETE FROM message WHERE id = ?1", message)
    let listed = try connection.statement("DELETE FROM listed WHERE channel = ?1 AND message = ?2")
    listed.bind(1, channel)
    listed.bind(2, message)
    try listed.run()
    let kept = try connection.statement("DELETE FROM kept WHERE channel = ?1 AND message = ?2 AND kind = ?3")
    for kind in PruneKind.allCases {
      kept.bind(1, channel)
      kept.bind(2, message)
      kept.bind(3, kind.rawValue)
      try kept.run()
    }
    tally.change(channel: channel) { $0.pruned += 1 }
  }

  // MARK: The index

  /// Walks on through the search index and removes entries whose message is gone.
  private func pruneIndex(rowsMax: Int) throws(SQLiteFailure) {
    let oldest = try connection.number("SELECT min(id) FROM message") ?? .max
    let rows = try connection.statement(
      """
      SELECT s.run, s.field, s.hash, s.message, m.id FROM searched s LEFT JOIN message m ON m.id = s.message
      WHERE (s.run, s.field, s.hash, s.message) > (?1, ?2, ?3, ?4) ORDER BY s.run, s.field, s.hash, s.message LIMIT ?5
      """)
    defer { rows.reset() }
    rows.bind(1, pruneCursors.run)
    rows.bind(2, pruneCursors.field)
    rows.bind(3, pruneCursors.hash)
    rows.bind(4, pruneCursors.message)
    rows.bind(5, rowsMax)
    var gone: [PruneCursors] = []
    var count = 0
    while try rows.step() {
      count += 1
      pruneCursors.run = rows.integer(0)
      pruneCursors.field = rows.integer(1)
      pruneCursors.hash = rows.integer(2)
      pruneCursors.message = rows.integer(3)
      if rows.optionalInteger(4) == nil { gone.append(pruneCursors) }
    }
    rows.reset()
    if count < rowsMax { pruneCursors.run = -1 }
    let remove = try connection.statement(
      "DELETE FROM searched WHERE run = ?1 AND field = ?2 AND hash = ?3 AND message = ?4")
    for entry in gone {
      remove.bind(1, entry.run)
      remove.bind(2, entry.field)
      remove.bind(3, entry.hash)
      remove.bind(4, entry.message)
      try remove.run()
    }
    try update(
      """
      DELETE FROM run WHERE last < ?1 AND NOT EXISTS (SELECT 1 FROM searched s WHERE s.run = run.id)
        AND id < (SELECT max(id) FROM run)
      """,
      oldest)
  }

  /// Walks on through the old duplicate keys and removes those that ran out and those of messages that are gone.
  private func pruneOldKeys(now: Int64, rowsMax: Int) throws(SQLiteFailure) {
    let rows = try connection.statement(
      """
      SELECT k.hash, k.until, m.id FROM old_key k LEFT JOIN message m ON m.id = k.message WHERE k.hash > ?1
      ORDER BY k.hash LIMIT ?2
      """)
    defer { rows.reset() }
    rows.bind(1, pruneCursors.oldKey)
    rows.bind(2, rowsMax)
    var gone: [Int64] = []
    var count = 0
    while try rows.step() {
      count += 1
      pruneCursors.oldKey = rows.integer(0)
      if rows.integer(1) < now || rows.optionalInteger(2) == nil { gone.append(pruneCursors.oldKey) }
    }
    rows.reset()
    if count < rowsMax { pruneCursors.oldKey = .min }
    for hash in gone { try update("DELETE FROM old_key WHERE hash = ?1", hash) }
  }
}
