/// Finds out what the names of a program belong to, by the tree alone: a statement that doesn't check is resolved too.
struct NameResolver {
  private let source: Source
  private let modules: [Module]
  private(set) var found: [HiltName] = []
  private(set) var lookups: [HiltLookup] = []
  private var used: Set<HiltStretch> = []
  /// The names that can be seen, the innermost block last.
  private var blocks: [[String: Int]] = [[:]]
  private var functions: [String: Int] = [:]
  /// Of each library its names: what a program that imports it can use.
  private var exported: [(values: [String: Int], functions: [String: Int])]
  /// Which library a name stands for.
  private var libraries: [Int: Int] = [:]
  /// Of each function its parameters.
  private var arguments: [Int: [String: Int]] = [:]
  /// Where the block at hand ends.
  private var end = 0

  init(_ source: Source, _ modules: [Module]) {
    self.source = source
    self.modules = modules
    exported = Array(repeating: ([:], [:]), count: modules.count)
  }

  mutating func resolve() {
    for module in modules.indices.dropFirst() { resolve(module) }
    resolve(0)
    for (values, functions) in exported.dropFirst() {
      for name in values.values { found[name].isImported = isDirect(name) }
      for name in functions.values { found[name].isImported = isDirect(name) }
    }
  }

  /// Whether the program itself can use the name as it is.
  private func isDirect(_ name: Int) -> Bool {
    zip(modules[0].tree.imports, modules[0].imports).contains { clause, library in
      guard clause.alias == nil, let library else { return false }
      return exported[library].values.values.contains(name) || exported[library].functions.values.contains(name)
    }
  }

  // MARK: Files

  private mutating func resolve(_ module: Int) {
    let tree = modules[module].tree
    blocks = [[:]]
    functions = [:]
    end = Int(tree.end.end)
    let start = Int(tree.name.span.start)
    for (clause, library) in zip(tree.imports, modules[module].imports) {
      if let alias = clause.alias {
        let name = declare(alias, .library, from: start, whole: alias.span...clause.file.span)
        found[name].file = clause.file.text
        if let library { libraries[name] = library }
      } else if let library {
        blocks[0].merge(exported[library].values) { first, _ in first }
        functions.merge(exported[library].functions) { first, _ in first }
      }
    }
    let imported = (blocks[0], functions)
    for clause in tree.functions { declare(clause, from: start) }
    for clause in tree.parameters {
      if let standard = clause.standard { expression(standard) }
      declare(clause.name, .parameter, from: start, whole: clause.span)
    }
    for clause in tree.constants {
      expression(clause.value)
      declare(clause.name, .constant, from: start, whole: clause.name.span...clause.value.span)
    }
    for clause in tree.tables { declare(clause, from: start) }
    for clause in tree.functions { resolve(clause) }
    statements(tree.body, to: Int(tree.end.end))
    exported[module] = (
      blocks[0].filter { imported.0[$0.key] != $0.value && found[$0.value].kind != .library },
      functions.filter { imported.1[$0.key] != $0.value }
    )
  }

  private mutating func declare(_ clause: TableClause, from start: Int) {
    if case .standard(let value) = clause.missing { expression(value) }
    if case .decision(let decision) = clause.missing { self.decision(decision) }
    let name = declare(clause.name, .table, from: start, whole: clause.span)
    found[name].file = clause.file.text
    found[name].keys = clause.keys.map(\.text)
    found[name].columns = clause.values.map(\.text)
  }

  private mutating func declare(_ clause: FunctionClause, from start: Int) {
    let before = blocks
    let name = declare(clause.name, .function, from: start, whole: clause.span)
    blocks = before
    functions[clause.name.text] = name
    found[name].parameters = clause.parameters.map { parameter in
      parameter.name.text + (parameter.type.map { ": \(source.text($0.span))" } ?? "")
    }
    found[name].result = clause.result.map { source.text($0.span) }
  }

  private mutating func resolve(_ clause: FunctionClause) {
    blocks.append([:])
    for parameter in clause.parameters {
      let name = declare(
        parameter.name, .argument, from: Int(parameter.name.span.start), to: Int(clause.body.span.end),
        whole: parameter.name.span)
      if let function = functions[clause.name.text] { arguments[function, default: [:]][parameter.name.text] = name }
    }
    expression(clause.body)
    blocks.removeLast()
  }

  // MARK: Names

  @discardableResult
  private mutating func declare(
    _ word: Word, _ kind: HiltName.Kind, from start: Int, to end: Int? = nil, whole: Span
  ) -> Int {
    let extent = stretch(Span(start, end ?? self.end))
    found.append(
      HiltName(text: word.text, kind: kind, place: stretch(word.span), declaration: stretch(whole), extent: extent))
    blocks[blocks.count - 1][word.text] = found.count - 1
    return found.count - 1
  }

  private func stretch(_ span: Span) -> HiltStretch {
    let (file, bytes) = source.stretch(span)
    return HiltStretch(file: file, bytes: bytes)
  }

  private func find(_ name: String) -> Int? { blocks.reversed().lazy.compactMap { $0[name] }.first }

  private mutating func use(_ name: Int?, at span: Span) {
    guard let name else { return }
    let place = stretch(span)
    if used.insert(place).inserted { found[name].uses.append(place) }
  }

  // MARK: Statements

  private mutating func statements(_ statements: [Statement], to end: Int) {
    let before = self.end
    self.end = end
    for statement in statements { self.statement(statement) }
    self.end = before
  }

  private mutating func block(_ block: Block) {
    blocks.append([:])
    statements(block.statements, to: Int(block.span.end))
    blocks.removeLast()
  }

  private mutating func statement(_ statement: Statement) {
    switch statement.kind {
    case .bind(let name, let value):
      expression(value)
      declare(name, .value, from: Int(statement.span.end), whole: statement.span)
    case .variable(let name, _): declare(name, .list, from: Int(statement.span.end), whole: statement.span)
    case .assign(let place, let value), .append(let place, let value):
      expression(place)
      expression(value)
    case .add(let value), .call(let value), .number(let value), .remove(let value), .note(let value): expression(value)
    case .branch(let branches, let otherwise):
      for branch in branches {
        expression(branch.condition)
        block(branch.block)
      }
      if let otherwise { block(otherwise) }
    case .match(let subject, let arms):
      expression(subject)
      for arm in arms {
        pattern(arm.patterns, arm.condition)
        block(arm.body)
      }
    case .loop(let head, let body, let none):
      loop(head, to: Int(body.span.end)) { $0.block(body) }
      if let none { decision(none) }
    case .when(let condition, let decision), .require(let condition, let decision):
      expression(condition)
      self.decision(decision)
    case .emit(let value, let destinations, let meta):
      for value in [value] + destinations + [meta].compactMap(\.self) { expression(value) }
    case .decide(let decision): self.decision(decision)
    }
  }

  private mutating func pattern<Body>(_ patterns: [Arm<Body>.Pattern], _ condition: Expression?) {
    for pattern in patterns {
      switch pattern {
      case .anything: break
      case .value(let value): expression(value)
      case .range(let first, let last):
        expression(first)
        expression(last)
      }
    }
    if let condition { expression(condition) }
  }

  private mutating func loop(_ head: LoopHead, to end: Int, _ body: (inout NameResolver) -> Void) {
    expression(head.list)
    blocks.append([:])
    let start = Int(head.list.span.end)
    declare(head.name, .element, from: start, to: end, whole: head.name.span)
    if let number = head.number { declare(number, .turn, from: start, to: end, whole: number.span) }
    if let condition = head.condition { expression(condition) }
    body(&self)
    blocks.removeLast()
  }

  private mutating func decision(_ decision: Decision) {
    for value in [decision.reason, decision.place].compactMap(\.self) { expression(value) }
  }

  // MARK: Expressions

  private mutating func expression(_ expression: Expression) {
    let end = Int(expression.span.end)
    switch expression.kind {
    case .name(let text): use(find(text), at: expression.span)
    case .path(let root, let steps): path(root, steps)
    case .call(let word, let values):
      let function = functions[word.text]
      use(function, at: word.span)
      for value in values { argument(value, of: function) }
    case .quantifier(_, let head): loop(head, to: end) { _ in }
    case .keyed(_, let head, let key, _): loop(head, to: end) { $0.expression(key) }
    case .each(let head, let body): loop(head, to: end) { $0.expression(body) }
    case .match(let subject, let arms):
      self.expression(subject)
      for arm in arms {
        pattern(arm.patterns, arm.condition)
        self.expression(arm.body)
      }
    default: for part in expression.kind.parts { self.expression(part) }
    }
  }

  private mutating func argument(_ value: Expression, of function: Int?) {
    if case .named(let word, let inner) = value.kind {
      use(function.flatMap { arguments[$0]?[word.text] }, at: word.span)
      expression(inner)
    } else {
      expression(value)
    }
  }

  private mutating func path(_ root: Expression, _ steps: [Step]) {
    expression(root)
    for step in steps {
      guard case .call = step.kind else {
        for part in step.parts { expression(part) }
        continue
      }
      for part in step.parts { argument(part, of: nil) }
    }
    guard case .name(let text) = root.kind, let name = find(text), let first = steps.first else { return }
    if let library = libraries[name], case .member(let member) = first.kind {
      use(exported[library].functions[member] ?? exported[library].values[member], at: first.nameSpan)
    }
    if found[name].kind == .table, case .select(.keys(let keys)) = first.kind {
      let texts = keys.compactMap { key -> String? in
        if case .text(let parts) = key.kind, parts.count == 1, case .literal(let text) = parts[0] { text } else { nil }
      }
      if texts.count == keys.count {
        lookups.append(HiltLookup(place: stretch(first.span), table: name, keys: texts))
      }
    }
  }
}
