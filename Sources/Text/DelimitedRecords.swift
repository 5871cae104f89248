/// Where the records of a text lie: its lines, but for a line end in quotes, as RFC 4180 has it. Bytes are looked at,
/// not characters: any character set that holds ASCII will do.
package enum DelimitedRecords {
  /// The records in order, without their line ends; blank lines are passed over. A quote that is never closed makes
  /// one record of the rest, which whoever reads it will refuse.
  ///
  /// - Parameter separator: behind which a quote opens a quoted field; `nil` where quotes mean nothing.
  package static func ranges(in bytes: [UInt8], separator: UInt8?) -> [Range<Int>] {
    var ranges: [Range<Int>] = []
    var start = bytes.starts(with: [0xEF, 0xBB, 0xBF]) ? 3 : 0
    var offset = start
    var isQuoted = false
    var opensField = true
    while offset < bytes.count {
      let byte = bytes[offset]
      if isQuoted {
        // A doubled quote closes and opens again at once.
        if byte == UInt8(ascii: "\"") { isQuoted = false }
      } else if byte == UInt8(ascii: "\""), separator != nil, opensField || bytes[offset - 1] == UInt8(ascii: "\"") {
        isQuoted = true
      } else if byte == 0x0A || byte == 0x0D {
        if offset > start { ranges.append(start..<offset) }
        start = offset + 1
        opensField = true
        offset += 1
        continue
      }
      opensField = byte == separator
      offset += 1
    }
    if offset > start { ranges.append(start..<offset) }
    return ranges
  }
}
