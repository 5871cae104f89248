package import Messages

/// A delivery that waits, as far as is told without its payload.
package struct WaitingLine: Sendable, Equatable {
  package var id: DeliveryID
  package var sequence: Int64
  package var byteCount: Int
  /// Milliseconds since 1970.
  package var createdAt: Int64
  /// As in `WaitingDelivery`.
  package var orderKeys: [UInt64]

  package init(id: DeliveryID, sequence: Int64, byteCount: Int, createdAt: Int64, orderKeys: [UInt64] = []) {
    self.id = id
    self.sequence = sequence
    self.byteCount = byteCount
    self.createdAt = createdAt
    self.orderKeys = orderKeys
  }
}

extension Reading {
  func waitingLines(
    lane: Int64, after: Int64, countMax: Int
  ) throws(SQLiteFailure) -> (lines: [WaitingLine], isAll: Bool) {
    let keyedAfter = try orderMarks(lane).keyedAfter
    let rows = try connection.statement(
      """
      SELECT id, low, sequence, size, created_at, order_keys, held FROM delivery INDEXED BY waiting
      WHERE state = 0 AND lane = ?1 AND sequence > ?2 ORDER BY sequence
      """)
    defer { rows.reset() }
    rows.bind(1, lane)
    rows.bind(2, after)
    var lines: [WaitingLine] = []
    while try rows.step() {
      if rows.integer(6) != HeldCode.no.rawValue { break }
      if lines.count >= countMax { return (lines, false) }
      let sequence = rows.integer(2)
      let id = DeliveryID(key: rows.integer(0), low: rows.integer(1))
      // What a person processes again came into the lane with its new id, not with its message.
      lines.append(
        WaitingLine(
          id: id, sequence: sequence, byteCount: rows.int(3), createdAt: max(rows.integer(4), id.milliseconds),
          orderKeys: sequence > keyedAfter ? OrderKeys.decode(rows.bytes(5)) : []))
    }
    return (lines, true)
  }

  func waiting(lane: Int64, _ lines: [WaitingLine]) throws(SQLiteFailure) -> [WaitingDelivery] {
    let suspectThrough = try orderMarks(lane).suspectThrough
    var found: [WaitingDelivery] = []
    for line in lines {
      guard var delivery = try delivery(line.id.key), delivery.id == line.id, delivery.lane == lane,
        delivery.sequence == line.sequence, delivery.state == .waiting
      else { continue }
      if delivery.sequence <= suspectThrough { delivery.possiblySent = true }
      found.append(try waiting(delivery))
    }
    return found
  }
}

extension SQLiteStore {
  package func waitingLines(
    lane: Int64, after: Int64, countMax: Int
  ) async throws(StoreError) -> (lines: [WaitingLine], isAll: Bool) {
    try await read { reading in try reading.waitingLines(lane: lane, after: after, countMax: countMax) }
  }

  package func waiting(lane: Int64, _ lines: [WaitingLine]) async throws(StoreError) -> [WaitingDelivery] {
    try await read { reading in try reading.waiting(lane: lane, lines) }
  }
}
