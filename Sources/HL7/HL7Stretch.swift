/// Where the n-th part between separators stands, or where it would.
struct HL7Stretch {
  let range: Range<Int>
  /// How many separators must be added before it.
  let missing: Int

  static func whole(_ range: Range<Int>) -> HL7Stretch { HL7Stretch(range: range, missing: 0) }

  private init(range: Range<Int>, missing: Int) {
    self.range = range
    self.missing = missing
  }

  /// - Parameters:
  ///   - number: from 1.
  ///   - separator: `nil` where the message declares none; then there is one part.
  ///   - range: within the slice's indices.
  init(of number: Int, separator: UInt8?, in bytes: ArraySlice<UInt8>, _ range: Range<Int>) {
    guard let separator else {
      self.init(range: number == 1 ? range : range.upperBound..<range.upperBound, missing: number - 1)
      return
    }
    let first = bytes.startIndex
    self = bytes.withUnsafeBufferPointer { bytes in
      var start = range.lowerBound
      var left = number - 1
      var index = range.lowerBound
      while index < range.upperBound {
        if bytes[index &- first] == separator {
          if left == 0 { return HL7Stretch(range: start..<index, missing: 0) }
          left &-= 1
          start = index &+ 1
        }
        index &+= 1
      }
      return HL7Stretch(range: (left == 0 ? start : range.upperBound)..<range.upperBound, missing: left)
    }
  }
}
