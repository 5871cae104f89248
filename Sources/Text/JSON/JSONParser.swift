import Glibc

/// Reads RFC 8259 as strictly as it is written, in one pass and without recursion: as deep as a text is, it costs no
/// stack.
struct JSONParser: ~Copyable {
  /// A list or an object that is open.
  private struct Open {
    var entry: Int
    var isObject: Bool
  }

  private let bytes: UnsafeBufferPointer<UInt8>
  private let limits: JSONLimits
  private var at = 0
  private var tape: [JSONDocument.Entry] = []
  private var open: [Open] = []

  static func tape(of bytes: [UInt8], _ limits: JSONLimits) throws(JSONError) -> [JSONDocument.Entry] {
    // The closure's error has no type.
    let result: Result<[JSONDocument.Entry], JSONError> = bytes.withUnsafeBufferPointer { buffer in
      var parser = JSONParser(buffer, limits)
      do throws(JSONError) {
        return .success(try parser.parse())
      } catch {
        return .failure(error)
      }
    }
    return try result.get()
  }

  private init(_ bytes: UnsafeBufferPointer<UInt8>, _ limits: JSONLimits) {
    self.bytes = bytes
    self.limits = limits
  }

  // MARK: Values

  private mutating func parse() throws(JSONError) -> [JSONDocument.Entry] {
    if bytes.count > limits.byteCountMax { throw error(.tooLarge(byteCountMax: limits.byteCountMax), 0) }
    try checkEncoding()
    // RFC 8259 section 8.1: a byte-order mark may be passed over.
    if bytes.starts(with: [0xEF, 0xBB, 0xBF]) { at = 3 }
    skipSpace()
    if at == bytes.count { throw error(.empty, at) }
    // About so many stand in FHIR as it is sent; more are made room for as they come.
    tape.reserveCapacity(bytes.count / 12 + 16)
    try value()
    while let last = open.last {
      skipSpace()
      guard at < bytes.count else { throw error(.unfinished, at) }
      let isEmpty = tape.count == last.entry + 1
      if bytes[at] == (last.isObject ? UInt8(ascii: "}") : UInt8(ascii: "]")) {
        at += 1
        try close(last)
        continue
      }
      if !isEmpty {
        guard bytes[at] == UInt8(ascii: ",") else { throw error(.unexpected, at) }
        at += 1
        skipSpace()
      }
      tape[last.entry].count += 1
      if last.isObject { try key() }
      try value()
    }
    skipSpace()
    if at < bytes.count { throw error(.trailing, at) }
    return tape
  }

  private mutating func value() throws(JSONError) {
    guard at < bytes.count else { throw error(.unfinished, at) }
    switch bytes[at] {
    case UInt8(ascii: "\""): try text()
    case UInt8(ascii: "{"): try begin(.object)
    case UInt8(ascii: "["): try begin(.list)
    case UInt8(ascii: "t"): try word("true", .boolean)
    case UInt8(ascii: "f"): try word("false", .boolean)
    case UInt8(ascii: "n"): try word("null", .null)
    case UInt8(ascii: "-"), UInt8(ascii: "0")...UInt8(ascii: "9"): try number()
    default: throw error(.unexpected, at)
    }
  }

  private mutating func begin(_ kind: JSONKind) throws(JSONError) {
    if open.count == limits.depthMax { throw error(.tooDeep(depthMax: limits.depthMax), at) }
    open.append(Open(entry: tape.count, isObject: kind == .object))
    tape.append(JSONDocument.Entry(kind, from: at, to: at, next: 0))
    at += 1
  }

  private mutating func close(_ last: Open) throws(JSONError) {
    open.removeLast()
    tape[last.entry].end = UInt32(truncatingIfNeeded: at)
    tape[last.entry].next = UInt32(truncatingIfNeeded: tape.count)
    if last.isObject { try checkKeys(last.entry) }
  }

  private mutating func key() throws(JSONError) {
    guard at < bytes.count else { throw error(.unfinished, at) }
    guard bytes[at] == UInt8(ascii: "\"") else { throw error(.unexpected, at) }
    try text()
    skipSpace()
    guard at < bytes.count else { throw error(.unfinished, at) }
    guard bytes[at] == UInt8(ascii: ":") else { throw error(.unexpected, at) }
    at += 1
    skipSpace()
  }

  private mutating func word(_ word: StaticString, _ kind: JSONKind) throws(JSONError) {
    let count = word.utf8CodeUnitCount
    let rest = bytes.count - at
    guard memcmp(bytes.baseAddress! + at, word.utf8Start, min(rest, count)) == 0 else { throw error(.unexpected, at) }
    guard rest >= count else { throw error(.unfinished, bytes.count) }
    add(kind, to: at + count)
  }

  private mutating func number() throws(JSONError) {
    let start = at
    var end = at
    if bytes[end] == UInt8(ascii: "-") { end += 1 }
    let first = end
    let whole = passDigits(&end)
    guard whole > 0 else { throw error(end == bytes.count ? .unfinished : .number, start) }
    guard whole == 1 || bytes[first] != UInt8(ascii: "0") else { throw error(.number, start) }
    if end < bytes.count, bytes[end] == UInt8(ascii: ".") {
      end += 1
      guard passDigits(&end) > 0 else { throw error(end == bytes.count ? .unfinished : .number, start) }
    }
    if end < bytes.count, bytes[end] | 0x20 == UInt8(ascii: "e") {
      end += 1
      if end < bytes.count, bytes[end] == UInt8(ascii: "+") || bytes[end] == UInt8(ascii: "-") { end += 1 }
      guard passDigits(&end) > 0 else { throw error(end == bytes.count ? .unfinished : .number, start) }
    }
    add(.number, to: end)
  }

  /// - Returns: how many.
  private func passDigits(_ end: inout Int) -> Int {
    let first = end
    while end < bytes.count, bytes[end] &- 0x30 < 10 { end += 1 }
    return end - first
  }

  private mutating func add(_ kind: JSONKind, to end: Int) {
    tape.append(JSONDocument.Entry(kind, from: at, to: end, next: tape.count + 1))
    at = end
  }

  // MARK: Texts

  private mutating func text() throws(JSONError) {
    let start = at + 1
    var end = start
    var isEscaped = false
    while true {
      end = plain(from: end)
      guard end < bytes.count else { throw error(.unfinished, bytes.count) }
      switch bytes[end] {
      case UInt8(ascii: "\""):
        tape.append(JSONDocument.Entry(.text, from: start, to: end, next: tape.count + 1, isEscaped: isEscaped))
        at = end + 1
        return
      case UInt8(ascii: "\\"):
        isEscaped = true
        end = try escape(end)
      default: throw error(.control, end)
      }
    }
  }

  /// Where a quote, a backslash or a control character stands next; eight bytes at a time.
  private func plain(from start: Int) -> Int {
    var at = start
    let base = UnsafeRawPointer(bytes.baseAddress!)
    while at + 8 <= bytes.count {
      let word = UInt64(littleEndian: base.loadUnaligned(fromByteOffset: at, as: UInt64.self))
      // The highest bit of each byte that is wanted; a byte above 0x7F is none.
      let quotes = word ^ 0x2222_2222_2222_2222
      let slashes = word ^ 0x5C5C_5C5C_5C5C_5C5C
      let found =
        ((quotes &- 0x0101_0101_0101_0101) & ~quotes | (slashes &- 0x0101_0101_0101_0101) & ~slashes
          | (word &- 0x2020_2020_2020_2020) & ~word) & 0x8080_8080_8080_8080
      // A borrow reaches upwards only: the lowest is right.
      if found != 0 { return at + found.trailingZeroBitCount >> 3 }
      at += 8
    }
    while at < bytes.count, bytes[at] >= 0x20, bytes[at] != UInt8(ascii: "\""), bytes[at] != UInt8(ascii: "\\") {
      at += 1
    }
    return at
  }

  /// - Returns: where it goes on behind an escape.
  private func escape(_ slash: Int) throws(JSONError) -> Int {
    guard slash + 1 < bytes.count else { throw error(.unfinished, bytes.count) }
    switch bytes[slash + 1] {
    case UInt8(ascii: "\""), UInt8(ascii: "\\"), UInt8(ascii: "/"), UInt8(ascii: "b"), UInt8(ascii: "f"),
      UInt8(ascii: "n"), UInt8(ascii: "r"), UInt8(ascii: "t"):
      return slash + 2
    case UInt8(ascii: "u"):
      let unit = try unit(slash)
      if (0xDC00..<0xE000).contains(unit) { throw error(.surrogate, slash) }
      guard (0xD800..<0xDC00).contains(unit) else { return slash + 6 }
      let second = slash + 6
      guard second + 1 < bytes.count, bytes[second] == UInt8(ascii: "\\"), bytes[second + 1] == UInt8(ascii: "u"),
        (0xDC00..<0xE000).contains(try self.unit(second))
      else { throw error(.surrogate, slash) }
      return second + 6
    default: throw error(.escape, slash)
    }
  }

  private func unit(_ slash: Int) throws(JSONError) -> UInt32 {
    guard slash + 6 <= bytes.count else { throw error(.unfinished, bytes.count) }
    var unit: UInt32 = 0
    for byte in bytes[slash + 2..<slash + 6] {
      guard let digit = HexText.digit(byte) else { throw error(.escape, slash) }
      unit = unit << 4 | UInt32(digit)
    }
    return unit
  }

  // MARK: Keys

  /// Objects with fewer keys are compared pair by pair, others by a set with a seed that no sender knows.
  private static let pairsMax = 24

  private func checkKeys(_ object: Int) throws(JSONError) {
    let count = tape[object].count
    if count < 2 { return }
    var keys: [Int] = []
    keys.reserveCapacity(count)
    var index = object + 1
    for _ in 0..<count {
      keys.append(index)
      index = Int(tape[index + 1].next)
    }
    if count > Self.pairsMax {
      var seen: Set<[UInt8]> = []
      seen.reserveCapacity(count)
      for key in keys where !seen.insert(said(key)).inserted { throw error(.duplicateKey, Int(tape[key].start) - 1) }
      return
    }
    for later in 1..<count {
      for former in 0..<later where isSame(keys[former], keys[later]) {
        throw error(.duplicateKey, Int(tape[keys[later]].start) - 1)
      }
    }
  }

  private func said(_ key: Int) -> [UInt8] {
    let bytes = Array(self.bytes[tape[key].range])
    return tape[key].isEscaped ? JSONText.unescaped(bytes, bytes.indices) : bytes
  }

  private func isSame(_ a: Int, _ b: Int) -> Bool {
    let (one, other) = (tape[a], tape[b])
    if one.isEscaped || other.isEscaped { return said(a) == said(b) }
    let count = one.end - one.start
    guard count == other.end - other.start else { return false }
    let base = bytes.baseAddress!
    return memcmp(base + Int(one.start), base + Int(other.start), Int(count)) == 0
  }

  // MARK: Bytes

  private mutating func skipSpace() {
    while at < bytes.count, bytes[at] == 0x20 || bytes[at] == 0x0A || bytes[at] == 0x0D || bytes[at] == 0x09 {
      at += 1
    }
  }

  private func checkEncoding() throws(JSONError) {
    do {
      _ = try UTF8Span(validating: bytes.span)
    } catch {
      throw self.error(.encoding, error.byteOffsets.lowerBound)
    }
  }

  private func error(_ kind: JSONError.Kind, _ offset: Int) -> JSONError {
    let place = TextLines(bytes[..<offset]).place(of: offset)
    return JSONError(kind: kind, offset: offset, line: place.line, column: place.column)
  }
}
