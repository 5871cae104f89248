/// A text that is embedded in the program: lines that begin with a space belong to the head above them, and are read
/// when that is asked for.
package struct EmbeddedTable: @unchecked Sendable {
  /// Nobody writes there.
  private let text: UnsafeRawBufferPointer
  /// Where the lines begin that belong to a head, by its first two words: `S PID`.
  private let starts: [String: Int]

  package init(_ bytes: UnsafePointer<UInt8>, count: Int) {
    text = UnsafeRawBufferPointer(start: bytes, count: count)
    var starts: [String: Int] = [:]
    var offset = 0
    while let end = text.offset(of: UInt8(ascii: "\n"), from: offset) {
      if text[offset] != UInt8(ascii: " ") {
        let words = String(decoding: text[offset..<end], as: UTF8.self).split(separator: " ").prefix(2)
        starts[words.joined(separator: " ")] = offset
      }
      offset = end + 1
    }
    self.starts = starts
  }

  /// The line of a head as a whole; `nil` where there is no such head.
  package func head(_ head: String) -> String? {
    guard let start = starts[head], let end = text.offset(of: UInt8(ascii: "\n"), from: start) else { return nil }
    return String(decoding: text[start..<end], as: UTF8.self)
  }

  /// The lines that belong to a head; `nil` where there is no such head.
  package func lines(_ head: String) -> [String]? {
    guard let start = starts[head], let end = text.offset(of: UInt8(ascii: "\n"), from: start) else { return nil }
    var offset = end + 1
    var lines: [String] = []
    while offset < text.count, text[offset] == UInt8(ascii: " "),
      let end = text.offset(of: UInt8(ascii: "\n"), from: offset)
    {
      lines.append(String(decoding: text[offset..<end], as: UTF8.self))
      offset = end + 1
    }
    return lines
  }

  /// The second words of the heads that begin with this one, in their order.
  package func names(_ letter: String) -> [String] {
    starts.keys.filter { $0.hasPrefix(letter + " ") }.map { String($0.dropFirst(letter.count + 1)) }.sorted()
  }
}
