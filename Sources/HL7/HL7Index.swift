/// Where segments and fields of a message stand: offsets only, made in one pass over the bytes.
///
/// `marks` holds for each segment, one after the other: its start, the offset of each field separator, its end.
/// `firstMarks[s]` is where the marks of segment `s` begin; one more entry closes the list.
struct HL7Index: Sendable {
  private(set) var marks: [UInt32] = []
  private(set) var firstMarks: [UInt32] = []
  /// No byte of the message is above 0x7F.
  private(set) var isASCII = true

  var segmentCount: Int { firstMarks.count - 1 }

  func start(of segment: Int) -> Int { Int(marks[Int(firstMarks[segment])]) }
  func end(of segment: Int) -> Int { Int(marks[Int(firstMarks[segment + 1]) - 1]) }

  /// Where the name of a segment ends.
  func nameEnd(of segment: Int) -> Int { Int(marks[Int(firstMarks[segment]) + 1]) }

  /// How many separators a segment has, which is how many fields stand behind its name.
  func separatorCount(of segment: Int) -> Int { Int(firstMarks[segment + 1] - firstMarks[segment]) - 2 }

  /// What stands behind the n-th separator of a segment, for 1 to `separatorCount`.
  func field(_ number: Int, of segment: Int) -> Range<Int> {
    let mark = Int(firstMarks[segment]) + number
    return Int(marks[mark]) + 1..<Int(marks[mark + 1])
  }

  /// - Parameters:
  ///   - start: the first byte of the first segment.
  ///   - lineFeedEnds: whether LF ends a segment as CR does.
  /// - Returns: `nil` where there are more than `fieldCountMax` separators.
  init?(_ bytes: [UInt8], from start: Int, separator: UInt8, lineFeedEnds: Bool, fieldCountMax: Int) {
    // Real messages have a separator every five to eight bytes. One that has more is counted first.
    var capacity = min(bytes.count / 4, fieldCountMax) + 64
    firstMarks.reserveCapacity(bytes.count / 64 + 8)
    var scan = Scan(separator: separator, lineFeedEnds: lineFeedEnds)
    if !fill(bytes, from: start, capacity: capacity, &scan) {
      var separators = 0
      var ends = 1
      for byte in bytes[start...] {
        if byte == separator { separators += 1 } else if scan.isEnd(byte) { ends += 1 }
      }
      guard separators + ends <= fieldCountMax else { return nil }
      capacity = separators + 2 * ends + Scan.marksPerWordMax
      guard fill(bytes, from: start, capacity: capacity, &scan) else { return nil }
    }
    isASCII = scan.union & 0x8080_8080_8080_8080 == 0
  }

  private mutating func fill(_ bytes: [UInt8], from start: Int, capacity: Int, _ scan: inout Scan) -> Bool {
    firstMarks.removeAll(keepingCapacity: true)
    var fits = true
    marks = [UInt32](unsafeUninitializedCapacity: capacity) { marks, count in
      bytes.withUnsafeBytes { fits = scan.run($0, from: start, into: marks, &count, &firstMarks) }
    }
    return fits
  }
}

/// The pass over the bytes: eight at a time, each compared with the separator, CR and LF at once.
private struct Scan {
  /// Eight marks of separators; a segment's end may add its start.
  static let marksPerWordMax = 24
  let separator: UInt8
  let lineFeedEnds: Bool
  private(set) var union: UInt64 = 0

  init(separator: UInt8, lineFeedEnds: Bool) {
    self.separator = separator
    self.lineFeedEnds = lineFeedEnds
  }

  @inline(__always)
  func isEnd(_ byte: UInt8) -> Bool { byte == 0x0D || (lineFeedEnds && byte == 0x0A) }

  /// The high bit of each byte of `word` that equals the byte repeated in `pattern`. Exact: no carry crosses a byte.
  @inline(__always)
  static func matches(_ word: UInt64, _ pattern: UInt64) -> UInt64 {
    let difference = word ^ pattern
    let low: UInt64 = 0x7F7F_7F7F_7F7F_7F7F
    return ~(((difference & low) &+ low) | difference | low)
  }

  /// Fills `marks`; `false` where they do not fit, and then what was filled has no meaning.
  mutating func run(
    _ bytes: UnsafeRawBufferPointer, from start: Int, into marks: UnsafeMutableBufferPointer<UInt32>,
    _ count: inout Int, _ firstMarks: inout [UInt32]
  ) -> Bool {
    let ones: UInt64 = 0x0101_0101_0101_0101
    let separators = ones &* UInt64(separator)
    let returns = ones &* 0x0D
    // Without LF as an end its pattern is CR's again, so that the loop has no branch for it.
    let lineFeeds = lineFeedEnds ? ones &* 0x0A : returns
    let room = marks.count - Self.marksPerWordMax
    guard room > 0 else { return false }
    var segmentStart = start
    var segmentMark = 0
    marks[0] = UInt32(truncatingIfNeeded: start)
    var next = 1
    var seen: UInt64 = 0
    var offset = start
    while offset < bytes.count {
      guard next < room else { return false }
      let word: UInt64
      if offset + 8 <= bytes.count {
        word = bytes.loadUnaligned(fromByteOffset: offset, as: UInt64.self)
      } else {
        word = Self.tail(bytes, from: offset)
      }
      seen |= word
      var hits =
        Self.matches(word, separators) | Self.matches(word, returns) | Self.matches(word, lineFeeds)
      while hits != 0 {
        let place = offset + hits.trailingZeroBitCount >> 3
        hits &= hits &- 1
        guard isEnd(bytes[place]) else {
          marks[next] = UInt32(truncatingIfNeeded: place)
          next += 1
          continue
        }
        if place == segmentStart {
          next = segmentMark
        } else {
          marks[next] = UInt32(truncatingIfNeeded: place)
          firstMarks.append(UInt32(truncatingIfNeeded: segmentMark))
          next += 1
        }
        segmentMark = next
        segmentStart = place + 1
        marks[next] = UInt32(truncatingIfNeeded: segmentStart)
        next += 1
      }
      offset += 8
    }
    if segmentStart < bytes.count {
      marks[next] = UInt32(truncatingIfNeeded: bytes.count)
      firstMarks.append(UInt32(truncatingIfNeeded: segmentMark))
      next += 1
      segmentMark = next
    }
    firstMarks.append(UInt32(truncatingIfNeeded: segmentMark))
    count = segmentMark
    union |= seen
    return true
  }

  /// The last one to seven bytes with zeros behind them.
  private static func tail(_ bytes: UnsafeRawBufferPointer, from offset: Int) -> UInt64 {
    var word: UInt64 = 0
    for index in offset..<bytes.count { word |= UInt64(bytes[index]) << UInt64((index - offset) * 8) }
    return word
  }
}
