import Messages

/// Writes the store's compact binary records: little-endian numbers of variable length, texts and bytes with their
/// length before them.
struct ByteWriter {
  private(set) var bytes: [UInt8] = []

  init(reserving count: Int = 128) { bytes.reserveCapacity(count) }

  mutating func byte(_ value: UInt8) { bytes.append(value) }

  /// Seven bits a byte, least significant first.
  mutating func number(_ value: UInt64) {
    var value = value
    while value >= 0x80 {
      bytes.append(UInt8(truncatingIfNeeded: value) | 0x80)
      value >>= 7
    }
    bytes.append(UInt8(truncatingIfNeeded: value))
  }

  mutating func count(_ value: Int) { number(UInt64(value)) }

  mutating func signed(_ value: Int64) { number(UInt64(bitPattern: value << 1 ^ value >> 63)) }

  mutating func fixed(_ value: UInt64) {
    for shift in stride(from: UInt64(0), to: 64, by: 8) { bytes.append(UInt8(truncatingIfNeeded: value >> shift)) }
  }

  mutating func raw(_ value: [UInt8]) { bytes.append(contentsOf: value) }

  mutating func blob(_ value: [UInt8]) {
    count(value.count)
    bytes.append(contentsOf: value)
  }

  mutating func text(_ value: String) {
    count(value.utf8.count)
    bytes.append(contentsOf: value.utf8)
  }

  mutating func optional(_ value: String?) {
    byte(value == nil ? 0 : 1)
    if let value { text(value) }
  }

  mutating func value(_ value: Value) {
    switch value {
    case .text(let text):
      byte(0)
      self.text(text)
    case .integer(let number):
      byte(1)
      signed(number)
    case .boolean(let flag): byte(flag ? 3 : 2)
    case .list(let list):
      byte(4)
      count(list.count)
      for item in list { self.value(item) }
    case .record(let fields):
      byte(5)
      self.fields(fields)
    }
  }

  mutating func fields(_ fields: [String: Value]) {
    count(fields.count)
    for (name, item) in fields {
      text(name)
      value(item)
    }
  }
}

/// Reads what `ByteWriter` wrote. Bytes that don't fit throw `Unreadable`; nothing is trusted, because a file can be
/// damaged.
struct ByteReader {
  struct Unreadable: Error {}
  private let bytes: ArraySlice<UInt8>
  private var position: Int
  /// Values are nested at most this deep.
  private static let depthMax = 64

  init(_ bytes: [UInt8]) { self.init(bytes[...]) }
  init(_ bytes: ArraySlice<UInt8>) {
    self.bytes = bytes
    position = bytes.startIndex
  }

  var isAtEnd: Bool { position >= bytes.endIndex }
  var remaining: Int { bytes.endIndex - position }

  mutating func byte() throws(Unreadable) -> UInt8 {
    guard position < bytes.endIndex else { throw Unreadable() }
    defer { position += 1 }
    return bytes[position]
  }

  mutating func number() throws(Unreadable) -> UInt64 {
    var value: UInt64 = 0
    for shift in stride(from: UInt64(0), to: 64, by: 7) {
      let byte = try byte()
      value |= UInt64(byte & 0x7F) << shift
      if byte & 0x80 == 0 { return value }
    }
    throw Unreadable()
  }

  /// A count of things of at least one byte each: never more than what is left.
  mutating func count() throws(Unreadable) -> Int {
    let value = try number()
    guard value <= UInt64(remaining) else { throw Unreadable() }
    return Int(value)
  }

  mutating func signed() throws(Unreadable) -> Int64 {
    let value = try number()
    return Int64(bitPattern: value >> 1) ^ -Int64(bitPattern: value & 1)
  }

  mutating func fixed() throws(Unreadable) -> UInt64 {
    var value: UInt64 = 0
    for shift in stride(from: UInt64(0), to: 64, by: 8) { value |= UInt64(try byte()) << shift }
    return value
  }

  mutating func raw(_ count: Int) throws(Unreadable) -> [UInt8] {
    guard count >= 0, count <= remaining else { throw Unreadable() }
    defer { position += count }
    return [UInt8](bytes[position..<position + count])
  }

  mutating func blob() throws(Unreadable) -> [UInt8] { try raw(try count()) }

  mutating func text() throws(Unreadable) -> String { String(decoding: try blob(), as: UTF8.self) }

  mutating func optional() throws(Unreadable) -> String? { try byte() == 0 ? nil : try text() }

  mutating func value(depth: Int = 0) throws(Unreadable) -> Value {
    guard depth < Self.depthMax else { throw Unreadable() }
    switch try byte() {
    case 0: return .text(try text())
    case 1: return .integer(try signed())
    case 2: return .boolean(false)
    case 3: return .boolean(true)
    case 4:
      var list: [Value] = []
      for _ in 0..<(try count()) { list.append(try value(depth: depth + 1)) }
      return .list(list)
    case 5: return .record(try fields(depth: depth + 1))
    default: throw Unreadable()
    }
  }

  mutating func fields(depth: Int = 0) throws(Unreadable) -> [String: Value] {
    var fields: [String: Value] = [:]
    for _ in 0..<(try count()) {
      let name = try text()
      fields[name] = try value(depth: depth)
    }
    return fields
  }
}
