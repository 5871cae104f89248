/// Cuts a program's text into tokens. It always comes to the end: what can't be read is reported and left out.
struct Lexer {
  /// Texts in braces in texts in braces…: more than this is refused (E104).
  static let interpolationDepthMax = 8

  private let bytes: [UInt8]
  private var offset = 0
  private var tokens: [Token] = []
  private var newline = true
  private var space = true
  /// For each text that is open around the cursor, how many braces are open inside its `{…}`.
  private var braces: [Int] = []

  /// The tokens of a whole program; the last is `end`.
  static func tokens(of source: Source, problems: inout Problems) -> [Token] {
    var lexer = Lexer(bytes: source.bytes)
    lexer.program(&problems)
    return lexer.tokens
  }

  /// The tokens of a template such as `{MSH-10}.hl7`: the inside of a text, up to the end.
  static func templateTokens(of source: Source, problems: inout Problems) -> [Token] {
    var lexer = Lexer(bytes: source.bytes)
    lexer.emit(.textStart, from: 0)
    lexer.textBody(isTemplate: true, &problems)
    lexer.emit(.end, from: lexer.offset)
    return lexer.tokens
  }

  private init(bytes: [UInt8]) { self.bytes = bytes }

  private func peek(_ ahead: Int = 0) -> UInt8 {
    offset + ahead < bytes.count ? bytes[offset + ahead] : 0
  }

  private mutating func emit(_ kind: Token.Kind, from start: Int) {
    tokens.append(Token(kind: kind, span: Span(start, offset), newlineBefore: newline, spaceBefore: space))
    newline = false
    space = false
  }

  private mutating func program(_ problems: inout Problems) {
    if bytes.starts(with: [0xEF, 0xBB, 0xBF]) { offset = 3 }
    while offset < bytes.count { token(&problems) }
    emit(.end, from: offset)
  }

  /// Reads one token, or what stands between tokens.
  private mutating func token(_ problems: inout Problems) {
    let start = offset
    let byte = bytes[offset]
    switch byte {
    case UInt8(ascii: " "), UInt8(ascii: "\t"), UInt8(ascii: "\r"):
      offset += 1
      space = true
    case UInt8(ascii: "\n"):
      offset += 1
      space = true
      newline = true
    case UInt8(ascii: "#"):
      while offset < bytes.count, bytes[offset] != UInt8(ascii: "\n") { offset += 1 }
      space = true
    case UInt8(ascii: "\""):
      offset += 1
      emit(.textStart, from: start)
      textBody(isTemplate: false, &problems)
    case UInt8(ascii: "'") where quoted(&problems): break
    case UInt8(ascii: "`") where templated(&problems): break
    case 0xE2 where smartlyQuoted(&problems): break
    case UInt8(ascii: "<") where lines(&problems): break
    case UInt8(ascii: "/") where foreignComment(&problems): break
    case UInt8(ascii: "/") where patternMayStart:
      pattern(&problems)
    case _ where Self.isWordStart(byte):
      while Self.isWord(peek()) { offset += 1 }
      emit(.word, from: start)
    case _ where Self.isDigit(byte):
      number()
    default:
      sign(&problems)
    }
  }

  private mutating func number() {
    let start = offset
    while Self.isDigit(peek()) { offset += 1 }
    guard Self.isWordStart(peek()) else { return emit(.digits, from: start) }
    while Self.isWord(peek()) { offset += 1 }
    emit(.duration, from: start)
  }

  /// `'text'`, as other languages write it: said once, then read as the text that was meant.
  private mutating func quoted(_ problems: inout Problems) -> Bool {
    let stop = bytes[(offset + 1)...].firstIndex { $0 == UInt8(ascii: "\n") || $0 == UInt8(ascii: "'") }
    guard let end = stop, bytes[end] == UInt8(ascii: "'") else { return false }
    let start = offset
    let content = String(decoding: bytes[start + 1..<end], as: UTF8.self)
    offset = end + 1
    emit(meant: content, from: start, "a text stands in \"…\"", &problems)
    return true
  }

  /// A text in other signs, which ends here: said once, then read as the text that was meant.
  private mutating func emit(meant content: String, from start: Int, _ message: String, _ problems: inout Problems) {
    let (span, meant) = (Span(start, offset), "\"\(content)\"")
    problems.report(.character, message, at: span, help: [meant], fix: (span, meant))
    emit(.textStart, from: start)
    emit(.piece(content), from: start)
    emit(.textEnd, from: start)
  }

  /// `// …` and `/* … */`, as other languages write comments: said once, where it stands, then passed over. Neither has
  /// another meaning here. Inside a text's braces a comment would swallow the text's end.
  private mutating func foreignComment(_ problems: inout Problems) -> Bool {
    guard braces.isEmpty, peek(1) == UInt8(ascii: "/") || peek(1) == UInt8(ascii: "*") else { return false }
    let start = offset
    let isBlock = peek(1) == UInt8(ascii: "*")
    offset += 2
    while offset < bytes.count {
      if isBlock, bytes[offset] == UInt8(ascii: "*"), peek(1) == UInt8(ascii: "/") {
        offset += 2
        break
      }
      if bytes[offset] == UInt8(ascii: "\n") {
        if !isBlock { break }
        newline = true
      }
      offset += 1
    }
    space = true
    problems.report(
      .character, isBlock ? "a comment begins with # in each of its lines" : "a comment begins with #",
      at: Span(start, isBlock ? start + 2 : offset), help: ["# …"],
      fix: isBlock ? nil : (Span(start, start + 2), "#"))
    return true
  }

  /// `` `text` ``, with values in it: what it is made of stays unread.
  private mutating func templated(_ problems: inout Problems) -> Bool {
    let stop = bytes[(offset + 1)...].firstIndex { $0 == 0x0A || $0 == UInt8(ascii: "`") }
    guard let end = stop, bytes[end] == UInt8(ascii: "`") else { return false }
    let start = offset
    offset = end + 1
    let content = String(decoding: bytes[start + 1..<end], as: UTF8.self).replacing("${", with: "{")
    let meant = "\"\(content)\""
    problems.report(
      .character, "a text stands in \"…\"", at: Span(start, offset), help: [meant],
      fix: content.contains("\"") ? nil : (Span(start, offset), meant))
    emit(.mistaken, from: start)
    return true
  }

  /// `“text”`, as word processors write it.
  private mutating func smartlyQuoted(_ problems: inout Problems) -> Bool {
    guard bytes[offset...].starts(with: Array("“".utf8)) else { return false }
    let line = bytes[offset...].prefix { $0 != 0x0A && $0 != UInt8(ascii: "{") }
    guard let end = line.indices.dropFirst(3).first(where: { bytes[$0...].starts(with: Array("”".utf8)) }) else {
      return false
    }
    let start = offset
    let content = String(decoding: bytes[start + 3..<end], as: UTF8.self)
    offset = end + 3
    emit(meant: content, from: start, "a text stands in \"…\", with straight quotes", &problems)
    return true
  }

  /// `||`, `===`: said once, then read as the operator that was meant.
  private mutating func foreignSign(_ problems: inout Problems) -> Bool {
    let start = offset
    guard let sign = ForeignSign.at(bytes[start...]) else { return false }
    offset += sign.written.utf8.count
    problems.report(
      .character, "'\(sign.written)' is written '\(sign.meant)'", at: Span(start, offset), help: [sign.meant],
      fix: (Span(start, offset), sign.replacement ?? sign.meant))
    emit(sign.kind, from: start)
    tokens[tokens.count - 1].meant = sign.meant
    return true
  }

  private mutating func sign(_ problems: inout Problems) {
    if foreignSign(&problems) { return }
    let start = offset
    if peek() == UInt8(ascii: "+"), peek(1) == UInt8(ascii: "+") {
      offset += 2
      return problems.report(
        .character, "'++' has no meaning here: no value changes", at: Span(start, offset),
        help: ["for x, i in … counts the turns", "count(…)"])
    }
    for length in [2, 1] where offset + length <= bytes.count {
      let text = String(decoding: bytes[offset..<offset + length], as: UTF8.self)
      guard let sign = Token.Sign(rawValue: text) else { continue }
      offset += length
      return emit(.sign(sign), from: start)
    }
    offset += 1
    while offset < bytes.count, bytes[offset] & 0xC0 == 0x80 { offset += 1 }  // the rest of one UTF-8 character
    let character = String(decoding: bytes[start..<offset], as: UTF8.self)
    let invisible = InvisibleCharacter.named(character)
    let printable = character.unicodeScalars.allSatisfy { $0.value >= 0x20 && $0.value != 0x7F }
    var help: [String] = invisible?.help ?? []
    var meant: String?
    switch character {
    case "'", "‘", "’": help = ["a text stands in \"…\""]
    case "“", "”":
      help = ["a text stands in \"…\""]
      meant = "\""
    case ";":
      help = ["a statement ends with its line"]
      if [0x0A, 0x0D, 0x00].contains(peek()) { meant = "" }
      newline = true
    case "!": (help, meant) = (["not …"], "not ")
    case "&": help = tokens.last?.kind == .textEnd ? ["\"…{…}\" puts texts together"] : ["and"]
    default: meant = invisible?.meant
    }
    let shown = invisible?.name ?? (printable ? "'\(character)'" : "a control character")
    problems.report(
      .character, "\(shown) has no meaning here", at: Span(start, offset), help: help,
      fix: meant.map { (Span(start, offset), $0) })
    // What it chooses between is said where it is read.
    if character == "?" { return emit(.mistaken, from: start) }
    space = true
  }

  /// `/` begins a pattern where a value may stand, and divides where one has just ended.
  private var patternMayStart: Bool {
    guard let last = tokens.last else { return true }
    switch last.kind {
    case .word:
      let word = bytes[Int(last.span.start)..<Int(last.span.end)]
      return ["matches", "in", "and", "or", "not", "then", "else", "catch"].contains {
        $0.utf8.elementsEqual(word)
      }
    case .sign(let sign): return ![.rightParen, .rightBracket, .rightBrace].contains(sign)
    case .open: return true
    default: return false
    }
  }

  private mutating func pattern(_ problems: inout Problems) {
    let start = offset
    offset += 1
    var content: [UInt8] = []
    while offset < bytes.count, bytes[offset] != UInt8(ascii: "/"), bytes[offset] != UInt8(ascii: "\n") {
      // What is escaped is read by the pattern's own parser; here only `\/` must not end it.
      let length = bytes[offset] == UInt8(ascii: "\\") && offset + 1 < bytes.count && peek(1) != 0x0A ? 2 : 1
      content += bytes[offset..<offset + length]
      offset += length
    }
    if peek() == UInt8(ascii: "/") {
      offset += 1
    } else {
      problems.report(.openText, "this pattern has no end on its line", at: Span(start, offset), help: ["/…/"])
    }
    emit(.pattern(String(decoding: content, as: UTF8.self)), from: start)
  }
}

// MARK: - Texts

extension Lexer {
  /// The inside of a text, from behind its opening quote to behind its closing one.
  ///
  /// In a template nothing but `{`, `\{`, `\}` and `\\` is special, and it ends where the bytes end.
  private mutating func textBody(isTemplate: Bool, _ problems: inout Problems) {
    let textStart = tokens.last.map { Int($0.span.start) } ?? offset
    var piece: [UInt8] = []
    var start = offset
    while offset < bytes.count {
      let byte = bytes[offset]
      if !isTemplate, byte == UInt8(ascii: "\"") { break }
      if !isTemplate, byte == UInt8(ascii: "\n") { break }
      switch byte {
      case UInt8(ascii: "\\"):
        escape(into: &piece, isTemplate: isTemplate, &problems)
      case UInt8(ascii: "{"):
        flush(&piece, from: start)
        interpolation(&problems)
        start = offset
      default:
        piece.append(byte)
        offset += 1
      }
    }
    flush(&piece, from: start)
    let end = offset
    if peek() == UInt8(ascii: "\"") && offset < bytes.count {
      offset += 1
    } else if !isTemplate {
      problems.report(
        .openText, "this text has no end on its line", at: Span(textStart, offset), label: "'\"' is missing",
        help: ["\\n stands for a line's end inside a text"])
    }
    emit(.textEnd, from: end)
  }

  /// `<<TEXT`, lines, and a line that begins with `TEXT`: a text of several lines. What stands before the last `TEXT`
  /// is taken off every line, so that the text can be indented like the program.
  private mutating func lines(_ problems: inout Problems) -> Bool {
    guard braces.isEmpty, let (mark, first) = markOfLines() else { return false }
    let start = offset
    offset += 2 + mark.count
    let opening = Span(start, offset)
    guard let (indent, last) = endOfLines(mark, from: first) else {
      problems.report(
        .openText, "this text has no end: a line that begins with \(String(decoding: mark, as: UTF8.self))",
        at: opening,
        help: ["\"…\" for a text of one line"])
      emit(.textStart, from: start)
      offset = bytes.count
      emit(.textEnd, from: offset)
      return true
    }
    emit(.textStart, from: start)
    var piece: [UInt8] = []
    offset = first
    while offset < last {
      if offset > first { piece.append(0x0A) }
      lineOfLines(indent, into: &piece, &problems)
    }
    flush(&piece, from: first)
    // A brace that is never closed ends with its line, but texts in texts in texts end the file.
    offset = max(offset, last + indent.count)
    let end = offset
    offset = min(bytes.count, offset + mark.count)
    emit(.textEnd, from: end)
    return true
  }

  /// The word behind `<<`, and where the next line begins.
  private func markOfLines() -> (mark: [UInt8], next: Int)? {
    guard peek(1) == UInt8(ascii: "<"), (0x41...0x5A).contains(peek(2)) else { return nil }
    let mark = bytes[(offset + 2)...].prefix { Self.isWord($0) && !(0x61...0x7A).contains($0) }
    let rest = bytes[mark.endIndex...].prefix { $0 != 0x0A }
    guard rest.endIndex < bytes.count, rest.allSatisfy({ $0 == 0x20 || $0 == 0x09 || $0 == 0x0D }) else { return nil }
    return (Array(mark), rest.endIndex + 1)
  }

  /// The white space before the closing mark, and where its line begins.
  private func endOfLines(_ mark: [UInt8], from first: Int) -> (indent: [UInt8], line: Int)? {
    var line = first
    while line < bytes.count {
      let indent = bytes[line...].prefix { $0 == 0x20 || $0 == 0x09 }
      let rest = bytes[indent.endIndex...]
      if rest.starts(with: mark), rest.dropFirst(mark.count).first.map({ !Self.isWord($0) }) ?? true {
        return (Array(indent), line)
      }
      line = (rest.firstIndex(of: 0x0A) ?? bytes.count) + 1
    }
    return nil
  }

  /// One line of such a text, up to behind its end.
  private mutating func lineOfLines(_ indent: [UInt8], into piece: inout [UInt8], _ problems: inout Problems) {
    let space = bytes[offset...].prefix { $0 == 0x20 || $0 == 0x09 || $0 == 0x0D }
    if space.endIndex == bytes.count || bytes[space.endIndex] == 0x0A {
      offset = space.endIndex + 1
      return
    }
    if bytes[offset...].starts(with: indent) {
      offset += indent.count
    } else {
      problems.report(
        .syntax, "this line begins further left than the text's end", at: Span(offset, space.endIndex + 1),
        help: ["indent it like the closing word"])
      offset = space.endIndex
    }
    var start = offset
    while offset < bytes.count, bytes[offset] != 0x0A {
      switch bytes[offset] {
      case UInt8(ascii: "\\"): escape(into: &piece, isTemplate: false, &problems)
      case UInt8(ascii: "{"):
        flush(&piece, from: start)
        interpolation(&problems)
        start = offset
      case 0x0D where peek(1) == 0x0A: offset += 1
      default:
        piece.append(bytes[offset])
        offset += 1
      }
    }
    offset += 1
  }

  private mutating func flush(_ piece: inout [UInt8], from start: Int) {
    guard !piece.isEmpty else { return }
    emit(.piece(String(decoding: piece, as: UTF8.self)), from: start)
    piece = []
  }

  private mutating func escape(into piece: inout [UInt8], isTemplate: Bool, _ problems: inout Problems) {
    let start = offset
    let next = peek(1)
    if isTemplate, ![UInt8(ascii: "{"), UInt8(ascii: "}"), UInt8(ascii: "\\")].contains(next) {
      piece.append(UInt8(ascii: "\\"))
      offset += 1
      return
    }
    switch next {
    case UInt8(ascii: "\""), UInt8(ascii: "\\"), UInt8(ascii: "{"), UInt8(ascii: "}"): piece.append(next)
    case UInt8(ascii: "n"): piece.append(0x0A)
    case UInt8(ascii: "r"): piece.append(0x0D)
    case UInt8(ascii: "t"): piece.append(0x09)
    default:
      offset += next == UInt8(ascii: "\n") || offset + 1 >= bytes.count ? 1 : 2
      problems.report(
        .escape, "a text knows \\n \\r \\t \\\" \\\\ \\{ \\} and no other escape", at: Span(start, offset),
        help: ["\\\\ for a backslash"])
      return
    }
    offset += 2
  }

  /// `{` expression `}` inside a text. It ends at its own brace, or at the line's end.
  private mutating func interpolation(_ problems: inout Problems) {
    let start = offset
    offset += 1
    emit(.open, from: start)
    braces.append(0)
    defer { braces.removeLast() }
    guard braces.count <= Self.interpolationDepthMax else {
      problems.report(.depth, "texts are nested too deeply here", at: Span(start, offset))
      offset = bytes.count
      return emit(.close, from: offset)
    }
    while offset < bytes.count, peek() != UInt8(ascii: "\n") {
      if peek() == UInt8(ascii: "}"), braces[braces.count - 1] == 0 {
        offset += 1
        return emit(.close, from: offset - 1)
      }
      if peek() == UInt8(ascii: "{") { braces[braces.count - 1] += 1 }
      if peek() == UInt8(ascii: "}") { braces[braces.count - 1] -= 1 }
      token(&problems)
    }
    problems.report(
      .openText, "'{' has no '}' on its line", at: Span(start, start + 1), help: ["\\{ for the brace itself"])
    emit(.close, from: offset)
  }
}

// MARK: - Bytes

extension Lexer {
  static func isDigit(_ byte: UInt8) -> Bool { byte >= 0x30 && byte <= 0x39 }
  static func isWordStart(_ byte: UInt8) -> Bool {
    (byte >= 0x41 && byte <= 0x5A) || (byte >= 0x61 && byte <= 0x7A) || byte == UInt8(ascii: "_")
  }
  static func isWord(_ byte: UInt8) -> Bool { isWordStart(byte) || isDigit(byte) }
}
