import Messages

// What a sender waits for who is answered with the partner's verdict.

extension Writer {
  /// What a message that is sent again still has to do: its deliveries in the lane that its sender waits for, each as
  /// its newest repetition, and, in any lane, those that were withdrawn, or died while their sender waited. What was
  /// withdrawn, or may be taken by now, is sent anew: its sender was told to send the message again, and does, whatever
  /// was deployed in between. What was refused for good comes as it is.
  ///
  /// - Parameter lane: whose partner's verdict the sender waits for; `nil` where it waits for none.
  func awaited(_ message: MessageID, _ lane: Int64?, at: Int64) throws(SQLiteFailure) -> [Awaited] {
    var awaited: [Awaited] = []
    for id in try newest(of: message) {
      guard let delivery = try delivery(id) else { continue }
      let result = openResult(delivery.result, lane: delivery.lane, id: id)
      let isWithdrawn = delivery.state == .cancelled && result?.isWithdrawn == true
      let isRefused = delivery.state == .dead && (delivery.lane == lane || result?.isAwaited == true)
      // Its sender was told of the refusal, and tries again.
      let isRetried = isRefused && result?.isPassing == true
      if isWithdrawn || isRetried, let (anew, anewLane) = try sentAnew(id, of: delivery.lane, at: at) {
        if isRetried {
          // Else a person would find it among the dead, and send it a second time.
          _ = try end(id, from: .dead, as: .discarded, reason: "its sender sent it again", at: at, tells: false)
        }
        awaited.append(Awaited(anew, lane: anewLane, newBytes: delivery.size))
      } else if delivery.lane == lane || isRefused {
        awaited.append(Awaited(id, lane: delivery.lane))
      } else if delivery.state == .waiting {
        // It was moved, or its lane isn't waited for any more: what its sender hears now is of a message that goes on.
        acknowledged.insert(message.key)
      }
    }
    return awaited
  }

  /// A delivery at the end of the lane for one that ended; `nil` where nothing is left to send.
  private func sentAnew(
    _ id: DeliveryID, of lane: Int64, at: Int64
  ) throws(SQLiteFailure) -> (id: DeliveryID, lane: Int64)? {
    let (anew, heir) = (preparer.mint(), try heir(of: lane))
    guard try resend(id, as: anew, at: at, by: .sender(lane: heir)) else { return nil }
    try keepSuspicion(of: id, for: anew)
    return (anew, heir)
  }

  /// In their order; without those that were repeated.
  private func newest(of message: MessageID) throws(SQLiteFailure) -> [DeliveryID] {
    let find = try connection.statement("SELECT deliveries FROM message WHERE id = ?1")
    find.bind(1, message.key)
    var keys: [Int64] = []
    if try find.step() { keys = DeliveryList.decode(find.bytes(0)) }
    find.reset()

    let resent = try connection.statement(
      "SELECT id, resend_of FROM delivery WHERE message = ?1 AND resend_of IS NOT NULL ORDER BY id")
    defer { resent.reset() }
    resent.bind(1, message.key)
    var repeated: Set<Int64> = []
    while try resent.step() {
      keys.append(resent.integer(0))
      repeated.insert(resent.integer(1))
    }
    let row = try connection.statement("SELECT low FROM delivery WHERE id = ?1 AND held <> ?2")
    defer { row.reset() }
    var found: [DeliveryID] = []
    for key in keys where !repeated.contains(key) {
      row.bind(1, key)
      row.bind(2, HeldCode.place.rawValue)
      if try row.step() { found.append(DeliveryID(key: key, low: row.integer(0))) }
      row.reset()
    }
    return found
  }

  /// What may have reached the partner before may have done so for its repetition too.
  private func keepSuspicion(of original: DeliveryID, for id: DeliveryID) throws(SQLiteFailure) {
    let row = try connection.statement(
      """
      UPDATE delivery SET possibly_sent = (SELECT possibly_sent FROM delivery WHERE id = ?2) WHERE id = ?1
      """)
    row.bind(1, id.key)
    row.bind(2, original.key)
    try row.run()
  }

  /// Takes deliveries back that wait in a lane, but for those of messages that a sender was told of: it doesn't send
  /// them again.
  func withdraw(_ lane: Int64, _ ids: [DeliveryID], reason: String, at: Int64) throws(SQLiteFailure) -> UnitResult {
    let bytesBefore = tally.lanes[lane]?.waitingBytes ?? 0
    var count = 0
    for id in ids {
      guard let delivery = try delivery(id), !acknowledged.contains(delivery.message),
        try end(id, from: .waiting, as: .cancelled, reason: reason, at: at, lane: lane, isWithdrawn: true)
      else { continue }
      count += 1
    }
    if count == 0 { return .stale }
    return .cancelled(count: count, bytes: bytesBefore - (tally.lanes[lane]?.waitingBytes ?? 0))
  }
}

/// The newest messages, by their keys, of which a sender that repeated them was told that they are taken. What is to be
/// withdrawn is known to the engine that runs, and so is this.
struct AcknowledgedMessages {
  static let countMax = 65_536
  private var newest: Set<Int64> = []
  private var former: Set<Int64> = []

  mutating func insert(_ message: Int64) {
    newest.insert(message)
    if newest.count >= Self.countMax { (newest, former) = ([], newest) }
  }

  func contains(_ message: Int64) -> Bool { newest.contains(message) || former.contains(message) }
}
