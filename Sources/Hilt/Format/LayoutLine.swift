/// One line of a program: its tokens, and the comment at its end or alone.
struct LayoutLine {
  var pieces: [LayoutPiece] = []
  /// At least one empty line stands before it.
  var hasBlankBefore = false
  /// How many spaces stand before the first piece; set by `LayoutIndentation`.
  var indentation = 0

  var tokens: ArraySlice<LayoutPiece> { pieces.last?.isComment == true ? pieces.dropLast() : pieces[...] }
  var comment: String? { pieces.last.flatMap { $0.isComment ? $0.text : nil } }
  var isComment: Bool { pieces.first?.isComment == true }
  var opens: Bool { tokens.last?.sign.map(LayoutPiece.openers.contains) ?? false }
  var closes: Bool { tokens.first?.sign.map(LayoutPiece.closers.contains) ?? false }
}

/// A token as it is written, a whole text with what stands in its braces, or a comment.
struct LayoutPiece {
  enum Kind: Equatable {
    case word
    /// Digits, a duration, a text or a pattern: what is a value by itself.
    case literal
    case sign(Token.Sign)
    case comment
  }

  static let openers: Set<Token.Sign> = [.leftParen, .leftBracket, .leftBrace]
  static let closers: Set<Token.Sign> = [.rightParen, .rightBracket, .rightBrace]

  var kind: Kind
  var text: String
  /// How many columns stand between it and the piece before it, or the line's beginning.
  var gap: Int
  /// Where it stood, counted from 0. A tab goes to the next multiple of eight.
  var column: Int

  var isComment: Bool { kind == .comment }
  var width: Int { text.utf8.allSatisfy { $0 < 0x80 } ? text.utf8.count : text.count }
  var sign: Token.Sign? {
    if case .sign(let sign) = kind { return sign }
    return nil
  }
  func isWord(_ words: Set<String>) -> Bool { kind == .word && words.contains(text) }
}

extension LayoutLine {
  /// The lines of a program without the empty ones; `nil` where something else than white space and comments stands
  /// between two tokens.
  static func lines(of source: Source, _ tokens: [Token]) -> [LayoutLine]? {
    var cutter = LineCutter(bytes: source.bytes)
    var index = 0
    while index < tokens.count {
      let first = tokens[index]
      guard cutter.gap(upTo: Int(first.span.start)) else { return nil }
      var depth = 0
      // A text is one piece, with the texts in its braces.
      while index < tokens.count {
        if tokens[index].kind == .textStart { depth += 1 }
        if tokens[index].kind == .textEnd { depth -= 1 }
        if depth <= 0 { break }
        index += 1
      }
      guard index < tokens.count else { return nil }
      if first.kind != .end { cutter.token(first, upTo: Int(tokens[index].span.end)) }
      index += 1
    }
    cutter.endLine()
    return cutter.lines
  }
}

/// Goes over a program's bytes and gathers lines.
private struct LineCutter {
  let bytes: [UInt8]
  private(set) var lines: [LayoutLine] = []
  private var line = LayoutLine()
  private var offset = 0
  private var column = 0
  private var gap = 0
  private var emptyLines = 0

  init(bytes: [UInt8]) {
    self.bytes = bytes
    if bytes.starts(with: [0xEF, 0xBB, 0xBF]) { offset = 3 }
  }

  mutating func endLine() {
    if line.pieces.isEmpty {
      emptyLines += 1
    } else {
      lines.append(line)
      emptyLines = 0
    }
    line = LayoutLine()
  }

  mutating func gap(upTo end: Int) -> Bool {
    while offset < end {
      switch bytes[offset] {
      case UInt8(ascii: "\n"):
        endLine()
        (column, gap) = (0, 0)
      case UInt8(ascii: "#"):
        let start = offset
        while offset < end, bytes[offset] != UInt8(ascii: "\n") { offset += 1 }
        var stop = offset
        while stop > start, [0x20, 0x09, 0x0D].contains(bytes[stop - 1]) { stop -= 1 }
        append(.comment, start, stop)
        continue
      case UInt8(ascii: "\t"):
        gap += 8 - column % 8
        column += 8 - column % 8
      case UInt8(ascii: " "), UInt8(ascii: "\r"):
        gap += 1
        column += 1
      default: return false
      }
      offset += 1
    }
    return true
  }

  mutating func token(_ token: Token, upTo end: Int) {
    let kind: LayoutPiece.Kind =
      switch token.kind {
      case .word: .word
      case .sign(let sign): .sign(sign)
      default: .literal
      }
    append(kind, Int(token.span.start), end)
    offset = end
  }

  private mutating func append(_ kind: LayoutPiece.Kind, _ start: Int, _ end: Int) {
    if line.pieces.isEmpty { line.hasBlankBefore = emptyLines > 0 }
    let piece = LayoutPiece(
      kind: kind, text: Self.withoutWaste(bytes[start..<end]), gap: gap, column: column)
    line.pieces.append(piece)
    column += piece.width
    gap = 0
  }

  /// A text of several lines without the white space that is not in it: behind its mark, in lines that are empty, and
  /// what a line ends with before its LF. Spaces behind words are the author's.
  private static func withoutWaste(_ bytes: ArraySlice<UInt8>) -> String {
    guard bytes.starts(with: Array("<<".utf8)) else { return String(decoding: bytes, as: UTF8.self) }
    let lines = bytes.split(separator: 0x0A, omittingEmptySubsequences: false)
    let kept = lines.indices.map { number -> ArraySlice<UInt8> in
      let words = lines[number].trimmingEnd([0x20, 0x09, 0x0D])
      return number == 0 || words.isEmpty ? words : lines[number].trimmingEnd([0x0D], 1)
    }
    return String(decoding: Array(kept.joined(separator: [0x0A])), as: UTF8.self)
  }
}

extension ArraySlice<UInt8> {
  /// Without so many bytes of these at its end.
  fileprivate func trimmingEnd(_ bytes: Set<UInt8>, _ most: Int = .max) -> ArraySlice<UInt8> {
    dropLast(Swift.min(most, reversed().prefix { bytes.contains($0) }.count))
  }
}
