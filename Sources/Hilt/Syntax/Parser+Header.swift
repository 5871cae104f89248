extension Parser {
  /// Reads a whole file.
  mutating func program() -> ProgramTree {
    var tree = ProgramTree(name: Word(text: "", span: token.span), end: tokens[tokens.count - 1].span)
    do {
      guard !isWord("library") else {
        _ = unsupported("a library", at: token.span)
        return tree
      }
      guard takeWord("transform") else {
        throw fail(
          .header, "a program begins with 'transform' and its name", at: token.span, help: ["transform adt_normalise"])
      }
      tree.name = try name("the transform's name")
      if token.kind != .end, !token.newlineBefore {
        throw fail(
          .header, "a transform's name is small letters, digits and '_'", at: tree.name.span...token.span,
          help: ["adt_normalise"])
      }
    } catch { recover(from: 0) }
    while token.kind != .end {
      let start = index
      do {
        if try !header(&tree) { tree.body.append(contentsOf: statements(until: nil)) }
      } catch { recover(from: start) }
      if index == start { advance() }
    }
    return tree
  }

  /// Headers and declarations; `false` where a statement begins.
  private mutating func header(_ tree: inout ProgramTree) throws -> Bool {
    guard token.kind == .word, tree.body.isEmpty else { return false }
    let start = token.span
    switch text(token) {
    case "in":
      advance()
      let clause = try format(start)
      if tree.input != nil { problems.report(.header, "a transform has one 'in'", at: clause.span) }
      tree.input = tree.input ?? clause
    case "out" where ahead(1).kind == .word && !isSign(.dot, 1) && !isSign(.minus, 1):
      advance()
      tree.outputs.append(try format(start))
    case "zone":
      advance()
      tree.zone = try plainText("the zone's name")
    case "param":
      advance()
      tree.parameters.append(try parameter(start))
    case "table":
      advance()
      tree.tables.append(try table(start))
    case "const":
      advance()
      let name = try name("the constant's name")
      try expect(.assign)
      tree.constants.append(ConstantClause(name: name, value: try expression()))
    case "profile", "import", "fn":
      let what = ["profile": "a profile", "import": "an import", "fn": "a function of one's own"][text(token)]
      advance()
      throw unsupported(what ?? "", at: start)
    default: return false
    }
    return true
  }

  /// `hl7 2.3..2.6 ADT_A01, ORU_*`
  private mutating func format(_ start: Span) throws -> FormatClause {
    let format = try name("a format")
    guard format.text == "hl7" else {
      let known = ["fhir", "json", "xml", "delimited", "dicom", "text", "bytes"]
      guard known.contains(format.text) else {
        throw fail(.header, "there is no format '\(format.text)'", at: format.span, help: ["hl7 2.3..2.6 ADT_*"])
      }
      skipLine()
      problems.report(.unsupported, "the format '\(format.text)' is not supported yet", at: format.span)
      return FormatClause(format: format, span: start...previous)
    }
    var clause = FormatClause(format: format, span: start...previous)
    if token.kind == .digits, continues {
      clause.from = try version()
      if take(.range) { clause.upTo = try version() }
    }
    if token.kind == .word, continues {
      repeat { clause.structures.append(try structure()) } while take(.comma)
    }
    clause.span = start...previous
    if token.kind != .end, continues {
      let isVersion = token.kind == .digits
      let structures = clause.structures.map(\.text).joined(separator: ", ")
      let version = isVersion ? try version().text : ""
      problems.report(
        .header, isVersion ? "the versions stand before the structures" : "this belongs to no header",
        at: isVersion ? (start...previous) : token.span,
        help: [isVersion ? "hl7 \(version) \(structures)" : "hl7 2.3..2.6 ADT_A01, ORU_*"])
      skipLine()
    }
    return clause
  }

  private mutating func version() throws -> Word {
    let start = token.span
    guard token.kind == .digits else { throw expected("a version", help: ["2.5.1"]) }
    advance()
    while isSign(.dot), ahead(1).kind == .digits {
      advance()
      advance()
    }
    let span = start...previous
    return Word(text: source.text(span), span: span)
  }

  /// `ADT_A01` or `ADT_*`
  private mutating func structure() throws -> Word {
    var word = try name("a message structure")
    if word.text.hasSuffix("_"), isSign(.star), !token.spaceBefore {
      advance()
      word = Word(text: word.text + "*", span: word.span...previous)
    }
    return word
  }

  private mutating func parameter(_ start: Span) throws -> ParameterClause {
    let name = try name("the parameter's name")
    try expect(.colon)
    let type = try self.name("its type")
    let standard = take(.assign) ? try expression() : nil
    return ParameterClause(name: name, type: type, standard: standard, span: start...previous)
  }

  private mutating func table(_ start: Span) throws -> TableClause {
    let name = try name("the table's name")
    try expectWord("from", help: ["table sex from \"codes/sex.csv\" key local value hl7"])
    let file = try plainText("the table's file")
    try expectWord("key")
    let keys = try columns()
    try expectWord("value")
    let values = try columns()
    var missing = TableClause.Missing.fails
    if takeWord("default") {
      missing = .standard(try expression())
    } else if takeWord("missing") {
      missing = .decision(try decision())
    }
    return TableClause(
      name: name, file: file, keys: keys, values: values, missing: missing, span: start...previous)
  }

  /// Column names: words, or texts where the name is no word.
  private mutating func columns() throws -> [Word] {
    var columns: [Word] = []
    repeat {
      if token.kind == .textStart {
        let text = try plainText("a column's name")
        columns.append(Word(text: text.text, span: text.span))
      } else {
        columns.append(try name("a column's name"))
      }
    } while take(.comma)
    return columns
  }

  private mutating func skipLine() {
    while token.kind != .end, !token.newlineBefore { advance() }
  }

  /// After a problem in what began at `start`: on to where the next statement may begin, over whole blocks.
  mutating func recover(from start: Int) {
    insideBrackets = false
    recordsAllowed = true
    insideSelector = false
    insideCondition = false
    var open = 0
    for token in tokens[start..<index] {
      if token.kind == .sign(.leftBrace) { open += 1 }
      if token.kind == .sign(.rightBrace) { open = max(0, open - 1) }
    }
    // A brace that was opened before the problem is closed after it, unless it is what is missing.
    if open > 0, !closes(open) { open = 0 }
    while token.kind != .end {
      if open == 0, token.newlineBefore || isSign(.rightBrace) { return }
      if isSign(.leftBrace) { open += 1 }
      if isSign(.rightBrace) { open -= 1 }
      advance()
    }
  }

  /// Whether so many braces are closed in what follows.
  private func closes(_ count: Int) -> Bool {
    var open = count
    for token in tokens[index..<min(tokens.count, index + 2_000)] {
      if token.kind == .sign(.leftBrace) { open += 1 }
      if token.kind == .sign(.rightBrace) { open -= 1 }
      if open == 0 { return true }
    }
    return false
  }
}
