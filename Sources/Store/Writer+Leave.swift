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

  /// What waits in a lane goes to the end of another one, in their order. There they have no key: they go strictly.
  ///
  /// - Parameter at: a person chose them at that moment, and each message's story says so.
  func move(
    _ ids: [DeliveryID], of lane: Int64, to target: Int64, at: Int64? = nil
  ) throws(SQLiteFailure) -> UnitResult {
    guard lane != target, tally.lanes[lane] != nil, tally.lanes[target] != nil else { return .stale }
    // What waits for its release doesn't get past it by another lane.
    if let hold = hold.value, hold.holds(lane), !hold.holds(target) { return .stale }
    var count = 0
    var bytes = 0
    for id in ids {
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
      if let at {
        let names = (laneName(lane) ?? "", laneName(target) ?? "")
        try addStep(Step(.note, "moved by hand from \(names.0) to \(names.1)", lane: names.1, at: at), delivery.message)
      }
    }
    return count == 0 ? .stale : .cancelled(count: count, bytes: bytes)
  }

  /// Keeps where what waited in a lane that is gone was moved; `nil` where the lane is there.
  func keep(heir: Int64?, of lane: Int64) throws(SQLiteFailure) {
    let row = try connection.statement(
      heir == nil
        ? "DELETE FROM meta WHERE name = 'heir/' || ?1"
        : "INSERT OR REPLACE INTO meta (name, value) VALUES ('heir/' || ?1, ?2)")
    row.bind(1, lane)
    if let heir { row.bind(2, heir) }
    try row.run()
  }

  /// Where what was made for a lane goes: there, or, where that is gone and a deployment moved what waited in it, to
  /// the lane that it was moved to.
  func heir(of lane: Int64) throws(SQLiteFailure) -> Int64 {
    var (heir, seen): (Int64, Set<Int64>) = (lane, [lane])
    while let next = try connection.number("SELECT value FROM meta WHERE name = 'heir/' || ?1", heir),
      tally.lanes[next] != nil, seen.insert(next).inserted
    {
      heir = next
    }
    // What waits for its release doesn't get past it by another lane.
    if let hold = hold.value, hold.holds(lane), !hold.holds(heir) { return lane }
    return heir
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
  static let last = Identifier(key: .max, low: -1)
}
