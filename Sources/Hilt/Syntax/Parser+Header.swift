extension Parser {
  /// Reads a whole file.
  mutating func program() -> ProgramTree {
    var tree = ProgramTree(name: Word(text: "", span: token.span), end: tokens[tokens.count - 1].span)
    do {
      tree.isLibrary = takeWord("library")
      guard tree.isLibrary || takeWord("transform") else {
        throw fail(
          .header, "a program begins with 'transform' and its name", at: token.span, help: ["transform adt_normalise"])
      }
      tree.name = try name(tree.isLibrary ? "the library's name" : "the transform's name")
      if token.kind != .end, !token.newlineBefore {
        throw fail(
          .header, "a program's name is small letters, digits and '_'", at: tree.name.span...token.span,
          help: ["adt_normalise"])
      }
    } catch { recover(from: 0) }
    while token.kind != .end {
      let start = index
      do {
        if try !header(&tree) { tree.body.append(contentsOf: statements(until: nil)) }
      } catch {
        let named = tokens[min(start + 1, tokens.count - 1)]
        if ["param", "table", "const", "fn"].contains(text(tokens[start])) { tree.unread.append(text(named)) }
        recover(from: start)
      }
      if index == start { advance() }
    }
    tree.unread += unread
    tree.replyDecision = replyDecision
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
      readsDICOM = clause.format.text == "dicom"
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
    case "profile":
      advance()
      let file = try plainText("the profile's file")
      if tree.profile != nil { problems.report(.header, "a transform has one profile", at: start...file.span) }
      tree.profile = tree.profile ?? file
    case "import":
      advance()
      let file = try plainText("the library's file")
      tree.imports.append(ImportClause(file: file, alias: takeWord("as") ? try name("a name for the library") : nil))
    case "fn":
      advance()
      tree.functions.append(try function(start))
    default: return false
    }
    return true
  }

  /// `mrn(pid: text) -> text = …`
  private mutating func function(_ start: Span) throws -> FunctionClause {
    let name = try name("the function's name")
    try expect(.leftParen, help: ["fn name(value) = …"])
    var parameters: [FunctionClause.Parameter] = []
    while !isSign(.rightParen) {
      let name = try self.name("a parameter's name")
      var parameter = FunctionClause.Parameter(name: name, type: take(.colon) ? try type() : nil)
      if take(.assign) { parameter.standard = try operand() }
      parameters.append(parameter)
      guard take(.comma) else { break }
    }
    try expect(.rightParen)
    let result = take(.gives) ? try type() : nil
    try expect(.assign, help: ["fn \(name.text)(…) = …"])
    let body = try expression()
    return FunctionClause(name: name, parameters: parameters, result: result, body: body, span: start...previous)
  }

  /// `text`, `XPN`, `list of text`
  mutating func type() throws -> TypeClause {
    let first = try name("a type")
    guard first.text == "list", takeWord("of") else {
      let type = try typeOfFHIR(first)
      return TypeClause(isList: false, name: type, span: first.span...type.span)
    }
    let element = try typeOfFHIR(try name("the type of the list's elements"))
    return TypeClause(isList: true, name: element, span: first.span...element.span)
  }

  /// `fhir.Location`
  private mutating func typeOfFHIR(_ word: Word) throws -> Word {
    guard word.text == "fhir", take(.dot) else { return word }
    let type = try name("a type of FHIR")
    return Word(text: "fhir.\(type.text)", span: type.span)
  }

  /// `hl7 2.3..2.6 ADT_A01, ORU_*`
  private mutating func format(_ start: Span) throws -> FormatClause {
    let format = try name("a format")
    switch format.text {
    case "hl7": break
    case "delimited": return try delimited(format, start)
    case "fhir", "json": return try document(format, start)
    case "xml": return try xml(format, start)
    case "text", "bytes":
      var clause = FormatClause(format: format, span: start...previous)
      if format.text == "text", isWord("charset"), continues {
        advance()
        clause.charset = try plainText("the character set")
      }
      clause.span = start...previous
      return clause
    case "dicom":
      if token.kind != .end, continues {
        throw fail(.header, "behind 'dicom' nothing follows", at: token.span, help: ["in dicom"])
      }
      return FormatClause(format: format, span: start...previous)
    default:
      throw fail(.header, "there is no format '\(format.text)'", at: format.span, help: ["hl7 2.3..2.6 ADT_*"])
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

  /// `fhir r4 Bundle`, `json`
  private mutating func document(_ format: Word, _ start: Span) throws -> FormatClause {
    var clause = FormatClause(format: format, span: start...previous)
    guard format.text == "fhir" else { return clause }
    let help = ["\(source.text(start)) fhir r4 Bundle"]
    guard token.kind == .word, continues else { throw expected("the release", help: help) }
    guard isWord("r4") else {
      throw fail(.header, "of FHIR there is r4, and no '\(text(token))'", at: token.span, help: help)
    }
    clause.from = try name("the release")
    guard token.kind == .word, continues else { throw expected("a resource", help: help) }
    clause.structures = [try name("a resource")]
    if token.kind != .end, continues {
      throw fail(
        .header, "a line names one resource", at: token.span,
        help: ["a bundle holds several: \(help[0])", "a line for each that goes out"])
    }
    clause.span = start...previous
    return clause
  }

  /// `xml "urn:hl7-org:v3" xsi = "http://www.w3.org/2001/XMLSchema-instance"`
  private mutating func xml(_ format: Word, _ start: Span) throws -> FormatClause {
    var clause = FormatClause(format: format, span: start...previous)
    if token.kind == .textStart, continues {
      clause.namespaces.append(NamespaceClause(prefix: nil, address: try plainText("the address of a namespace")))
    }
    var goesOn = continues && take(.comma)
    while token.kind == .word, continues || goesOn {
      let prefix = try name("a prefix")
      try expect(.assign, help: ["\(prefix.text) = \"urn:hl7-org:v3\""])
      clause.namespaces.append(NamespaceClause(prefix: prefix, address: try plainText("the address of a namespace")))
      // Behind a comma a line goes on.
      goesOn = continues && take(.comma)
    }
    if token.kind != .end, continues {
      throw fail(
        .header, "this belongs to no header", at: token.span,
        help: ["\(source.text(start)) xml hl7 = \"urn:hl7-org:v3\""])
    }
    clause.span = start...previous
    return clause
  }

  /// `delimited separator ";" header yes columns mrn, "Date of birth" as born`
  private mutating func delimited(_ format: Word, _ start: Span) throws -> FormatClause {
    var clause = FormatClause(format: format, span: start...previous)
    var delimited = DelimitedClause()
    while token.kind == .word, continues {
      switch text(token) {
      case "separator":
        advance()
        delimited.separator = try plainText("the separator")
      case "charset":
        advance()
        clause.charset = try plainText("the character set")
      case "header":
        advance()
        guard isWord("yes") || isWord("no") else { throw expected("'yes' or 'no'") }
        delimited.hasHeader = isWord("yes")
        advance()
      case "columns":
        advance()
        repeat { delimited.columns.append(try column()) } while take(.comma)
      default:
        throw fail(
          .header, "a delimited format knows separator, charset, header and columns, not '\(text(token))'",
          at: token.span, help: ["in delimited separator \";\" header yes columns mrn, family"])
      }
    }
    clause.delimited = delimited
    clause.span = start...previous
    return clause
  }

  /// `mrn`, or `"Date of birth" as born` where the file's first line calls it otherwise.
  private mutating func column() throws -> DelimitedClause.Column {
    guard token.kind == .textStart else {
      let name = try name("a column's name")
      return DelimitedClause.Column(name: name, title: name.text)
    }
    let title = try plainText("a column's title")
    try expectWord("as", help: ["\"\(title.text)\" as name"])
    return DelimitedClause.Column(name: try name("a name for the column"), title: title.text)
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
