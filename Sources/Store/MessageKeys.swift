import Messages

/// The blind hashes of one message, as they stand in its row until (and after) they are carried into the index.
struct MessageKeys: Sendable {
  struct Column: Sendable {
    var field: Int64
    var hash: Int64
  }
  /// Milliseconds since 1970 after which the duplicate key can't match any more.
  var until: Int64 = 0
  var duplicate: Int64?
  var transport: Int64?
  var columns: [Column] = []

  var isEmpty: Bool { duplicate == nil && transport == nil && columns.isEmpty }

  var encoded: [UInt8] {
    var writer = ByteWriter(reserving: 32 + 16 * columns.count)
    writer.byte((duplicate == nil ? 0 : 1) | (transport == nil ? 0 : 2))
    if let duplicate {
      writer.fixed(UInt64(bitPattern: duplicate))
      writer.fixed(UInt64(bitPattern: until))
    }
    if let transport { writer.fixed(UInt64(bitPattern: transport)) }
    for column in columns {
      writer.signed(column.field)
      writer.fixed(UInt64(bitPattern: column.hash))
    }
    return writer.bytes
  }

  init() {}

  init(decoding bytes: [UInt8]) throws(ByteReader.Unreadable) {
    var reader = ByteReader(bytes)
    let flags = try reader.byte()
    if flags & 1 != 0 {
      duplicate = Int64(bitPattern: try reader.fixed())
      until = Int64(bitPattern: try reader.fixed())
    }
    if flags & 2 != 0 { transport = Int64(bitPattern: try reader.fixed()) }
    while !reader.isAtEnd {
      columns.append(Column(field: try reader.signed(), hash: Int64(bitPattern: try reader.fixed())))
    }
  }
}

/// The deliveries that were made with a message (and with its reprocessings), as they stand in its row: the high
/// halves of their ids.
enum DeliveryList {
  static func encode(_ ids: some Collection<Int64>) -> [UInt8] {
    var writer = ByteWriter(reserving: 8 * ids.count)
    for id in ids { writer.fixed(UInt64(bitPattern: id)) }
    return writer.bytes
  }

  static func decode(_ bytes: [UInt8]?) -> [Int64] {
    guard let bytes else { return [] }
    var reader = ByteReader(bytes)
    var ids: [Int64] = []
    while let id = try? reader.fixed() { ids.append(Int64(bitPattern: id)) }
    return ids
  }
}

/// The keys by which a delivery is ordered, as they stand in its row: eight bytes each.
enum OrderKeys {
  static func encode(_ keys: [UInt64]) -> [UInt8] {
    var writer = ByteWriter(reserving: 8 * keys.count)
    for key in keys { writer.fixed(key) }
    return writer.bytes
  }

  static func decode(_ bytes: [UInt8]?) -> [UInt64] {
    guard let bytes else { return [] }
    var reader = ByteReader(bytes)
    var keys: [UInt64] = []
    while let key = try? reader.fixed() { keys.append(key) }
    return keys
  }
}

extension Identifier {
  /// The key of its row. The top bit of `high` is zero by construction; an id from outside that isn't so can't name a
  /// row.
  var key: Int64 { Int64(bitPattern: high) }
  var lowKey: Int64 { Int64(bitPattern: low) }

  init(key: Int64, low: Int64) { self.init(high: UInt64(bitPattern: key), low: UInt64(bitPattern: low)) }
}
