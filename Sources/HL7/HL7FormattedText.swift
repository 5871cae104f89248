/// Text of type FT or TX as a reading gives it: formatting sequences (HL7 v2.9 chapter 2.7.6) stand in it between
/// backslashes.
package enum HL7FormattedText {
  /// The lines of a text: cut at `\.br\`, `\.sp\` and `\.sp2\` (which skips as many), `\.ce\` and real line ends. Other
  /// sequences are taken out.
  package static func lines(_ text: String) -> [String] {
    var lines = [""]
    each(of: text) { token in
      switch token {
      case .text(let text): lines[lines.count - 1] += text
      case .lineEnd(let count): lines.append(contentsOf: repeatElement("", count: count))
      }
    }
    return lines
  }

  /// The text without sequences, its lines joined with LF.
  package static func plain(_ text: String) -> String {
    guard text.utf8.contains(where: { $0 == backslash || $0 == 0x0D }) else { return text }
    return lines(text).joined(separator: "\n")
  }

  /// Lines as one formatted text, with `\.br\` between them. A sequence within a line is a sequence of the result.
  package static func joined(_ lines: [String]) -> String { lines.joined(separator: "\\.br\\") }

  /// Plain text as formatted text: each CR, LF or CRLF becomes `\.br\`.
  package static func formatted(_ plain: String) -> String { joined(lines(plain)) }

  private enum Token {
    case text(String)
    case lineEnd(Int)
  }

  private static let backslash = UInt8(ascii: "\\")
  /// `\.sp9999999\` must not make ten million lines.
  private static let skippedLinesMax = 100

  private static func each(of text: String, _ body: (Token) -> Void) {
    let bytes = Array(text.utf8)
    var start = 0
    var index = 0
    func flush(_ end: Int) {
      if end > start { body(.text(String(decoding: bytes[start..<end], as: UTF8.self))) }
    }
    while index < bytes.count {
      let byte = bytes[index]
      if byte == 0x0D || byte == 0x0A {
        flush(index)
        index += byte == 0x0D && index + 1 < bytes.count && bytes[index + 1] == 0x0A ? 2 : 1
        start = index
        body(.lineEnd(1))
      } else if byte == backslash, let sequence = HL7Escapes.sequence(at: index, in: bytes[...], escape: backslash),
        case .formatting = sequence.kind
      {
        flush(index)
        let count = lineCount(bytes[index + 1..<sequence.end - 1])
        if count > 0 { body(.lineEnd(count)) }
        index = sequence.end
        start = index
      } else {
        index += 1
      }
    }
    flush(bytes.count)
  }

  private static func lineCount(_ command: ArraySlice<UInt8>) -> Int {
    let name = String(decoding: command.prefix(3), as: UTF8.self).lowercased()
    let number = Int(String(decoding: command.dropFirst(3), as: UTF8.self))
    switch name {
    case ".br", ".ce": return 1
    case ".sp": return min(max(number ?? 1, 1), skippedLinesMax)
    default: return 0
    }
  }
}
