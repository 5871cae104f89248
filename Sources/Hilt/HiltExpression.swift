package import Messages

/// Expressions on their own, as they stand in channel files: conditions, templates, keys and columns.
///
/// They read `msg` (of a destination: what was emitted), `original` where there is one, `message.*` and `meta.*`.
package struct HiltExpressionContext: Sendable {
  /// The format of `msg`; `msg` of JSON and FHIR is read as JSON; of XML, lines, texts and bytes only
  /// `message.*`, `meta.*` and literals can be used.
  package var format: Format
  /// Whether `original` is another message than `msg`.
  package var hasOriginal: Bool
  /// Where the expression's first character stands in its file. An expression that is written in several lines is
  /// placed by its own lines from there.
  package var place: Place
  /// `{sequence("name")}` may stand in the template.
  package var givesNumbers: Bool
  /// Where keys come from.
  package var files: any HiltFiles

  package init(
    format: Format = .hl7v2, hasOriginal: Bool = false, place: Place, givesNumbers: Bool = false,
    files: any HiltFiles = NoHiltFiles()
  ) {
    self.files = files
    self.format = format
    self.hasOriginal = hasOriginal
    self.place = place
    self.givesNumbers = givesNumbers
  }
}

/// What an expression gives as text.
package enum HiltText: Sendable, Hashable {
  case absent
  case null
  case text(String)
}

/// A condition, such as `MSH-9.2 in ["A01", "A03"]`.
package struct HiltCondition: Sendable {
  private let holds: Holds
  private let expression: CompiledExpression

  package static func compile(
    _ source: String, _ context: HiltExpressionContext
  ) -> (condition: HiltCondition?, problems: [Problem]) {
    var compiler = ExpressionCompiler(source, context)
    let condition = compiler.expression().map { tree in
      compiler.checking { checker in checker.handlingFailures { $0.condition(tree) } }
    }
    let (expression, problems) = compiler.finish()
    guard let expression, let condition else { return (nil, problems) }
    return (HiltCondition(holds: condition.holds, expression: expression), problems)
  }

  package func holds(_ input: HiltInput) throws(HiltFailure) -> Bool {
    try expression.run(input, holds)
  }
}

/// A value as text, such as a key or a column: `PID-3[1].1`.
package struct HiltValue: Sendable {
  private let evaluate: Evaluate
  private let expression: CompiledExpression

  package static func compile(
    _ source: String, _ context: HiltExpressionContext
  ) -> (value: HiltValue?, problems: [Problem]) {
    var compiler = ExpressionCompiler(source, context)
    let value = compiler.expression().map { tree in
      compiler.checking { checker in checker.handlingFailures { $0.interpolated($0.typed(tree)) } }
    }
    let (expression, problems) = compiler.finish()
    guard let expression, let value else { return (nil, problems) }
    return (HiltValue(evaluate: value.evaluate, expression: expression), problems)
  }

  package func text(_ input: HiltInput) throws(HiltFailure) -> HiltText {
    let evaluate = evaluate
    return try expression.run(input) { run in
      switch try evaluate(run) {
      case .text(let text): .text(text)
      case .null: .null
      default: .absent
      }
    }
  }
}

/// A text with values in it, such as `{MSH-10}.hl7`. It is rendered into pieces, so that who uses it can make each
/// value safe for its place.
package struct HiltTemplate: Sendable {
  package enum Piece: Sendable, Hashable {
    /// What the author wrote.
    case literal(String)
    /// What came out of the message, with the expression's text, such as `MSH-10`.
    case value(HiltText, of: String)
    /// A number that is given later: the next one of this name, with so many digits.
    case number(of: String, width: Int)
  }

  private enum Part: Sendable {
    case literal(String)
    case value(Evaluate, String)
    case number(String, width: Int)
  }
  private let parts: [Part]
  private let expression: CompiledExpression

  /// - Parameter source: the template itself, without quotes. `{…}` is a value, `\{` a brace.
  package static func compile(
    _ source: String, _ context: HiltExpressionContext
  ) -> (template: HiltTemplate?, problems: [Problem]) {
    var compiler = ExpressionCompiler(template: source, context)
    var parts: [Part] = []
    if case .text(let pieces)? = compiler.template()?.kind {
      for piece in pieces {
        switch piece {
        case .literal(let text): parts.append(.literal(text))
        case .value(let tree) where context.givesNumbers && tree.isNumber:
          if let number = compiler.checking({ $0.number(tree) }) {
            parts.append(.number(number.name, width: number.width))
          }
        case .value(let tree):
          let value = compiler.checking { checker in checker.handlingFailures { $0.interpolated($0.typed(tree)) } }
          parts.append(.value(value.evaluate, compiler.source.text(tree.span)))
        }
      }
    }
    let (expression, problems) = compiler.finish()
    guard let expression else { return (nil, problems) }
    return (HiltTemplate(parts: parts, expression: expression), problems)
  }

  /// The names of the numbers in it.
  package var numberNames: [String] {
    parts.compactMap { if case .number(let name, _) = $0 { name } else { nil } }
  }

  /// Whether there are no values in it.
  package var isLiteral: Bool {
    parts.allSatisfy { if case .literal = $0 { true } else { false } }
  }

  package func pieces(_ input: HiltInput) throws(HiltFailure) -> [Piece] {
    let parts = parts
    return try expression.run(input) { run in
      try parts.map { part in
        switch part {
        case .literal(let text): return .literal(text)
        case .number(let name, let width): return .number(of: name, width: width)
        case .value(let evaluate, let name):
          switch try evaluate(run) {
          case .text(let text): return .value(.text(text), of: name)
          case .null: return .value(.null, of: name)
          default: return .value(.absent, of: name)
          }
        }
      }
    }
  }
}

/// What all three have in common.
struct CompiledExpression: Sendable {
  let source: Source
  let layout: Run.Layout
  let place: Place

  func run<Result>(_ input: HiltInput, _ body: (Run) throws -> Result) throws(HiltFailure) -> Result {
    let run = Run(input, layout: layout, tracing: false)
    let failure: Failure
    do {
      return try body(run)
    } catch Interrupt.failure(let found) {
      failure = found
    } catch {
      failure = Failure(.stopping, "an expression makes no decision", at: Span(0, 1))
    }
    var shown = HiltFailure(failure, source)
    let problem = ExpressionCompiler.moved(shown.problem, to: place)
    shown = HiltFailure(problem: problem, path: shown.path, isDecision: false)
    throw shown
  }
}
