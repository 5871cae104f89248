import Messages

// What waits in a lane that no destination stands for any more.

extension Writer {
  /// The first that wait in a lane become dead letters.
  func bury(_ lane: Int64, countMax: Int, reason: String, at: Int64) throws(SQLiteFailure) -> UnitResult {
    let bytesBefore = tally.lanes[lane]?.waitingBytes ?? 0
    var count = 0
    for id in try waitingIDs(lane, through: .last, except: [], countMax: countMax)
    where try end(id, from: .waiting, as: .dead, reason: reason, at: at, lane: lane, tells: false) {
      count += 1
    }
    if count == 0 { return .stale }
    return .cancelled(count: count, bytes: bytesBefore - (tally.lanes[lane]?.waitingBytes ?? 0))
  }

  /// The first that wait in a lane go to the end of another one, in their order. There they have no key: they go
  /// strictly.
  func move(_ lane: Int64, to target: Int64, countMax: Int) throws(SQLiteFailure) -> UnitResult {
    guard lane != target, tally.lanes[lane] != nil, tally.lanes[target] != nil else { return .stale }
    // What waits for its release doesn't get past it by another lane.
    if let hold = hold.value, hold.holds(lane), !hold.holds(target) { return .stale }
    var count = 0
    var bytes = 0
    for id in try waitingIDs(lane, through: .last, except: [], countMax: countMax) {
      guard let delivery = try delivery(id), delivery.state == .waiting, delivery.lane == lane else { continue }
      let row = try connection.statement(
        """
        UPDATE delivery SET lane = ?2, sequence = ?3, order_keys = NULL, due_at = 0, delay = 0, rendered = ?4,
          result = ?5
        WHERE id = ?1
        """)
      row.bind(1, id.key)
      row.bind(2, target)
      row.bind(3, tally.nextSequence(lane: target))
      row.bind(4, reseal(delivery.rendered, id, from: lane, to: target, .rendered))
      row.bind(5, reseal(delivery.result, id, from: lane, to: target, .result))
      try row.run()
      tally.change(lane: lane) {
        $0.created -= 1
        $0.states[DeliveryState.waiting.code] -= 1
        $0.waitingBytes -= delivery.size
      }
      tally.change(lane: target) {
        $0.created += 1
        $0.states[DeliveryState.waiting.code] += 1
        $0.waitingBytes += delivery.size
      }
      count += 1
      bytes += delivery.size
    }
    return count == 0 ? .stale : .cancelled(count: count, bytes: bytes)
  }

  /// What is sealed belongs to its lane. What doesn't open (damaged) stays as it is, and is found when it is read.
  private func reseal(
    _ bytes: [UInt8]?, _ id: DeliveryID, from lane: Int64, to target: Int64, _ kind: SealedKind
  ) -> [UInt8]? {
    guard let bytes else { return nil }
    guard let plain = try? preparer.sealer.open(bytes, owner: lane, id: id, kind: kind) else { return bytes }
    return preparer.sealer.seal(
      plain, sealed: preparer.registry.isSealed(lane: target), owner: target, id: id, kind: kind)
  }
}

extension Identifier {
  /// No id is greater.
  fileprivate static let last = Identifier(key: .max, low: -1)
}
