import HL7

extension Checker {
  /// Checks and compiles what must be true or false.
  mutating func condition(_ expression: Expression) -> Condition {
    depth += 1
    deepest = max(deepest, depth)
    defer { depth -= 1 }
    switch expression.kind {
    case .binary(let left, let word, let right) where word.text == "and" || word.text == "or":
      return junction(left, word.text == "and", right)
    case .binary(let left, let word, let right):
      switch word.text {
      case "==", "!=": return equality(left, word, right)
      case "in", "not in": return membership(left, word, right)
      case "<", "<=", ">", ">=": return Condition(holds: order(left, word, right, expression.span))
      case "matches": return matching(left, right)
      default: return truth(expression)
      }
    case .unary(let word, let value) where word.text == "not":
      let inner = condition(value)
      let holds = inner.holds
      return Condition(
        holds: { try !holds($0) }, valuedIfTrue: inner.valuedIfFalse, valuedIfFalse: inner.valuedIfTrue)
    case .test(let value, let negated, let test): return presence(value, negated, test)
    case .typeTest(let value, let negated, let type): return typeTest(value, negated, type)
    default: return truth(expression)
    }
  }

  /// A value that is true or false by itself.
  private mutating func truth(_ expression: Expression) -> Condition {
    let value = typed(expression)
    switch value.type {
    case .boolean:
      if value.mayBeAbsent {
        problems.report(
          .mayBeAbsent, "this may be absent, which is neither true nor false", at: value.span, help: ["… ?? false"])
      }
    case .broken, .never: break
    default:
      mismatch(
        value, wanted: "a condition", help: ["… is valued", "… == \"Y\""])
    }
    let evaluate = value.evaluate
    return Condition(holds: { run in
      if case .boolean(let flag) = try evaluate(run) { return flag }
      return false
    })
  }

  private mutating func junction(_ left: Expression, _ isAnd: Bool, _ right: Expression) -> Condition {
    let first = condition(left)
    let second = knowing(isAnd ? first.valuedIfTrue : first.valuedIfFalse) { $0.condition(right) }
    let (a, b) = (first.holds, second.holds)
    if isAnd {
      return Condition(
        holds: { try a($0) && b($0) }, valuedIfTrue: first.valuedIfTrue.union(second.valuedIfTrue),
        valuedIfFalse: first.valuedIfFalse.intersection(second.valuedIfFalse))
    }
    return Condition(
      holds: { try a($0) || b($0) }, valuedIfTrue: first.valuedIfTrue.intersection(second.valuedIfTrue),
      valuedIfFalse: first.valuedIfFalse.union(second.valuedIfFalse))
  }

  /// What can be said of a place or name that is compared: the name of a fact, where one holds for the rest of the
  /// walk.
  func fact(_ expression: Expression) -> Set<String> {
    switch expression.kind {
    case .name(let name):
      guard let variable = scope.find(name), case .value = variable.kind else { return [canonical(expression)] }
      return [name]
    case .path(let root, let steps):
      guard case .name(let name) = root.kind, name != "message", name != "meta" else { return [] }
      // What stands in an output may be written in between.
      if let variable = scope.find(name) {
        switch variable.kind {
        case .repetition: return []
        case .message(let message) where message.isDraft: return []
        case .object, .value(_, .object(.draft), _, _), .value(_, .dataSet(.draft), _, _): return []
        case .segment(_, let message, _) where message.isDraft: return []
        default: break
        }
      }
      let selects = steps.contains { step in
        if case .select(.allWhere) = step.kind { return true }
        return false
      }
      return selects ? [] : [canonical(expression)]
    default: return []
    }
  }

  // MARK: Equality

  private mutating func equality(_ left: Expression, _ word: Word, _ right: Expression) -> Condition {
    let (first, second) = (typed(left), typed(right))
    let isEqual = word.text == "=="
    let facts = second.mayBeAbsent ? [] : fact(left)
    if !isEqual { warnOfAbsence(left, first, word) }
    for (value, expression) in [(first, left), (second, right)] where value.type == .nothing {
      // What a function is called with may be absent.
      if case .name = expression.kind { continue }
      if case .path = expression.kind { continue }
      problems.report(
        .type, "nothing equals \(source.text(value.span))", at: value.span, help: ["is absent", "is null", "is valued"])
      return Condition(holds: { _ in false })
    }
    checkCompared(left, first, with: second)
    checkCompared(right, second, with: first)
    let isAbsent = first.type == .nothing || second.type == .nothing
    let holds: Holds = isAbsent ? { @Sendable _ in false } : equal(first, second)
    if isEqual { return Condition(holds: holds, valuedIfTrue: facts.union(Self.equals(facts, second.constant))) }
    return Condition(holds: { try !holds($0) }, valuedIfFalse: facts)
  }

  private mutating func equal(_ first: Typed, _ second: Typed) -> Holds {
    let never: Holds = { _ in false }
    if first.type == .broken || second.type == .broken { return never }
    if let element = [first, second].first(where: { $0.type == .element }) {
      _ = text(element)
      return never
    }
    if first.type.isTextual || second.type.isTextual, first.type != .never, second.type != .never {
      guard first.type.isTextual, second.type.isTextual else {
        let (value, wanted) = first.type.isTextual ? (second, first) : (first, second)
        let help = value.type == .number ? ["\"…\"", "number(…) catch …"] : asked(value, "text")
        mismatch(value, wanted: wanted.type == .text ? "a text" : wanted.type.name, help: help)
        return never
      }
      let (left, b) = (text(first), text(second))
      let a = left.evaluate
      for side in [left, b] {
        guard case .text("")? = side.constant else { continue }
        problems.report(
          .type, "no value of a message is an empty text", at: side.span,
          help: ["is not valued", "is absent", "is null"])
      }
      if case .text(let literal)? = b.constant {
        return { run in
          if case .text(let value) = try a(run) { return value == literal }
          return false
        }
      }
      let other = b.evaluate
      return { run in
        guard case .text(let x) = try a(run), case .text(let y) = try other(run) else { return false }
        return x == y
      }
    }
    guard first.type == second.type, [.number, .boolean, .stamp, .time, .duration, .bytes].contains(first.type) else {
      let (value, wanted) = first.type == .json ? (first, second) : (second, first)
      mismatch(value, wanted: wanted.type.name, help: asked(value, wanted.type == .boolean ? "boolean" : "number"))
      return never
    }
    let (a, b) = (first.evaluate, second.evaluate)
    return { run in
      switch (try a(run), try b(run)) {
      case (.number(let x), .number(let y)): x == y
      case (.boolean(let x), .boolean(let y)): x == y
      case (.duration(let x), .duration(let y)): x == y
      case (.stamp(let x), .stamp(let y)): x.order(y) == 0
      case (.time(let x), .time(let y)): x.order(y) == 0
      case (.bytes(let x), .bytes(let y)): x == y
      default: false
      }
    }
  }

  /// How a value of JSON becomes one that can be compared.
  private func asked(_ value: Typed, _ function: String) -> [String] {
    value.type == .json ? ["\(function)(\(source.text(value.span))) catch …"] : []
  }

  /// `!=` and `not in` are true of what is absent; where that decides an outcome, it should be said (W105).
  private mutating func warnOfAbsence(_ expression: Expression, _ value: Typed, _ word: Word) {
    guard decidesOutcome, value.mayBeAbsent, !value.isRequired, value.type.isTextual else { return }
    guard fact(expression).isDisjoint(with: facts) else { return }
    let name = source.text(expression.span)
    problems.report(
      .absentDecides, "'\(name) \(word.text) …' is true where \(name) is absent, and that decides the outcome",
      at: expression.span...word.span, help: ["\(name) is valued and …", "\(name) is not valued or …"])
  }

  // MARK: Membership

  private mutating func membership(_ left: Expression, _ word: Word, _ right: Expression) -> Condition {
    let first = typed(left)
    let second = typed(right)
    let isIn = word.text == "in"
    if !isIn { warnOfAbsence(left, first, word) }
    guard case .list(let element) = second.type else {
      mismatch(second, wanted: "a list", help: ["[\"A\", \"B\"]"])
      return Condition(holds: { _ in false })
    }
    guard element.isTextual || element == .nothing else {
      mismatch(second, wanted: "a list of texts")
      return Condition(holds: { _ in false })
    }
    checkCompared(left, first, with: second)
    let holds = contained(text(first), second, element)
    if isIn {
      let facts = fact(left)
      return Condition(holds: holds, valuedIfTrue: facts.union(Self.equals(facts, second.constant)))
    }
    return Condition(holds: { try !holds($0) }, valuedIfFalse: fact(left))
  }

  private func contained(_ value: Typed, _ list: Typed, _ element: Type) -> Holds {
    let evaluate = value.evaluate
    if case .list(let values)? = list.constant {
      let texts = values.compactMap { if case .text(let text) = $0 { text } else { nil } }
      let set = Set(texts)
      return { run in
        guard case .text(let text) = try evaluate(run) else { return false }
        return texts.count > 8 ? set.contains(text) : texts.contains(text)
      }
    }
    let (all, span, path) = (list.evaluate, list.span, list.path)
    let firstLeaf = if case .content(let kind) = element { kind.givesFirstLeaf } else { false }
    return { run in
      guard case .text(let text) = try evaluate(run), case .list(let values) = try all(run) else { return false }
      for value in values {
        try run.step(at: span)
        let other = try TextReading.text(value, firstLeaf: firstLeaf, run: run, at: span, path: path)
        if case .text(let other) = other, other == text { return true }
      }
      return false
    }
  }

  // MARK: Order, patterns, presence

  private mutating func order(_ left: Expression, _ word: Word, _ right: Expression, _ span: Span) -> Holds {
    let (first, second) = (typed(left), typed(right))
    let never: Holds = { _ in false }
    if first.type == .broken || second.type == .broken { return never }
    for value in [first, second] where ![.number, .stamp, .time].contains(value.type) {
      mismatch(
        value, wanted: "a number or a date",
        help: value.type.isTextual ? ["number(…) catch …", "date(…) catch …"] : asked(value, "number"))
      return never
    }
    guard first.type == second.type else {
      mismatch(second, wanted: first.type.name)
      return never
    }
    for value in [first, second] where value.mayBeAbsent {
      problems.report(
        .mayBeAbsent, "this may be absent, and what is absent is neither less nor greater", at: value.span,
        help: ["(…) ?? 0", "if … is valued { … }"])
      return never
    }
    let (a, b, sign) = (first.evaluate, second.evaluate, word.text)
    return { run in
      let order: Int?
      switch (try a(run), try b(run)) {
      case (.number(let x), .number(let y)): order = x < y ? -1 : x == y ? 0 : 1
      case (.stamp(let x), .stamp(let y)): order = x.order(y)
      case (.time(let x), .time(let y)): order = x.order(y)
      default: return false
      }
      guard let order else {
        throw Interrupt.failure(
          Failure(
            .stopping, "which date is earlier can't be said: one is less exact, or only one has an offset", at: span))
      }
      switch sign {
      case "<": return order < 0
      case "<=": return order <= 0
      case ">": return order > 0
      default: return order >= 0
      }
    }
  }

  private mutating func matching(_ left: Expression, _ right: Expression) -> Condition {
    let value = text(typed(left))
    if case .pattern = right.kind {
      guard let pattern = pattern(right) else { return Condition(holds: { _ in false }) }
      return Condition(holds: pattern.isFound(in: value), valuedIfTrue: fact(left))
    }
    let pattern = typed(right)
    guard case .text(let text)? = pattern.constant else {
      if pattern.type != .broken {
        problems.report(.constant, "the pattern of 'matches' is a text without values in it", at: right.span)
      }
      return Condition(holds: { _ in false })
    }
    let glob = Glob(text)
    let (evaluate, span, cost) = (value.evaluate, value.span, text.utf8.count / 16 + 1)
    return Condition(
      holds: { run in
        guard case .text(let text) = try evaluate(run) else { return false }
        try run.step(bytes: text.utf8.count * cost, at: span)
        return glob.matches(text)
      }, valuedIfTrue: fact(left))
  }

  private mutating func presence(_ expression: Expression, _ negated: Bool, _ test: Presence) -> Condition {
    let holds = presence(expression, test)
    let opposite: Holds = { try !holds($0) }
    var condition = Condition(holds: negated ? opposite : holds)
    if test == .valued {
      if negated { condition.valuedIfFalse = fact(expression) } else { condition.valuedIfTrue = fact(expression) }
    }
    return condition
  }

  /// The presence of a place is asked without reading it as one value: of a field that repeats it is there if
  /// anything is.
  private mutating func presence(_ expression: Expression, _ test: Presence) -> Holds {
    let cursor = cursor(expression)
    if case .place(var place) = cursor, !place.segment.isMany, !place.repetition.isMany {
      place.span = expression.span
      if place.field != nil, checkSingle(place) { return { _ in false } }
      let asked = place
      switch test {
      case .valued: return { try asked.presence($0) == .valued }
      case .absent: return { try asked.presence($0) == .absent }
      case .null: return { try asked.presence($0) == .null }
      }
    }
    if case .element(var place) = cursor {
      guard checkMeta(place) else { return { _ in false } }
      if case .all = place.pick {
      } else {
        place.span = expression.span
        return { [place] in try place.presence($0) == test }
      }
    }
    let value = value(cursor, expression)
    if case .list = value.type {
      problems.report(
        .type, "a list is never absent; ask how many it has", at: value.span, help: ["count(…) > 0", "[1] is valued"])
    }
    if case .message = value.type { mismatch(value, wanted: "a value") }
    let evaluate = value.evaluate
    switch test {
    case .valued: return { try evaluate($0).isValued }
    case .absent: return { try evaluate($0).isAbsent }
    case .null: return { try evaluate($0).isNull }
    }
  }
}
