/// A file or frame with one message or many, with or without batch envelopes (HL7 v2.9 chapter 2.10.3: FHS, BHS, BTS,
/// FTS).
package struct HL7Batch: Sendable {
  /// Where each message stands in the bytes, with what ends its last segment.
  package private(set) var messages: [Range<Int>] = []
  /// How many messages the batch trailers (BTS-1) announce; `nil` where none does. A cut file has fewer.
  package private(set) var announcedMessageCount: Int?
  /// Whether there is an envelope.
  package private(set) var hasEnvelope = false

  /// - Throws: bytes that begin with neither a message nor an envelope, and whatever makes the first line unreadable.
  package init(_ bytes: [UInt8], _ options: HL7ReadingOptions = HL7ReadingOptions()) throws(HL7ParseError) {
    let lineFeedEnds = options.segmentEnd == .any
    let start: Int
    do {
      start = try HL7Opening(bytes[...], options).start
    } catch {
      guard error.kind == .batch else { throw error }
      start = error.offset
    }
    var open: Int?
    var line = start
    while line < bytes.count {
      let name = Self.envelope(bytes[line...])
      if let name {
        if let open { messages.append(open..<Self.trimmed(bytes, open..<line, lineFeedEnds)) }
        open = name == .msh ? line : nil
        hasEnvelope = hasEnvelope || name != .msh
      }
      let end = bytes[line...].firstIndex { $0 == 0x0D || (lineFeedEnds && $0 == 0x0A) } ?? bytes.count
      if name == "BTS" { announce(bytes[line..<end], fieldSeparator: bytes[line + 3]) }
      line = end + 1
      // Where only CR ends a segment, some senders still put LF between messages.
      while !lineFeedEnds, line < bytes.count, bytes[line] == 0x0A { line += 1 }
    }
    if let open { messages.append(open..<Self.trimmed(bytes, open..<bytes.count, lineFeedEnds)) }
  }

  private mutating func announce(_ trailer: ArraySlice<UInt8>, fieldSeparator: UInt8) {
    let digits = trailer.dropFirst(4).prefix { $0 != fieldSeparator }
    guard let count = Int(String(decoding: digits, as: UTF8.self)), count >= 0, count < 1 << 40 else { return }
    announcedMessageCount = (announcedMessageCount ?? 0) + count
  }

  /// The name of a segment that begins a message or belongs to an envelope.
  private static func envelope(_ line: ArraySlice<UInt8>) -> HL7SegmentCode? {
    guard line.count >= 4, HL7Delimiters.canDelimit(line[line.startIndex + 3]) else { return nil }
    let raw = line.prefix(3).reduce(UInt32(0)) { $0 << 8 | UInt32($1) }
    let code = HL7SegmentCode(rawValue: raw)
    return code.declaresDelimiters || code == "BTS" || code == "FTS" ? code : nil
  }

  /// Without blank lines at the end, but with what ends the last segment.
  private static func trimmed(_ bytes: [UInt8], _ range: Range<Int>, _ lineFeedEnds: Bool) -> Int {
    var end = range.upperBound
    while end > range.lowerBound, bytes[end - 1] == 0x0D || bytes[end - 1] == 0x0A { end -= 1 }
    guard end < range.upperBound else { return end }
    if bytes[end] == 0x0D, end + 1 < range.upperBound, bytes[end + 1] == 0x0A, lineFeedEnds { return end + 2 }
    return bytes[end] == 0x0D || lineFeedEnds ? end + 1 : end
  }
}
