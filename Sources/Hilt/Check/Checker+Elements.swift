import FHIR
import HL7
import Text

/// Paths into FHIR and JSON: `pat.name[where use == "official"]`, `msg.entry[*].resource[* of Patient]`.
extension Checker {
  /// What `msg` is, of a message of FHIR.
  func resource(_ span: Span) -> Cursor {
    let name = input?.structures.first ?? FHIRKind.resource
    return .value(Typed(.fhir(FHIRKind(name: name)), at: span, path: name) { $0.content })
  }

  mutating func advanceFHIR(_ value: Typed, _ step: Step, _ span: Span) -> Cursor {
    let before = Span(Int(span.start), Int(step.span.start))
    let value = narrowed(value, canonical(Expression(kind: .null, span: before)))
    switch (step.kind, value.type) {
    case (.member(let name), .fhir(let kind)): return element(name, of: value, kind, step.nameSpan, span)
    case (.member(let name), .json): return .value(jsonMember(name, of: value, span))
    case (.select(let selector), .list(let element)): return select(value, element, selector, step.span, span)
    case (.select(let selector), .json): return select(value, selector, step.span, span)
    case (.member(let name), .list):
      let text = source.text(before)
      return brokenCursor(
        .repeats, "\(value.path ?? text) is a list; a single value is needed here", at: before,
        help: ["\(text)[1].\(name)", "\(text)[where …].\(name)", "\(text)[*].\(name) is a list again"])
    case (_, .choice(let choice)):
      let types = choice.elements.filter { $0.primitive == nil }.prefix(3)
      return brokenCursor(
        .type, "\(choice.owner).\(choice.name) may be of several types", at: before,
        help: types.first.map { ["if \(source.text(before)) is \($0.type) …"] } ?? [] + types.map(\.name))
    case (.select, _): return brokenCursor(.path, "\(value.type.name) is no list", at: step.span)
    case (.call, _):
      let parts = source.text(before).split(separator: ".")
      let left = parts.dropLast().joined(separator: ".")
      return brokenCursor(
        .unknownFunction, "\(value.type.name) has no functions", at: step.span,
        help: parts.last.flatMap { Self.functionFor(method: String($0), of: left) }.map { [$0] } ?? [])
    case (.member, _): return advance(value, step, span)
    default:
      return brokenCursor(
        .path, "elements have names: a point and a name follow \(value.type.name)", at: step.span, help: [".id"])
    }
  }

  // MARK: Elements

  private mutating func element(
    _ name: String, of value: Typed, _ kind: FHIRKind, _ nameSpan: Span, _ span: Span
  ) -> Cursor {
    guard let type = FHIRTables.type(kind.name) else { return .broken }
    if let element = type.element(name) { return .value(read(element, of: value, kind, span)) }
    guard type.choices.contains(where: { $0.name == name }) else {
      if kind.name == FHIRKind.resource {
        return brokenCursor(
          .unknownElement, "not every resource has '\(name)', and nothing says which this is", at: nameSpan,
          help: ["[* of Patient]", "if … is Patient …"])
      }
      reportUnknown(name, type, at: nameSpan)
      return .broken
    }
    let choice = FHIRChoiceKind(owner: kind.name, name: name)
    let keys = choice.elements.map { Record.Key($0.name) }
    let evaluate = value.evaluate
    return .value(
      Typed(.choice(choice), mayBeAbsent: true, at: span, path: Self.path(value, kind, name)) { run in
        let datum = try evaluate(run)
        if case .record(let record) = datum, case .choice(let made) = record[name] { return .choice(made) }
        for key in keys {
          let member = datum.member(key.name)
          if !member.isAbsent { return .choice(Choice(key, member)) }
        }
        return .absent
      })
  }

  private static func path(_ value: Typed, _ kind: FHIRKind, _ name: String) -> String {
    "\(kind.isResource ? kind.name : value.path ?? kind.name).\(name)"
  }

  private func read(_ element: FHIRElement, of value: Typed, _ kind: FHIRKind, _ span: Span) -> Typed {
    let path = Self.path(value, kind, element.name)
    let (evaluate, name, isList) = (value.evaluate, element.name, element.isList)
    let form = ElementReading(element.read)
    let type = isList ? Type.list(element.read) : element.read
    // What the standard asks for is there: what came was checked.
    let isThere = isList || element.isRequired && !value.mayBeAbsent || isFact(span)
    return Typed(type, mayBeAbsent: !isThere, at: span, path: path) { run in
      let member = try evaluate(run).member(name)
      guard isList else { return try form.read(member, path, at: span) }
      let elements = member.elements
      try run.step(bytes: elements.count << 4, at: span)
      return .list(try elements.map { try form.read($0, path, at: span) }.filter { !$0.isAbsent })
    }
  }

  // MARK: Lists

  mutating func select(
    _ value: Typed, _ element: Type, _ selector: Selector, _ step: Span, _ span: Span
  ) -> Cursor {
    switch selector {
    case .all: return .many(value)
    case .allOf(let word): return pick(value, element, word, span)
    case .firstWhere(let expression), .allWhere(let expression):
      let slot = newSlot()
      let holds = condition(expression, selecting: .value(slot: slot, element))
      let evaluate = value.evaluate
      let isFirst = if case .firstWhere = selector { true } else { false }
      let find: @Sendable (Run) throws -> [Datum] = { run in
        var found: [Datum] = []
        for datum in try evaluate(run).elements {
          try run.step(at: span)
          run.slots[slot] = datum
          guard try holds(run) else { continue }
          found.append(datum)
          if isFirst { break }
        }
        return found
      }
      if isFirst {
        return .value(Typed(element, mayBeAbsent: true, at: span, path: value.path) { try find($0).first ?? .absent })
      }
      return .many(Typed(.list(element), at: span, path: value.path) { .list(try find($0)) })
    case .last, .keys: return selectMade(value, selector, step, span)
    }
  }

  /// `[* of Patient]`
  private mutating func pick(_ value: Typed, _ element: Type, _ word: Word, _ span: Span) -> Cursor {
    guard case .fhir(let kind) = element, kind.isResource else {
      return brokenCursor(
        .path, "'of' picks resources, and this is a list of others", at: word.span, help: ["[* where …]"])
    }
    guard let name = resourceName(word) else { return .broken }
    let evaluate = value.evaluate
    return .many(
      Typed(.list(.fhir(FHIRKind(name: name))), at: span, path: name) { run in
        let all = try evaluate(run).elements
        try run.step(bytes: all.count << 4, at: span)
        return .list(all.filter { $0.resourceType == name })
      })
  }

  /// The name of a resource that a word is; reported where R4 has none.
  mutating func resourceName(_ word: Word) -> String? {
    let name = word.text.hasPrefix("fhir.") ? String(word.text.dropFirst(5)) : word.text
    if FHIRTables.isResource(name) { return name }
    let near = nearest(name, among: FHIRTables.resourceNames)
    let meant = surelyMeant(name, among: FHIRTables.resourceNames)
    problems.report(
      .unknownType, "R4 has no resource '\(name)'" + (near.map { "; did you mean '\($0)'?" } ?? ""), at: word.span,
      fix: meant.map { (word.span, $0) })
    // What follows is looked at as if it had been written.
    return meant
  }

  /// What follows `[*]` is asked of each.
  mutating func advanceEach(_ list: Typed, _ step: Step, _ span: Span) -> Cursor {
    guard case .list(let element) = list.type else { return .broken }
    if case .select(let selector) = step.kind {
      return select(list, element, selector, step.span, span)
    }
    let slot = newSlot()
    let one = Typed(element, at: list.span, path: list.path) { $0.slots[slot] }
    let found = advance(one, step, span)
    let inner: Typed
    switch found {
    case .value(let value): inner = value
    case .element(let place): inner = self.each(place)
    default: return .broken
    }
    if inner.type == .broken { return .broken }
    let (evaluate, each) = (list.evaluate, inner.evaluate)
    let flattens = if case .list = inner.type { true } else { false }
    let type = if case .list = inner.type { inner.type } else { Type.list(inner.type) }
    return .many(
      Typed(type, at: span, path: inner.path) { run in
        var values: [Datum] = []
        for datum in try evaluate(run).elements {
          try run.step(at: span)
          run.slots[slot] = datum
          let value = try each(run)
          if flattens { values += value.elements } else if !value.isAbsent { values.append(value) }
        }
        return .list(values)
      })
  }

  /// `use` in `[where use == "official"]`: an element of what is selected.
  mutating func selectedElement(_ name: String, _ span: Span) -> Cursor? {
    if let element = selectedKeyword(name, span) { return element }
    guard case .value(let slot, let type)? = selected, case .fhir(let kind) = type,
      let known = FHIRTables.type(kind.name),
      known.element(name) != nil || known.choices.contains(where: { $0.name == name })
    else { return nil }
    if scope.find(name) != nil {
      return brokenCursor(
        .nameTwice, "'\(name)' is an element of \(kind.name) here, and a name of the program", at: span,
        help: [".\(name)", "another name"])
    }
    return element(name, of: Typed(type, at: span) { $0.slots[slot] }, kind, span, span)
  }

  // MARK: What a branch has found out

  /// A value of `value[x]`, a resource or JSON, of the type that a condition has asked for.
  func narrowed(_ value: Typed, _ path: String) -> Typed {
    switch value.type {
    case .choice, .json: break
    case .fhir(let kind) where kind.name == FHIRKind.resource: break
    default: return value
    }
    let start = path + "="
    guard let fact = facts.filter({ $0.hasPrefix(start) }).min() else { return value }
    return value.read(as: String(fact.dropFirst(start.count)))
  }
}

extension Typed {
  /// The value as one of a type, by its name; absent where it is of another.
  fileprivate func read(as name: String) -> Typed {
    var read = self
    let (evaluate, span, path) = (evaluate, span, path ?? "this")
    read.mayBeAbsent = false
    switch type {
    case .choice(let choice):
      guard let element = choice.elements.first(where: { $0.type == name }) else { return self }
      let (form, key) = (ElementReading(element.read), element.name)
      read.type = element.read
      read.evaluate = { run in
        guard case .choice(let choice) = try evaluate(run), choice.key.name == key else { return .absent }
        return try form.read(choice.value, path, at: span)
      }
    case .fhir: read.type = .fhir(FHIRKind(name: name))
    default:
      guard let kind = JSONTest(rawValue: name) else { return self }
      read.type = kind.type
      read.evaluate = { try kind.read(try evaluate($0), path, at: span) }
    }
    return read
  }
}
