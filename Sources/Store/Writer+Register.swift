import Messages

extension Writer {
  /// The keys of a channel, its lanes and columns; what is new is made.
  func register(_ registration: ChannelRegistration) throws(StoreError) -> ChannelKeys {
    if registration.sealed, preparer.sealer.currentID == 0 {
      throw StoreError(
        .refused, "channel \(registration.name) is to be sealed, and the store was opened without a master key")
    }
    do throws(StoreError) {
      let keys = try taskTransaction { () throws(SQLiteFailure) in try registerRows(registration) }
      return keys
    } catch {
      throw error
    }
  }

  private func registerRows(_ registration: ChannelRegistration) throws(SQLiteFailure) -> ChannelKeys {
    let channel = try channelKey(registration)
    tally.add(channel: channel)
    let revision = try revisionKey(registration, channel)
    let update = try connection.statement("UPDATE channel SET sealed = ?2, revision = ?3 WHERE id = ?1")
    update.bind(1, channel)
    update.bind(2, registration.sealed ? 1 : 0)
    update.bind(3, revision)
    try update.run()
    var lanes: [ChannelKeys.Lane] = []
    for name in registration.lanes { lanes.append(try laneKeys(name, channel, ordering: registration.orderings[name])) }
    for (name, heir) in registration.heirs {
      try keep(heir: try key("lane", heir, channel), of: try key("lane", name, channel))
    }
    var columns: [Int64] = []
    for name in registration.columns { columns.append(try key("searchable", name, channel)) }
    if let note = registration.note { try keep(note, of: channel) }
    tally.change(channel: channel) { _ in }
    try preparer.registry.load(connection)
    let state = try connection.statement("SELECT state FROM channel WHERE id = ?1")
    state.bind(1, channel)
    defer { state.reset() }
    let known = try state.step() ? state.text(0) : nil
    Failpoint.inDeployment.pass()
    return ChannelKeys(channel: channel, revision: revision, state: known ?? "running", lanes: lanes, columns: columns)
  }

  private func channelKey(_ registration: ChannelRegistration) throws(SQLiteFailure) -> Int64 {
    let insert = try connection.statement(
      "INSERT INTO channel (name, state, sealed, revision) VALUES (?1, 'running', ?2, 0) ON CONFLICT DO NOTHING")
    insert.bind(1, registration.name.text)
    insert.bind(2, registration.sealed ? 1 : 0)
    try insert.run()
    let find = try connection.statement("SELECT id FROM channel WHERE name = ?1")
    find.bind(1, registration.name.text)
    defer { find.reset() }
    guard try find.step() else { throw connection.failure(0, "register a channel") }
    let key = find.integer(0)
    try makeTally(Tally.owner(channel: key))
    return key
  }

  private func makeTally(_ owner: Int64) throws(SQLiteFailure) {
    let insert = try connection.statement("INSERT INTO tally (owner) VALUES (?1) ON CONFLICT DO NOTHING")
    insert.bind(1, owner)
    try insert.run()
  }

  /// The key of a lane or a column by its name.
  private func key(_ table: String, _ name: String, _ channel: Int64) throws(SQLiteFailure) -> Int64 {
    let insert = try connection.statement("INSERT INTO \(table) (channel, name) VALUES (?1, ?2) ON CONFLICT DO NOTHING")
    insert.bind(1, channel)
    insert.bind(2, name)
    try insert.run()
    let find = try connection.statement("SELECT id FROM \(table) WHERE channel = ?1 AND name = ?2")
    defer { find.reset() }
    find.bind(1, channel)
    find.bind(2, name)
    guard try find.step() else { throw connection.failure(0, "register a \(table)") }
    return find.integer(0)
  }

  private func laneKeys(
    _ name: String, _ channel: Int64, ordering: String?
  ) throws(SQLiteFailure) -> ChannelKeys.Lane {
    let lane = try key("lane", name, channel)
    try makeTally(Tally.owner(lane: lane))
    tally.add(lane: lane, channel: channel)
    let counts = tally.lanes[lane] ?? LaneCounts(channel: channel)
    try order(lane, by: ordering, from: counts.lastSequence)
    try keep(heir: nil, of: lane)
    let first = try connection.number(
      "SELECT min(sequence) FROM delivery INDEXED BY waiting WHERE state = 0 AND lane = ?1", lane)
    let paused = try connection.number("SELECT paused FROM lane WHERE id = ?1", lane) ?? 0
    var keys = ChannelKeys.Lane(
      name: name, key: lane, waiting: counts.states[DeliveryState.waiting.code], waitingBytes: counts.waitingBytes,
      doneThrough: first.map { $0 - 1 } ?? counts.lastSequence, lastSequence: counts.lastSequence, paused: paused != 0)
    keys.awaitsRelease = hold.value?.holds(lane) ?? false
    keys.held = counts.states[DeliveryState.held.code] + counts.places
    keys.orderedAfter = try connection.number("SELECT keyed_after FROM lane WHERE id = ?1", lane) ?? 0
    return keys
  }

  /// What waits under other expressions has keys that say nothing to the new ones: it goes strictly, before what
  /// comes.
  private func order(_ lane: Int64, by ordering: String?, from sequence: Int64) throws(SQLiteFailure) {
    let update = try connection.statement(
      "UPDATE lane SET ordering = ?2, keyed_after = ?3 WHERE id = ?1 AND ordering IS NOT ?2")
    update.bind(1, lane)
    update.bind(2, ordering)
    update.bind(3, sequence)
    let isChanged = try update.run() > 0
    guard isChanged, ordering != nil, ownerDied else { return }
    // A strict lane's owner died: the machine that is strict no more takes nothing for sent by itself.
    let suspect = try connection.statement("UPDATE lane SET suspect_through = ?2 WHERE id = ?1")
    suspect.bind(1, lane)
    suspect.bind(2, sequence)
    try suspect.run()
  }

  /// The same content is the same revision; what it reaches is kept by hash.
  private func revisionKey(_ registration: ChannelRegistration, _ channel: Int64) throws(SQLiteFailure) -> Int64 {
    let find = try connection.statement("SELECT id FROM revision WHERE channel = ?1 AND hash = ?2")
    defer { find.reset() }
    find.bind(1, channel)
    find.bind(2, registration.revision.hash)
    if try find.step() { return find.integer(0) }
    let insert = try connection.statement("INSERT INTO revision (channel, hash, made_at) VALUES (?1, ?2, ?3)")
    insert.bind(1, channel)
    insert.bind(2, registration.revision.hash)
    insert.bind(3, settings.clock.wall())
    try insert.run()
    let revision = try connection.number("SELECT last_insert_rowid()") ?? 0
    for file in registration.revision.files {
      let hash = sha256(file.content)
      let content = try connection.statement("INSERT INTO content (hash, bytes) VALUES (?1, ?2) ON CONFLICT DO NOTHING")
      content.bind(1, hash)
      content.bind(2, file.content)
      try content.run()
      let row = try connection.statement(
        "INSERT INTO revision_file (revision, path, hash) VALUES (?1, ?2, ?3) ON CONFLICT DO NOTHING")
      row.bind(1, revision)
      row.bind(2, file.path)
      row.bind(3, hash)
      try row.run()
    }
    return revision
  }
}
