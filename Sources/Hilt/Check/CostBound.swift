/// How the work of a program grows with what repeats in a message: `O(OBR x OBX)` where a loop over OBX stands in one
/// over OBR. Reading a message, copying it and writing it out are not counted.
///
/// Found in the tree alone: what a loop walks is named as its author wrote it, without what is selected of it.
struct CostBound {
  /// What is multiplied, in alphabetical order: `["OBR", "OBX"]`.
  typealias Product = [String]

  /// More products than these say nothing to anybody.
  private static let productCountMax = 32
  private static let factorCountMax = 8

  private let source: Source
  private let functions: [String: Expression]
  private var around: Product = []
  private var called: [String] = []
  /// Functions that call functions, several times each, are many calls: those beyond are not looked into.
  private var callsLeft = 1_000
  private var products: Set<Product> = []
  /// Lists that the program made, with what they were made of.
  private var made: [String: String] = [:]

  static func bound(of tree: ProgramTree, _ source: Source) -> [Product] {
    let functions = tree.functions.map { ($0.name.text, $0.body) }
    var bound = CostBound(source: source, functions: Dictionary(functions) { first, _ in first })
    bound.walk(tree.body)
    return bound.largest()
  }

  private init(source: Source, functions: [String: Expression]) {
    (self.source, self.functions) = (source, functions)
  }

  /// Those that no other has in it, the longest first.
  private func largest() -> [Product] {
    let all = products.sorted { ($1.count, $0.joined(separator: " ")) < ($0.count, $1.joined(separator: " ")) }
    return all.filter { product in !all.contains { $0.count > product.count && Self.holds($0, product) } }
  }

  private static func holds(_ larger: Product, _ smaller: Product) -> Bool {
    var rest = larger
    for factor in smaller {
      guard let index = rest.firstIndex(of: factor) else { return false }
      rest.remove(at: index)
    }
    return true
  }

  // MARK: Walking

  private mutating func inside(_ head: LoopHead, _ body: (inout CostBound) -> Void) {
    walk(head.list)
    let before = around
    if around.count < Self.factorCountMax { around = (around + [name(of: head.list)]).sorted() }
    if products.count < Self.productCountMax { products.insert(around) }
    if let condition = head.condition { walk(condition) }
    body(&self)
    around = before
  }

  private mutating func walk(_ statements: [Statement]) { for statement in statements { walk(statement) } }

  private mutating func walk(_ statement: Statement) {
    switch statement.kind {
    case .bind(let name, let value):
      walk(value)
      if case .each(let head, _) = value.kind { made[name.text] = self.name(of: head.list) }
    case .variable: break
    case .assign(let place, let value), .append(let place, let value):
      walk(place)
      walk(value)
    case .add(let value), .call(let value), .number(let value), .remove(let value), .note(let value): walk(value)
    case .branch(let branches, let otherwise):
      for branch in branches {
        walk(branch.condition)
        walk(branch.block.statements)
      }
      walk(otherwise?.statements ?? [])
    case .match(let subject, let arms):
      walk(subject)
      for arm in arms {
        if let condition = arm.condition { walk(condition) }
        walk(arm.body.statements)
      }
    case .loop(let head, let body, let none):
      inside(head) { $0.walk(body.statements) }
      if let none { walk(none) }
    case .when(let condition, let decision), .require(let condition, let decision):
      walk(condition)
      walk(decision)
    case .emit(let value, _, let meta):
      walk(value)
      if let meta { walk(meta) }
    case .decide(let decision): walk(decision)
    }
  }

  private mutating func walk(_ decision: Decision) {
    if let reason = decision.reason { walk(reason) }
  }

  private mutating func walk(_ expression: Expression) {
    switch expression.kind {
    case .each(let head, let body): inside(head) { $0.walk(body) }
    case .quantifier(_, let head): inside(head) { _ in }
    case .call(let function, let arguments):
      for argument in arguments { walk(argument) }
      // The call graph has no circle in a program that compiles; this one may not.
      guard let body = functions[function.text], !called.contains(function.text), called.count < 16, callsLeft > 0
      else {
        return
      }
      callsLeft -= 1
      called.append(function.text)
      walk(body)
      called.removeLast()
    default:
      for part in expression.kind.parts { walk(part) }
    }
  }

  /// `PID-3` for `PID-3[* where …]`, `OBX` for `order.each OBX`.
  private func name(of list: Expression) -> String {
    switch list.kind {
    case .groups(_, let segment): return segment.text
    case .name(let name): return made[name] ?? name
    case .path(let root, let steps):
      var text = name(of: root)
      for step in steps {
        if case .select = step.kind { continue }
        text += source.text(step.span)
      }
      // `order.OBX` is as many as OBX; of `row.parts` the row is another loop's.
      let isSegment = text.split(separator: ".").last.map { $0.first?.isUppercase == true } ?? false
      return isSegment ? String(text.split(separator: ".").last ?? "") : text
    case .list: return "1"
    default: return source.text(list.span).split(whereSeparator: \.isWhitespace).joined(separator: " ")
    }
  }
}

extension HiltProgram {
  /// How the work of a program grows: `O(OBR x OBX + PID-3)`, or `O(1)` where it has no loop. What stands in libraries
  /// is not seen. A program with mistakes has some bound too.
  package static func cost(of text: String) -> String {
    let source = Source(text, file: "")
    guard source.bytes.count <= Source.bytesMax else { return "O(?)" }
    var problems = Problems(source)
    let tokens = Lexer.tokens(of: source, problems: &problems)
    var parser = Parser(source, tokens: tokens, problems: problems)
    let products = CostBound.bound(of: parser.program(), source).map { $0.filter { $0 != "1" } }
      .filter { !$0.isEmpty }
    guard !products.isEmpty else { return "O(1)" }
    return "O(\(products.map { $0.joined(separator: " x ") }.joined(separator: " + ")))"
  }
}
