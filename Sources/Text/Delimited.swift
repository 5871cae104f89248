/// Text of fields between separators, as RFC 4180 has it: a code table, an export of a spreadsheet.
///
/// Lines end in CRLF, LF or CR; a field in quotes may hold separators, line ends and doubled quotes; a byte-order mark
/// and blank lines are passed over. Every field knows where it stands, so that what is wrong with its content can be
/// shown. The text is UTF-8.
package struct Delimited: Sendable {
  package struct Field: Sendable, Hashable {
    /// The content, without quotes; never trimmed.
    package let text: String
    /// Line and column of the field's first character (of its opening quote), from 1; columns count characters.
    package let line: Int
    package let column: Int
    /// How many columns it covers on its first line, quotes included; at least 1.
    package let length: Int

    package init(text: String, line: Int, column: Int, length: Int) {
      self.text = text
      self.line = line
      self.column = column
      self.length = length
    }
  }

  /// What breaks the form. It says where, never what stands there.
  package struct Mistake: Error, Sendable, Hashable, CustomStringConvertible {
    package enum Kind: Sendable, Hashable {
      /// A quoted field runs to the end of the text.
      case openQuote
      /// A quote in the middle of a field that has none at its beginning.
      case quoteInside
      /// Something between a closing quote and the next separator.
      case behindQuote
      /// The bytes are not UTF-8.
      case notUTF8
    }
    package let kind: Kind
    package let line: Int
    package let column: Int

    package init(kind: Kind, line: Int, column: Int) {
      self.kind = kind
      self.line = line
      self.column = column
    }

    package var description: String {
      switch kind {
      case .openQuote: "the quote that opens here is never closed"
      case .quoteInside: "a quote inside a field: the whole field stands in quotes, and each quote in it is doubled"
      case .behindQuote: "a separator or the line's end is expected behind the closing quote"
      case .notUTF8: "the text is not UTF-8"
      }
    }
  }

  /// The lines that hold anything, the header line included.
  package let rows: [[Field]]
  /// All of them, in the order of the text. Where there are any, rows may be incomplete.
  package let mistakes: [Mistake]

  /// - Parameter separator: between fields; a printing ASCII character or a tab, but not the quote.
  package init(_ bytes: [UInt8], separator: UInt8 = UInt8(ascii: ",")) {
    var reader = DelimitedReader(bytes: bytes, separator: separator)
    reader.read()
    rows = reader.rows
    mistakes = reader.mistakes
  }
}

private struct DelimitedReader {
  private static let quote = UInt8(ascii: "\"")

  let bytes: [UInt8]
  let separator: UInt8
  var rows: [[Delimited.Field]] = []
  var mistakes: [Delimited.Mistake] = []

  private var offset = 0
  private var line = 1
  private var lineStart = 0
  private var row: [Delimited.Field] = []

  init(bytes: [UInt8], separator: UInt8) {
    self.bytes = bytes
    self.separator = separator
  }

  mutating func read() {
    if bytes.starts(with: [0xEF, 0xBB, 0xBF]) {
      offset = 3
      lineStart = 3
    }
    while offset < bytes.count {
      field()
      if offset < bytes.count, bytes[offset] == separator {
        offset += 1
        // A separator at the very end opens one more, empty field.
        if offset == bytes.count || isLineEnd(bytes[offset]) { append([], from: offset, line, column(offset)) }
      }
      if offset == bytes.count || isLineEnd(bytes[offset]) { endRow() }
    }
  }

  private func isLineEnd(_ byte: UInt8) -> Bool { byte == 0x0D || byte == 0x0A }

  private func column(_ offset: Int) -> Int { String(decoding: bytes[lineStart..<offset], as: UTF8.self).count + 1 }

  private mutating func newLine() {
    offset += bytes[offset] == 0x0D && offset + 1 < bytes.count && bytes[offset + 1] == 0x0A ? 2 : 1
    line += 1
    lineStart = offset
  }

  private mutating func endRow() {
    let isBlank = row.count == 1 && row[0].text.isEmpty && row[0].length == 1
    if !row.isEmpty, !isBlank { rows.append(row) }
    row = []
    if offset < bytes.count { newLine() }
  }

  /// Reads one field, up to the separator or line end behind it.
  private mutating func field() {
    let start = offset
    let place = (line: line, column: column(start))
    guard offset < bytes.count, bytes[offset] == Self.quote else { return plainField(from: start, place) }
    offset += 1
    var content: [UInt8] = []
    while true {
      guard offset < bytes.count else { return fail(.openQuote, place) }
      let byte = bytes[offset]
      if byte == Self.quote {
        offset += 1
        guard offset < bytes.count, bytes[offset] == Self.quote else { break }
        content.append(Self.quote)
        offset += 1
      } else if isLineEnd(byte) {
        let before = offset
        newLine()
        content.append(contentsOf: bytes[before..<offset])
      } else {
        content.append(byte)
        offset += 1
      }
    }
    append(content[...], from: start, place.line, place.column)
    guard offset < bytes.count, bytes[offset] != separator, !isLineEnd(bytes[offset]) else { return }
    fail(.behindQuote, (line, column(offset)))
    skipField()
  }

  private mutating func plainField(from start: Int, _ place: (line: Int, column: Int)) {
    skipField()
    let content = bytes[start..<offset]
    if let quote = content.firstIndex(of: Self.quote) { fail(.quoteInside, (line, column(quote))) }
    append(content, from: start, place.line, place.column)
  }

  private mutating func skipField() {
    while offset < bytes.count, bytes[offset] != separator, !isLineEnd(bytes[offset]) { offset += 1 }
  }

  private mutating func append(_ content: ArraySlice<UInt8>, from start: Int, _ line: Int, _ column: Int) {
    let text = String(validating: content, as: UTF8.self)
    if text == nil { fail(.notUTF8, (line, column)) }
    var end = start
    while end < offset, !isLineEnd(bytes[end]) { end += 1 }
    let length = max(1, String(decoding: bytes[start..<end], as: UTF8.self).count)
    row.append(Delimited.Field(text: text ?? "", line: line, column: column, length: length))
  }

  private mutating func fail(_ kind: Delimited.Mistake.Kind, _ place: (line: Int, column: Int)) {
    mistakes.append(Delimited.Mistake(kind: kind, line: place.line, column: place.column))
  }
}
