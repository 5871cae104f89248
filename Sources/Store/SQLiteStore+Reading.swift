package import Messages

extension SQLiteStore {
  package func waiting(
    lane: Int64, _ part: WaitingPart
  ) async throws(StoreError) -> (deliveries: [WaitingDelivery], isAll: Bool) {
    try await read { reading in try reading.waiting(lane: lane, part) }
  }

  package func orderKey(lane: Int64, _ text: String) -> UInt64 {
    UInt64(bitPattern: preparer.blind.hash(.order, scope: lane, text))
  }

  package func progress(channel: Int64, key: String) async throws(StoreError) -> Value? {
    let hash = preparer.progressKey(channel: channel, key)
    return try await read { reading in
      let row = try reading.connection.statement("SELECT value FROM progress WHERE channel = ?1 AND key = ?2")
      defer { row.reset() }
      row.bind(1, channel)
      row.bind(2, hash.bytes)
      guard try row.step(), let sealed = row.bytes(0) else { return nil }
      var reader = ByteReader(try reading.preparer.sealer.open(sealed, owner: channel, id: hash, kind: .progress))
      return try reader.value()
    }
  }

  package func message(_ id: MessageID) async throws(StoreError) -> MessageRecord? {
    try await read { reading in try reading.message(id.key, low: id.lowKey) }
  }

  package func raw(_ id: MessageID) async throws(StoreError) -> Payload? { try await raw(id, asKept: false) }
  package func kept(_ id: MessageID) async throws(StoreError) -> Payload? { try await raw(id, asKept: true) }

  private func raw(_ id: MessageID, asKept: Bool) async throws(StoreError) -> Payload? {
    try await read { reading in
      guard try reading.connection.number("SELECT 1 FROM message WHERE id = ?1 AND low = ?2", id.key, id.lowKey) != nil
      else {
        return nil
      }
      return try Self.payload(try reading.raw(id.key, asKept: asKept), "the message \(id) as it came")
    }
  }

  package func sent(_ id: DeliveryID) async throws(StoreError) -> (payload: Payload?, reply: Payload?)? {
    try await read { reading in
      guard let delivery = try reading.delivery(id.key), delivery.id == id else { return nil }
      let payload = try Self.payload(try reading.payload(delivery), "the delivery \(id) as it goes")
      return (payload, try Self.reply(reading.result(delivery), of: id, reading))
    }
  }

  package func kept(sent id: DeliveryID) async throws(StoreError) -> Payload? {
    try await read { reading in
      guard let delivery = try reading.delivery(id.key), delivery.id == id else { return nil }
      return try Self.payload(try reading.payload(delivery, asKept: true), "the delivery \(id) as it goes")
    }
  }

  package func verdict(_ id: DeliveryID) async throws(StoreError) -> DeliveryVerdict? {
    try await read { reading in
      guard let delivery = try reading.delivery(id.key), delivery.id == id else { return nil }
      let result = reading.result(delivery)
      return DeliveryVerdict(
        delivery.state, summary: result?.summary ?? "", reply: try Self.reply(result, of: id, reading),
        answer: result?.answer, isWithdrawn: result?.isWithdrawn ?? false)
    }
  }

  private static func reply(
    _ result: ResultContent?, of id: DeliveryID, _ reading: Reading
  ) throws(StoreError) -> Payload? {
    switch result?.reply {
    case .bytes(let format, let bytes): return Payload(format, bytes)
    case .blob(let format, let blob):
      guard let bytes = reading.preparer.blobs.read(Payload(format: format, content: .blob(blob))) else {
        throw StoreError(.damaged, "the answer to the delivery \(id) doesn't fit its hash: it is damaged")
      }
      return Payload(format, bytes)
    case .some(.none), nil: return nil
    }
  }

  private static func payload(_ content: Reading.Content, _ what: String) throws(StoreError) -> Payload? {
    switch content {
    case .payload(let payload): payload
    case .gone: nil
    case .damaged: throw StoreError(.damaged, "\(what) doesn't fit its hash: it is damaged")
    }
  }

  package func delivery(_ id: DeliveryID) async throws(StoreError) -> DeliveryRecord? {
    try await read { reading in
      guard let delivery = try reading.delivery(id.key), delivery.id == id else { return nil }
      return try reading.record(delivery)
    }
  }

  package func placesKept(by message: MessageID) async throws(StoreError) -> [String] {
    try await read { reading in try reading.placesKept(by: message) }
  }

  package func deliveries(of message: MessageID) async throws(StoreError) -> [DeliveryRecord] {
    try await read { reading in try reading.deliveries(of: message) }
  }

  package func messages(_ query: MessageQuery) async throws(StoreError) -> [MessageRecord] {
    try await read { reading in try reading.messages(query) }
  }

  package func deliveries(_ query: DeliveryQuery) async throws(StoreError) -> [DeliveryRecord] {
    try await read { reading in try reading.deliveries(query) }
  }

  package func ledger() async throws(StoreError) -> [ChannelLedger] {
    try await read { reading in try reading.ledger() }
  }

  package func laneKey(_ name: LaneName) async throws(StoreError) -> Int64? { preparer.registry.key(of: name) }

  package func audit() async throws(StoreError) -> [String] {
    try await read { reading in try reading.audit() }
  }
}
