/// The bytes of a file or data set: all of them, or all but some long values of which only the place is known.
struct DICOMStore: Sendable {
  private(set) var bytes: [UInt8] = []
  /// What was left out, in order.
  private(set) var holes: [Hole] = []
  /// Offsets at the end are this much greater than places in `bytes`.
  private(set) var shift = 0

  struct Hole: Sendable {
    /// What was left out.
    var range: Range<Int>
    /// The `shift` of what follows.
    var shift: Int
  }

  init(_ bytes: [UInt8] = []) { self.bytes = bytes }

  /// The offset behind the last byte that came.
  var end: Int { bytes.count + shift }

  mutating func append(_ more: some Collection<UInt8>) { bytes.append(contentsOf: more) }

  /// Forgets the bytes from here to the end, and counts as many as have come and not been kept.
  mutating func leaveOut(from offset: Int, count: Int) {
    let kept = offset - shift
    bytes.removeSubrange(kept...)
    shift += count
    holes.append(Hole(range: offset..<offset + count, shift: shift))
  }

  /// More of what is left out.
  mutating func leaveOut(count: Int) {
    guard let last = holes.indices.last else { return }
    shift += count
    holes[last].range = holes[last].range.lowerBound..<holes[last].range.upperBound + count
    holes[last].shift = shift
  }

  /// The bytes of a range; `nil` where not all of them were kept.
  func slice(_ range: Range<Int>) -> ArraySlice<UInt8>? {
    var shift = 0
    if !holes.isEmpty {
      var (low, high) = (0, holes.count)
      // The last hole that begins before the range ends.
      while low < high {
        let middle = (low + high) / 2
        if holes[middle].range.lowerBound < range.upperBound { low = middle + 1 } else { high = middle }
      }
      if low > 0 {
        guard holes[low - 1].range.upperBound <= range.lowerBound else { return nil }
        shift = holes[low - 1].shift
      }
    }
    let (start, end) = (range.lowerBound - shift, range.upperBound - shift)
    guard start >= 0, end <= bytes.count, start <= end else { return nil }
    return bytes[start..<end]
  }
}

/// Numbers in bytes.
extension Collection<UInt8> where Index == Int {
  @inline(__always) func uint16(at index: Int, isBigEndian: Bool) -> UInt16 {
    let (a, b) = (UInt16(self[index]), UInt16(self[index + 1]))
    return isBigEndian ? a << 8 | b : b << 8 | a
  }

  @inline(__always) func uint32(at index: Int, isBigEndian: Bool) -> UInt32 {
    let first = UInt32(uint16(at: index, isBigEndian: isBigEndian))
    let second = UInt32(uint16(at: index + 2, isBigEndian: isBigEndian))
    return isBigEndian ? first << 16 | second : second << 16 | first
  }

  func uint64(at index: Int, isBigEndian: Bool) -> UInt64 {
    let first = UInt64(uint32(at: index, isBigEndian: isBigEndian))
    let second = UInt64(uint32(at: index + 4, isBigEndian: isBigEndian))
    return isBigEndian ? first << 32 | second : second << 32 | first
  }
}
