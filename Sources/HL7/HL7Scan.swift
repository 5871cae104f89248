/// The pass over a message's bytes that finds field separators and segment ends.
///
/// It looks at 64 bytes at a time and makes two bit maps of them, so that there is hardly a branch that depends on what
/// the message holds: such branches, mispredicted, are what a plain loop over the bytes spends its time on.
struct HL7Scan {
  /// A block has 64 bytes, and marks are written eight at a time.
  static let marksPerBlockMax = 72
  var segments: [HL7Index.Segment] = []
  private(set) var isASCII = true
  private let separator: SIMD16<UInt8>
  private let carriageReturn = SIMD16<UInt8>(repeating: 0x0D)
  private let lineFeed: SIMD16<UInt8>

  init(separator: UInt8, lineFeedEnds: Bool) {
    self.separator = SIMD16(repeating: separator)
    // Without LF as an end its pattern is CR's again, so that the loop has no branch for it.
    lineFeed = SIMD16(repeating: lineFeedEnds ? 0x0A : 0x0D)
  }

  /// One bit for each byte of a block.
  private struct Block {
    var marks: UInt64 = 0
    var ends: UInt64 = 0
  }

  /// Fills `marks`; `false` where they do not fit, and then what was filled has no meaning.
  mutating func run(
    _ bytes: UnsafeRawBufferPointer, from start: Int, into marks: UnsafeMutableBufferPointer<UInt32>,
    _ count: inout Int
  ) -> Bool {
    guard let bytesBase = bytes.baseAddress, let marksBase = marks.baseAddress else { return false }
    var high = SIMD16<UInt8>(repeating: 0)
    var next = 0
    var segmentStart = start
    var segmentMark = 0
    var offset = start
    var last: (UInt64, UInt64, UInt64, UInt64, UInt64, UInt64, UInt64, UInt64) = (0, 0, 0, 0, 0, 0, 0, 0)
    while offset < bytes.count {
      guard next + Self.marksPerBlockMax < marks.count else { return false }
      let block: Block
      if offset + 64 <= bytes.count {
        block = self.block(at: bytesBase + offset, &high)
      } else {
        // The rest, with zeros behind it.
        block = withUnsafeMutableBytes(of: &last) { rest in
          rest.copyMemory(from: UnsafeRawBufferPointer(rebasing: bytes[offset...]))
          guard let base = rest.baseAddress else { return Block() }
          return self.block(at: UnsafeRawPointer(base), &high)
        }
      }
      Self.write(block.marks, offset, marksBase + next)
      var ends = block.ends
      while ends != 0 {
        let bit = ends & (0 &- ends)
        let place = offset &+ ends.trailingZeroBitCount
        let mark = next &+ (block.marks & (bit &- 1)).nonzeroBitCount
        if place > segmentStart { append(segmentStart, bytesBase, segmentMark, mark, marksBase) }
        segmentStart = place &+ 1
        segmentMark = mark &+ 1
        ends &= ends &- 1
      }
      next &+= block.marks.nonzeroBitCount
      offset &+= 64
    }
    if segmentStart < bytes.count {
      marksBase[next] = UInt32(truncatingIfNeeded: bytes.count)
      append(segmentStart, bytesBase, segmentMark, next, marksBase)
      next += 1
    }
    count = next
    isASCII = high.max() < 0x80
    return true
  }

  private mutating func append(
    _ start: Int, _ bytes: UnsafeRawPointer, _ firstMark: Int, _ lastMark: Int, _ marks: UnsafePointer<UInt32>
  ) {
    var code: UInt32 = 0
    if Int(marks[firstMark]) == start &+ 3 {
      code = UInt32(bytes.load(fromByteOffset: start, as: UInt8.self)) &<< 16
      code |= UInt32(bytes.load(fromByteOffset: start &+ 1, as: UInt8.self)) &<< 8
      code |= UInt32(bytes.load(fromByteOffset: start &+ 2, as: UInt8.self))
    }
    segments.append(
      HL7Index.Segment(
        code: code, start: UInt32(truncatingIfNeeded: start), firstMark: UInt32(truncatingIfNeeded: firstMark),
        lastMark: UInt32(truncatingIfNeeded: lastMark)))
  }

  /// Writes the offset of each set bit, eight at a time; what is written too much is overwritten by the next block.
  @inline(__always)
  private static func write(_ bits: UInt64, _ offset: Int, _ marks: UnsafeMutablePointer<UInt32>) {
    var bits = bits
    var to = marks
    while bits != 0 {
      for index in 0..<8 {
        to[index] = UInt32(truncatingIfNeeded: offset &+ bits.trailingZeroBitCount)
        bits &= bits &- 1
      }
      to += 8
    }
  }

  @inline(__always)
  private func block(at base: UnsafeRawPointer, _ high: inout SIMD16<UInt8>) -> Block {
    var block = Block()
    for part in 0..<4 {
      let bytes = base.loadUnaligned(fromByteOffset: part &* 16, as: SIMD16<UInt8>.self)
      high |= bytes
      let ends = (bytes .== carriageReturn) .| (bytes .== lineFeed)
      let marks = ends .| (bytes .== separator)
      block.ends |= Self.bits(ends) &<< UInt64(truncatingIfNeeded: part &* 16)
      block.marks |= Self.bits(marks) &<< UInt64(truncatingIfNeeded: part &* 16)
    }
    return block
  }

  /// The sixteen lanes of a mask as sixteen bits.
  @inline(__always)
  private static func bits(_ mask: SIMDMask<SIMD16<Int8>>) -> UInt64 {
    let lanes = unsafeBitCast(mask, to: SIMD2<UInt64>.self)
    return gathered(lanes[0]) | gathered(lanes[1]) &<< 8
  }

  /// The high bits of eight bytes as eight bits.
  @inline(__always)
  private static func gathered(_ lanes: UInt64) -> UInt64 {
    ((lanes & 0x8080_8080_8080_8080) &* 0x0002_0408_1020_4081) &>> 56
  }
}
