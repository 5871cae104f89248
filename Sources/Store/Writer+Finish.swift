import Messages

extension Writer {
  /// Ends one attempt, where the delivery still waits as the attempt knew it. An attempt that ended
  /// without ending the delivery, and that is written late because the disk was full, is stale where a later one has
  /// been written: its due time and its reason are not true any more.
  func finish(_ prepared: PreparedAttempt) throws(SQLiteFailure) -> UnitResult {
    let attempt = prepared.attempt
    guard attempt.epoch == epoch else { return try stale(prepared) }
    let row = statements.findDelivery
    row.bind(1, attempt.delivery.key)
    row.bind(2, attempt.lane)
    row.bind(3, attempt.sequence)
    row.bind(4, prepared.state == .waiting ? Int64(attempt.attempts) : .max)
    guard try row.step(), row.integer(0) == attempt.delivery.lowKey else {
      row.reset()
      return try stale(prepared)
    }
    let size = row.int(1)
    let oldBlob = row.optionalInteger(2)
    let message = row.integer(3)
    row.reset()
    if let oldBlob { try trash(oldBlob) }
    if let blob = prepared.replyBlob { try insertBlob(blob, message: MessageID(key: message, low: 0)) }

    let update = statements.endAttempt
    update.bind(1, attempt.delivery.key)
    update.bind(2, prepared.state.rowCode)
    update.bind(3, attempt.attempts)
    update.bind(4, attempt.possiblySent ? 1 : 0)
    update.bind(5, prepared.dueAt)
    update.bind(6, prepared.delay)
    update.bind(7, prepared.state.rowCode == 0 ? nil : attempt.at)
    update.bind(8, prepared.replyBlob?.id.key)
    update.bind(10, (prepared.state == .held ? HeldCode.delivery : .no).rawValue)
    try update.run(prepared.slab, (9, prepared.result))
    tally.change(lane: attempt.lane) {
      guard prepared.state != .waiting else { return }
      $0.states[DeliveryState.waiting.code] -= 1
      $0.waitingBytes -= size
      $0.states[prepared.state.code] += 1
    }
    if prepared.state == .delivered, let follows = prepared.follows {
      return .followed(sequences: try follow(follows, message: message))
    }
    return .done(1)
  }

  /// The reply of an attempt that doesn't count any more goes with it.
  private func stale(_ prepared: PreparedAttempt) throws(SQLiteFailure) -> UnitResult {
    if let blob = prepared.replyBlob { preparer.blobs.remove(blob.id) }
    for blob in prepared.follows?.blobs ?? [] { preparer.blobs.remove(blob.id) }
    return .stale
  }

  /// Removes a blob's row; its file goes after the commit.
  func trash(_ blob: Int64) throws(SQLiteFailure) {
    let find = try connection.statement("SELECT low FROM blob WHERE id = ?1")
    find.bind(1, blob)
    defer { find.reset() }
    guard try find.step() else { return }
    let low = find.integer(0)
    find.reset()
    let remove = try connection.statement("DELETE FROM blob WHERE id = ?1")
    remove.bind(1, blob)
    try remove.run()
    statements.insertTrash.bind(1, blob)
    statements.insertTrash.bind(2, low)
    try statements.insertTrash.run()
  }
}
