/// The statements of the way of a message, compiled once.
struct WriterStatements {
  let begin, commit: Statement
  let insertMessage, insertOutput, insertDelivery, insertBlob, insertTrash, insertProgress: Statement
  let findMessage, findDelivery, endAttempt, updateChannel, updateLane: Statement

  init(_ connection: Connection) throws(SQLiteFailure) {
    updateChannel = try connection.statement(Tally.channelUpdate)
    updateLane = try connection.statement(Tally.laneUpdate)
    begin = try connection.statement("BEGIN IMMEDIATE")
    commit = try connection.statement("COMMIT")
    insertMessage = try connection.statement(
      """
      INSERT INTO message (id, low, channel, state, received_at, format, size, generation, revision, prior, sha, keys,
        deliveries, blob, record, raw) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, 1, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15)
      ON CONFLICT DO NOTHING
      """)
    insertOutput = try connection.statement(
      "INSERT INTO output (id, low, message, format, size, sha, blob, data) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)")
    insertDelivery = try connection.statement(
      """
      INSERT INTO delivery (id, low, message, lane, sequence, state, attempts, possibly_sent, size, created_at, due_at,
        delay, ended_at, output, resend_of, blob, rendered, result, order_keys, held, numbers)
      VALUES (?1, ?2, ?3, ?4, ?5, ?6, 0, 0, ?7, ?8, 0, 0, ?9, ?10, ?11, NULL, ?12, ?13, ?14, ?15, ?16)
      """)
    insertBlob = try connection.statement("INSERT INTO blob (id, low, message) VALUES (?1, ?2, ?3)")
    insertTrash = try connection.statement("INSERT INTO trash (id, low) VALUES (?1, ?2) ON CONFLICT DO NOTHING")
    insertProgress = try connection.statement(
      "INSERT OR REPLACE INTO progress (channel, key, value) VALUES (?1, ?2, ?3)")
    findMessage = try connection.statement(
      "SELECT state, received_at, sha, prior, low, channel FROM message WHERE id = ?1")
    findDelivery = try connection.statement(
      """
      SELECT low, size, blob, message FROM delivery
      WHERE id = ?1 AND state = 0 AND lane = ?2 AND sequence = ?3 AND attempts <= ?4 AND held = 0
      """)
    endAttempt = try connection.statement(
      """
      UPDATE delivery SET state = ?2, attempts = ?3, possibly_sent = ?4, due_at = ?5, delay = ?6, ended_at = ?7,
        blob = ?8, result = ?9, held = ?10 WHERE id = ?1
      """)
  }
}
