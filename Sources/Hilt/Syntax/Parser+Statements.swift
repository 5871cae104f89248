import DICOM

extension Parser {
  /// Statements up to `}` (or the end of the file, where `brace` is `nil`).
  mutating func statements(until brace: Token.Sign?) -> [Statement] {
    var statements: [Statement] = []
    while token.kind != .end {
      if let brace, isSign(brace) { break }
      let start = index
      let depth = depth
      do {
        statements.append(try statement())
      } catch {
        self.depth = depth
        if ["let", "var"].contains(text(tokens[start])) {
          unread.append(text(tokens[min(start + 1, tokens.count - 1)]))
        }
        if index == start { advance() }
        recover(from: start)
      }
      // A brace too many: said once, then passed over.
      if brace == nil, isSign(.rightBrace) {
        problems.report(.syntax, "this '}' closes nothing", at: token.span)
        advance()
      }
    }
    return statements
  }

  mutating func block() throws -> Block {
    let start = token.span
    guard take(.leftBrace) else { throw expected("'{'") }
    let before = (insideBrackets, recordsAllowed, insideSelector)
    (insideBrackets, recordsAllowed, insideSelector) = (false, true, false)
    let statements = try nested { $0.statements(until: .rightBrace) }
    (insideBrackets, recordsAllowed, insideSelector) = before
    guard take(.rightBrace) else {
      throw fail(.syntax, "this '{' is never closed", at: start, help: ["}"])
    }
    return Block(statements: statements, span: start...previous)
  }

  mutating func statement() throws -> Statement {
    let head = token.span
    statementStart = index
    let kind = try nested { try $0.statementKind() }
    return Statement(kind: kind, span: head...previous, head: head)
  }

  private mutating func statementKind() throws -> Statement.Kind {
    let start = token.span
    guard token.kind == .word else { return try assignment() }
    mendStatementWord()
    if let slip = foreignStatement() { throw slip }
    switch text(token) {
    case "let":
      advance()
      let name = try name("a name")
      if isSign(.colon), ahead(1).kind == .word {
        problems.report(
          .syntax, "a value's type is known by the value", at: token.span...ahead(1).span,
          help: ["let \(name.text) = …"])
        advance()
        advance()
      }
      try expect(.assign)
      return .bind(name, try expression())
    case "remove":
      advance()
      return .remove(try postfix())
    case "if":
      return try branch()
    case "match":
      advance()
      return try matchStatement()
    case "for":
      advance()
      return try loop()
    case "when":
      advance()
      let condition = try condition()
      try expect(.arrow, help: ["when condition => drop \"why\""])
      return .when(condition, try decision())
    case "require":
      advance()
      let condition = try condition()
      try expectWord("else", help: ["require condition else reject AE 101 \"why\""])
      return .require(condition, try decision())
    case "emit":
      advance()
      return try emission()
    case "note":
      advance()
      return .note(try expression())
    case "var":
      advance()
      let name = try name("a name")
      if isSign(.assign) { return try counted(name) }
      try expect(.colon, help: ["var \(name.text): list of text"])
      return .variable(name, try type())
    case "in", "zone", "profile", "import", "param", "table", "const", "fn", "transform", "library":
      guard ahead(1).kind == .word || ahead(1).kind == .textStart else { return try assignment() }
      throw fail(
        .header, "'\(text(token))' stands before the first statement", at: start,
        help: ["move the line to the head of the file"])
    default:
      if startsDecision { return .decide(try decision()) }
      return try assignment()
    }
  }

  /// `var n = 0`: read as `let`, so that the name is known.
  private mutating func counted(_ name: Word) throws -> Statement.Kind {
    problems.report(
      .syntax, "'var' begins a list that grows, and has a type; a value is named once, with 'let'", at: token.span,
      help: ["let \(name.text) = …", "var \(name.text): list of text", "count(…) and sum(…) count"])
    advance()
    return .bind(name, try expression())
  }

  private mutating func branch() throws -> Statement.Kind {
    var branches: [(condition: Expression, block: Block)] = []
    var otherwise: Block?
    try expectWord("if")
    repeat {
      let condition = try beforeBlock { try $0.condition() }
      if isWord("then") {
        throw fail(
          .syntax, "'if … then … else …' is a value; a statement has a block", at: token.span, help: ["if … { … }"])
      }
      branches.append((condition, try block()))
      if takeElseIf() { continue }
      guard takeWord("else") else { break }
      if !takeWord("if") {
        otherwise = try block()
        break
      }
    } while true
    return .branch(branches, otherwise: otherwise)
  }

  private mutating func loop() throws -> Statement.Kind {
    let head = try beforeBlock { try $0.loopHead() }
    if isSign(.arrow) {
      throw fail(
        .syntax, "'for … => …' makes a list, and nothing takes it", at: token.span, help: ["let list = for … => …"])
    }
    let body = try block()
    var none: Decision?
    if takeWord("none") {
      try expect(.arrow, help: ["none => drop \"why\""])
      none = try decision()
    }
    return .loop(head, body, none: none)
  }

  /// `name in list where condition`
  mutating func loopHead() throws -> LoopHead {
    let name = try name("the name of the loop's value")
    let number = take(.comma) ? try self.name("the name of the turn's number") : nil
    if token.kind == .mistaken {
      advance()
      return LoopHead(name: name, number: nil, list: Expression(kind: .broken, span: previous), condition: nil)
    }
    try expectWord("in")
    // `where` ends the list; an expression never takes it.
    let list = try expression()
    let condition = takeWord("where") ? try condition() : nil
    return LoopHead(name: name, number: number, list: list, condition: condition)
  }

  private mutating func emission() throws -> Statement.Kind {
    let value = try expression()
    var destinations: [Expression] = []
    if isWord("to"), continues {
      advance()
      repeat { destinations.append(try expression()) } while take(.comma)
    }
    var meta: Expression?
    if isWord("meta"), continues {
      advance()
      guard isSign(.leftBrace) else { throw expected("a record", help: ["meta { name: \"…\" }"]) }
      let start = token.span
      meta = try node(.record(type: nil, try entries()), start...previous)
    }
    return .emit(value, to: destinations, meta: meta)
  }

  private mutating func matchStatement() throws -> Statement.Kind {
    let subject = try beforeBlock { try $0.expression() }
    let arms = try arms { parser -> Block in
      if parser.isSign(.leftBrace) { return try parser.block() }
      let statement = try parser.statement()
      return Block(statements: [statement], span: statement.span)
    }
    return .match(subject, arms)
  }

  /// `{ pattern | pattern if condition => body … }`
  mutating func arms<Body>(_ body: (inout Parser) throws -> Body) throws -> [Arm<Body>] {
    let opening = token.span
    try expect(.leftBrace)
    let before = (insideBrackets, recordsAllowed, insideSelector)
    (insideBrackets, recordsAllowed, insideSelector) = (false, true, false)
    defer { (insideBrackets, recordsAllowed, insideSelector) = before }
    var arms: [Arm<Body>] = []
    while !take(.rightBrace) {
      guard token.kind != .end else { throw fail(.syntax, "this '{' is never closed", at: opening) }
      let (start, depth) = (index, depth)
      do {
        arms.append(try arm(body))
      } catch {
        self.depth = depth
        if index == start { advance() }
        recover(from: start)
      }
      _ = take(.comma)
    }
    return arms
  }

  private mutating func arm<Body>(_ body: (inout Parser) throws -> Body) throws -> Arm<Body> {
    let start = token.span
    var patterns = [try pattern() as Arm<Body>.Pattern]
    while take(.bar) { patterns.append(try pattern()) }
    let condition = takeWord("if") ? try condition() : nil
    try expect(.arrow, help: ["\"A\" | \"B\" => …"])
    return Arm(patterns: patterns, condition: condition, body: try body(&self), span: start...previous)
  }

  private mutating func pattern<Body>() throws -> Arm<Body>.Pattern {
    if isWord("_") {
      advance()
      return .anything(previous)
    }
    let low = try operand()
    guard take(.range) else { return .value(low) }
    return .range(low, try operand())
  }

  private mutating func assignment() throws -> Statement.Kind {
    let start = token.span
    let place = try expression()
    if isSign(.append), continues {
      advance()
      return .append(place, try expression())
    }
    guard isSign(.assign), continues else {
      switch place.kind {
      case .addition, .filled: return .add(place)
      case .with(let base, _):
        if case .addition = base.kind { return .add(place) }
      case .path(_, let steps) where steps.last?.isCall == true: return .call(place)
      case .call(let function, let arguments) where function.text == "number" && arguments.count == 1:
        return .number(arguments[0])
      default: break
      }
      throw notAStatement(place, start)
    }
    advance()
    return .assign(place, try expression())
  }

  private mutating func notAStatement(_ value: Expression, _ start: Span) -> Abandoned {
    if isSign(.equal) || isSign(.arrow) {
      return fail(.syntax, "a statement can't begin like this", at: start...previous, help: ["when … => decision"])
    }
    return fail(
      .syntax, "this is a value and nothing takes it", at: start...previous,
      help: ["let name = …", "place = …", "emit …"])
  }
}

// MARK: - Decisions

extension Parser {
  /// Whether a decision begins here. Its word is no keyword elsewhere: `drop = 1` and `hold.x` are places.
  var startsDecision: Bool {
    guard token.kind == .word else { return false }
    guard let kind = Decision.Kind(rawValue: text(token)) else { return false }
    let next = ahead(1)
    if kind == .done { return next.newlineBefore || [.end, .sign(.rightBrace)].contains(next.kind) }
    guard !next.newlineBefore else { return !kind.isReply }
    switch next.kind {
    case .word, .textStart, .digits: return true
    case .sign(.leftParen): return kind != .answer
    case .end: return true
    default: return false
    }
  }

  mutating func decision() throws -> Decision {
    let start = token.span
    guard startsDecision, let kind = Decision.Kind(rawValue: text(token)) else {
      throw expected(
        "a decision", help: ["drop \"why\"", "hold \"why\"", "fail \"why\"", "reject AE 101 \"why\" at PID-3"])
    }
    advance()
    if kind.isReply { replyDecision = replyDecision ?? Word(text: kind.rawValue, span: start) }
    var code: Word?
    var number: Word?
    if kind == .reject {
      let isHL7 = isWord("AE") || isWord("AR")
      guard token.kind == .word || token.kind == .digits, continues, isHL7 || DIMSEStatus(text(token)) != nil else {
        let word = token.kind == .word && continues ? text(token) : ""
        let near = nearest(word, among: DIMSEStatus.names.map(\.name)).map { ["did you mean '\($0)'?"] }
        let form = readsDICOM ? "reject CANNOT_UNDERSTAND \"why\" at PatientID" : "reject AE 101 \"why\" at PID-3"
        throw expected(readsDICOM ? "a status of DICOM" : "AE or AR", help: near ?? [form])
      }
      code = Word(text: text(token), span: token.span)
      advance()
      if isHL7, token.kind == .digits {
        number = Word(text: text(token), span: token.span)
        advance()
      }
    }
    if kind == .done {
      return Decision(kind: kind, code: nil, number: nil, reason: nil, place: nil, span: start)
    }
    guard continues, token.kind != .end else {
      throw expected("the reason", help: ["\(kind.rawValue) \"why\""])
    }
    let reason = try postfix()
    var place: Expression?
    if kind == .reject, isWord("at"), continues {
      advance()
      place = try postfix()
    }
    return Decision(
      kind: kind, code: code, number: number, reason: reason, place: place, span: start...previous)
  }
}
