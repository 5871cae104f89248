import Messages

extension Writer {
  /// What a person, a timer or a deployment changes; `done` with the number of rows, `stale` where nothing fits any
  /// more.
  func change(_ change: Change) throws(SQLiteFailure) -> UnitResult {
    switch change {
    case .channelState(let channel, let state, _):
      let row = try connection.statement("UPDATE channel SET state = ?2 WHERE id = ?1")
      row.bind(1, channel)
      row.bind(2, state)
      tally.change(channel: channel) { _ in }
      return counted(try row.run())
    case .lanePaused(let lane, let paused, _):
      let row = try connection.statement("UPDATE lane SET paused = ?2 WHERE id = ?1")
      row.bind(1, lane)
      row.bind(2, paused ? 1 : 0)
      tally.change(lane: lane) { _ in }
      return counted(try row.run())
    case .retryDead(let ids, let at): return counted(try each(ids) { id throws(SQLiteFailure) in try retry(id, at) })
    case .discardDead(let ids, let reason, let at):
      return counted(
        try each(ids) { id throws(SQLiteFailure) in try end(id, from: .dead, as: .discarded, reason: reason, at: at) })
    case .cancelWaiting(let lane, let ids, let reason, let at):
      return try cancel(lane, ids, reason: reason, at: at, tells: true)
    case .withdraw(let lane, let ids, let reason, let at): return try withdraw(lane, ids, reason: reason, at: at)
    case .cancelAllWaiting(let lane, let through, let except, let countMax, let reason, let at):
      let ids = try waitingIDs(lane, through: through, except: Set(except), countMax: countMax)
      return try cancel(lane, ids, reason: reason, at: at, tells: false)
    case .buryWaiting(let lane, let countMax, let reason, let at):
      return try bury(lane, countMax: countMax, reason: reason, at: at)
    case .moveWaiting(let lane, let target, let countMax):
      return try move(try waitingIDs(lane, through: .last, except: [], countMax: countMax), of: lane, to: target)
    case .moveAllWaiting(let lane, let target, let through, let except, let countMax, let at):
      let ids = try waitingIDs(lane, through: through, except: Set(except), countMax: countMax)
      return try move(ids, of: lane, to: target, at: at)
    case .moveChosen(let lane, let target, let ids, let at): return try move(ids, of: lane, to: target, at: at)
    case .releaseOutgoing(let lanes):
      let released = try OutgoingHold.release(lanes, site: settings.site, connection)
      hold.value = released.hold
      return released.isDone ? .done(1) : .stale
    case .note(let channel, let note):
      try keep(note, of: channel)
      tally.change(channel: channel) { _ in }
      return .done(1)
    case .progress(let channel, let key, let value):
      guard tally.channels[channel] != nil else { return .stale }
      try keep(
        preparer.progress(key, value, of: channel, sealed: preparer.registry.isSealed(channel: channel)), channel)
      return .done(1)
    case .sequence(let channel, let name, let last): return try setSequence(name, of: channel, to: last)
    case .releaseHeld(let ids, let at):
      return counted(try each(ids) { id throws(SQLiteFailure) in try release(id, at) })
    case .discardHeld(let ids, let reason, let at):
      return counted(
        try each(ids) { id throws(SQLiteFailure) in try end(id, from: .held, as: .discarded, reason: reason, at: at) })
    case .discardMessages(let ids, let reason, let at):
      return counted(try each(ids) { id throws(SQLiteFailure) in try discard(id, reason: reason, at: at) })
    case .resend(let original, let id, let at): return counted(try resend(original, as: id, at: at) ? 1 : 0)
    case .unavailable(let channel, let count):
      guard tally.channels[channel] != nil, count > 0 else { return .stale }
      tally.change(channel: channel) {
        $0.received += count
        $0.unavailable += count
      }
      return .done(count)
    }
  }

  func counted(_ rows: Int) -> UnitResult { rows == 0 ? .stale : .done(rows) }

  private func each(
    _ ids: [Identifier], _ body: (Identifier) throws(SQLiteFailure) -> Bool
  ) throws(SQLiteFailure) -> Int {
    var count = 0
    for id in ids where try body(id) { count += 1 }
    return count
  }

  // MARK: Deliveries

  struct DeliveryRow {
    var message: Int64
    var lane: Int64
    var size: Int
    var output: Int64?
    var rendered: [UInt8]?
    var result: [UInt8]?
    var state: DeliveryState
    var sequence: Int64
    var orderKeys: [UInt8]?
    var numbers: String?
    /// Dead from the start, because a value of the destination's settings was absent: it is stored without that value,
    /// and would go out under a wrong name.
    var isIncomplete: Bool { sequence < 0 }
  }

  func delivery(_ id: DeliveryID) throws(SQLiteFailure) -> DeliveryRow? {
    let row = try connection.statement(
      """
      SELECT message, lane, size, output, rendered, result, state, sequence, order_keys, held, numbers FROM delivery
      WHERE id = ?1 AND low = ?2
      """)
    defer { row.reset() }
    row.bind(1, id.key)
    row.bind(2, id.lowKey)
    guard try row.step(), row.integer(9) != HeldCode.place.rawValue,
      let state = DeliveryState(row: row.integer(6), held: row.integer(9))
    else { return nil }
    return DeliveryRow(
      message: row.integer(0), lane: row.integer(1), size: row.int(2), output: row.optionalInteger(3),
      rendered: row.bytes(4), result: row.bytes(5), state: state, sequence: row.integer(7), orderKeys: row.bytes(8),
      numbers: row.text(10))
  }

  /// A dead delivery goes to the tail of its lane, with a fresh budget.
  private func retry(_ id: DeliveryID, _ at: Int64) throws(SQLiteFailure) -> Bool {
    guard let delivery = try delivery(id), delivery.state == .dead, !delivery.isIncomplete,
      tally.lanes[delivery.lane] != nil
    else { return false }
    let row = try connection.statement(
      """
      UPDATE delivery SET state = 0, sequence = ?2, attempts = 0, due_at = 0, delay = 0, ended_at = NULL,
        order_keys = ?3
      WHERE id = ?1
      """)
    row.bind(1, id.key)
    row.bind(2, tally.nextSequence(lane: delivery.lane))
    row.bind(3, try orderKeys(delivery))
    try row.run()
    move(delivery, from: .dead, to: .waiting)
    try addStep(
      Step(.retried, "retried by hand: at the tail of its lane", lane: laneName(delivery.lane), at: at),
      delivery.message)
    return true
  }

  /// - Parameter isWithdrawn: its sender was not answered in time, and sends it again.
  func end(
    _ id: DeliveryID, from: DeliveryState, as state: DeliveryState, reason: String, at: Int64, lane: Int64? = nil,
    tells: Bool = true, isWithdrawn: Bool = false
  ) throws(SQLiteFailure) -> Bool {
    guard let delivery = try delivery(id), delivery.state == from, lane == nil || lane == delivery.lane else {
      return false
    }
    var result = openResult(delivery.result, lane: delivery.lane, id: id) ?? ResultContent(summary: "", reply: .none)
    result.summary = result.summary.isEmpty ? reason : "\(reason) (before: \(result.summary))"
    (result.isWithdrawn, result.isPassing, result.isAwaited) = (isWithdrawn, false, false)
    let row = try connection.statement(
      "UPDATE delivery SET state = ?2, ended_at = ?3, result = ?4, held = 0 WHERE id = ?1")
    row.bind(1, id.key)
    row.bind(2, state.code)
    row.bind(3, at)
    row.bind(
      4,
      preparer.sealer.seal(
        result.encoded, sealed: preparer.registry.isSealed(lane: delivery.lane), owner: delivery.lane, id: id,
        kind: .result))
    try row.run()
    move(delivery, from: from, to: state)
    guard tells else { return true }
    if isWithdrawn {
      let name = laneName(delivery.lane) ?? "a lane"
      try addStep(Step(.note, "withdrawn from \(name): \(reason)", at: at), delivery.message)
      return true
    }
    try addStep(
      Step(.discarded, "\(state.rawValue) by hand: \(reason)", lane: laneName(delivery.lane), at: at), delivery.message)
    return true
  }

  /// Cancels deliveries that wait in a lane.
  ///
  /// - Parameter tells: the reason stands in each message's story too. Where everything goes it stands with each
  ///   delivery only, because there may be a million of them.
  private func cancel(
    _ lane: Int64, _ ids: [DeliveryID], reason: String, at: Int64, tells: Bool
  ) throws(SQLiteFailure) -> UnitResult {
    let bytesBefore = tally.lanes[lane]?.waitingBytes ?? 0
    let count = try each(ids) { id throws(SQLiteFailure) in
      try end(id, from: .waiting, as: .cancelled, reason: reason, at: at, lane: lane, tells: tells)
    }
    if count == 0 { return .stale }
    return .cancelled(count: count, bytes: bytesBefore - (tally.lanes[lane]?.waitingBytes ?? 0))
  }

  func waitingIDs(
    _ lane: Int64, through: Identifier, except: Set<DeliveryID>, countMax: Int
  ) throws(SQLiteFailure) -> [DeliveryID] {
    let rows = try connection.statement(
      """
      SELECT id, low FROM delivery INDEXED BY waiting WHERE state = 0 AND lane = ?1 AND id <= ?2 AND held = 0
      ORDER BY sequence
      """)
    defer { rows.reset() }
    rows.bind(1, lane)
    rows.bind(2, through.key)
    var ids: [DeliveryID] = []
    while ids.count < countMax, try rows.step() {
      let id = DeliveryID(key: rows.integer(0), low: rows.integer(1))
      if !except.contains(id) { ids.append(id) }
    }
    return ids
  }

  func move(_ delivery: DeliveryRow, from: DeliveryState, to: DeliveryState) {
    tally.change(lane: delivery.lane) {
      $0.states[from.code] -= 1
      $0.states[to.code] += 1
      if from == .waiting { $0.waitingBytes -= delivery.size }
      if to == .waiting { $0.waitingBytes += delivery.size }
    }
  }

  func openResult(_ bytes: [UInt8]?, lane: Int64, id: DeliveryID) -> ResultContent? {
    guard let bytes, let plain = try? preparer.sealer.open(bytes, owner: lane, id: id, kind: .result) else {
      return nil
    }
    return try? ResultContent(decoding: plain)
  }

  func laneName(_ lane: Int64) -> String? { preparer.registry.lane(lane)?.name }

  enum Resender {
    case person
    /// The lane to go to is that of the delivery, or the one that stands for it now.
    case sender(lane: Int64)
  }

  /// The stored bytes of a delivery once more, where they are still kept.
  func resend(
    _ original: DeliveryID, as id: DeliveryID, at: Int64, by resender: Resender = .person
  ) throws(SQLiteFailure) -> Bool {
    guard let delivery = try delivery(original), delivery.state.rowCode != 0, !delivery.isIncomplete,
      let channel = tally.lanes[delivery.lane]?.channel, try hasPayload(delivery)
    else { return false }
    let lane = if case .sender(let lane) = resender { lane } else { delivery.lane }
    var rendered = delivery.rendered
    if let sealed = rendered {
      guard let plain = try? preparer.sealer.open(sealed, owner: delivery.lane, id: original, kind: .rendered) else {
        return false
      }
      rendered = preparer.sealer.seal(
        plain, sealed: preparer.registry.isSealed(lane: lane), owner: lane, id: id, kind: .rendered)
    }
    let row = statements.insertDelivery
    row.bind(1, id.key)
    row.bind(2, id.lowKey)
    row.bind(3, delivery.message)
    row.bind(4, lane)
    row.bind(5, tally.nextSequence(lane: lane))
    row.bind(6, DeliveryState.waiting.code)
    row.bind(7, delivery.size)
    row.bind(8, at)
    row.bind(9, nil as Int64?)
    row.bind(10, delivery.output)
    row.bind(11, original.key)
    row.bind(12, rendered)
    row.bind(13, nil as [UInt8]?)
    // In another lane it has no key: it goes strictly.
    row.bind(14, lane == delivery.lane ? try orderKeys(delivery) : nil)
    row.bind(15, HeldCode.no.rawValue)
    row.bind(16, delivery.numbers)
    try row.run()
    tally.change(lane: lane) {
      $0.created += 1
      $0.states[DeliveryState.waiting.code] += 1
      $0.waitingBytes += delivery.size
    }
    try keepForRetention(delivery.message, channel)
    let name = laneName(lane)
    let step =
      switch resender {
      case .sender: Step(.note, "its sender sent it again: it goes to \(name ?? "its lane") anew", at: at)
      case .person: Step(.retried, "sent once more by hand", lane: name, at: at)
      }
    try addStep(step, delivery.message)
    return true
  }

  /// Its keys, where they are those by which its lane still orders.
  private func orderKeys(_ delivery: DeliveryRow) throws(SQLiteFailure) -> [UInt8]? {
    let since = try connection.number("SELECT keyed_after FROM lane WHERE id = ?1", delivery.lane) ?? 0
    return delivery.sequence > since ? delivery.orderKeys : nil
  }

  private func hasPayload(_ delivery: DeliveryRow) throws(SQLiteFailure) -> Bool {
    let sql =
      delivery.output == nil
      ? "SELECT 1 FROM message WHERE id = ?1 AND (raw IS NOT NULL OR blob IS NOT NULL)"
      : "SELECT 1 FROM output WHERE id = ?1 AND (data IS NOT NULL OR blob IS NOT NULL)"
    return try connection.number(sql, delivery.output ?? delivery.message) != nil
  }

  // MARK: Messages

  private func discard(_ id: MessageID, reason: String, at: Int64) throws(SQLiteFailure) -> Bool {
    let find = try connection.statement("SELECT state, channel FROM message WHERE id = ?1 AND low = ?2")
    find.bind(1, id.key)
    find.bind(2, id.lowKey)
    defer { find.reset() }
    guard try find.step(), let state = MessageState(code: find.integer(0)), state == .failed || state == .held else {
      return false
    }
    let channel = find.integer(1)
    find.reset()
    let row = try connection.statement("UPDATE message SET state = ?2 WHERE id = ?1")
    row.bind(1, id.key)
    row.bind(2, MessageState.discarded.code)
    try row.run()
    tally.change(channel: channel) {
      $0.count(state, -1)
      $0.count(.discarded)
    }
    for place in try places(of: id.key) { try remove(place) }
    try addStep(Step(.discarded, reason, at: at), id.key)
    return true
  }

  /// Adds to a message's story. What doesn't open (damaged) stays as it is.
  func addStep(_ step: Step, _ message: Int64) throws(SQLiteFailure) {
    let find = try connection.statement("SELECT record, channel, low FROM message WHERE id = ?1")
    find.bind(1, message)
    defer { find.reset() }
    guard try find.step() else { return }
    let channel = find.integer(1)
    let id = MessageID(key: message, low: find.integer(2))
    guard var content = openRecord(find.bytes(0), channel: channel, message: id) else { return }
    find.reset()
    content.steps.append(step)
    let row = try connection.statement("UPDATE message SET record = ?2 WHERE id = ?1")
    row.bind(1, message)
    row.bind(
      2,
      preparer.sealer.seal(
        content.encoded, sealed: preparer.registry.isSealed(channel: channel), owner: channel, id: id, kind: .record))
    try row.run()
  }
}
