import Messages

/// Reads tokens into a tree. A problem is reported where it stands and reading goes on with the next statement, so that
/// all problems of a file come at once.
struct Parser {
  /// Expressions and blocks in one another: more is refused (E104), so that no text can exhaust the stack.
  static let depthMax = 64
  /// Expressions in one another, operators in a row (`a + b + c …`) included.
  static let heightMax = 200

  /// Thrown to leave a statement whose problem was reported.
  struct Abandoned: Error {}

  let source: Source
  /// Words that were surely meant take the place of what was written.
  var tokens: [Token]
  var problems: Problems
  var index = 0
  var depth = 0
  /// Inside brackets a line's end means nothing.
  var insideBrackets = false
  /// Where a block may follow, `{` begins the block and no record.
  var recordsAllowed = true
  /// Inside a condition `=` is a slip for `==`.
  var insideCondition = false
  /// Lines on which the lexer met what it can't read: what follows from that is not said again.
  let unreadable: Set<Int>
  /// A decision about a partner's answer was read.
  var replyDecision: Word?
  /// DICOM comes in, and is refused with a status.
  var readsDICOM = false
  /// Where the statement at hand begins.
  var statementStart = -1
  /// Inside a selector `.5` and `-2` begin a path.
  var insideSelector = false
  /// The names that statements give which could not be read.
  var unread: [String] = []

  init(_ source: Source, tokens: [Token], problems: Problems) {
    self.source = source
    self.problems = problems
    self.tokens = Slips.mended(tokens, source, &self.problems)
    // What carries its fix was read as it was meant.
    unreadable = Set(self.problems.all.filter { $0.fix == nil }.map(\.place.line))
  }

  var token: Token { tokens[index] }
  var previous: Span { index > 0 ? tokens[index - 1].span : Span(0, 0) }

  func ahead(_ count: Int) -> Token { tokens[min(index + count, tokens.count - 1)] }

  mutating func advance() { if index < tokens.count - 1 { index += 1 } }

  func text(_ token: Token) -> String { token.meant ?? source.text(token.span) }

  func isWord(_ word: String, _ count: Int = 0) -> Bool {
    let token = ahead(count)
    return token.kind == .word && text(token) == word
  }

  func isSign(_ sign: Token.Sign, _ count: Int = 0) -> Bool { ahead(count).kind == .sign(sign) }

  mutating func take(_ sign: Token.Sign) -> Bool {
    guard isSign(sign) else { return false }
    advance()
    return true
  }

  mutating func takeWord(_ word: String) -> Bool {
    guard isWord(word) else { return false }
    advance()
    return true
  }

  /// The next token, as a person would call it.
  var found: String {
    switch token.kind {
    case .end: "the end of the file"
    case .textStart, .piece, .textEnd: "a text"
    case .open: "'{'"
    case .close: "'}'"
    default: "'\(text(token))'"
    }
  }

  mutating func fail(
    _ code: Code, _ message: String, at span: Span, help: [String] = [],
    fix: (span: Span, replacement: String)? = nil
  ) -> Abandoned {
    if code == .syntax, unreadable.contains(source.line(of: Int(span.start))) { return Abandoned() }
    problems.report(code, message, at: span, help: help, fix: fix)
    return Abandoned()
  }

  /// Something else was expected at the cursor.
  mutating func expected(_ what: String, help: [String] = []) -> Abandoned {
    // What is missing at a line's end is shown there and not on the next line.
    if token.newlineBefore || token.kind == .end, index > 0, index != statementStart {
      let end = Int(previous.end)
      return fail(.syntax, "\(what) is expected here", at: Span(end, end + 1), help: help)
    }
    return fail(.syntax, "\(what) is expected here, not \(found)", at: token.span, help: help)
  }

  mutating func expect(_ sign: Token.Sign, help: [String] = []) throws {
    guard take(sign) else { throw expected("'\(sign.rawValue)'", help: help) }
  }

  mutating func expectWord(_ word: String, help: [String] = []) throws {
    guard takeWord(word) else { throw expected("'\(word)'", help: help) }
  }

  /// Any word, as a name.
  mutating func name(_ what: String) throws -> Word {
    guard token.kind == .word else { throw expected(what) }
    let word = Word(text: text(token), span: token.span)
    advance()
    return word
  }

  /// Something of the language that is not there yet.
  mutating func unsupported(_ what: String, at span: Span, help: [String] = []) -> Abandoned {
    fail(.unsupported, "\(what) is not supported yet", at: span, help: help)
  }

  /// Runs `body` one level deeper.
  mutating func nested<Result>(_ body: (inout Parser) throws -> Result) throws -> Result {
    guard depth < Self.depthMax else {
      throw fail(
        .depth, "this is nested more than \(Self.depthMax) deep", at: token.span, help: ["name a part with 'let'"])
    }
    depth += 1
    defer { depth -= 1 }
    return try body(&self)
  }

  /// Runs `body` between brackets, where lines may end and records may stand.
  mutating func bracketed<Result>(_ body: (inout Parser) throws -> Result) throws -> Result {
    let before = (insideBrackets, recordsAllowed)
    (insideBrackets, recordsAllowed) = (true, true)
    defer { (insideBrackets, recordsAllowed) = before }
    return try body(&self)
  }

  /// Runs `body` where a block follows the expression.
  mutating func beforeBlock<Result>(_ body: (inout Parser) throws -> Result) throws -> Result {
    let before = (insideBrackets, recordsAllowed)
    (insideBrackets, recordsAllowed) = (false, false)
    defer { (insideBrackets, recordsAllowed) = before }
    return try body(&self)
  }

  /// Whether the token may continue what stands before it: not when a line has ended in between.
  var continues: Bool { !token.newlineBefore || insideBrackets }

  /// A text without values in it.
  mutating func plainText(_ what: String) throws -> TextLiteral {
    let start = token.span
    if let bare = bareText() {
      let meant = "\"\(bare)\""
      problems.report(
        .syntax, "\(what) stands in quotes", at: start...previous, help: [meant], fix: (start...previous, meant))
      return TextLiteral(text: bare, span: start...previous)
    }
    guard token.kind == .textStart else { throw expected(what, help: ["\"…\""]) }
    guard case .text(let parts) = try textValue().kind else { throw Abandoned() }
    var content = ""
    for part in parts {
      guard case .literal(let piece) = part else {
        throw fail(.constant, "\(what) has no '{…}' in it", at: start...previous, help: ["\\{ for the brace itself"])
      }
      content += piece
    }
    return TextLiteral(text: content, span: start...previous)
  }

  /// `lib/names.hilt`, without its quotes; `nil`, and nothing is read, where something else stands there.
  private mutating func bareText() -> String? {
    guard token.kind == .word else { return nil }
    var count = 1
    while !ahead(count).spaceBefore,
      [.word, .digits, .sign(.slash), .sign(.dot), .sign(.minus)].contains(ahead(count).kind)
    { count += 1 }
    let text = source.text(token.span...ahead(count - 1).span)
    guard text.contains("/") || text.contains(".") else { return nil }
    for _ in 0..<count { advance() }
    return text
  }

  /// A text with what stands in its braces.
  mutating func textValue() throws -> Expression {
    let start = token.span
    advance()
    var parts: [TextPart] = []
    while true {
      switch token.kind {
      case .piece(let piece):
        parts.append(.literal(piece))
        advance()
      case .open:
        warnOfDollar()
        advance()
        parts.append(.value(try interpolated()))
      case .textEnd:
        advance()
        return try node(.text(parts), start...previous)
      default:
        throw Abandoned()  // the lexer has reported the text that has no end
      }
    }
  }

  private mutating func interpolated() throws -> Expression {
    let selector = insideSelector
    insideSelector = false
    defer { insideSelector = selector }
    if token.kind == .close {
      problems.report(
        .syntax, "a value is expected between the braces", at: previous...token.span,
        help: ["\\{ for the brace itself"])
      advance()
      return Expression(kind: .broken, span: previous)
    }
    let value = try bracketed { try $0.expression() }
    guard token.kind == .close else { throw expected("'}'") }
    advance()
    return value
  }
}
