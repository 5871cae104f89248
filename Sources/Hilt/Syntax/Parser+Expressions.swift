extension Parser {
  /// A whole expression, `catch` included.
  mutating func expression() throws -> Expression {
    try nested { parser in
      var value = try parser.choice()
      while parser.takeWord("catch") {
        let other = try parser.choice()
        value = try parser.node(.caught(value, other), value.span...other.span)
      }
      return value
    }
  }

  /// `if … then …`, `match …`, `for … => …`, a decision, or what operators make.
  private mutating func choice() throws -> Expression {
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

  /// How tightly operators bind. One function climbs through them all, so that a level of brackets costs few stack frames.
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
    let other = try operators(from: level.rawValue + 1)
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
      if text(token).first?.isUppercase == true { throw unsupported("'is' with a type", at: token.span) }
      throw expected("'valued', 'absent' or 'null'")
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
      guard isSign(.leftBrace) else { throw expected("a record", help: ["x with { 1: … }"]) }
      let entries = try entries()
      value = try node(.with(value, entries), value.span...previous)
    }
    return value
  }
}

// MARK: - Paths

extension Parser {
  /// An operand and the steps behind it.
  mutating func postfix() throws -> Expression {
    let root: Expression
    if insideSelector, isSign(.dot) || isSign(.minus) {
      root = Expression(kind: .selected, span: Span(Int(token.span.start), Int(token.span.start)))
    } else {
      root = try operand()
    }
    var steps: [Step] = []
    while let step = try step() { steps.append(step) }
    guard !steps.isEmpty else { return root }
    return try node(.path(root: root, steps), root.span...previous)
  }

  private mutating func step() throws -> Step? {
    let start = token.span
    let tight = !token.spaceBefore
    let next = ahead(1)
    switch token.kind {
    case .sign(.dot) where (tight || insideSelector) && !next.spaceBefore:
      advance()
      let span = start...token.span
      switch token.kind {
      case .digits:
        let number = try number(what: "component")
        return Step(kind: .component(number), span: span)
      case .word:
        let member = try name("a name")
        if ["each", "add"].contains(member.text), token.kind == .word, continues {
          throw unsupported("'.\(member.text)'", at: span)
        }
        return Step(kind: .member(member.text), span: span)
      default: throw expected("a name or a number behind the point")
      }
    case .sign(.minus) where (tight || insideSelector && startsSelected) && !next.spaceBefore:
      if next.kind == .digits {
        advance()
        let span = start...token.span
        return Step(kind: .field(try number(what: "field")), span: span)
      }
      return nil
    case .sign(.leftBracket) where continues:
      return Step(kind: .select(try selector()), span: start...previous)
    default:
      return nil
    }
  }

  /// A `-2` that begins a path in a selector may have a space before it; one behind a value may not.
  private var startsSelected: Bool {
    guard index > 0 else { return false }
    let before = tokens[index - 1]
    switch before.kind {
    case .word: return ["where", "and", "or", "not", "in", "then", "else", "catch", "matches"].contains(text(before))
    case .sign(let sign): return ![.rightParen, .rightBracket, .rightBrace].contains(sign)
    default: return false
    }
  }

  /// A field, component or repetition: from 1.
  private mutating func number(what: String) throws -> Int {
    guard token.kind == .digits else { throw expected("a number") }
    let span = token.span
    let number = text(token).utf8.count > 6 ? nil : Int(text(token))
    advance()
    guard let number, number > 0 else {
      throw fail(.path, "a \(what)'s number begins at 1 and has up to six digits", at: span)
    }
    return number
  }

  private mutating func selector() throws -> Selector {
    try nested { parser in
      let selector = parser.insideSelector
      parser.insideSelector = true
      defer { parser.insideSelector = selector }
      return try parser.bracketed { parser in
        try parser.expect(.leftBracket)
        let result = try parser.selectorBody()
        try parser.expect(.rightBracket)
        return result
      }
    }
  }

  private mutating func selectorBody() throws -> Selector {
    if isWord("last"), isSign(.rightBracket, 1) {
      advance()
      return .last
    }
    if takeWord("where") { return .firstWhere(try expression()) }
    if take(.star) {
      if takeWord("where") { return .allWhere(try expression()) }
      if isWord("of") { throw unsupported("'[* of …]'", at: token.span) }
      return .all
    }
    var keys: [Expression] = []
    insideSelector = false
    defer { insideSelector = true }
    repeat { keys.append(try expression()) } while take(.comma)
    return .keys(keys)
  }
}

// MARK: - Operands

extension Parser {
  /// Words that begin no value, and so are no names of values either.
  static let words: Set<String> = [
    "if", "then", "else", "match", "for", "catch", "and", "or", "not", "where", "is", "in", "to", "meta", "with", "none",
    "let", "var", "remove", "emit", "matches", "when", "require", "true", "false", "null", "absent",
  ]

  /// What stands between operators, without the steps behind it.
  mutating func operand() throws -> Expression {
    let start = token.span
    switch token.kind {
    case .textStart: return try textValue()
    case .digits: return numberLiteral()
    case .duration:
      advance()
      return Expression(kind: .duration(source.text(start)), span: start)
    case .pattern(let pattern):
      advance()
      return Expression(kind: .pattern(pattern), span: start)
    case .sign(.leftParen):
      let selector = insideSelector
      defer { insideSelector = selector }
      return try bracketed { parser in
        try parser.expect(.leftParen)
        var value = try parser.expression()
        try parser.expect(.rightParen)
        value.span = start...parser.previous
        return value
      }
    case .sign(.leftBracket):
      let values = try sequence(.leftBracket, .rightBracket)
      return try node(.list(values), start...previous)
    case .sign(.leftBrace) where recordsAllowed:
      let entries = try entries()
      return try node(.record(type: nil, entries), start...previous)
    case .sign(.minus) where ahead(1).kind == .digits:
      advance()
      var number = numberLiteral()
      if case .number(let text) = number.kind { number.kind = .number("-" + text) }
      return Expression(kind: number.kind, span: start...previous)
    case .sign(.less) where isSign(.less, 1): throw unsupported("'<<TEXT'", at: start...ahead(1).span)
    case .word: return try wordOperand()
    default: throw expected("a value")
    }
  }

  private mutating func wordOperand() throws -> Expression {
    let start = token.span
    let word = text(token)
    let next = ahead(1)
    let nextContinues = !next.newlineBefore || insideBrackets
    switch word {
    case "true", "false":
      advance()
      return Expression(kind: .boolean(word == "true"), span: start)
    case "null":
      advance()
      return Expression(kind: .null, span: start)
    case "absent":
      advance()
      return Expression(kind: .absent, span: start)
    case "copy" where next.kind == .word && nextContinues:
      advance()
      let value = try nested { try $0.postfix() }
      return try node(.copy(value), start...value.span)
    case "new" where next.kind == .word && nextContinues: throw unsupported("'new'", at: start)
    case "none" where isWord("in", 2): break
    case "meta" where next.kind == .sign(.dot): break
    case _ where Self.words.contains(word): throw expected("a value")
    default: break
    }
    if next.kind == .sign(.leftParen), !next.spaceBefore { return try call() }
    if next.kind == .word, isWord("in", 2), nextContinues {
      let kind = try name("a function")
      let head = try nested { try $0.loopHead() }
      return try node(.quantifier(kind, head), start...previous)
    }
    advance()
    if next.kind == .sign(.leftBrace), recordsAllowed, nextContinues, word.first?.isUppercase == true {
      let entries = try entries()
      return try node(.record(type: Word(text: word, span: start), entries), start...previous)
    }
    return Expression(kind: .name(word), span: start)
  }

  private mutating func call() throws -> Expression {
    let start = token.span
    let function = try name("a function")
    let arguments = try sequence(.leftParen, .rightParen)
    return try node(.call(function, arguments), start...previous)
  }

  private mutating func sequence(_ opening: Token.Sign, _ closing: Token.Sign) throws -> [Expression] {
    let selector = insideSelector
    defer { insideSelector = selector }
    return try bracketed { parser in
      try parser.expect(opening)
      var values: [Expression] = []
      while !parser.isSign(closing) {
        if parser.token.kind == .word, parser.isSign(.colon, 1) {
          throw parser.unsupported("an argument by name", at: parser.token.span)
        }
        values.append(try parser.expression())
        guard parser.take(.comma) else { break }
      }
      try parser.expect(closing)
      return values
    }
  }

  /// `1` or `1.50`, as written.
  private mutating func numberLiteral() -> Expression {
    let start = token.span
    advance()
    if isSign(.dot), !token.spaceBefore, ahead(1).kind == .digits, !ahead(1).spaceBefore {
      advance()
      advance()
    }
    return Expression(kind: .number(source.text(start...previous)), span: start...previous)
  }

  /// `{ key: value, … }`
  mutating func entries() throws -> [Entry] {
    let selector = insideSelector
    insideSelector = false
    defer { insideSelector = selector }
    return try nested { parser in
      try parser.bracketed { parser in
        try parser.expect(.leftBrace)
        var entries: [Entry] = []
        while !parser.isSign(.rightBrace) {
          let start = parser.token.span
          let key = try parser.key()
          let span = start...parser.previous
          try parser.expect(.colon)
          entries.append(Entry(key: key, keySpan: span, value: try parser.expression()))
          guard parser.take(.comma) else { break }
        }
        try parser.expect(.rightBrace)
        return entries
      }
    }
  }

  private mutating func key() throws -> Entry.Key {
    guard token.kind == .digits else { return .name(try name("a key").text) }
    let component = try number(what: "component")
    guard take(.dot) else { return .component(component, nil) }
    return .component(component, try number(what: "subcomponent"))
  }
}
