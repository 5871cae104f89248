import Messages

extension Reading {
  func ledger() throws(SQLiteFailure) -> [ChannelLedger] {
    let counts = try readTally()
    let names = preparer.registry.all
    var ledgers: [ChannelLedger] = []
    for (key, channel) in names.channels.sorted(by: { $0.value.name < $1.value.name }) {
      guard let count = counts.channels[key] else { continue }
      let state = try connection.statement("SELECT state FROM channel WHERE id = ?1")
      state.bind(1, key)
      let stateText = try state.step() ? state.text(0) : nil
      state.reset()
      var lanes: [ChannelLedger.Lane] = []
      for (laneKey, lane) in names.lanes.sorted(by: { $0.key < $1.key }) where lane.channel == key {
        if let count = counts.lanes[laneKey] { lanes.append(try self.lane(laneKey, lane.name, count)) }
      }
      ledgers.append(
        ChannelLedger(
          channel: channel.name, state: stateText ?? "running", received: count.received, accepted: count.accepted,
          duplicate: count.states[MessageState.duplicate.code], rejected: count.states[MessageState.rejected.code],
          unavailable: count.unavailable, routed: count.states[MessageState.routed.code],
          dropped: count.states[MessageState.dropped.code], held: count.states[MessageState.held.code],
          failed: count.states[MessageState.failed.code], discarded: count.states[MessageState.discarded.code],
          lanes: lanes))
    }
    return ledgers
  }

  private func readTally() throws(SQLiteFailure) -> Tally {
    var tally = Tally()
    try tally.load(connection)
    return tally
  }

  private func lane(_ key: Int64, _ name: String, _ count: LaneCounts) throws(SQLiteFailure) -> ChannelLedger.Lane {
    var lane = ChannelLedger.Lane(
      name: name, created: count.created, delivered: count.states[DeliveryState.delivered.code],
      waiting: count.states[DeliveryState.waiting.code], dead: count.states[DeliveryState.dead.code],
      discarded: count.states[DeliveryState.discarded.code], cancelled: count.states[DeliveryState.cancelled.code],
      passedBy: count.passedBy, waitingBytes: count.waitingBytes,
      oldestAt: try connection.number(
        "SELECT created_at FROM delivery INDEXED BY waiting WHERE state = 0 AND lane = ?1 ORDER BY sequence LIMIT 1",
        key),
      paused: try connection.number("SELECT paused FROM lane WHERE id = ?1", key) == 1)
    lane.held = count.states[DeliveryState.held.code]
    lane.places = count.places
    return lane
  }

  // MARK: Audit

  /// Checks the file and counts every row against the counters. Reads everything.
  func audit() throws(SQLiteFailure) -> [String] {
    var problems = try integrity()
    let ledgers = try ledger()
    problems += ledgers.flatMap(\.problems)
    let tally = try readTally()
    let names = preparer.registry.all
    var messages: [Int64: [Int]] = [:]
    let rows = try connection.statement("SELECT channel, state, count(*) FROM message GROUP BY channel, state")
    while try rows.step() {
      guard let state = MessageState(code: rows.integer(1)) else { continue }
      messages[rows.integer(0), default: [0, 0, 0, 0, 0, 0, 0]][state.code] = rows.int(2)
    }
    rows.reset()
    func hold(_ what: String, _ counted: Int, _ rows: Int) {
      if counted != rows { problems.append("\(what): the counters say \(counted), the rows are \(rows)") }
    }
    for (key, count) in tally.channels {
      let name = names.channels[key]?.name ?? String(key)
      let found = messages[key] ?? [0, 0, 0, 0, 0, 0, 0]
      hold(
        "\(name): received without unavailable", count.received - count.unavailable, found.reduce(0, +) + count.pruned)
      for state in [MessageState.held, .failed] {
        hold("\(name): \(state.rawValue)", count.states[state.code], found[state.code])
      }
    }
    try auditLanes(tally, hold)
    try auditNumbers(&problems)
    try auditPayloads(&problems)
    return problems
  }

  func integrity() throws(SQLiteFailure) -> [String] {
    let rows = try connection.statement("PRAGMA integrity_check(20)")
    defer { rows.reset() }
    var problems: [String] = []
    while try rows.step() { if let line = rows.text(0), line != "ok" { problems.append("the file: \(line)") } }
    return problems
  }

  private func auditLanes(_ tally: Tally, _ hold: (String, Int, Int) -> Void) throws(SQLiteFailure) {
    struct Found {
      var states = [0, 0, 0, 0, 0, 0]
      var bytes = 0
      var places = 0
    }
    var lanes: [Int64: Found] = [:]
    let rows = try connection.statement(
      "SELECT lane, state, held, count(*), sum(size) FROM delivery GROUP BY lane, state, held")
    while try rows.step() {
      guard let state = DeliveryState(row: rows.integer(1), held: rows.integer(2)) else { continue }
      if rows.integer(2) == HeldCode.place.rawValue {
        lanes[rows.integer(0), default: Found()].places = rows.int(3)
        continue
      }
      lanes[rows.integer(0), default: Found()].states[state.code] = rows.int(3)
      if state == .waiting { lanes[rows.integer(0)]?.bytes = rows.int(4) }
    }
    rows.reset()
    for (key, count) in tally.lanes {
      let lane = preparer.registry.lane(key)
      let channel = lane.flatMap { preparer.registry.channel($0.channel)?.name } ?? ""
      let name = "\(channel)/\(lane?.name ?? String(key))"
      let found = lanes[key] ?? Found()
      hold("\(name): created", count.created, found.states.reduce(0, +) + count.pruned)
      hold("\(name): waiting bytes", count.waitingBytes, found.bytes)
      for state in [DeliveryState.waiting, .dead, .held] {
        hold("\(name): \(state.rawValue)", count.states[state.code], found.states[state.code])
      }
      hold("\(name): places of failed messages", count.places, found.places)
    }
    // A place is kept by a message that failed, and by no other.
    let strays = try connection.number(
      """
      SELECT count(*) FROM delivery d INDEXED BY held LEFT JOIN message m ON m.id = d.message
      WHERE d.held <> 0 AND d.held = \(HeldCode.place.rawValue) AND m.state IS NOT \(MessageState.failed.code)
      """)
    hold("places of messages that have not failed", 0, Int(strays ?? 0))
  }

  /// Of what is stored no two have the same number of a sequence, but for those that repeat another, and none has one
  /// that is still to be given.
  private func auditNumbers(_ problems: inout [String]) throws(SQLiteFailure) {
    let rows = try connection.statement(
      """
      SELECT m.channel, n.key, n.value, count(*) FROM delivery d, json_each(d.numbers) n
        JOIN message m ON m.id = d.message LEFT JOIN sequence s ON s.channel = m.channel AND s.name = n.key
      WHERE d.numbers IS NOT NULL AND d.resend_of IS NULL
      GROUP BY 1, 2, 3 HAVING count(*) > 1 OR n.value > ifnull(s.last, 0) LIMIT 20
      """)
    defer { rows.reset() }
    while try rows.step() {
      let name = preparer.registry.channel(rows.integer(0))?.name ?? String(rows.integer(0))
      let number = "\(name): the number \(rows.integer(2)) of the sequence `\(rows.text(1) ?? "")`"
      problems.append(
        rows.int(3) > 1
          ? "\(number) was given to \(rows.int(3)) deliveries" : "\(number) was given, and its counter is below it")
    }
  }

  /// Opens every payload that is kept and checks it against its hash.
  private func auditPayloads(_ problems: inout [String]) throws(SQLiteFailure) {
    var damaged = 0
    let rows = try connection.statement("SELECT id FROM message WHERE raw IS NOT NULL OR blob IS NOT NULL")
    while try rows.step() { if case .damaged = try raw(rows.integer(0)) { damaged += 1 } }
    rows.reset()
    let outputs = try connection.statement("SELECT o.id, m.channel FROM output o JOIN message m ON m.id = o.message")
    while try outputs.step() {
      if case .damaged = try output(outputs.integer(0), channel: outputs.integer(1)) { damaged += 1 }
    }
    outputs.reset()
    if damaged > 0 { problems.append("\(damaged) stored payloads don't fit their hash") }
  }
}
