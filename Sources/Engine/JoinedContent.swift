import HL7
import Messages
import Text

/// One message of many contents, the inverse of a batch that is split.
enum JoinedContent {
  /// - Parameters:
  ///   - hasHeader: the first line of each names its columns, and stands once.
  ///   - separator: behind which a quoted field begins.
  /// - Returns: the bytes, and how many of the parts are in them: lines under another header, and what can't stand in a
  ///   batch, are left for the next message.
  static func join(
    _ parts: [[UInt8]], as format: Format, hasHeader: Bool = false, separator: UInt8 = UInt8(ascii: ",")
  ) -> (bytes: [UInt8], count: Int) {
    switch format {
    case .delimited: return rows(parts, hasHeader: hasHeader, separator)
    case .hl7v2: return batch(parts)
    default: return (lines(parts), parts.count)
    }
  }

  /// Each begins a line of its own.
  private static func lines(_ parts: [[UInt8]]) -> [UInt8] {
    var joined: [UInt8] = []
    for part in parts {
      endLine(&joined)
      joined += part[start(of: part, isFirst: joined.isEmpty)...]
    }
    return joined
  }

  private static func rows(_ parts: [[UInt8]], hasHeader: Bool, _ separator: UInt8) -> (bytes: [UInt8], count: Int) {
    guard hasHeader else { return (lines(parts), parts.count) }
    var joined: [UInt8] = []
    var header: ArraySlice<UInt8>?
    for (index, part) in parts.enumerated() {
      let first = DelimitedRecords.ranges(in: part, separator: separator).first
      let own = first.map { part[$0] } ?? []
      guard let known = header else {
        joined = part
        header = own
        continue
      }
      guard own.elementsEqual(known) else { return (joined, index) }
      endLine(&joined)
      var rest = first?.upperBound ?? 0
      while rest < part.count, part[rest] == 0x0D || part[rest] == 0x0A { rest += 1 }
      joined += part[rest...]
    }
    return (joined, parts.count)
  }

  /// A byte order mark stands before the first only.
  private static func start(of part: [UInt8], isFirst: Bool) -> Int {
    !isFirst && part.starts(with: [0xEF, 0xBB, 0xBF]) ? 3 : 0
  }

  private static func endLine(_ joined: inout [UInt8]) {
    guard let last = joined.last, last != 0x0A, last != 0x0D else { return }
    joined += [0x0D, 0x0A]
  }

  // MARK: HL7

  /// A batch (HL7 v2.9 chapter 2.10.3): BHS with the separators, the sender and the receiver of the first message
  /// (MSH-1 to 6), the messages as they are, and BTS with their count.
  private static func batch(_ parts: [[UInt8]]) -> (bytes: [UInt8], count: Int) {
    var messages: [ArraySlice<UInt8>] = []
    for part in parts {
      guard let message = message(in: part) else { break }
      messages.append(message)
    }
    guard let first = messages.first else { return (parts.first ?? [], min(1, parts.count)) }
    let separator = first[first.startIndex + 3]
    let opening = first.prefix { $0 != 0x0D && $0 != 0x0A }
    let fields = opening.dropFirst(4).split(separator: separator, maxSplits: 5, omittingEmptySubsequences: false)
    var joined = Array("BHS".utf8)
    for field in fields.prefix(5) { joined += [separator] + field }
    joined.append(0x0D)
    for message in messages {
      joined += message
      if let last = message.last, last != 0x0D, last != 0x0A { joined.append(0x0D) }
    }
    joined += Array("BTS".utf8) + [separator] + Array(String(messages.count).utf8) + [0x0D]
    return (joined, messages.count)
  }

  /// The one message in a part, without what stands before it (blank lines, a byte order mark); `nil` of a part that
  /// its reader would take for another number of messages, or for the batch's end, and so goes by itself.
  private static func message(in part: [UInt8]) -> ArraySlice<UInt8>? {
    guard let read = try? HL7Batch(part, HL7ReadingOptions(segmentEnd: .any)), read.messages.count == 1,
      !read.hasEnvelope
    else { return nil }
    return part[read.messages[0]]
  }
}
