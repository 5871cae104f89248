import Messages

/// Compiles an expression that stands alone in a channel's file.
struct ExpressionCompiler {
  let source: Source
  private let context: HiltExpressionContext
  private var parser: Parser
  private var checker: Checker

  init(_ text: String, _ context: HiltExpressionContext) {
    self.init(Source(text, file: context.place.file), context) { Lexer.tokens(of: $0, problems: &$1) }
  }

  init(template text: String, _ context: HiltExpressionContext) {
    self.init(Source(text, file: context.place.file), context) { Lexer.templateTokens(of: $0, problems: &$1) }
  }

  private init(
    _ source: Source, _ context: HiltExpressionContext, _ cut: (Source, inout Problems) -> [Token]
  ) {
    self.source = source
    self.context = context
    var problems = Problems(source)
    var tokens: [Token] = []
    if source.bytes.count <= Source.bytesMax {
      tokens = cut(source, &problems)
    } else {
      problems.report(.size, "an expression has at most \(Source.bytesMax >> 20) MiB", at: Span(0, 1))
      tokens = [Token(kind: .end, span: Span(0, 0), newlineBefore: true, spaceBefore: true)]
    }
    parser = Parser(source, tokens: tokens, problems: problems)
    checker = Checker(source, files: context.files, problems: problems)
    checker.hasMessage = context.format == .hl7v2
    if let format = Self.readable[context.format] {
      // Its places have names without a program's head.
      checker.input = HiltProgram.FormatClause(format: format, versionFrom: nil, versionUpTo: nil, structures: [])
    }
    checker.hasOriginal = context.hasOriginal
    checker.isExpression = true
  }

  /// What `msg` is, of the formats other than HL7 that an expression looks into. Which resource of FHIR comes, a
  /// channel doesn't say.
  private static let readable: [Format: Format] = [.dicom: .dicom, .json: .json, .fhir: .json]

  /// The whole text as one expression.
  mutating func expression() -> Expression? {
    let tree = try? parser.bracketed { parser in
      let tree = try parser.expression()
      guard parser.token.kind == .end else { throw parser.expected("the end") }
      return tree
    }
    checker.problems = parser.problems
    return tree
  }

  /// The whole text as the inside of a text.
  mutating func template() -> Expression? {
    let tree = try? parser.textValue()
    checker.problems = parser.problems
    return tree
  }

  mutating func checking<Result>(_ body: (inout Checker) -> Result) -> Result { body(&checker) }

  /// What was found; `nil` where a problem is an error.
  mutating func finish() -> (CompiledExpression?, [Problem]) {
    let problems = checker.problems.sorted.map { Self.moved($0, to: context.place) }
    guard !checker.problems.hasErrors else { return (nil, problems) }
    return (CompiledExpression(source: source, layout: checker.layout, place: context.place), problems)
  }

  /// A problem of the expression's own text, shown in the file it stands in.
  static func moved(_ problem: Problem, to place: Place) -> Problem {
    var moved = problem
    moved.place = self.moved(problem.place, to: place)
    if var fix = problem.fix {
      fix.place = self.moved(fix.place, to: place)
      moved.fix = fix
    }
    return moved
  }

  private static func moved(_ inner: Place, to outer: Place) -> Place {
    var place = inner
    if inner.line == 1 { place.column += outer.column - 1 }
    place.line += outer.line - 1
    return place
  }
}
