/// The frames of the base protocol: `Content-Length: 52`, an empty line, and so many bytes. Bytes in, messages out;
/// what can't be a frame is passed over, and reading goes on with the next one.
package struct MessageFraming: Sendable {
  package enum Event: Sendable, Equatable {
    case message([UInt8])
    /// What was passed over, and why.
    case violation(String)
  }

  /// A larger message is passed over unread.
  package static let messageBytesMax = 32 << 20
  /// Headers that are longer are none.
  package static let headerBytesMax = 8 << 10

  private var bytes: [UInt8] = []
  /// Of a message that is too large, how much is still to be passed over.
  private var skipCount = 0

  package init() {}

  package mutating func receive(_ more: some Collection<UInt8>) -> [Event] {
    bytes += more
    var events: [Event] = []
    while let event = next() { events.append(event) }
    return events
  }

  private mutating func next() -> Event? {
    if skipCount > 0 {
      let count = min(skipCount, bytes.count)
      bytes.removeFirst(count)
      skipCount -= count
      if skipCount > 0 { return nil }
    }
    guard let (length, end) = header() else { return headerViolation() }
    guard let length else {
      bytes.removeFirst(end)
      return .violation("a header without a Content-Length of digits")
    }
    guard length <= Self.messageBytesMax else {
      bytes.removeFirst(end)
      skipCount = length
      return .violation("a message of \(length) bytes; at most \(Self.messageBytesMax) are read")
    }
    guard bytes.count >= end + length else { return nil }
    let message = Array(bytes[end..<end + length])
    bytes.removeFirst(end + length)
    return .message(message)
  }

  /// The length that the header names, and where the content begins; `nil` while the header is not whole.
  private func header() -> (length: Int?, end: Int)? {
    guard let end = Self.end(of: bytes.prefix(Self.headerBytesMax)) else { return nil }
    var length: Int?
    for line in String(decoding: bytes[..<end], as: UTF8.self).split(whereSeparator: \.isNewline) {
      let parts = line.split(separator: ":", maxSplits: 1)
      guard parts.count == 2, parts[0].lowercased() == "content-length" else { continue }
      length = Int(parts[1].filter { $0 != " " && $0 != "\t" }).flatMap { $0 >= 0 ? $0 : nil }
    }
    return (length, end)
  }

  /// Bytes that are no header and never become one.
  private mutating func headerViolation() -> Event? {
    guard bytes.count >= Self.headerBytesMax else { return nil }
    bytes.removeFirst(Self.headerBytesMax)
    return .violation("\(Self.headerBytesMax) bytes without a header")
  }

  /// Behind the empty line.
  private static func end(of bytes: ArraySlice<UInt8>) -> Int? {
    var index = 0
    while let line = bytes[index...].firstIndex(of: 0x0A) {
      let next = line + 1
      if next < bytes.endIndex, bytes[next] == 0x0A { return next + 1 }
      if next + 1 < bytes.endIndex, bytes[next] == 0x0D, bytes[next + 1] == 0x0A { return next + 2 }
      index = next
    }
    return nil
  }

  /// A message as it is sent.
  package static func frame(_ content: [UInt8]) -> [UInt8] {
    Array("Content-Length: \(content.count)\r\n\r\n".utf8) + content
  }
}
