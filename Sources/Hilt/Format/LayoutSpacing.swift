/// How many spaces stand between two tokens of a line where no column is kept.
///
/// Where spaces decide what is meant (`PID-5` is a path and `a - 5` a subtraction, `f(x)` a call and `emit (x)` none)
/// the author's stay, at most one.
struct LayoutSpacing {
  let tokens: ArraySlice<LayoutPiece>

  /// Words that take what follows as their operand: a bracket behind one opens no call and selects nothing.
  private static let prefixes: Set<String> = [
    "if", "and", "or", "not", "in", "then", "else", "where", "catch", "matches", "to", "with", "is",
  ]
  /// Words that stand between two values or begin an operand: no statement begins with one.
  private static let joints: Set<String> = prefixes.union([
    "of", "at", "from", "key", "value", "default", "missing", "meta", "columns", "as", "after", "before", "by", "none",
  ])
  /// Words that begin a statement or a decision: no value ends with one.
  private static let beginnings: Set<String> = Parser.words.union([
    "note", "drop", "hold", "fail", "skip", "reject", "retry", "dead", "answer", "table", "const", "fn", "param",
    "import", "zone", "profile", "transform", "library", "new", "copy",
  ]).subtracting(["true", "false", "null", "absent"])

  /// Begin a line that names a file or a zone.
  private static let naming: Set<String> = ["import", "table", "profile", "zone"]

  /// The spaces before the token at an index that is not the first.
  func before(_ index: Int, isInBlock: Bool) -> Int {
    let (a, b) = (tokens[index - 1], tokens[index])
    let least = least(index)
    // Statements on one line: two spaces between them say so.
    if isInBlock, least == 1, b.gap >= 2, endsValue(a), b.kind == .word, !b.isWord(Self.joints) { return 2 }
    return least
  }

  private func endsValue(_ piece: LayoutPiece) -> Bool {
    switch piece.kind {
    case .word: !piece.isWord(Self.beginnings) && !piece.isWord(Self.joints)
    case .literal: true
    case .sign(let sign): LayoutPiece.closers.contains(sign)
    case .comment: false
    }
  }

  private func least(_ index: Int) -> Int {
    let (a, b) = (tokens[index - 1], tokens[index])
    let written = min(b.gap, 1)
    // Behind these it is a path or none by what stands right behind it.
    if a.sign == .dot || a.sign == .minus { return written }
    if let sign = b.sign, let spaces = before(sign, b, after: a, index, written) { return spaces }
    guard let sign = a.sign else { return 1 }
    switch sign {
    case .leftParen, .leftBracket: return 0
    case .range: return b.kind == .literal || b.kind == .word ? 0 : written
    case .slash: return isTight(slashAt: index - 1) ? 0 : 1
    case .comma: return isInTag(index) ? 0 : 1
    default: return 1
    }
  }

  /// `nil`: what stands before decides.
  private func before(
    _ sign: Token.Sign, _ b: LayoutPiece, after a: LayoutPiece, _ index: Int, _ written: Int
  ) -> Int? {
    switch sign {
    case .rightParen, .rightBracket, .comma, .colon: return 0
    case .rightBrace: return a.sign == .leftBrace ? 0 : 1
    case .leftBrace: return a.sign == .leftParen || a.sign == .leftBracket ? 0 : 1
    case .leftParen, .leftBracket, .dot, .minus:
      if let before = a.sign, LayoutPiece.openers.contains(before) { return before == .leftBrace ? 1 : 0 }
      if isOperator(a) { return 1 }
      return sign != .minus && a.isWord(Self.prefixes) && !isMember(index - 1) ? 1 : written
    case .star:
      if a.sign == .leftBracket { return 0 }
      return a.kind == .word && a.text.hasSuffix("_") || index == tokens.endIndex - 1 ? written : 1
    case .slash: return isTight(slashAt: index) ? 0 : 1
    case .range: return a.kind == .literal || a.kind == .word ? 0 : written
    default: return nil
    }
  }

  /// `tag(0019,"GEMS_ACQU_01",9C)` is written as DICOM writes it.
  private func isInTag(_ index: Int) -> Bool {
    let before = tokens[max(tokens.startIndex, index - 6)..<index]
    guard let open = before.lastIndex(where: { $0.sign == .leftParen }), open > tokens.startIndex else { return false }
    return tokens[open - 1].isWord(["tag"]) && !before[open...].contains { $0.sign == .rightParen }
  }

  /// Whether the word is a name behind a point: `list.with(1)`.
  private func isMember(_ index: Int) -> Bool { index > tokens.startIndex && tokens[index - 1].sign == .dot }

  /// A sign with spaces on both sides, or one after it.
  private func isOperator(_ piece: LayoutPiece) -> Bool {
    guard let sign = piece.sign else { return false }
    switch sign {
    case .dot, .minus, .slash, .star, .range, .rightParen, .rightBracket, .rightBrace: return false
    case .leftParen, .leftBracket, .leftBrace: return false
    default: return true
    }
  }

  /// `PATIENT_RESULT[1]/ORDER_OBSERVATION[2]` is a path: nothing around the slash, and a group's name behind it.
  private func isTight(slashAt index: Int) -> Bool {
    guard index + 1 < tokens.endIndex, tokens[index].gap == 0 else { return false }
    let next = tokens[index + 1]
    // `import lib/names.hilt`: a file whose quotes are missing stays one.
    if next.gap == 0, tokens.first?.isWord(Self.naming) == true { return true }
    return next.gap == 0 && next.kind == .word && next.text.utf8.first.map { (0x41...0x5A).contains($0) } == true
  }
}
