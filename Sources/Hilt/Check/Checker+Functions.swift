import HL7

/// A file of a program: the transform itself, or a library.
struct Module {
  var tree: ProgramTree
  /// Relative to the program's folder; empty for the program itself.
  var path: String
  /// For each of its import lines the library; `nil` for one that can't be read.
  var imports: [Int?]
  /// Its own functions, by name.
  var functions: [String: Int] = [:]
  /// What its functions see beside their parameters: constants, tables, what it imports.
  var scope = Scope()
}

/// A function that a program declares. It is compiled for each combination of types that it is called with, so that
/// what its body does with a value is checked with what the value is.
struct ProgramFunction {
  /// Compiled forms of one function: more than this and its calls are no longer told apart (E104).
  static let instanceCountMax = 64

  struct Instance {
    var arguments: [Typed]
    var binds: [Binding]
    var result: Typed
    /// What in the body can fail and is left to the caller.
    var canFail: Bool
    /// How many expressions lie in one another in the body, with those of the functions that it calls.
    var height = 0
    /// `drop` stands in it, or in a function that it calls.
    var drops = false
  }

  var clause: FunctionClause
  var module: Int
  var instances: [Instance] = []
  /// That nothing calls it need not be said.
  var isUsed = false
  /// Being compiled: a call of it now would be a circle.
  var isOpen = false
}

extension Checker {
  // MARK: Declarations

  /// Declares what a file and its imports have: constants, tables, functions.
  mutating func declarations(of module: Int) {
    let tree = modules[module].tree
    self.module = module
    scope = Scope()
    for (clause, library) in zip(tree.imports, modules[module].imports) { declare(clause, library) }
    if module == 0 { parameters(tree.parameters) }
    for parameter in tree.parameters where module != 0 {
      problems.report(
        .header, "a library has no 'param'; its functions have parameters", at: parameter.span,
        help: ["fn name(value) = …"])
    }
    for constant in tree.constants { self.constant(constant) }
    for clause in tree.tables {
      let compiled = table(clause)
      tables.append(compiled)
      declare(clause.name, .table(tables.count - 1))
    }
    for clause in tree.functions { declare(clause, in: module) }
    modules[module].scope = scope
  }

  private mutating func declare(_ clause: ImportClause, _ library: Int?) {
    if let alias = clause.alias {
      declare(alias, library.map { .library($0) } ?? .broken)
      return
    }
    guard let library else { return }
    for var variable in modules[library].scope.variables where modules[library].declares(variable.name) {
      if let other = scope.find(variable.name) {
        problems.report(
          .nameTwice, "'\(variable.name)' comes from here and from \(shownPlace(other.span))", at: clause.file.span,
          help: ["import \"\(clause.file.text)\" as …"])
      }
      variable.isUsed = true
      scope.declare(variable)
    }
  }

  private mutating func declare(_ clause: FunctionClause, in module: Int) {
    let name = clause.name
    if Function.isTaken(name.text) || Checker.Quantifier(rawValue: name.text) != nil {
      problems.report(.nameTwice, "'\(name.text)' is a function of the language", at: name.span)
    } else if let other = modules[module].functions[name.text] {
      let line = source.line(of: Int(functions[other].clause.name.span.start))
      problems.report(.nameTwice, "'\(name.text)' has a meaning already, from line \(line)", at: name.span)
    } else {
      checkSpelling(name)
    }
    modules[module].functions[name.text] = functions.count
    // One problem a name is enough.
    functions.append(ProgramFunction(clause: clause, module: module, isUsed: Function.isTaken(name.text)))
    for (number, parameter) in clause.parameters.enumerated() {
      if let type = parameter.type { _ = declaredType(type) }
      guard let standard = parameter.standard else { continue }
      let isLast = clause.parameters[number...].allSatisfy { $0.standard != nil }
      let value = typed(standard)
      if value.type != .broken, value.constant == nil || !isLast {
        problems.report(
          .constant,
          isLast
            ? "what is given for a parameter that is left out is a literal"
            : "only the last parameters can be left out", at: value.span, help: ["fn name(a, b = absent)"])
      }
    }
    if let result = clause.result { _ = declaredType(result) }
  }

  /// The function that a name means in the file at hand.
  mutating func function(_ name: Word) -> Int? {
    if let own = modules[module].functions[name.text] { return own }
    var found: [Int] = []
    for (clause, library) in zip(modules[module].tree.imports, modules[module].imports) where clause.alias == nil {
      if let library, let one = modules[library].functions[name.text], !found.contains(one) { found.append(one) }
    }
    if found.count > 1 {
      let files = found.map { modules[functions[$0].module].path }
      problems.report(
        .nameTwice, "'\(name.text)' comes from several libraries: \(files.joined(separator: ", "))", at: name.span,
        help: ["import … as …"])
    }
    return found.first
  }

  /// The names of all functions that can be called here.
  var functionNames: [String] {
    let imported = zip(modules[module].tree.imports, modules[module].imports).filter { $0.0.alias == nil }
    let names = imported.compactMap(\.1).flatMap { modules[$0].functions.keys }
    return Function.all.map(\.name) + (modules[module].functions.keys + names).sorted()
  }

  /// Functions that nothing calls are looked at all the same, as far as it can be done without their arguments.
  mutating func checkUncalled() {
    // What nothing calls brings no time to FHIR.
    let said = saidNoZone
    saidNoZone = true
    defer { saidNoZone = said }
    for index in functions.indices where functions[index].instances.isEmpty {
      let clause = functions[index].clause
      let arguments = clause.parameters.map { parameter in
        let type = parameter.type.flatMap { declaredType($0) } ?? .broken
        return Typed(type, mayBeAbsent: type.isTextual, at: parameter.name.span) { _ in .absent }
      }
      _ = instance(of: index, arguments, at: clause.name.span)
      guard functions[index].module == 0, !modules[0].tree.isLibrary, !functions[index].isUsed else { continue }
      problems.report(.unused, "'\(clause.name.text)' is never used", at: clause.name.span)
    }
  }

  // MARK: Calls

  /// `mrn(PID)`: a function of the program.
  mutating func call(_ index: Int, _ arguments: [Expression], _ span: Span) -> Typed {
    let clause = functions[index].clause
    // A call that is wrong in itself uses it too.
    functions[index].isUsed = true
    let names = clause.parameters.map(\.name.text)
    let signature = "\(clause.name.text)(\(names.joined(separator: ", ")))"
    // Those at the end may be left out.
    let least = (clause.parameters.lastIndex { $0.standard == nil } ?? -1) + 1
    let many = least == names.count ? "\(least)" : "\(least) to \(names.count)"
    let counts = "\(many) value\(names.count == 1 ? "" : "s")"
    guard
      let matched = matched(
        arguments, Parameters(names: names, least: least, most: names.count, hasGaps: true), signature, takes: counts,
        at: span)
    else {
      for argument in arguments { _ = typed(argument) }
      return .broken(span)
    }
    var values: [Typed] = []
    for (given, parameter) in zip(matched, clause.parameters) {
      guard let argument = given ?? parameter.standard else { return .broken(span) }
      let declared = parameter.type.flatMap { declaredType($0) }
      let value = typed(argument, for: declared.flatMap { target(of: $0, parameter.name.text) })
      values.append(declared.map { ofAnyVersion(fitted(value, $0), $0, functions[index].module) } ?? value)
    }
    guard !values.contains(where: { $0.type == .broken }) else { return .broken(span) }
    guard !functions[index].isOpen else {
      return broken(
        .circle, "'\(clause.name.text)' calls itself, or a function that does", at: span,
        help: ["a function's calls come to an end because there is no circle among them"])
    }
    let before = problems.all.count
    guard let instance = instance(of: index, values, at: span) else { return .broken(span) }
    if clause.parameters.contains(where: { $0.type == nil }) {
      problems.explain(
        from: before, [.repeats, .composite, .type, .mayBeAbsent, .notInStandard],
        "called in \(shownPlace(span)): \(shownCall(span))")
    }
    if instance.drops { checkDrop(at: span) }
    if instance.canFail { unhandled.append(Unhandled(what: "\(clause.name.text)()", span: span)) }
    if instance.result.type == .broken { return .broken(span) }
    let evaluates = values.map { Evaluable($0.evaluate) }
    let (binds, body) = (instance.binds, instance.result.evaluate)
    // An argument that calls nothing can't set a parameter of this function.
    if !zip(matched, clause.parameters).contains(where: { ($0 ?? $1.standard)?.callsFunctions ?? false }) {
      let arguments = zip(evaluates, binds).map { Argument(evaluate: $0.evaluate, bind: $1) }
      return Typed(instance.result.type, mayBeAbsent: instance.result.mayBeAbsent, at: span) { run in
        try run.step(at: span)
        for argument in arguments { argument.bind.set(try argument.evaluate(run), run) }
        return try body(run)
      }
    }
    return Typed(instance.result.type, mayBeAbsent: instance.result.mayBeAbsent, at: span) { run in
      try run.step(at: span)
      // All arguments come before the first is set: one of them may call the same function.
      let data = try evaluates.map { try $0.evaluate(run) }
      for (bind, datum) in zip(binds, data) { bind.set(datum, run) }
      return try body(run)
    }
  }

  /// A library is written for all versions of HL7: what a message's own version doesn't have is absent in it.
  private func ofAnyVersion(_ value: Typed, _ declared: Type, _ module: Int) -> Typed {
    guard module != 0, case .content = value.type, case .content(let wanted) = declared else { return value }
    var value = value
    value.type = .content(Self.ofAnyVersion(wanted))
    return value
  }

  private func shownCall(_ span: Span) -> String {
    let text = source.text(span).split(separator: "\n").joined(separator: " ")
    return text.count > 60 ? text.prefix(60) + "…" : text
  }

  /// The function compiled for arguments of these types.
  private mutating func instance(of index: Int, _ arguments: [Typed], at span: Span) -> ProgramFunction.Instance? {
    let known = functions[index].instances.first { instance in
      zip(instance.arguments, arguments).allSatisfy { $0.type == $1.type && $0.mayBeAbsent == $1.mayBeAbsent }
    }
    // What functions call one another to is one expression to the stack.
    guard depth + (known?.height ?? functions[index].clause.body.height) <= Parser.heightMax else {
      problems.report(
        .depth, "more than \(Parser.heightMax) operators and values lie in one another in the functions called here",
        at: span, help: ["name a part with 'let'"])
      return nil
    }
    if let known {
      deepest = max(deepest, depth + known.height)
      return known
    }
    guard functions[index].instances.count < ProgramFunction.instanceCountMax, openFunctions < Parser.depthMax else {
      problems.report(
        .depth, "'\(functions[index].clause.name.text)' is called with too many kinds of values, or too deep", at: span)
      return nil
    }
    functions[index].isOpen = true
    openFunctions += 1
    let before = deepest
    deepest = depth
    var instance = compile(functions[index], arguments)
    instance.height = deepest - depth
    deepest = max(before, deepest)
    openFunctions -= 1
    functions[index].isOpen = false
    functions[index].instances.append(instance)
    return instance
  }

  private mutating func compile(_ function: ProgramFunction, _ arguments: [Typed]) -> ProgramFunction.Instance {
    let outer = Surroundings(self)
    module = function.module
    scope = modules[function.module].scope
    (facts, loopDepth, selected, walked, unhandled, decidesOutcome) = ([], 0, nil, [], [], false)
    dropsMessage = false
    scope.open()
    var binds: [Binding] = []
    for (parameter, given) in zip(function.clause.parameters, arguments) {
      // The next call may give what stands elsewhere.
      var argument = given
      argument.path = nil
      binds.append(bind(parameter.name, to: argument.type, argument))
    }
    let declared = function.clause.result.flatMap { declaredType($0) }
    let place = "what \(function.clause.name.text)() gives"
    var result = typed(function.clause.body, for: declared.flatMap { target(of: $0, place) })
    if let declared { result = fitted(result, declared) }
    switch result.type {
    case .message:
      mismatch(result, wanted: "a value", help: ["return what is in it"])
      result = .broken(result.span)
    case .bundle, .object(.draft):
      // Each call would begin the same one anew.
      mismatch(result, wanted: "a value", help: ["begin it in the transform, and hand it to the function"])
      result = .broken(result.span)
    default: break
    }
    let (canFail, drops) = (!unhandled.isEmpty, dropsMessage)
    scope.close()
    // What could not be read may have been its use.
    for variable in scope.closed where !variable.isUsed && result.type != .broken {
      problems.report(.unused, "'\(variable.name)' is never used", at: variable.span)
    }
    let used = scope.variables.filter(\.isUsed).map(\.name)
    outer.restore(&self)
    for name in used {
      modules[function.module].scope.use(name)
      if function.module == module { scope.use(name) }
    }
    return ProgramFunction.Instance(arguments: arguments, binds: binds, result: result, canFail: canFail, drops: drops)
  }

  /// Declares a name for what is known of a value, and says where the value is kept.
  mutating func bind(_ name: Word, to type: Type, _ value: Typed) -> Binding {
    switch type {
    case .broken:
      declare(name, .broken)
      scope.use(name.text)
      return .nowhere
    case .message(let reference):
      declare(name, .message(reference))
      return .nowhere
    case .bundle(let bundle):
      declare(name, .bundle(bundle))
      return .nowhere
    case .segment(let message, let code):
      let mark = newMarks(1)
      declare(name, .segment(mark: mark, message, code))
      return .mark(mark)
    case .group(let group):
      let slot = newSlot()
      declare(name, .group(slot: slot, group))
      return .slot(slot)
    default:
      let slot = newSlot()
      declare(name, .value(slot: slot, type, mayBeAbsent: value.mayBeAbsent, path: value.path))
      return .slot(slot)
    }
  }

  /// One argument of a call.
  private struct Argument: Sendable {
    let evaluate: Evaluate
    let bind: Binding
  }

  /// What a function's body does not see of the place where it is called.
  private struct Surroundings {
    let scope: Scope
    let module: Int
    let facts: Set<String>
    let loopDepth: Int
    let selected: Selected?
    let walked: [Walked]
    let unhandled: [Unhandled]
    let decidesOutcome: Bool
    let dropsMessage: Bool

    init(_ checker: Checker) {
      scope = checker.scope
      module = checker.module
      facts = checker.facts
      loopDepth = checker.loopDepth
      selected = checker.selected
      walked = checker.walked
      unhandled = checker.unhandled
      decidesOutcome = checker.decidesOutcome
      dropsMessage = checker.dropsMessage
    }

    func restore(_ checker: inout Checker) {
      checker.scope = scope
      checker.module = module
      checker.facts = facts
      checker.loopDepth = loopDepth
      checker.selected = selected
      checker.walked = walked
      checker.unhandled = unhandled
      checker.decidesOutcome = decidesOutcome
      checker.dropsMessage = dropsMessage
    }
  }
}

extension Module {
  /// Whether a name is declared in this file itself, and not in one that it imports.
  func declares(_ name: String) -> Bool {
    tree.constants.contains { $0.name.text == name } || tree.tables.contains { $0.name.text == name }
  }
}

extension Datum {
  /// The segment that a value of type segment stands for; -1 where there is none.
  var segmentID: Int {
    if case .number(let number) = self { return number.integer ?? -1 }
    return -1
  }
}
