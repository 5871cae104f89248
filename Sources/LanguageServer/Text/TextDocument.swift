package import Messages

/// A text that is open in the editor, and the three ways of naming a place in it: lines and UTF-16 units as editors do,
/// bytes of UTF-8, and lines and characters as problems do.
package struct TextDocument: Sendable {
  package struct Position: Sendable, Hashable, Comparable {
    /// From 0.
    package var line: Int
    /// UTF-16 units before it, from 0.
    package var character: Int

    package init(line: Int, character: Int) {
      self.line = line
      self.character = character
    }

    package static func < (a: Position, b: Position) -> Bool { (a.line, a.character) < (b.line, b.character) }
  }

  /// The text, as UTF-8.
  package private(set) var bytes: [UInt8]
  package private(set) var version: Int
  /// Where each line begins.
  private var lines: [Int]

  package init(_ text: String, version: Int = 0) {
    bytes = Array(text.utf8)
    self.version = version
    lines = Self.lines(of: bytes)
  }

  package var text: String { String(decoding: bytes, as: UTF8.self) }
  package var lineCount: Int { lines.count }

  /// LF, CRLF and CR end a line.
  private static func lines(of bytes: [UInt8]) -> [Int] {
    var lines = [0]
    for (offset, byte) in bytes.enumerated() {
      let isEnd = byte == 0x0A || byte == 0x0D && (offset + 1 == bytes.count || bytes[offset + 1] != 0x0A)
      if isEnd { lines.append(offset + 1) }
    }
    return lines
  }

  // MARK: Changes

  /// Replaces the whole text.
  package mutating func replace(with text: String, version: Int) {
    self = TextDocument(text, version: version)
  }

  /// Replaces a stretch. One that runs backwards, or lies beyond the text, is taken as far as it can be.
  package mutating func replace(_ start: Position, _ end: Position, with text: String, version: Int) {
    let first = offset(of: start)
    bytes.replaceSubrange(first..<max(first, offset(of: end)), with: Array(text.utf8))
    lines = Self.lines(of: bytes)
    self.version = version
  }

  // MARK: Places

  /// The bytes of a line without its end.
  package func line(_ number: Int) -> Range<Int> {
    guard lines.indices.contains(number) else { return bytes.count..<bytes.count }
    let start = lines[number]
    var end = number + 1 < lines.count ? lines[number + 1] : bytes.count
    while end > start, bytes[end - 1] == 0x0A || bytes[end - 1] == 0x0D { end -= 1 }
    return start..<end
  }

  /// The byte of a position; behind a line's end it is the end, and within a character its beginning.
  package func offset(of position: Position) -> Int {
    guard position.line >= 0 else { return 0 }
    let line = line(position.line)
    var offset = line.lowerBound
    var units = 0
    while offset < line.upperBound {
      // Of four bytes in UTF-8 UTF-16 makes two units.
      let count = Self.length(bytes[offset])
      units += count == 4 ? 2 : 1
      if units > position.character { break }
      offset = min(line.upperBound, offset + count)
    }
    return offset
  }

  package func position(of offset: Int) -> Position {
    let offset = min(max(0, offset), bytes.count)
    var low = 0
    var high = lines.count
    while high - low > 1 {
      let middle = (low + high) / 2
      if lines[middle] <= offset { low = middle } else { high = middle }
    }
    var units = 0
    var at = lines[low]
    while at < offset {
      let count = Self.length(bytes[at])
      units += count == 4 ? 2 : 1
      at += count
    }
    return Position(line: low, character: units)
  }

  private static func length(_ first: UInt8) -> Int {
    switch first {
    case 0xF0...: 4
    case 0xE0...: 3
    case 0xC0...: 2
    default: 1
    }
  }

  /// The bytes of a place as problems name it: its lines end with LF alone, its columns are characters. What runs over
  /// the line's end is cut there.
  package func range(of place: Place) -> Range<Int> {
    var start = 0
    var line = 1
    while line < place.line {
      guard let end = bytes[start...].firstIndex(of: 0x0A) else { break }
      start = end + 1
      line += 1
    }
    let end = bytes[start...].firstIndex(of: 0x0A) ?? bytes.count
    let text = String(decoding: bytes[start..<end], as: UTF8.self)
    let first = text.index(text.startIndex, offsetBy: max(0, place.column - 1), limitedBy: text.endIndex)
    guard let first else { return end..<end }
    let last = text.index(first, offsetBy: max(0, place.length), limitedBy: text.endIndex) ?? text.endIndex
    let from = start + text.utf8.distance(from: text.startIndex, to: first)
    return from..<from + text[first..<last].utf8.count
  }

  /// As an editor names a stretch of bytes.
  func json(_ range: Range<Int>) -> JSONValue {
    ["start": position(of: range.lowerBound).json, "end": position(of: range.upperBound).json]
  }

  /// A line of a file that nobody has open: its characters can't be counted.
  static func json(line: Int) -> JSONValue {
    let start = Position(line: line, character: 0).json
    return ["start": start, "end": start]
  }
}

extension TextDocument.Position {
  var json: JSONValue { ["line": .number(line), "character": .number(character)] }
}
