import Messages

/// The counters of a channel. They survive retention and are never counted from rows.
struct ChannelCounts {
  var received = 0
  var accepted = 0
  var unavailable = 0
  /// By `MessageState.code`.
  var states = InlineArray<7, Int>(repeating: 0)
  /// Message rows that retention removed.
  var pruned = 0
  /// How far retention has walked, by `PruneKind`.
  var through = InlineArray<5, Int64>(repeating: 0)

  /// Counts a message that is in a state now; `sign` -1 takes it out again.
  mutating func count(_ state: MessageState, _ sign: Int = 1) {
    states[state.code] += sign
    if state.isAccepted { accepted += sign }
  }
}

/// The counters of a lane, and the last number that a delivery of it was given.
struct LaneCounts {
  var channel: Int64
  var lastSequence: Int64 = 0
  var created = 0
  /// By `DeliveryState.code`.
  var states = InlineArray<6, Int>(repeating: 0)
  var passedBy = 0
  var waitingBytes = 0
  /// Delivery rows that retention removed.
  var pruned = 0
  /// Places that failed messages keep. They are rows beside the deliveries, and count for nothing else.
  var places = 0
}

/// The counters that the writer holds. What a group touches is written as one UPDATE a row before its commit, and is
/// as before after a rollback.
struct Tally {
  private(set) var channels: [Int64: ChannelCounts] = [:]
  private(set) var lanes: [Int64: LaneCounts] = [:]
  /// What was before this group.
  private var channelsBefore: [Int64: ChannelCounts] = [:]
  private var lanesBefore: [Int64: LaneCounts] = [:]
  /// Numbers the commits. It stands in every counter row that a commit writes, so that the greatest is the number of
  /// the last commit.
  private(set) var commit: Int64 = 0

  mutating func change(channel: Int64, _ body: (inout ChannelCounts) -> Void) {
    guard let counts = channels[channel] else { return }
    if channelsBefore[channel] == nil { channelsBefore[channel] = counts }
    body(&channels[channel]!)
  }

  mutating func change(lane: Int64, _ body: (inout LaneCounts) -> Void) {
    guard let counts = lanes[lane] else { return }
    if lanesBefore[lane] == nil { lanesBefore[lane] = counts }
    body(&lanes[lane]!)
  }

  /// The next number of a lane.
  mutating func nextSequence(lane: Int64) -> Int64 {
    var sequence: Int64 = 0
    change(lane: lane) {
      $0.lastSequence += 1
      sequence = $0.lastSequence
    }
    return sequence
  }

  mutating func add(channel: Int64) { if channels[channel] == nil { channels[channel] = ChannelCounts() } }
  mutating func add(lane: Int64, channel: Int64) {
    if lanes[lane] == nil { lanes[lane] = LaneCounts(channel: channel) }
  }

  /// The key of a channel's or a lane's row in the one table of counters.
  static func owner(channel: Int64) -> Int64 { channel * 2 }
  static func owner(lane: Int64) -> Int64 { lane * 2 + 1 }

  var isTouched: Bool { !channelsBefore.isEmpty || !lanesBefore.isEmpty }

  /// The group is durable. One that touched no counter wrote no number either.
  mutating func committed() {
    if isTouched { commit += 1 }
    forget()
  }

  /// The group was rolled back.
  mutating func rolledBack() {
    for (key, counts) in channelsBefore { channels[key] = counts }
    for (key, counts) in lanesBefore { lanes[key] = counts }
    forget()
  }

  private mutating func forget() {
    channelsBefore.removeAll(keepingCapacity: true)
    lanesBefore.removeAll(keepingCapacity: true)
  }

  /// Writes the touched rows, with the number that this commit will have.
  func write(_ statements: WriterStatements) throws(SQLiteFailure) {
    if !channelsBefore.isEmpty {
      let row = statements.updateChannel
      for key in channelsBefore.keys {
        guard let counts = channels[key] else { continue }
        row.bind(1, Self.owner(channel: key))
        row.bind(2, commit + 1)
        row.bind(3, counts.received)
        row.bind(4, counts.accepted)
        row.bind(5, counts.unavailable)
        for index in 0..<7 { row.bind(Int32(6 + index), counts.states[index]) }
        row.bind(13, counts.pruned)
        for index in 0..<5 { row.bind(Int32(14 + index), counts.through[index]) }
        try row.run()
      }
    }
    guard !lanesBefore.isEmpty else { return }
    let row = statements.updateLane
    for key in lanesBefore.keys {
      guard let counts = lanes[key] else { continue }
      row.bind(1, Self.owner(lane: key))
      row.bind(2, commit + 1)
      row.bind(3, counts.lastSequence)
      row.bind(4, counts.created)
      for index in 0..<5 { row.bind(Int32(5 + index), counts.states[index]) }
      row.bind(10, counts.passedBy)
      row.bind(11, counts.waitingBytes)
      row.bind(12, counts.pruned)
      row.bind(13, counts.states[DeliveryState.held.code])
      row.bind(14, counts.places)
      try row.run()
    }
  }

  /// Reads all counters: a row a channel and a lane, however many messages there are.
  mutating func load(_ connection: Connection) throws(SQLiteFailure) {
    let channelRows = try connection.statement(
      """
      SELECT channel, last_commit, received, accepted, unavailable, routed, dropped, held, failed, rejected, duplicate,
        discarded, pruned, raw_through, sent_through, replies_through, blobs_through, record_through FROM channel_count
      """)
    while try channelRows.step() {
      var counts = ChannelCounts()
      commit = max(commit, channelRows.integer(1))
      counts.received = channelRows.int(2)
      counts.accepted = channelRows.int(3)
      counts.unavailable = channelRows.int(4)
      for index in 0..<7 { counts.states[index] = channelRows.int(Int32(5 + index)) }
      counts.pruned = channelRows.int(12)
      for index in 0..<5 { counts.through[index] = channelRows.integer(Int32(13 + index)) }
      channels[channelRows.integer(0)] = counts
    }
    channelRows.reset()
    let laneRows = try connection.statement(
      """
      SELECT c.lane, l.channel, c.last_commit, c.last_sequence, c.created, c.waiting, c.delivered, c.dead, c.discarded,
        c.cancelled, c.passed_by, c.waiting_bytes, c.pruned, c.held, c.places FROM lane_count c
        JOIN lane l ON l.id = c.lane
      """)
    while try laneRows.step() {
      var counts = LaneCounts(channel: laneRows.integer(1))
      commit = max(commit, laneRows.integer(2))
      counts.lastSequence = laneRows.integer(3)
      counts.created = laneRows.int(4)
      for index in 0..<5 { counts.states[index] = laneRows.int(Int32(5 + index)) }
      counts.passedBy = laneRows.int(10)
      counts.waitingBytes = laneRows.int(11)
      counts.pruned = laneRows.int(12)
      counts.states[DeliveryState.held.code] = laneRows.int(13)
      counts.places = laneRows.int(14)
      lanes[laneRows.integer(0)] = counts
    }
    laneRows.reset()
  }

  static let channelUpdate = """
    UPDATE tally SET last_commit = ?2, n0 = ?3, n1 = ?4, n2 = ?5, n3 = ?6, n4 = ?7, n5 = ?8, n6 = ?9, n7 = ?10,
      n8 = ?11, n9 = ?12, n10 = ?13, n11 = ?14, n12 = ?15, n13 = ?16, n14 = ?17, n15 = ?18 WHERE owner = ?1
    """
  static let laneUpdate = """
    UPDATE tally SET last_commit = ?2, n0 = ?3, n1 = ?4, n2 = ?5, n3 = ?6, n4 = ?7, n5 = ?8, n6 = ?9, n7 = ?10,
      n8 = ?11, n9 = ?12, n10 = ?13, n11 = ?14 WHERE owner = ?1
    """
}
