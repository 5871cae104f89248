import FHIR

extension Parser {
  /// A whole expression, `catch` included.
  mutating func expression() throws -> Expression {
    try nested { parser in
      var value = try parser.choice()
      if let slip = parser.foreignOperator(behind: value) { throw slip }
      while parser.takeWord("catch") {
        let other = try parser.choice()
        value = try parser.node(.caught(value, other), value.span...other.span)
      }
      return value
    }
  }

  /// `if … then …`, `match …`, `for … => …`, a decision, or what operators make.
  mutating func choice() throws -> Expression {
    let start = token.span
    if startsDecision {
      let decision = try decision()
      return try node(.decision(decision), decision.span)
    }
    if isWord("if") { return try nested { try $0.conditional() } }
    if isWord("match"), ahead(1).kind != .sign(.dot) {
      advance()
      let subject = try beforeBlock { try $0.expression() }
      let arms = try arms { try $0.expression() }
      return try node(.match(subject, arms), start...previous)
    }
    if isWord("for"), ahead(1).kind == .word {
      advance()
      let head = try loopHead()
      try expect(.arrow, help: ["for name in list => value"])
      let body = try expression()
      return try node(.each(head, body), start...previous)
    }
    return try operators()
  }

  /// What must be true or false: here `=` can only be meant as `==`.
  mutating func condition() throws -> Expression {
    let before = insideCondition
    insideCondition = true
    defer { insideCondition = before }
    return try expression()
  }

  private mutating func conditional() throws -> Expression {
    let start = token.span
    try expectWord("if")
    let condition = try condition()
    if isSign(.leftBrace) {
      throw fail(
        .syntax, "where a value is wanted, it is 'if … then … else …'", at: token.span, help: ["if … then … else …"])
    }
    try expectWord("then")
    let then = try choice()
    let otherwise = takeWord("else") ? try choice() : nil
    return try node(.conditional(condition, then: then, otherwise: otherwise), start...previous)
  }

  /// An expression made of others. Operators in a row make one as high as the row is long, so each one is looked at.
  mutating func node(_ kind: Expression.Kind, _ span: Span) throws -> Expression {
    let expression = Expression(kind: kind, span: span)
    guard expression.height <= Self.heightMax else {
      throw fail(
        .depth, "more than \(Self.heightMax) operators and values lie in one another here", at: previous,
        help: ["name a part with 'let'"])
    }
    return expression
  }

  /// How tightly operators bind. One function climbs through them all, so that a level of brackets costs few stack
  /// frames.
  private enum Level: Int {
    case or = 1, and, not, comparison, otherwise, sum, product
  }

  private static let wordLevels: [String: Level] = [
    "or": .or, "and": .and, "in": .comparison, "matches": .comparison, "is": .comparison, "not": .comparison,
  ]
  private static let signLevels: [Token.Sign: Level] = [
    .equal: .comparison, .unequal: .comparison, .atMost: .comparison, .atLeast: .comparison, .less: .comparison,
    .greater: .comparison, .assign: .comparison, .otherwise: .otherwise, .plus: .sum, .minus: .sum, .star: .product,
    .slash: .product,
  ]

  /// The operator at the cursor, if it may continue what stands before it: `and or ??` do so from the next line too.
  private var operatorLevel: Level? {
    switch token.kind {
    case .word:
      guard let level = Self.wordLevels[text(token)] else { return nil }
      if level == .comparison, !continues { return nil }
      return level == .comparison && isWord("not") && !isWord("in", 1) ? nil : level
    case .sign(let sign):
      guard let level = Self.signLevels[sign], continues || sign == .otherwise else { return nil }
      return sign == .assign && !insideBrackets && !insideCondition ? nil : level
    default: return nil
    }
  }

  /// Operators that bind at least as tightly as `least`, and what stands between them.
  private mutating func operators(from least: Int = Level.or.rawValue) throws -> Expression {
    var value: Expression
    if isWord("not"), least <= Level.not.rawValue {
      let word = try name("'not'")
      let inner = try nested { try $0.operators(from: Level.not.rawValue) }
      value = try node(.unary(word, inner), word.span...inner.span)
    } else {
      value = try negative()
    }
    var compared = false
    while let level = operatorLevel, level.rawValue >= least {
      if level == .comparison {
        guard !compared else {
          throw fail(.syntax, "comparisons don't follow one another", at: value.span, help: ["a < b and b < c"])
        }
        compared = true
      }
      value = try operation(value, level)
    }
    return value
  }

  /// One operator behind a value, with its other side.
  private mutating func operation(_ value: Expression, _ level: Level) throws -> Expression {
    if takeWord("is") { return try test(value) }
    var word = Word(text: text(token), span: token.span)
    if isWord("not") {
      advance()
      word = Word(text: "not in", span: word.span...token.span)
    }
    if isSign(.minus) { checkMinus() }
    if isSign(.assign) {
      problems.report(
        .syntax, "'=' writes a place; equality is '=='", at: token.span, help: ["=="], fix: (token.span, "=="))
      word.text = "=="
    }
    advance()
    // `x ?? reject AE 101 "…"`
    let decides = level == .otherwise && startsDecision
    let other = decides ? try choice() : try operators(from: level.rawValue + 1)
    if word.text.hasSuffix("in"), case .text = other.kind {
      throw fail(
        .syntax, "'in' asks a list, which stands in brackets", at: other.span, help: ["[\(source.text(other.span)), …]"]
      )
    }
    return try node(.binary(value, word, other), value.span...other.span)
  }

  /// Subtraction needs spaces on both sides: a tight dash belongs to a path.
  private mutating func checkMinus() {
    guard !token.spaceBefore || !ahead(1).spaceBefore else { return }
    let span = Span(Int(previous.end), Int(ahead(1).span.start))
    problems.report(
      .tightDash, "a subtraction needs a space on both sides of its dash", at: token.span, help: ["a - b"],
      fix: (span, " - "))
  }

  private mutating func test(_ value: Expression) throws -> Expression {
    let negated = takeWord("not")
    guard token.kind == .word else { throw expected("'valued', 'absent' or 'null'") }
    guard let test = Presence(rawValue: text(token)) else {
      let names =
        ["text", "number", "boolean", "date", "time", "bytes", "list", "record"]
        + FHIRPrimitive.allCases.map(\.rawValue)
      guard text(token).first?.isUppercase == true || names.contains(text(token)) else {
        throw expected("'valued', 'absent', 'null' or a type")
      }
      let type = try name("a type")
      return try node(.typeTest(value, negated: negated, type), value.span...previous)
    }
    advance()
    return try node(.test(value, negated: negated, test), value.span...previous)
  }

  private mutating func negative() throws -> Expression {
    guard isSign(.minus) else { return try copyWith() }
    if insideSelector, ahead(1).kind == .digits, !ahead(1).spaceBefore { return try copyWith() }
    let word = Word(text: "-", span: token.span)
    advance()
    return try nested { parser in
      let value = try parser.negative()
      return try parser.node(.unary(word, value), word.span...value.span)
    }
  }

  private mutating func copyWith() throws -> Expression {
    var value = try postfix()
    while isWord("with"), continues {
      advance()
      if case .addition = value.kind, !isSign(.leftBrace) {
        let segment = try nested { try $0.copyWith() }
        return try node(.filled(value, segment), value.span...segment.span)
      }
      guard isSign(.leftBrace) else { throw expected("a record", help: ["x with { 1: … }"]) }
      let entries = try entries()
      value = try node(.with(value, entries), value.span...previous)
    }
    return value
  }
}
