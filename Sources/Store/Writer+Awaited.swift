import Messages

// What a sender waits for who is answered with the partner's verdict.

extension Writer {
  /// The deliveries of a message in a lane, each as its newest repetition. One that was withdrawn is sent anew: its
  /// sender was told to send it again, and does.
  func awaited(_ message: MessageID, _ lane: Int64, at: Int64) throws(SQLiteFailure) -> [Awaited] {
    var awaited: [Awaited] = []
    for id in try newest(of: message, in: lane) {
      guard let delivery = try delivery(id) else { continue }
      if delivery.state == .cancelled, openResult(delivery.result, lane: lane, id: id)?.isWithdrawn == true {
        let anew = preparer.mint()
        if try resend(id, as: anew, at: at, because: "its sender sent it again") {
          try keepSuspicion(of: id, for: anew)
          awaited.append(Awaited(anew, newBytes: delivery.size))
          continue
        }
      }
      awaited.append(Awaited(id))
    }
    return awaited
  }

  /// In their order; without those that were repeated.
  private func newest(of message: MessageID, in lane: Int64) throws(SQLiteFailure) -> [DeliveryID] {
    let find = try connection.statement("SELECT deliveries FROM message WHERE id = ?1")
    find.bind(1, message.key)
    var keys: [Int64] = []
    if try find.step() { keys = DeliveryList.decode(find.bytes(0)) }
    find.reset()

    let resent = try connection.statement(
      "SELECT id, resend_of FROM delivery WHERE message = ?1 AND resend_of IS NOT NULL ORDER BY id")
    defer { resent.reset() }
    resent.bind(1, message.key)
    var repeated: Set<Int64> = []
    while try resent.step() {
      keys.append(resent.integer(0))
      repeated.insert(resent.integer(1))
    }
    let row = try connection.statement("SELECT low FROM delivery WHERE id = ?1 AND lane = ?2 AND held <> ?3")
    defer { row.reset() }
    var found: [DeliveryID] = []
    for key in keys where !repeated.contains(key) {
      row.bind(1, key)
      row.bind(2, lane)
      row.bind(3, HeldCode.place.rawValue)
      if try row.step() { found.append(DeliveryID(key: key, low: row.integer(0))) }
      row.reset()
    }
    return found
  }

  /// What may have reached the partner before may have done so for its repetition too.
  private func keepSuspicion(of original: DeliveryID, for id: DeliveryID) throws(SQLiteFailure) {
    let row = try connection.statement(
      """
      UPDATE delivery SET possibly_sent = (SELECT possibly_sent FROM delivery WHERE id = ?2) WHERE id = ?1
      """)
    row.bind(1, id.key)
    row.bind(2, original.key)
    try row.run()
  }

  /// Takes deliveries back that wait in a lane.
  func withdraw(_ lane: Int64, _ ids: [DeliveryID], reason: String, at: Int64) throws(SQLiteFailure) -> UnitResult {
    let bytesBefore = tally.lanes[lane]?.waitingBytes ?? 0
    var count = 0
    for id in ids
    where try end(id, from: .waiting, as: .cancelled, reason: reason, at: at, lane: lane, isWithdrawn: true) {
      count += 1
    }
    if count == 0 { return .stale }
    return .cancelled(count: count, bytes: bytesBefore - (tally.lanes[lane]?.waitingBytes ?? 0))
  }
}
