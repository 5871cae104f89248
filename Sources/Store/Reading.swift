import Messages

/// One read transaction on a reading thread: rows to records, sealed parts opened, hashes checked.
struct Reading {
  let connection: Connection
  let preparer: Preparer

  /// - Parameter whenDamaged: told where SQLite finds that the file isn't what it wrote. A payload that doesn't fit its
  ///   hash is no such case: it belongs to its message.
  static func run<T>(
    _ connection: Connection, _ preparer: Preparer, whenDamaged: (SQLiteFailure) -> Void, _ body: (Reading) throws -> T
  ) -> Result<T, StoreError> {
    do {
      try connection.execute("BEGIN")
      defer { if !connection.isAutocommit { try? connection.execute("COMMIT") } }
      return .success(try body(Reading(connection: connection, preparer: preparer)))
    } catch let failure as SQLiteFailure {
      if failure.isDamage { whenDamaged(failure) }
      return .failure(failure.storeError)
    } catch let error as StoreError {
      return .failure(error)
    } catch {
      return .failure(StoreError(.damaged, "a stored record can't be read"))
    }
  }

  // MARK: Payloads

  /// What a payload of a row came to.
  enum Content {
    case payload(Payload)
    /// Removed by retention.
    case gone
    /// It doesn't open, or doesn't fit its hash.
    case damaged(Format)
  }

  /// - Parameter asKept: a large one is not read: who reads its blob sees whether it is damaged.
  func raw(_ message: Int64, asKept: Bool = false) throws(SQLiteFailure) -> Content {
    let row = try connection.statement("SELECT low, channel, format, size, sha, blob, raw FROM message WHERE id = ?1")
    defer { row.reset() }
    row.bind(1, message)
    guard try row.step() else { return .gone }
    guard let format = format(row.integer(2)) else { return .damaged(.bytes) }
    let sha = row.bytes(4) ?? []
    if let blob = row.optionalInteger(5) {
      guard let blob = try reference(blob, size: row.int(3), sha: sha) else { return .gone }
      return large(Payload(format: format, content: .blob(blob)), asKept)
    }
    guard let sealed = row.bytes(6) else { return .gone }
    let id = MessageID(key: message, low: row.integer(0))
    guard let bytes = try? preparer.sealer.open(sealed, owner: row.integer(1), id: id, kind: .raw), sha256(bytes) == sha
    else {
      return .damaged(format)
    }
    return .payload(Payload(format, bytes))
  }

  func output(_ output: Int64, channel: Int64, asKept: Bool = false) throws(SQLiteFailure) -> Content {
    let row = try connection.statement("SELECT low, format, size, sha, blob, data FROM output WHERE id = ?1")
    defer { row.reset() }
    row.bind(1, output)
    guard try row.step() else { return .gone }
    guard let format = format(row.integer(1)) else { return .damaged(.bytes) }
    let sha = row.bytes(3)
    let blob = row.optionalInteger(4)
    guard let sealed = row.bytes(5) else {
      guard let blob, let blob = try reference(blob, size: row.int(2), sha: sha ?? []) else { return .gone }
      return large(Payload(format: format, content: .blob(blob)), asKept)
    }
    let id = Identifier(key: output, low: row.integer(0))
    guard let bytes = try? preparer.sealer.open(sealed, owner: channel, id: id, kind: .output) else {
      return .damaged(format)
    }
    if let sha, sha256(bytes) != sha { return .damaged(format) }
    if blob == nil { return .payload(Payload(format, bytes)) }
    guard let patched = try? PatchedBlob(decoding: bytes), patched.source.id.key == blob else {
      return .damaged(format)
    }
    return large(Payload(format: format, content: .patched(patched)), asKept)
  }

  private func reference(_ blob: Int64, size: Int, sha: [UInt8]) throws(SQLiteFailure) -> BlobReference? {
    guard let low = try connection.number("SELECT low FROM blob WHERE id = ?1", blob) else { return nil }
    return BlobReference(id: Identifier(key: blob, low: low), byteCount: size, sha256: sha)
  }

  private func large(_ payload: Payload, _ asKept: Bool) -> Content {
    if asKept { return .payload(payload) }
    guard let bytes = preparer.blobs.read(payload) else { return .damaged(payload.format) }
    return .payload(Payload(payload.format, bytes))
  }

  private func format(_ code: Int64) -> Format? { UInt8(exactly: code).flatMap(Format.init(code:)) }

  // MARK: Deliveries

  static let deliveryColumns = """
    id, low, message, lane, sequence, state, attempts, possibly_sent, size, created_at, due_at, delay, ended_at, output,
    resend_of, order_keys, rendered, result, held, numbers
    """

  struct Delivery {
    var id: DeliveryID
    var message: Int64
    var lane: Int64
    var sequence: Int64
    var state: DeliveryState
    var attempts: Int
    var possiblySent: Bool
    var size: Int
    var createdAt: Int64
    var dueAt: Int64
    var delay: Int64
    var endedAt: Int64?
    var output: Int64?
    var resendOf: Int64?
    var orderKeys: [UInt64]
    var rendered: [UInt8]?
    var result: [UInt8]?
    /// A failed message keeps this place; it is no delivery.
    var isPlace: Bool
    var numbers: String?

    /// - Parameter row: stands on a row of `deliveryColumns`.
    init?(_ row: Statement) {
      guard let state = DeliveryState(row: row.integer(5), held: row.integer(18)) else { return nil }
      isPlace = row.integer(18) == HeldCode.place.rawValue
      id = DeliveryID(key: row.integer(0), low: row.integer(1))
      message = row.integer(2)
      lane = row.integer(3)
      sequence = row.integer(4)
      self.state = state
      attempts = row.int(6)
      possiblySent = row.integer(7) != 0
      size = row.int(8)
      createdAt = row.integer(9)
      dueAt = row.integer(10)
      delay = row.integer(11)
      endedAt = row.optionalInteger(12)
      output = row.optionalInteger(13)
      resendOf = row.optionalInteger(14)
      orderKeys = OrderKeys.decode(row.bytes(15))
      rendered = row.bytes(16)
      result = row.bytes(17)
      numbers = row.text(19)
    }
  }

  func delivery(_ key: Int64) throws(SQLiteFailure) -> Delivery? {
    let row = try connection.statement("SELECT \(Self.deliveryColumns) FROM delivery WHERE id = ?1")
    defer { row.reset() }
    row.bind(1, key)
    return try row.step() ? Delivery(row) : nil
  }

  func payload(_ delivery: Delivery, asKept: Bool = false) throws(SQLiteFailure) -> Content {
    guard let output = delivery.output else { return try raw(delivery.message, asKept: asKept) }
    return try self.output(output, channel: preparer.registry.lane(delivery.lane)?.channel ?? 0, asKept: asKept)
  }

  func result(_ delivery: Delivery) -> ResultContent? {
    guard let sealed = delivery.result,
      let plain = try? preparer.sealer.open(sealed, owner: delivery.lane, id: delivery.id, kind: .result)
    else { return nil }
    return try? ResultContent(decoding: plain)
  }

  func record(_ delivery: Delivery) throws(SQLiteFailure) -> DeliveryRecord {
    let lane = preparer.registry.lane(delivery.lane)
    let channel = lane.flatMap { preparer.registry.channel($0.channel) }
    var resendOf: String?
    if let original = delivery.resendOf,
      let low = try connection.number("SELECT low FROM delivery WHERE id = ?1", original)
    {
      resendOf = DeliveryID(key: original, low: low).description
    }
    let result = result(delivery)
    var record = DeliveryRecord(
      id: delivery.id.description, message: try messageID(delivery.message).description, channel: channel?.name ?? "",
      destination: lane?.name ?? "", sequence: delivery.sequence, state: delivery.state, attempts: delivery.attempts,
      createdAt: delivery.createdAt, endedAt: delivery.endedAt,
      dueAt: delivery.state == .waiting && delivery.dueAt > 0 ? delivery.dueAt : nil,
      summary: result?.summary,
      possibleDuplicate: delivery.possiblySent, byteCount: delivery.size, resendOf: resendOf)
    record.isPlace = delivery.isPlace
    record.isWithdrawn = result?.isWithdrawn ?? false
    return record
  }

  func messageID(_ key: Int64) throws(SQLiteFailure) -> MessageID {
    MessageID(key: key, low: try connection.number("SELECT low FROM message WHERE id = ?1", key) ?? 0)
  }
}
