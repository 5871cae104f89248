import Messages

extension Writer {
  /// What a partner's answer sends to other lanes, as further deliveries of the message that was answered.
  func follow(_ follows: PreparedAcceptance, message: Int64) throws(SQLiteFailure) -> [Int64] {
    let find = try connection.statement("SELECT low, channel, record, deliveries FROM message WHERE id = ?1")
    find.bind(1, message)
    defer { find.reset() }
    guard try find.step() else { return [] }
    let (id, channel) = (MessageID(key: message, low: find.integer(0)), find.integer(1))
    let record = find.bytes(2)
    let deliveries = DeliveryList.decode(find.bytes(3)) + follows.deliveries.map(\.id.key)
    find.reset()

    let update = try connection.statement("UPDATE message SET record = ?2, deliveries = ?3 WHERE id = ?1")
    update.bind(1, message)
    update.bind(2, record)
    if var content = openRecord(record, channel: channel, message: id) {
      content.steps += follows.content.steps
      update.bind(
        2,
        preparer.sealer.seal(
          content.encoded, sealed: preparer.registry.isSealed(channel: channel), owner: channel, id: id, kind: .record))
    }
    update.bind(3, deliveries.isEmpty ? nil : DeliveryList.encode(deliveries))
    try update.run()
    try keepForRetention(message, channel)
    return try insertDeliveries(follows)
  }
}
