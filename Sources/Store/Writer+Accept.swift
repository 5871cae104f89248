import Messages

extension Writer {
  /// What the duplicate keys say of an arrival.
  private enum Seen {
    case not
    /// The newest message with its key, whose bytes were others; `reused` where that was one that counts.
    case other(newest: Int64, reused: Bool)
    case before(MessageID)
  }

  /// An arrival with its outcome. Whether it is a duplicate is decided here, inside the transaction.
  func accept(_ arrival: PreparedAcceptance) throws(SQLiteFailure) -> AcceptResult {
    guard tally.channels[arrival.channel] != nil, arrival.deliveries.allSatisfy({ tally.lanes[$0.lane] != nil }) else {
      return .unavailable(reason: "the channel or a lane of it isn't registered")
    }
    if !arrival.replaces.isEmpty { return try reprocess(arrival) }
    let seen = try lookUp(arrival)
    if case .before(let original) = seen { return try storeDuplicate(arrival, of: original) }
    var reused = false
    var prior: Int64?
    if case .other(let newest, let flagged) = seen { (prior, reused) = (newest, flagged) }

    if reused, let reason = arrival.othersRejected { return try storeConflict(arrival, reason, prior: prior) }

    guard try insertMessage(arrival, state: arrival.state, prior: prior, flagged: reused) else { return .stale }
    var keys = arrival.keys
    if arrival.state == .rejected { (keys.duplicate, keys.transport) = (nil, nil) }
    try runs.add(keys, message: arrival.id.key, channel: arrival.channel, window: &window, connection)
    tally.change(channel: arrival.channel) {
      $0.received += 1
      $0.count(arrival.state)
    }
    if let blob = arrival.blob { try insertBlob(blob, message: arrival.id) }
    let sequences = try insertDeliveries(arrival)
    try insertPlaces(arrival)
    try insertProgress(arrival)
    try keepStandIns(arrival)
    return .accepted(sequences: sequences, keyReused: reused)
  }

  // MARK: Duplicates

  /// How many earlier messages with the same key are looked at.
  private static let chainMax = 64

  private func lookUp(_ arrival: PreparedAcceptance) throws(SQLiteFailure) -> Seen {
    if let transport = arrival.keys.transport, let found = try runs.find(transport, window, connection),
      let earlier = try earlier(found, arrival), earlier.sameBytes, earlier.state != .rejected
    {
      return .before(earlier.id)
    }
    guard let key = arrival.keys.duplicate, let newest = try runs.find(key, window, connection) else { return .not }
    var reused = false
    var next: Int64? = newest
    for _ in 0..<Self.chainMax {
      guard let message = next, let earlier = try earlier(message, arrival) else { break }
      let counts = earlier.state == .routed || earlier.state == .dropped || earlier.state == .held
      if counts, arrival.receivedAt &- earlier.receivedAt <= arrival.withinMilliseconds {
        if earlier.sameBytes { return .before(earlier.id) }
        reused = true
      }
      next = earlier.prior
    }
    return .other(newest: newest, reused: reused)
  }

  private struct Earlier {
    var id: MessageID
    var state: MessageState
    var receivedAt: Int64
    var sameBytes: Bool
    var prior: Int64?
  }

  private func earlier(_ message: Int64, _ arrival: PreparedAcceptance) throws(SQLiteFailure) -> Earlier? {
    let row = statements.findMessage
    defer { row.reset() }
    row.bind(1, message)
    guard try row.step(), row.integer(5) == arrival.channel, let state = MessageState(code: row.integer(0)) else {
      return nil
    }
    return Earlier(
      id: MessageID(key: message, low: row.integer(4)), state: state, receivedAt: row.integer(1),
      sameBytes: row.bytes(2).map { $0[...] == arrival.slab[arrival.sha] } ?? false, prior: row.optionalInteger(3))
  }

  /// Of a duplicate a line is kept.
  private func storeDuplicate(
    _ arrival: PreparedAcceptance, of original: MessageID
  ) throws(SQLiteFailure) -> AcceptResult {
    guard try insertMessage(arrival, state: .duplicate, prior: original.key, flagged: false) else { return .stale }
    try runs.add(MessageKeys(), message: arrival.id.key, channel: arrival.channel, window: &window, connection)
    tally.change(channel: arrival.channel) {
      $0.received += 1
      $0.count(.duplicate)
    }
    try insertProgress(arrival)
    let awaited = try awaited(original, arrival.awaits, at: arrival.receivedAt)
    if !awaited.isEmpty { return .awaited(of: original, awaited) }
    return .duplicate(of: original)
  }

  /// The same key with other bytes, where that is refused: kept as any rejected message, and not remembered.
  private func storeConflict(
    _ arrival: PreparedAcceptance, _ reason: String, prior: Int64?
  ) throws(SQLiteFailure) -> AcceptResult {
    var content = arrival.content
    content.reason = reason
    content.passedBy = []
    content.steps = [Step(.rejected, reason)]
    let row = bindMessage(arrival, state: .rejected, prior: prior)
    row.bind(13, arrival.blob?.id.key)
    row.bind(14, seal(content, arrival))
    var keys = arrival.keys
    (keys.duplicate, keys.transport) = (nil, nil)
    row.bind(11, keys.isEmpty ? nil : keys.encoded)
    guard try row.run(arrival.slab, (10, arrival.sha), (12, nil), (15, arrival.raw)) == 1 else { return .stale }
    try runs.add(keys, message: arrival.id.key, channel: arrival.channel, window: &window, connection)
    tally.change(channel: arrival.channel) {
      $0.received += 1
      $0.count(.rejected)
    }
    if let blob = arrival.blob { try insertBlob(blob, message: arrival.id) }
    try insertProgress(arrival)
    return .conflict
  }

  // MARK: Rows

  private func insertMessage(
    _ arrival: PreparedAcceptance, state: MessageState, prior: Int64?, flagged: Bool
  ) throws(SQLiteFailure) -> Bool {
    let isDuplicate = state == .duplicate
    let row = bindMessage(arrival, state: state, prior: prior)
    row.bind(13, isDuplicate ? nil : arrival.blob?.id.key)
    if isDuplicate {
      return try row.run(arrival.slab, (10, arrival.sha), (11, nil), (12, nil), (14, nil), (15, nil)) == 1
    }
    if flagged {
      row.bind(14, flaggedRecord(arrival))
      return try row.run(
        arrival.slab, (10, arrival.sha), (11, arrival.keysKept), (12, arrival.deliveryList), (15, arrival.raw)) == 1
    }
    return try row.run(
      arrival.slab, (10, arrival.sha), (11, arrival.keysKept), (12, arrival.deliveryList), (14, arrival.record),
      (15, arrival.raw)) == 1
  }

  /// The statement with what stands in every row of a message.
  private func bindMessage(_ arrival: PreparedAcceptance, state: MessageState, prior: Int64?) -> Statement {
    let row = statements.insertMessage
    row.bind(1, arrival.id.key)
    row.bind(2, arrival.id.lowKey)
    row.bind(3, arrival.channel)
    row.bind(4, state.code)
    row.bind(5, arrival.receivedAt)
    row.bind(6, Int64(arrival.format.code))
    row.bind(7, arrival.size)
    row.bind(8, arrival.revision)
    row.bind(9, prior)
    return row
  }

  /// The record with a step that says that the key was seen before with other bytes.
  private func flaggedRecord(_ arrival: PreparedAcceptance) -> [UInt8] {
    var content = arrival.content
    content.steps.append(
      Step(.flagged, "control-id-reused: the duplicate key was seen before, with other bytes", at: arrival.receivedAt))
    return seal(content, arrival)
  }

  private func seal(_ content: RecordContent, _ arrival: PreparedAcceptance) -> [UInt8] {
    preparer.sealer.seal(
      content.encoded, sealed: arrival.sealed, owner: arrival.channel, id: arrival.id, kind: .record)
  }

  func insertBlob(_ blob: BlobReference, message: MessageID) throws(SQLiteFailure) {
    let row = statements.insertBlob
    row.bind(1, blob.id.key)
    row.bind(2, blob.id.lowKey)
    row.bind(3, message.key)
    try row.run()
  }

  private func insertProgress(_ arrival: PreparedAcceptance) throws(SQLiteFailure) {
    if let progress = arrival.progress { try keep(progress, arrival.channel) }
  }

  func keep(_ progress: (key: [UInt8], value: [UInt8]), _ channel: Int64) throws(SQLiteFailure) {
    let row = statements.insertProgress
    row.bind(1, channel)
    row.bind(2, progress.key)
    row.bind(3, progress.value)
    try row.run()
  }

  /// - Parameter places: by lane, the numbers from which on the message's deliveries stand there, where it kept a
  ///   place.
  func insertDeliveries(
    _ arrival: PreparedAcceptance, at places: [Int64: Int64] = [:]
  ) throws(SQLiteFailure) -> [Int64] {
    var places = places
    for output in arrival.outputs {
      let row = statements.insertOutput
      row.bind(1, output.id.key)
      row.bind(2, output.id.lowKey)
      row.bind(3, arrival.id.key)
      row.bind(4, Int64(output.format.code))
      row.bind(5, output.size)
      row.bind(7, output.blob?.id.key)
      try row.run(arrival.slab, (6, output.sha), (8, output.data))
      if output.ownsBlob, let blob = output.blob { try insertBlob(blob, message: arrival.id) }
    }
    var sequences: [Int64] = []
    sequences.reserveCapacity(arrival.deliveries.count)
    for delivery in arrival.deliveries {
      let isDead = delivery.dead != nil
      var sequence: Int64 = -1
      if !isDead, let place = places[delivery.lane] {
        sequence = place
        places[delivery.lane] = place + 1
      } else if !isDead {
        sequence = tally.nextSequence(lane: delivery.lane)
      }
      try insertDelivery(delivery, arrival, sequence: sequence)
      tally.change(lane: delivery.lane) {
        $0.created += 1
        $0.states[(isDead ? DeliveryState.dead : .waiting).code] += 1
        if !isDead { $0.waitingBytes += delivery.size }
      }
      sequences.append(sequence)
    }
    for lane in arrival.content.passedBy { tally.change(lane: lane) { $0.passedBy += 1 } }
    return sequences
  }

  private func insertDelivery(
    _ delivery: PreparedAcceptance.Delivery, _ arrival: PreparedAcceptance, sequence: Int64
  ) throws(SQLiteFailure) {
    let isDead = delivery.dead != nil
    let row = statements.insertDelivery
    row.bind(1, delivery.id.key)
    row.bind(2, delivery.id.lowKey)
    row.bind(3, arrival.id.key)
    row.bind(4, delivery.lane)
    row.bind(5, sequence)
    row.bind(6, (isDead ? DeliveryState.dead : .waiting).code)
    row.bind(7, delivery.size)
    row.bind(8, arrival.receivedAt)
    row.bind(9, isDead ? arrival.receivedAt : nil)
    row.bind(10, delivery.output)
    row.bind(11, nil as Int64?)
    row.bind(12, delivery.rendered)
    row.bind(13, delivery.dead)
    row.bind(14, delivery.orderKeys)
    row.bind(15, HeldCode.no.rawValue)
    row.bind(16, isDead ? nil : try numbers(delivery.numberings, channel: arrival.channel))
    try row.run()
  }

  /// The next numbers of a channel's sequences. They stand in the transaction: what is rolled back has taken none.
  private func numbers(_ names: [String], channel: Int64) throws(SQLiteFailure) -> String? {
    if names.isEmpty { return nil }
    var given: [(name: String, number: Int64)] = []
    for name in names {
      let row = try connection.statement(
        """
        INSERT INTO sequence (channel, name, last) VALUES (?1, ?2, 1)
        ON CONFLICT DO UPDATE SET last = last + 1 RETURNING last
        """)
      defer { row.reset() }
      row.bind(1, channel)
      row.bind(2, name)
      guard try row.step() else { throw connection.failure(0, "give a number") }
      given.append((name, row.integer(0)))
    }
    return GivenNumbers.encode(given)
  }

  // MARK: Reprocessing

  /// A stored message through a newer pipeline: a new generation, with the old steps before the new ones.
  private func reprocess(_ arrival: PreparedAcceptance) throws(SQLiteFailure) -> AcceptResult {
    let row = try connection.statement(
      "SELECT state, record, deliveries, keys FROM message WHERE id = ?1 AND low = ?2 AND channel = ?3")
    row.bind(1, arrival.id.key)
    row.bind(2, arrival.id.lowKey)
    row.bind(3, arrival.channel)
    defer { row.reset() }
    guard try row.step(), let state = MessageState(code: row.integer(0)), arrival.replaces.contains(state) else {
      return .stale
    }
    let old = openRecord(row.bytes(1), channel: arrival.channel, message: arrival.id)
    var deliveries = DeliveryList.decode(row.bytes(2))
    let oldKeys = row.bytes(3).flatMap { try? MessageKeys(decoding: $0) } ?? MessageKeys()
    row.reset()
    let places = try self.places(of: arrival.id.key)
    if let reason = noRoom(for: arrival, in: places) { return .unavailable(reason: reason) }

    var content = arrival.content
    content.steps = (old?.steps ?? []) + content.steps
    deliveries.append(contentsOf: arrival.deliveries.map(\.id.key))
    var keys = oldKeys
    if !arrival.keys.columns.isEmpty { keys.columns = arrival.keys.columns }
    let update = try connection.statement(
      """
      UPDATE message SET state = ?2, generation = generation + 1, revision = ?3, record = ?4, deliveries = ?5, keys = ?6
      WHERE id = ?1
      """)
    update.bind(1, arrival.id.key)
    update.bind(2, arrival.state.code)
    update.bind(3, arrival.revision)
    update.bind(4, seal(content, arrival))
    update.bind(5, deliveries.isEmpty ? nil : DeliveryList.encode(deliveries))
    update.bind(6, keys.isEmpty ? nil : keys.encoded)
    try update.run()
    try runs.addColumns(arrival.keys, message: arrival.id.key, connection)
    try keepForRetention(arrival.id.key, arrival.channel)
    tally.change(channel: arrival.channel) {
      $0.count(state, -1)
      $0.count(arrival.state)
    }
    try leave(places, arrival)
    let sequences = try insertDeliveries(
      arrival, at: Dictionary(places.map { ($0.lane, $0.sequence) }) { first, _ in first })
    try insertProgress(arrival)
    try keepStandIns(arrival)
    return .accepted(sequences: sequences, keyReused: false)
  }

  func openRecord(_ bytes: [UInt8]?, channel: Int64, message: MessageID) -> RecordContent? {
    guard let bytes, let plain = try? preparer.sealer.open(bytes, owner: channel, id: message, kind: .record) else {
      return nil
    }
    return try? RecordContent(decoding: plain)
  }
}
