/// What stands before the cursor in its line, as far as completion needs to know it.
struct CursorLine {
  enum Surroundings: Equatable {
    case code
    case comment
    /// Within a text that begins at this byte.
    case text(start: Int)
  }

  /// The line up to the cursor.
  let before: String
  let surroundings: Surroundings
  /// What closes the brackets that are open in the line.
  let closers: String
  /// The same with what a `for` or an `if` that stands for a value needs to be one: `for id in PID-3[` is closed by
  /// `] => absent`.
  let ending: String
  /// What closes those that the lines before opened and no line behind closes.
  let outerClosers: String
  /// The word at the cursor, and where it begins.
  let word: String
  let wordStart: Int
  /// What stands directly before the word: `.`, `-` or `/` of a path; `nil` for anything else.
  let separator: Character?
  /// Nothing follows the cursor in its line.
  let isAtEnd: Bool

  init(_ document: TextDocument, _ offset: Int) {
    let bytes = document.bytes
    let line = document.line(document.position(of: offset).line)
    before = String(decoding: bytes[line.lowerBound..<max(line.lowerBound, offset)], as: UTF8.self)
    let rest = offset < line.upperBound ? bytes[offset..<line.upperBound] : []
    isAtEnd = rest.allSatisfy { $0 == 0x20 || $0 == 0x09 || "\"')]}".utf8.contains($0) }
    let isClosed = rest.contains { $0 != 0x20 && $0 != 0x09 }
    var start = offset
    while start > line.lowerBound, TextDocument.isWord(bytes[start - 1]) { start -= 1 }
    wordStart = start
    word = String(decoding: bytes[start..<offset], as: UTF8.self)
    var scan = Scan()
    for index in line.lowerBound..<max(line.lowerBound, start) { scan.read(bytes[index], at: index) }
    surroundings = scan.surroundings
    closers = isClosed ? "" : scan.closers
    outerClosers = Self.unclosed(bytes, around: line)
    let open = Self.unfinished(bytes, line.lowerBound..<max(line.lowerBound, start))
    ending = scan.surroundings == .code ? Self.ending(open, isClosed ? nil : scan) : closers
    separator = Self.separator(bytes, line, start, scan.surroundings)
  }

  /// Where each `for` and `if` stands that has no `=>` and no `then` yet; what begins the line is a statement.
  private static func unfinished(_ bytes: [UInt8], _ line: Range<Int>) -> [(at: Int, needs: String)] {
    var open: [(at: Int, needs: String)] = []
    var isFirst = true
    var index = line.lowerBound
    while index < line.upperBound {
      let start = index
      while index < line.upperBound, TextDocument.isWord(bytes[index]) { index += 1 }
      let word = String(decoding: bytes[start..<index], as: UTF8.self)
      switch word {
      case "for" where !isFirst: open.append((start, " => absent"))
      case "if" where !isFirst: open.append((start, " then absent"))
      case "then": if open.last?.needs == " then absent" { open.removeLast() }
      default: break
      }
      if !word.isEmpty { isFirst = false }
      if index < line.upperBound, word.isEmpty {
        let isArrow = bytes[index] == 0x3D && index + 1 < line.upperBound && bytes[index + 1] == 0x3E
        if isArrow, open.last?.needs == " => absent" { open.removeLast() }
        index += 1
      }
    }
    return open
  }

  /// - Parameter scan: what is open in the line; `nil` where something behind the cursor closes it.
  private static func ending(_ unfinished: [(at: Int, needs: String)], _ scan: Scan?) -> String {
    var text = ""
    var end = Int.max
    for (at, needs) in unfinished.reversed() {
      text += (scan?.closers(in: at..<end) ?? "") + needs
      end = at
    }
    return text + (scan?.closers(in: 0..<end) ?? "")
  }

  private static func unclosed(_ bytes: [UInt8], around line: Range<Int>) -> String {
    var scan = Scan()
    for index in 0..<line.lowerBound { scan.read(bytes[index], at: index) }
    for index in line.upperBound..<bytes.count { scan.read(bytes[index], at: index) }
    return scan.closers(in: 0..<line.lowerBound)
  }

  /// Words and signs of the line before the word at the cursor.
  var words: [Substring] {
    before.utf8.prefix(before.utf8.count - word.utf8.count).withText {
      $0.split { $0 == " " || $0 == "\t" || $0 == "," }
    }
  }

  private static func separator(
    _ bytes: [UInt8], _ line: Range<Int>, _ start: Int, _ surroundings: Surroundings
  ) -> Character? {
    guard surroundings == .code, start > line.lowerBound else { return nil }
    let sign = bytes[start - 1]
    guard sign == 0x2E || sign == 0x2D || sign == 0x2F, start - 1 > line.lowerBound else { return nil }
    let previous = bytes[start - 2]
    let isPath = TextDocument.isWord(previous) || previous == 0x5D || previous == 0x29
    // In a selector a path begins with its sign.
    let words = String(decoding: bytes[line.lowerBound..<start - 1], as: UTF8.self)
    let isSelected =
      sign != 0x2F && previous == 0x20
      && words.lastIndex(of: "[") ?? words.startIndex > (words.lastIndex(of: "]") ?? words.startIndex)
    return isPath || isSelected ? Character(Unicode.Scalar(sign)) : nil
  }

  /// Reads a line sign by sign: texts, what stands in their braces, patterns aside.
  private struct Scan {
    private var open: [(sign: UInt8, at: Int)] = []
    private var isEscaped = false
    private var isComment = false

    var surroundings: Surroundings {
      if isComment { return .comment }
      if let last = open.last, last.sign == 0x22 { return .text(start: last.at) }
      return .code
    }

    var closers: String { isComment ? "" : closers(in: 0..<Int.max) }

    /// What closes what was opened in a stretch.
    func closers(in range: Range<Int>) -> String {
      let closing: [UInt8: String] = [0x28: ")", 0x5B: "]", 0x7B: "}", 0x22: "\""]
      return open.reversed().filter { range.contains($0.at) }.map { closing[$0.sign] ?? "" }.joined()
    }

    mutating func read(_ byte: UInt8, at index: Int) {
      if byte == 0x0A {
        // Comments and texts end with their line.
        (isComment, isEscaped) = (false, false)
        if let text = open.firstIndex(where: { $0.sign == 0x22 }) { open.removeSubrange(text...) }
      }
      if isComment { return }
      if isEscaped {
        isEscaped = false
        return
      }
      let isText = open.last?.sign == 0x22
      switch byte {
      case 0x5C where isText: isEscaped = true
      case 0x22:
        if isText { open.removeLast() } else { open.append((byte, index)) }
      case 0x7B: open.append((byte, index))
      case 0x28 where !isText, 0x5B where !isText: open.append((byte, index))
      case 0x7D where !isText: if open.last?.sign == 0x7B { open.removeLast() }
      case 0x29 where !isText: if open.last?.sign == 0x28 { open.removeLast() }
      case 0x5D where !isText: if open.last?.sign == 0x5B { open.removeLast() }
      case 0x23 where !isText: isComment = true
      default: break
      }
    }
  }
}

extension Sequence where Element == UInt8 {
  fileprivate func withText<Result>(_ body: (String) -> Result) -> Result {
    body(String(decoding: Array(self), as: UTF8.self))
  }
}
