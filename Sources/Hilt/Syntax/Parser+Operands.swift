extension Parser {
  /// Words behind which a list and what is asked of each of its elements stand: `sort_by x in list => key`.
  static let keyedWords: Set<String> = ["sort_by", "group_by", "distinct"]

  /// Words that begin no value, and so are no names of values either.
  static let words: Set<String> = [
    "if", "then", "else", "match", "for", "catch", "and", "or", "not", "where", "is", "in", "to", "meta", "with",
    "none",
    "done", "let", "var", "remove", "emit", "matches", "when", "require", "true", "false", "null", "absent",
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
    case .mistaken where source.text(start) != "?":
      advance()
      return Expression(kind: .broken, span: start)
    case .pattern(let pattern):
      advance()
      if token.kind == .word, continues, !isWord("is"), text(token).allSatisfy({ "gimsuy".contains($0) }) {
        let meant = "/\(text(token).contains("i") ? "(?i)" : "")\(pattern)/"
        problems.report(
          .syntax, "what holds for a whole pattern stands in it", at: token.span, help: [meant],
          fix: (start...token.span, meant))
        advance()
      }
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
    case .sign(.less) where isSign(.less, 1):
      throw fail(
        .syntax, "a text of several lines begins with '<<', a word in capitals and the line's end",
        at: start...ahead(1).span, help: ["<<TEXT"])
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
    case "new" where next.kind == .word && nextContinues:
      advance()
      let type = try name("a message structure")
      let takesRecord = isSign(.leftBrace) && continues && recordsAllowed
      return try node(.new(type, takesRecord ? try entries() : []), start...previous)
    case "each" where next.kind == .word && nextContinues && !isWord("in", 2):
      advance()
      let name = try name("a segment or a group")
      return Expression(kind: .groups(of: nil, name), span: start...name.span)
    case "none" where isWord("in", 2): break
    case "meta" where next.kind == .sign(.dot): break
    case _ where Self.words.contains(word): throw expected("a value")
    default: break
    }
    if next.kind == .sign(.leftParen), !next.spaceBefore { return try call() }
    // `who not in […]` is a comparison.
    if next.kind == .word, isWord("in", 2), nextContinues, !isWord("not", 1) {
      let kind = try name("a function")
      let head = try nested { try $0.loopHead() }
      guard Self.keyedWords.contains(kind.text) else { return try node(.quantifier(kind, head), start...previous) }
      try expect(.arrow, help: ["\(kind.text) x in list => key"])
      // As behind `for x in list =>`: a `catch` is that of the key, or one bad key would cost the whole list.
      let key = try expression()
      let descends = kind.text == "sort_by" && continues && takeWord("descending")
      return try node(.keyed(kind, head, key, descending: descends), start...previous)
    }
    if word == "fhir", next.kind == .sign(.dot), ahead(2).kind == .word, isSign(.leftBrace, 3), recordsAllowed {
      advance()
      advance()
      let type = try name("a type of FHIR")
      return try node(.record(type: Word(text: "fhir.\(type.text)", span: type.span), try entries()), start...previous)
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

  mutating func sequence(_ opening: Token.Sign, _ closing: Token.Sign) throws -> [Expression] {
    let selector = insideSelector
    defer { insideSelector = selector }
    return try bracketed { parser in
      try parser.expect(opening)
      var values: [Expression] = []
      while !parser.isSign(closing) {
        if parser.token.kind == .word, parser.isSign(.colon, 1) {
          guard opening == .leftParen else {
            throw parser.fail(.syntax, "a list's values have no names", at: parser.token.span, help: ["{ name: … }"])
          }
          let name = try parser.name("a parameter's name")
          try parser.expect(.colon)
          let value = try parser.expression()
          values.append(try parser.node(.named(name, value), name.span...value.span))
        } else {
          values.append(try parser.expression())
        }
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
          guard parser.take(.comma) || parser.missesComma() else { break }
        }
        try parser.expect(.rightBrace)
        return entries
      }
    }
  }

  /// Another entry follows without a comma before it: said once, then read as if one stood there.
  private mutating func missesComma() -> Bool {
    let isKey = isSign(.colon, 1) || token.kind == .digits && isSign(.dot, 1) && isSign(.colon, 3)
    guard isKey, token.kind == .word || token.kind == .digits else { return false }
    let end = Int(previous.end)
    problems.report(
      .syntax, "a comma is missing between two entries", at: Span(end, end + 1), help: [","],
      fix: (previous, source.text(previous) + ","))
    return true
  }

  private mutating func key() throws -> Entry.Key {
    if token.kind == .textStart { return .name(try plainText("a key").text) }
    guard token.kind == .digits else { return .name(try name("a key").text) }
    let component = try number(what: "component")
    guard take(.dot) else { return .component(component, nil) }
    return .component(component, try number(what: "subcomponent"))
  }
}
