/// Where segments and fields of a message stand: offsets only, made in one pass over the bytes.
struct HL7Index: Sendable {
  /// One segment: where it starts, and which of `marks` are its own.
  struct Segment: Sendable {
    /// Its name as a code's raw value, so that it is found without a look at the message; 0 where the name has not
    /// three bytes.
    let code: UInt32
    let start: UInt32
    /// Its first field separator; where it has none, its end.
    let firstMark: UInt32
    /// Its end.
    let lastMark: UInt32
  }

  /// The offset of every field separator and of every segment's end, in order.
  private var marks: [UInt32] = []
  private(set) var segments: [Segment] = []
  /// No byte of the message is above 0x7F.
  private(set) var isASCII = true

  var segmentCount: Int { segments.count }

  func start(of segment: Int) -> Int { Int(segments[segment].start) }
  func end(of segment: Int) -> Int { Int(marks[Int(segments[segment].lastMark)]) }

  /// Where the name of a segment ends.
  func nameEnd(of segment: Int) -> Int { Int(marks[Int(segments[segment].firstMark)]) }

  /// The first segment of a name, from a segment on.
  @inline(__always)
  func firstSegment(_ code: HL7SegmentCode, from: Int) -> Int? {
    segments.withUnsafeBufferPointer { segments in
      var number = from
      while number < segments.count {
        if segments[number].code == code.rawValue { return number }
        number &+= 1
      }
      return nil
    }
  }

  /// How many separators a segment has, which is how many fields stand behind its name.
  func separatorCount(of segment: Int) -> Int {
    let segment = segments[segment]
    return Int(segment.lastMark - segment.firstMark)
  }

  /// What stands behind the n-th separator of a segment, for 1 to `separatorCount`.
  func field(_ number: Int, of segment: Int) -> Range<Int> {
    let mark = Int(segments[segment].firstMark) + number
    return Int(marks[mark - 1]) + 1..<Int(marks[mark])
  }

  /// Where a field stands by its number in the standard; `nil` where the segment ends before it or does not exist.
  func fieldRange(_ number: Int, of segment: Int) -> Range<Int>? {
    guard segment >= 0, segment < segments.count, number >= 1 else { return nil }
    // MSH-1 is the separator itself, so that what stands behind the first separator is MSH-2.
    if segment == 0, number == 1 { return nameEnd(of: 0)..<nameEnd(of: 0) + 1 }
    let place = segment == 0 ? number - 1 : number
    guard place <= separatorCount(of: segment) else { return nil }
    return field(place, of: segment)
  }

  /// - Parameters:
  ///   - start: the first byte of the first segment.
  ///   - lineFeedEnds: whether LF ends a segment as CR does.
  /// - Returns: `nil` where there are more than `fieldCountMax` separators and segments.
  init?(_ bytes: [UInt8], from start: Int, separator: UInt8, lineFeedEnds: Bool, fieldCountMax: Int) {
    // Real messages have a separator every five to eight bytes. One that has more is counted first.
    if !fill(bytes, start, separator, lineFeedEnds, capacity: min(bytes.count / 4, fieldCountMax) + 128) {
      let count = bytes[start...].count { $0 == separator || $0 == 0x0D || (lineFeedEnds && $0 == 0x0A) }
      guard count <= fieldCountMax,
        fill(bytes, start, separator, lineFeedEnds, capacity: count + HL7Scan.marksPerBlockMax + 2)
      else { return nil }
    }
  }

  /// `false` where the marks do not fit into the capacity.
  private mutating func fill(
    _ bytes: [UInt8], _ start: Int, _ separator: UInt8, _ lineFeedEnds: Bool, capacity: Int
  ) -> Bool {
    var scan = HL7Scan(separator: separator, lineFeedEnds: lineFeedEnds)
    scan.segments.reserveCapacity(bytes.count / 64 + 8)
    var fits = true
    marks = [UInt32](unsafeUninitializedCapacity: capacity) { marks, count in
      bytes.withUnsafeBytes { fits = scan.run($0, from: start, into: marks, &count) }
    }
    segments = scan.segments
    isASCII = scan.isASCII
    return fits
  }
}
