package import Messages

// What stands for identifiers in what went out, and what it stands for: the way back, for who may go it.

/// One as the writer wants it.
struct PreparedStandIn: Sendable {
  /// Of the stand-in's text, blind.
  var hash: Identifier
  /// Sealed.
  var content: [UInt8]
}

/// What a stand-in stands for.
package struct KnownStandIn: Sendable, Codable, Equatable {
  package var standIn: String
  /// `pseudonym` or `uid`.
  package var kind: String
  /// The name of the key by which it was made.
  package var key: String
  package var original: String
  package var channel: String
  /// The message that first brought it.
  package var message: String
  /// Milliseconds since 1970; to the day.
  package var usedAt: Int64
}

extension Preparer {
  func standIn(_ one: StandIn, of channel: Int64, sealed: Bool) -> PreparedStandIn {
    let hash = blind.wideHash(.standIn, scope: channel, one.text)
    var writer = ByteWriter()
    writer.text(one.kind.rawValue)
    writer.text(one.key)
    writer.text(one.original)
    writer.text(one.text)
    return PreparedStandIn(
      hash: hash,
      content: sealer.seal(writer.bytes, sealed: sealed, owner: channel, id: hash, kind: .standIn))
  }
}

extension Writer {
  /// What is known stays as it is: when it was used is noted once a day.
  func keepStandIns(_ arrival: PreparedAcceptance) throws(SQLiteFailure) {
    if arrival.standIns.isEmpty { return }
    let row = try connection.statement(
      """
      INSERT INTO stand_in (channel, high, low, message, message_low, used_at, content)
      VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)
      ON CONFLICT DO UPDATE SET used_at = ?6 WHERE used_at < ?6 - 86400000
      """)
    for one in arrival.standIns {
      row.bind(1, arrival.channel)
      row.bind(2, one.hash.key)
      row.bind(3, one.hash.lowKey)
      row.bind(4, arrival.id.key)
      row.bind(5, arrival.id.lowKey)
      row.bind(6, arrival.receivedAt)
      row.bind(7, one.content)
      try row.run()
    }
  }

  /// - Returns: whether nothing is left to remove.
  func pruneStandIns(of channel: Int64, before: Int64, rowsMax: Int) throws(SQLiteFailure) -> Bool {
    let row = try connection.statement(
      """
      DELETE FROM stand_in WHERE channel = ?1 AND (high, low) IN (
        SELECT high, low FROM stand_in WHERE channel = ?1 AND used_at < ?2 ORDER BY used_at LIMIT ?3)
      """)
    row.bind(1, channel)
    row.bind(2, before)
    row.bind(3, rowsMax)
    return try row.run() < rowsMax
  }
}

extension SQLiteStore {
  package func standsFor(_ text: String) async throws(StoreError) -> [KnownStandIn] {
    try await read { reading in try reading.standsFor(text) }
  }
}

extension Reading {
  fileprivate func standsFor(_ text: String) throws(SQLiteFailure) -> [KnownStandIn] {
    let channels = try connection.statement("SELECT id, name FROM channel ORDER BY name")
    defer { channels.reset() }
    var found: [KnownStandIn] = []
    while try channels.step() {
      let channel = channels.integer(0)
      let hash = preparer.blind.wideHash(.standIn, scope: channel, text)
      let row = try connection.statement(
        "SELECT message, message_low, used_at, content FROM stand_in WHERE channel = ?1 AND high = ?2 AND low = ?3")
      defer { row.reset() }
      row.bind(1, channel)
      row.bind(2, hash.key)
      row.bind(3, hash.lowKey)
      guard try row.step(), let content = row.bytes(3),
        let plain = try? preparer.sealer.open(content, owner: channel, id: hash, kind: .standIn)
      else { continue }
      var reader = ByteReader(plain)
      guard let kind = try? reader.text(), let key = try? reader.text(), let original = try? reader.text(),
        let standIn = try? reader.text(), standIn == text
      else { continue }
      found.append(
        KnownStandIn(
          standIn: standIn, kind: kind, key: key, original: original, channel: channels.text(1) ?? "",
          message: MessageID(key: row.integer(0), low: row.integer(1)).description, usedAt: row.integer(2)))
    }
    return found
  }
}
