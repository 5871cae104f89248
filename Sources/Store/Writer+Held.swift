import Messages

// What keeps its place in a lane until a person decides: held deliveries, and the places of failed messages.

extension Writer {
  /// So many deliveries find room in a place: their numbers are left free behind it.
  static let placeRoom: Int64 = 1 << 20

  struct Place {
    var id: Int64
    var lane: Int64
    var sequence: Int64
  }

  // MARK: Held deliveries

  /// A held delivery is tried again, in its place. What was tried stays counted.
  func release(_ id: DeliveryID, _ at: Int64) throws(SQLiteFailure) -> Bool {
    guard let delivery = try delivery(id), delivery.state == .held else { return false }
    let row = try connection.statement("UPDATE delivery SET held = 0, due_at = 0, delay = 0 WHERE id = ?1")
    row.bind(1, id.key)
    try row.run()
    move(delivery, from: .held, to: .waiting)
    try addStep(
      Step(.retried, "released by hand: in its place in the lane", lane: laneName(delivery.lane), at: at),
      delivery.message)
    return true
  }

  // MARK: Places of failed messages

  /// A message that failed keeps its place in these lanes: nothing that comes later passes it.
  func insertPlaces(_ arrival: PreparedAcceptance) throws(SQLiteFailure) {
    for place in arrival.places where tally.lanes[place.lane] != nil {
      let row = statements.insertDelivery
      row.bind(1, place.id.key)
      row.bind(2, place.id.lowKey)
      row.bind(3, arrival.id.key)
      row.bind(4, place.lane)
      row.bind(5, tally.nextSequence(lane: place.lane))
      row.bind(6, DeliveryState.waiting.code)
      row.bind(7, 0)
      row.bind(8, arrival.receivedAt)
      row.bind(9, nil as Int64?)
      row.bind(10, nil as Int64?)
      row.bind(11, nil as Int64?)
      row.bind(12, nil as [UInt8]?)
      row.bind(13, place.reason)
      row.bind(14, nil as [UInt8]?)
      row.bind(15, HeldCode.place.rawValue)
      row.bind(16, nil as String?)
      try row.run()
      tally.change(lane: place.lane) {
        $0.places += 1
        $0.lastSequence += Self.placeRoom - 1
      }
    }
  }

  func places(of message: Int64) throws(SQLiteFailure) -> [Place] {
    let rows = try connection.statement(
      """
      SELECT id, lane, sequence FROM delivery INDEXED BY held_of WHERE held <> 0 AND held = ?2 AND message = ?1
      ORDER BY lane, sequence
      """)
    defer { rows.reset() }
    rows.bind(1, message)
    rows.bind(2, HeldCode.place.rawValue)
    var places: [Place] = []
    while try rows.step() {
      places.append(Place(id: rows.integer(0), lane: rows.integer(1), sequence: rows.integer(2)))
    }
    return places
  }

  /// Why a message's deliveries don't fit into the places that it kept.
  func noRoom(for arrival: PreparedAcceptance, in places: [Place]) -> String? {
    for place in places {
      let count = arrival.deliveries.lazy.filter { $0.lane == place.lane && $0.dead == nil }.count
      if count > Self.placeRoom {
        return "it would give \(count) deliveries to one lane; its place has no room for them"
      }
    }
    return nil
  }

  /// What was processed again gives its places to its deliveries; one that failed again keeps them.
  func leave(_ places: [Place], _ arrival: PreparedAcceptance) throws(SQLiteFailure) {
    for place in places {
      if arrival.state == .failed { try tell(place, arrival) } else { try remove(place) }
    }
  }

  func remove(_ place: Place) throws(SQLiteFailure) {
    let row = try connection.statement("DELETE FROM delivery WHERE id = ?1")
    row.bind(1, place.id)
    try row.run()
    tally.change(lane: place.lane) { $0.places -= 1 }
  }

  /// The newest reason is what an operator sees.
  private func tell(_ place: Place, _ arrival: PreparedAcceptance) throws(SQLiteFailure) {
    guard let low = try connection.number("SELECT low FROM delivery WHERE id = ?1", place.id) else { return }
    let result = ResultContent(summary: arrival.content.reason ?? "", reply: .none)
    let row = try connection.statement("UPDATE delivery SET result = ?2 WHERE id = ?1")
    row.bind(1, place.id)
    row.bind(
      2,
      preparer.sealer.seal(
        result.encoded, sealed: arrival.sealed, owner: place.lane, id: DeliveryID(key: place.id, low: low),
        kind: .result))
    try row.run()
  }
}

extension Preparer {
  func places(_ arrival: Acceptance, sealed: Bool) -> [(id: DeliveryID, lane: Int64, reason: [UInt8])] {
    guard arrival.state == .failed, arrival.replaces.isEmpty else { return [] }
    let reason = ResultContent(summary: arrival.reason ?? "", reply: .none).encoded
    return arrival.places.map { place in
      (place.id, place.lane, sealer.seal(reason, sealed: sealed, owner: place.lane, id: place.id, kind: .result))
    }
  }
}
