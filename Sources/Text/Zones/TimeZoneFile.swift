/// A file of the time zone database (TZif, RFC 8536): the changes of a zone's offset, and the rule for all later years.
struct TimeZoneFile: Sendable {
  /// Moments at which the offset changes, in order, as seconds since 1970.
  private let changes: [Int]
  /// The offset from each change on.
  private let offsets: [Int]
  /// The offset before the first change.
  private let first: Int
  /// What holds behind the last change.
  private let rule: TimeZoneRule?

  /// `nil` where the bytes are no such file, or one that counts leap seconds.
  init?(_ bytes: [UInt8]) {
    var reader = Reader(bytes: bytes)
    guard var head = reader.head() else { return nil }
    var timeBytes = 4
    if head.version >= 2 {
      // The first block has times of four bytes, for old readers; behind it comes one with eight.
      reader.offset += head.length(timeBytes: 4)
      guard let second = reader.head() else { return nil }
      head = second
      timeBytes = 8
    }
    guard head.leaps == 0, head.types > 0, reader.offset + head.length(timeBytes: timeBytes) <= bytes.count else {
      return nil
    }
    var changes: [Int] = []
    for _ in 0..<head.times { changes.append(reader.integer(timeBytes)) }
    let indices = (0..<head.times).map { _ in reader.byte() }
    var types: [Int] = []
    for _ in 0..<head.types {
      types.append(reader.integer(4))
      reader.offset += 2
    }
    guard indices.allSatisfy({ $0 < types.count }), zip(changes, changes.dropFirst()).allSatisfy({ $0 < $1 }),
      types.allSatisfy({ abs($0) <= 26 * 3600 })
    else { return nil }
    self.changes = changes
    offsets = indices.map { types[$0] }
    first = types[0]
    reader.offset += head.characters + head.standards + head.universals
    rule = timeBytes == 8 ? TimeZoneRule(reader.line()) : nil
  }

  func offset(at moment: Int) -> Int {
    guard let last = changes.last else { return rule?.offset(at: moment) ?? first }
    if moment >= last { return rule?.offset(at: moment) ?? offsets[offsets.count - 1] }
    // The first change behind the moment.
    var low = 0
    var high = changes.count
    while low < high {
      let middle = (low + high) / 2
      if changes[middle] <= moment { low = middle + 1 } else { high = middle }
    }
    return low == 0 ? first : offsets[low - 1]
  }

  private struct Head {
    var version = 0
    var universals = 0
    var standards = 0
    var leaps = 0
    var times = 0
    var types = 0
    var characters = 0

    func length(timeBytes: Int) -> Int {
      times * (timeBytes + 1) + types * 6 + characters + leaps * (timeBytes + 4) + standards + universals
    }
  }

  private struct Reader {
    let bytes: [UInt8]
    var offset = 0

    mutating func byte() -> Int {
      guard bytes.indices.contains(offset) else { return 0 }
      offset += 1
      return Int(bytes[offset - 1])
    }

    /// A signed number, the highest byte first.
    mutating func integer(_ count: Int) -> Int {
      var value: UInt64 = 0
      for _ in 0..<count { value = value << 8 | UInt64(byte()) }
      return count == 4 ? Int(Int32(truncatingIfNeeded: value)) : Int(Int64(bitPattern: value))
    }

    mutating func head() -> Head? {
      guard offset >= 0, offset + 44 <= bytes.count, bytes[offset..<offset + 4].elementsEqual("TZif".utf8) else {
        return nil
      }
      offset += 4
      var head = Head()
      let version = byte()
      head.version = version == 0 ? 1 : version - 0x30
      offset += 15
      var counts: [Int] = []
      for _ in 0..<6 { counts.append(integer(4)) }
      guard counts.allSatisfy({ (0...65_536).contains($0) }) else { return nil }
      (head.universals, head.standards, head.leaps) = (counts[0], counts[1], counts[2])
      (head.times, head.types, head.characters) = (counts[3], counts[4], counts[5])
      return head
    }

    /// What stands between two line ends.
    mutating func line() -> [UInt8] {
      guard byte() == 0x0A else { return [] }
      return Array(bytes[min(offset, bytes.count)...].prefix { $0 != 0x0A })
    }
  }
}
