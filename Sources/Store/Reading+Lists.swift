import CSQLite
import Messages

extension Reading {
  // MARK: Lanes

  func waiting(
    lane: Int64, _ part: WaitingPart
  ) throws(SQLiteFailure) -> (
    deliveries: [WaitingDelivery], isAll: Bool
  ) {
    let marks = try orderMarks(lane)
    // `instr` finds the eight bytes at any place; whether they are a key of the row is looked at again below.
    let rows = try connection.statement(
      """
      SELECT \(Self.deliveryColumns) FROM delivery INDEXED BY waiting WHERE state = 0 AND lane = ?1 AND sequence > ?2
      AND sequence <= ?3\(part.key == nil ? "" : " AND instr(order_keys, ?4) > 0") ORDER BY sequence
      """)
    defer { rows.reset() }
    rows.bind(1, lane)
    rows.bind(2, part.after)
    rows.bind(3, part.through)
    if let key = part.key { rows.bind(4, OrderKeys.encode([key])) }
    var waiting: [WaitingDelivery] = []
    var bytes = 0
    var last = part.after
    while try rows.step() {
      guard var delivery = Delivery(rows) else { continue }
      guard delivery.sequence > last else {
        // The index knows another number than the row: what a lane passed over would wait for ever.
        throw SQLiteFailure(code: SQLITE_CORRUPT, systemError: 0, doing: "read a lane in its order")
      }
      last = delivery.sequence
      if delivery.sequence <= marks.keyedAfter { delivery.orderKeys = [] }
      if let key = part.key, !delivery.orderKeys.contains(key) { continue }
      // One more than is wanted tells whether there is more.
      if waiting.count >= max(1, part.countMax) { return (waiting, false) }
      if !waiting.isEmpty, bytes + delivery.size > part.bytesMax { return (waiting, false) }
      bytes += delivery.size
      if delivery.sequence <= marks.suspectThrough { delivery.possiblySent = true }
      waiting.append(try self.waiting(delivery, asKept: part.asKept))
      // To look for one more of a key that is rare would be to walk to the lane's end.
      if part.key != nil, waiting.count >= max(1, part.countMax) { return (waiting, false) }
    }
    return (waiting, true)
  }

  /// From which number on the keys of a lane's deliveries are those by which it orders now, and up to which number an
  /// owner that died may have sent them.
  func orderMarks(_ lane: Int64) throws(SQLiteFailure) -> (keyedAfter: Int64, suspectThrough: Int64) {
    let row = try connection.statement("SELECT keyed_after, suspect_through FROM lane WHERE id = ?1")
    defer { row.reset() }
    row.bind(1, lane)
    return try row.step() ? (row.integer(0), row.integer(1)) : (0, 0)
  }

  func waiting(_ delivery: Delivery, asKept: Bool = false) throws(SQLiteFailure) -> WaitingDelivery {
    var payload = Payload(.bytes, [])
    var damaged = false
    if delivery.state == .held { return try held(delivery) }
    switch try self.payload(delivery, asKept: asKept) {
    case .payload(let stored): payload = stored
    case .damaged(let format): (payload, damaged) = (Payload(format, []), true)
    // Retention never takes what waits: a payload that is gone is damage too.
    case .gone: damaged = true
    }
    var rendered: [String: [TemplateValue]] = [:]
    if let sealed = delivery.rendered {
      if let plain = try? preparer.sealer.open(sealed, owner: delivery.lane, id: delivery.id, kind: .rendered),
        let parts = try? RenderedContent.decode(plain).numbered(delivery.numbers.map(GivenNumbers.decode) ?? [:])
      {
        rendered = parts
      } else {
        damaged = true
      }
    }
    return WaitingDelivery(
      id: delivery.id, message: try messageID(delivery.message), sequence: delivery.sequence, payload: payload,
      rendered: rendered, attempts: delivery.attempts, dueAt: delivery.dueAt, delay: delivery.delay,
      possiblySent: delivery.possiblySent, damaged: damaged, byteCount: delivery.size, orderKeys: delivery.orderKeys)
  }

  /// It isn't sent as it is: its payload is read when it was released.
  private func held(_ delivery: Delivery) throws(SQLiteFailure) -> WaitingDelivery {
    var waiting = WaitingDelivery(
      id: delivery.id, message: try messageID(delivery.message), sequence: delivery.sequence,
      payload: Payload(.bytes, []), rendered: [:], attempts: delivery.attempts, dueAt: 0, delay: 0,
      possiblySent: delivery.possiblySent, damaged: false, byteCount: delivery.size, orderKeys: delivery.orderKeys)
    let reason = result(delivery)?.summary ?? "why it is held can't be read"
    waiting.held = WaitingDelivery.Held(delivery.isPlace ? .place : .delivery, reason)
    return waiting
  }

  /// The destinations in whose lanes a message that failed keeps its place.
  func placesKept(by message: MessageID) throws(SQLiteFailure) -> [String] {
    let rows = try connection.statement(
      "SELECT lane FROM delivery INDEXED BY held_of WHERE held <> 0 AND held = ?2 AND message = ?1 ORDER BY lane")
    defer { rows.reset() }
    rows.bind(1, message.key)
    rows.bind(2, HeldCode.place.rawValue)
    var names: [String] = []
    while try rows.step() { if let lane = preparer.registry.lane(rows.integer(0)) { names.append(lane.name) } }
    return names
  }

  // MARK: Messages

  private static let messageColumns = """
    id, low, channel, state, received_at, format, size, generation, prior, sha, record,
    raw IS NOT NULL OR blob IS NOT NULL
    """

  func message(_ key: Int64, low: Int64? = nil) throws(SQLiteFailure) -> MessageRecord? {
    let row = try connection.statement("SELECT \(Self.messageColumns) FROM message WHERE id = ?1")
    defer { row.reset() }
    row.bind(1, key)
    guard try row.step(), low == nil || row.integer(1) == low, let state = MessageState(code: row.integer(3)) else {
      return nil
    }
    let id = MessageID(key: key, low: row.integer(1))
    let channel = row.integer(2)
    let sealed = row.bytes(10)
    let content = sealed.flatMap { bytes -> RecordContent? in
      guard let plain = try? preparer.sealer.open(bytes, owner: channel, id: id, kind: .record) else { return nil }
      return try? RecordContent(decoding: plain)
    }
    let names = preparer.registry.all
    var columns: [String: String] = [:]
    for column in content?.columns ?? [] { columns[names.fields[column.key]?.name ?? String(column.key)] = column.text }
    var steps = content?.steps ?? []
    if sealed != nil, content == nil { steps = [Step(.flagged, "the stored record doesn't open: it is damaged")] }
    var record = MessageRecord(
      id: id.description, channel: names.channels[channel]?.name ?? "", receivedAt: row.integer(4), state: state,
      reason: content?.reason, byteCount: row.int(6),
      format: UInt8(exactly: row.integer(5)).flatMap(Format.init(code:))?.rawValue ?? "",
      sha256: hexadecimal(row.bytes(9) ?? []),
      duplicateOf: nil, attributes: content?.attributes ?? [:], columns: columns, steps: steps,
      hasRaw: row.integer(11) != 0,
      generation: row.int(7))
    let prior = row.optionalInteger(8)
    row.reset()
    if state == .duplicate, let prior { record.duplicateOf = try messageID(prior).description }
    return record
  }

  func deliveries(of message: MessageID) throws(SQLiteFailure) -> [DeliveryRecord] {
    let row = try connection.statement("SELECT deliveries FROM message WHERE id = ?1 AND low = ?2")
    defer { row.reset() }
    row.bind(1, message.key)
    row.bind(2, message.lowKey)
    guard try row.step() else { return [] }
    var ids = DeliveryList.decode(row.bytes(0))
    let resent = try connection.statement(
      "SELECT id FROM delivery INDEXED BY resent WHERE message = ?1 AND resend_of IS NOT NULL ORDER BY id")
    defer { resent.reset() }
    resent.bind(1, message.key)
    while try resent.step() { ids.append(resent.integer(0)) }
    var records: [DeliveryRecord] = []
    for id in ids { if let delivery = try delivery(id) { records.append(try record(delivery)) } }
    return records
  }

  func messages(_ query: MessageQuery) throws(SQLiteFailure) -> [MessageRecord] {
    if !query.columns.isEmpty { return try found(query) }
    let before = query.before.flatMap { Identifier($0) }?.key ?? .max
    let names = preparer.registry.all
    let channel = names.channels.first { $0.value.name == query.channel }?.key
    if query.channel != nil, channel == nil { return [] }
    // Ids grow with time, but a clock may have been set back: the bounds are tested on the row as well.
    let states = query.states.map { Set($0) }
    let isOpen = states.map { $0.isSubset(of: [.held, .failed]) } ?? false
    let rows = try connection.statement(
      isOpen ? Self.openMessages : channel == nil ? Self.allMessages : Self.channelMessages)
    defer { rows.reset() }
    rows.bind(1, before)
    rows.bind(2, channel)
    if channel != nil, !isOpen { rows.bind(3, try indexedThrough()) }
    var records: [MessageRecord] = []
    var looked = 0
    while records.count < query.limit, looked < preparer.settings.listRowsMax, try rows.step() {
      looked += 1
      guard let state = MessageState(code: rows.integer(1)), states?.contains(state) ?? true else { continue }
      let at = rows.integer(2)
      guard at >= query.from ?? .min, at <= query.to ?? .max else { continue }
      if let record = try message(rows.integer(0)) { records.append(record) }
    }
    return records
  }

  private static let openMessages = """
    SELECT id, state, received_at FROM message INDEXED BY message_open
    WHERE (state = 2 OR state = 3) AND id < ?1 AND (?2 IS NULL OR channel = ?2) ORDER BY id DESC
    """
  private static let allMessages = "SELECT id, state, received_at, ?2 FROM message WHERE id < ?1 ORDER BY id DESC"
  /// What is listed, what is late, and what came after the last run.
  private static let channelMessages = """
    SELECT l.message AS id, m.state, m.received_at FROM listed l CROSS JOIN message m ON m.id = l.message
      WHERE l.channel = ?2 AND l.message < ?1 AND l.message NOT IN (SELECT message FROM late)
    UNION ALL SELECT l.message, m.state, m.received_at FROM late l CROSS JOIN message m ON m.id = l.message
      WHERE l.message < ?1 AND m.channel = ?2
    UNION ALL SELECT id, state, received_at FROM message WHERE id > ?3 AND id < ?1 AND channel = ?2
    ORDER BY id DESC
    """

  private func indexedThrough() throws(SQLiteFailure) -> Int64 {
    try connection.number("SELECT value FROM meta WHERE name = 'indexed_through'") ?? 0
  }

  // MARK: Search

  /// Messages by the exact values of searchable columns, through the blind index: the runs and the rows behind them.
  private func found(_ query: MessageQuery) throws(SQLiteFailure) -> [MessageRecord] {
    let before = query.before.flatMap { Identifier($0) }?.key ?? .max
    var keys: Set<Int64> = []
    // The column that gives candidates; the others are compared in the records.
    guard let (name, text) = query.columns.min(by: { $0.key < $1.key }) else { return [] }
    let names = preparer.registry.all
    for (field, known) in names.fields where known.name == name {
      if let channel = query.channel, names.channels[known.channel]?.name != channel { continue }
      try candidates(field, preparer.blind.hash(.column, scope: field, text), before: before, into: &keys)
    }
    var records: [MessageRecord] = []
    for key in keys.sorted(by: >).prefix(preparer.settings.listRowsMax) {
      guard records.count < query.limit else { break }
      guard let record = try message(key), query.columns.allSatisfy({ record.columns[$0.key] == $0.value }) else {
        continue
      }
      guard query.channel == nil || query.channel == record.channel, query.states?.contains(record.state) ?? true else {
        continue
      }
      guard record.receivedAt >= query.from ?? .min, record.receivedAt <= query.to ?? .max else { continue }
      records.append(record)
    }
    return records
  }

  /// The newest messages that hold this value, of those before `before`.
  private func candidates(
    _ field: Int64, _ hash: Int64, before: Int64, into keys: inout Set<Int64>
  ) throws(SQLiteFailure) {
    let runs = try connection.statement(
      """
      SELECT s.message FROM run r CROSS JOIN searched s ON s.run = r.id AND s.field = ?1 AND s.hash = ?2
        AND s.message < ?3 ORDER BY s.message DESC LIMIT ?4
      """)
    defer { runs.reset() }
    runs.bind(1, field)
    runs.bind(2, hash)
    runs.bind(3, before)
    runs.bind(4, preparer.settings.listRowsMax)
    while try runs.step() { keys.insert(runs.integer(0)) }
    let tail = try connection.statement(
      """
      SELECT id, keys FROM message WHERE id > ?1 AND id < ?2 AND keys IS NOT NULL
      UNION ALL SELECT m.id, m.keys FROM late l CROSS JOIN message m ON m.id = l.message
        WHERE m.keys IS NOT NULL AND m.id < ?2
      """)
    defer { tail.reset() }
    tail.bind(1, try indexedThrough())
    tail.bind(2, before)
    while try tail.step() {
      guard let bytes = tail.bytes(1), let known = try? MessageKeys(decoding: bytes) else { continue }
      if known.columns.contains(where: { $0.field == field && $0.hash == hash }) { keys.insert(tail.integer(0)) }
    }
  }

  // MARK: Deliveries

  func deliveries(_ query: DeliveryQuery) throws(SQLiteFailure) -> [DeliveryRecord] {
    let names = preparer.registry.all
    let lanes = names.lanes.filter { lane in
      (query.channel == nil || names.channels[lane.value.channel]?.name == query.channel)
        && (query.destination == nil || lane.value.name == query.destination)
    }
    var records: [DeliveryRecord] = []
    switch query.state {
    case .waiting, .dead, .held:
      let sql = Self.lane(query)
      for lane in lanes.keys.sorted() where records.count < query.limit {
        let rows = try connection.statement("SELECT \(Self.deliveryColumns) FROM delivery \(sql)")
        defer { rows.reset() }
        rows.bind(1, lane)
        rows.bind(2, query.limit - records.count)
        while try rows.step() { if let delivery = Delivery(rows) { records.append(try record(delivery)) } }
      }
    case .delivered, .discarded, .cancelled:
      // What has ended is listed newest first: nobody looks for the oldest of millions.
      let rows = try connection.statement("SELECT \(Self.deliveryColumns) FROM delivery NOT INDEXED ORDER BY id DESC")
      defer { rows.reset() }
      var looked = 0
      while records.count < query.limit, looked < preparer.settings.listRowsMax, try rows.step() {
        looked += 1
        guard rows.integer(5) == Int64(query.state.code), lanes[rows.integer(3)] != nil, let delivery = Delivery(rows)
        else {
          continue
        }
        records.append(try record(delivery))
      }
    }
    return records
  }
}

extension Reading {
  /// What of one lane is asked for, by an index that holds it.
  fileprivate static func lane(_ query: DeliveryQuery) -> String {
    switch query.state {
    case .dead: "INDEXED BY dead WHERE state = 2 AND lane = ?1 ORDER BY id LIMIT ?2"
    case .held:
      """
      INDEXED BY held WHERE held <> 0 AND held = \(HeldCode.delivery.rawValue) AND lane = ?1 ORDER BY sequence LIMIT ?2
      """
    default:
      """
      INDEXED BY waiting WHERE state = 0 AND lane = ?1\(query.withHeld == true ? "" : " AND held = 0")
      ORDER BY sequence LIMIT ?2
      """
    }
  }
}

func hexadecimal(_ bytes: [UInt8]) -> String {
  let digits = Array("0123456789abcdef".utf8)
  var text: [UInt8] = []
  text.reserveCapacity(2 * bytes.count)
  for byte in bytes {
    text.append(digits[Int(byte >> 4)])
    text.append(digits[Int(byte & 15)])
  }
  return String(decoding: text, as: UTF8.self)
}
