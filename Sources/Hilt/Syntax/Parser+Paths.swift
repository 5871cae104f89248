extension Parser {
  /// An operand and the steps behind it.
  mutating func postfix() throws -> Expression {
    let root: Expression
    var steps: [Step] = []
    if startsTag {
      // `tag(…)` at the beginning is an element of the message.
      root = Expression(kind: .name("msg"), span: Span(Int(token.span.start), Int(token.span.start)))
      let start = token.span
      steps = [Step(kind: .tag(try tag()), span: start...previous)]
    } else if insideSelector, isSign(.dot) || isSign(.minus) {
      root = Expression(kind: .selected, span: Span(Int(token.span.start), Int(token.span.start)))
    } else {
      root = try operand()
    }
    while true {
      if let made = try madeOf(root, steps) { return made }
      guard let step = try step(steps.last, of: root) else { break }
      steps.append(step)
    }
    guard !steps.isEmpty else { return root }
    return try node(.path(root: root, steps), root.span...previous)
  }

  /// `….each OBX` and `….add NTE after OBR`, which end a path.
  private mutating func madeOf(_ root: Expression, _ steps: [Step]) throws -> Expression? {
    guard isSign(.dot), !token.spaceBefore, isWord("each", 1) || isWord("add", 1), ahead(2).kind == .word,
      !ahead(2).newlineBefore || insideBrackets
    else { return nil }
    let whole = steps.isEmpty ? root : try node(.path(root: root, steps), root.span...previous)
    advance()
    let isGroups = isWord("each")
    advance()
    let name = try name(isGroups ? "a segment or a group" : "a segment")
    if isGroups { return try node(.groups(of: whole, name), whole.span...previous) }
    var position = Position.structure
    if takeWord("after") {
      position = .after(try nested { try $0.postfix() })
    } else if isWord("in"), continues {
      advance()
      position = .group(try self.name("a group"))
    } else if isWord("before"), continues {
      throw fail(
        .syntax, "a segment is added behind another one, or in a group", at: token.span, help: ["after …", "in …"])
    } else if token.kind == .word, continues, text(token).first?.isUppercase == true {
      let place = "\(text(token).utf8.count == 3 ? "after" : "in") \(text(token))"
      throw fail(
        .syntax, "a segment is added behind another one, or in a group", at: token.span, help: [place],
        fix: (token.span, place))
    }
    return try node(.addition(to: whole, name, position), whole.span...previous)
  }

  private mutating func step(_ last: Step?, of root: Expression) throws -> Step? {
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
      case .word where startsTag:
        return Step(kind: .tag(try tag()), span: start...previous)
      case .word:
        let member = try name("a name")
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
    case .sign(.leftParen) where tight:
      guard case .member? = last?.kind else { return nil }
      let arguments = try sequence(.leftParen, .rightParen)
      return Step(kind: .call(arguments), span: start...previous)
    case .sign(.slash) where tight && !next.spaceBefore && next.kind == .word && text(next).first?.isUppercase == true:
      advance()
      return Step(kind: .group(try name("a group or a segment").text), span: start...previous)
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
  mutating func number(what: String) throws -> Int {
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
      if takeWord("of") { return .allOf(try name("a type")) }
      return .all
    }
    if isSign(.dot) || isSign(.minus), ahead(1).kind == .digits, ahead(2).kind != .sign(.rightBracket) {
      problems.report(
        .syntax, "a condition in brackets begins with 'where'", at: token.span, help: ["[where …]"],
        fix: (token.span, "where \(text(token))"))
      return .firstWhere(try expression())
    }
    var keys: [Expression] = []
    insideSelector = false
    defer { insideSelector = true }
    repeat { keys.append(try expression()) } while take(.comma)
    return .keys(keys)
  }
}
