import FHIR
import HL7

/// Values that know where they go: an element of FHIR, JSON, what a function promises to give. So a record needs no
/// type of its own, and each arm of a `match` may give another type of `value[x]`.
extension Checker {
  mutating func typed(_ expression: Expression, for target: Target?) -> Typed {
    guard let target else { return typed(expression) }
    depth += 1
    deepest = max(deepest, depth)
    defer { depth -= 1 }
    let span = expression.span
    switch expression.kind {
    case .conditional(let condition, let then, let otherwise):
      return conditional(condition, then, otherwise, span, for: target)
    case .match(let subject, let arms): return match(subject, arms, span, for: target)
    case .caught(let value, let other): return caught(value, other, span, for: target)
    case .binary(let left, let word, let right) where word.text == "??":
      return alternative(left, right, span, for: target)
    case .each(let head, let body) where target.isList || target.isJSON:
      return present(each(head, body, span, for: target.one), target)
    case .list(let values) where target.isList || target.isJSON:
      return present(list(values, span, for: target.one), target)
    case .record(nil, let entries) where !target.isList: return record(entries, for: target, span)
    default: return placed(typed(expression), target, expression)
    }
  }

  /// A list without what is absent; in FHIR nothing stands for null either.
  private func present(_ list: Typed, _ target: Target) -> Typed {
    guard case .list = list.type else { return list }
    var present = list
    let (evaluate, keepsNull) = (list.evaluate, target.isJSON)
    present.constant = nil
    present.evaluate = { run in
      guard case .list(let values) = try evaluate(run) else { return .absent }
      guard values.contains(where: { !$0.isValued }) else { return .list(values) }
      return .list(values.filter { $0.isValued || keepsNull && $0.isNull })
    }
    return present
  }

  /// `{ text: x }`, of the type that stands where it goes.
  private mutating func record(_ entries: [Entry], for target: Target, _ span: Span) -> Typed {
    switch target.kind {
    case .json: return jsonRecord(entries, span)
    case .object(let kind) where kind.name != FHIRKind.resource:
      guard let type = FHIRTables.type(kind.name) else { return .broken(span) }
      let brace = Span(Int(span.start), Int(span.start) + 1)
      learn(.value(Typed(.fhir(kind), at: brace) { _ in .absent }), brace, brace)
      return object(type, entries, span)
    case .object:
      for entry in entries { _ = typed(entry.value) }
      return broken(
        .type, "\(target.place) is a resource, and nothing says which", at: span, help: ["Patient { … }"])
    case .primitive(let primitive, _):
      for entry in entries { _ = typed(entry.value) }
      return broken(.type, "\(target.place) is one value (\(primitive.rawValue)), and no record", at: span)
    case .choice(let choice):
      for entry in entries { _ = typed(entry.value) }
      let types = choice.elements.filter { $0.primitive == nil }.map { "\($0.type) { … }" }
      return broken(
        .type, "\(target.place) may be of several types, and nothing says which", at: span,
        help: Array(types.prefix(4)))
    }
  }

  // MARK: A value in the form that its place takes

  /// A value that is computed otherwise than by a record, made ready for where it goes.
  private mutating func placed(_ value: Typed, _ target: Target, _ expression: Expression) -> Typed {
    switch value.type {
    case .broken, .never, .nothing: return value
    default: break
    }
    checkCodes(expression, target)
    if target.isList { return placedList(value, target) }
    if case .list = value.type, !target.isJSON {
      return broken(
        .oneOrMany, "there is one \(target.place) at most, and this is a list", at: value.span,
        help: ["\(source.text(value.span))[1]", "first(\(source.text(value.span)))"])
    }
    guard let placing = placing(value, value.type, target) else { return .broken(value.span) }
    var placed = value
    placed.type = placing.type
    placed.constant = nil
    if let constant = value.constant, let fault = placing.check(constant) {
      return broken(.elementForm, "\(target.place): \(fault)", at: value.span)
    }
    guard let place = placing.place else { return placed }
    let evaluate = value.evaluate
    placed.evaluate = { run in
      let datum = try evaluate(run)
      return datum.isAbsent ? .absent : try place(datum, run)
    }
    return placed
  }

  private mutating func placedList(_ value: Typed, _ target: Target) -> Typed {
    guard case .list(let element) = value.type else {
      return broken(
        .oneOrMany, "\(target.place) is a list, also of one", at: value.span, help: ["[\(source.text(value.span))]"])
    }
    if element == .nothing || element == .placed { return value }
    guard let placing = placing(value, element, target.one) else { return .broken(value.span) }
    let (evaluate, place, span) = (value.evaluate, placing.place, value.span)
    return Typed(.list(placing.type), at: value.span, path: value.path) { run in
      guard case .list(let values) = try evaluate(run) else { return .absent }
      try run.step(bytes: values.count << 6, at: span)
      var placed: [Datum] = []
      placed.reserveCapacity(values.count)
      for value in values where value.isValued {
        let datum = try place?(value, run) ?? value
        if datum.isValued { placed.append(datum) }
      }
      return .list(placed)
    }
  }

  /// How a value of a type is made ready.
  struct Placing: Sendable {
    var type: Type
    /// Of a value that is not absent; `nil`: it is ready as it is.
    var place: (@Sendable (Datum, Run) throws -> Datum)?
    /// What is wrong with a value that is known before the program runs.
    var check: @Sendable (Datum) -> String? = { _ in nil }
  }

  /// Reported, and `nil`, where a value of a type can't go to a place.
  private mutating func placing(_ value: Typed, _ type: Type, _ target: Target) -> Placing? {
    switch target.kind {
    case .json: return jsonPlacing(value, type)
    case .object(let kind): return objectPlacing(value, type, kind, target)
    case .primitive(let primitive, let codes):
      return primitivePlacing(value, type, primitive, codes, target)
    case .choice(let choice): return choicePlacing(value, type, choice, target)
    }
  }

  private mutating func objectPlacing(_ value: Typed, _ type: Type, _ kind: FHIRKind, _ target: Target) -> Placing? {
    guard case .fhir(let given) = type, given.name == kind.name || kind.name == FHIRKind.resource && given.isResource
    else {
      var help: [String] = []
      if case .fhir(let given) = type, given.isResource, kind.name == FHIRKind.reference {
        help = ["b.upsert(by: …, \(given.name) { … })", "reference_to(\(given.name), …)"]
      } else if kind.name == "CodeableConcept", type.isTextual {
        help = ["{ text: \(source.text(value.span)) }", "concept(…) of lib/v2fhir.hilt"]
      } else if kind.name == FHIRKind.reference {
        help = ["what b.upsert(…), b.add(…) or reference_to(…) gives"]
      } else if kind.name != FHIRKind.resource {
        help = ["\(kind.name) { … }"]
      }
      let wanted = kind.name == FHIRKind.resource ? "a resource" : kind.shown
      problems.report(
        .type, "\(target.place) is \(wanted), and this is \(type.name)", at: value.span, help: help)
      return nil
    }
    if !kind.targets.isEmpty, !given.targets.isEmpty, !given.targets.contains(where: kind.targets.contains) {
      problems.report(
        .target, "\(target.place) leads to \(Self.either(kind.targets)), and this to \(Self.either(given.targets))",
        at: value.span)
      return nil
    }
    return Placing(type: .fhir(given))
  }

  static func either(_ names: [String]) -> String {
    guard let last = names.last, names.count > 1 else { return names.first ?? "" }
    return names.dropLast().joined(separator: ", ") + " or " + last
  }

  // MARK: value[x]

  /// The element of a choice that a value of a type is.
  private mutating func choicePlacing(
    _ value: Typed, _ type: Type, _ choice: FHIRChoiceKind, _ target: Target
  ) -> Placing? {
    if case .choice(let given) = type { return samePlacing(value, given, choice, target) }
    let elements = choice.elements
    let fitting = Self.fitting(type, elements)
    guard let element = fitting.first else {
      let names = elements.map(\.type).joined(separator: ", ")
      problems.report(
        .type, "\(target.place) is \(type.name) nowhere; it may be \(names)", at: value.span,
        help: elements.first { $0.primitive == nil }.map { ["\($0.type) { … }"] } ?? [])
      return nil
    }
    guard fitting.count == 1 else {
      problems.report(
        .type, "\(target.place) may be \(Self.either(fitting.map(\.type))), and this could be either", at: value.span,
        help: fitting.map { "\($0.name): …" })
      return nil
    }
    let inner = Target(kind: element.kind, place: "\(choice.owner).\(element.name)")
    guard let placing = placing(value, type, inner) else { return nil }
    let key = Record.Key(element.name)
    return Placing(
      type: .placed,
      place: { datum, run in
        let placed = try placing.place?(datum, run) ?? datum
        return placed.isValued ? .choice(Choice(key, placed)) : .absent
      }, check: placing.check)
  }

  /// `value: o.value`: as it was read.
  private mutating func samePlacing(
    _ value: Typed, _ given: FHIRChoiceKind, _ choice: FHIRChoiceKind, _ target: Target
  ) -> Placing? {
    let rest = given.elements.filter { element in
      !choice.elements.contains { $0.type == element.type }
    }
    guard rest.isEmpty else {
      problems.report(
        .type, "\(target.place) can't be \(Self.either(rest.map(\.type))), which this may be", at: value.span,
        help: ["if \(source.text(value.span)) is … then …"])
      return nil
    }
    let keys = Dictionary(uniqueKeysWithValues: choice.elements.map { ($0.type, Record.Key($0.name)) })
    let types = Dictionary(uniqueKeysWithValues: given.elements.map { ($0.name, $0.type) })
    return Placing(
      type: .placed,
      place: { datum, _ in
        guard case .choice(let read) = datum, let key = types[read.key.name].flatMap({ keys[$0] }) else {
          return .absent
        }
        return .choice(Choice(key, read.value))
      })
  }

  private static func fitting(_ type: Type, _ elements: [FHIRElement]) -> [FHIRElement] {
    func of(_ primitives: [FHIRPrimitive]) -> [FHIRElement] {
      for primitive in primitives {
        if let found = elements.first(where: { $0.primitive == primitive }) { return [found] }
      }
      return []
    }
    switch type {
    case .fhir(let kind): return elements.filter { $0.type == kind.name }
    case .number: return elements.filter { [.decimal, .integer, .unsignedInt, .positiveInt].contains($0.primitive) }
    case .boolean: return of([.boolean])
    case .stamp: return of([.dateTime, .instant, .date])
    case .time: return of([.time])
    case .bytes: return of([.base64Binary])
    case _ where type.isTextual: return of([.string, .markdown, .code, .uri, .canonical, .url, .id])
    default: return []
    }
  }
}

extension Target {
  var isJSON: Bool { if case .json = kind { true } else { false } }
}
