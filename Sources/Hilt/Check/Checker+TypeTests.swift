import FHIR
import HL7

/// `o-5[1] is NM`. The type of nearly everything is known when a program is checked, and asking for it is a mistake; of
/// OBX-5 each message says it, in OBX-2.
extension Checker {
  mutating func typeTest(_ expression: Expression, _ negated: Bool, _ type: Word) -> Condition {
    let never = Condition(holds: { _ in false })
    let cursor = cursor(expression)
    if case .value(let value) = cursor, let condition = elementTest(value, expression, negated, type) {
      return condition
    }
    guard checkType(type) else { return never }
    guard case .place(var place) = cursor, place.code == "OBX", place.field == 5, place.component == nil,
      !place.segment.isMany, !place.repetition.isMany
    else {
      reportKnown(value(cursor, expression), type)
      return never
    }
    place.span = expression.span
    if checkSingle(place) { return never }
    let (asked, name) = (place, type.text)
    let holds: Holds = { run in
      // What isn't there has no type.
      guard try asked.presence(run) == .valued, let segment = try asked.segment(run) else { return false }
      let declared = Datum(run.field(2, of: segment, in: asked.message))
      guard case .text(name) = try TextReading.text(declared, firstLeaf: true, run: run, at: asked.span, path: "OBX-2")
      else { return false }
      return true
    }
    let facts = typeFacts(expression, type)
    if negated { return Condition(holds: { try !holds($0) }, valuedIfFalse: facts) }
    return Condition(holds: holds, valuedIfTrue: facts)
  }

  /// The same of `value[x]`, of a resource and of JSON; `nil` for anything else.
  private mutating func elementTest(
    _ value: Typed, _ expression: Expression, _ negated: Bool, _ type: Word
  ) -> Condition? {
    let evaluate = value.evaluate
    let holds: Holds
    switch value.type {
    case .choice(let choice):
      guard let element = choice.elements.first(where: { $0.type == type.text }) else {
        let types = choice.elements.map(\.type)
        problems.report(
          .unknownType, "\(choice.owner).\(choice.name) is never \(type.text)", at: type.span,
          help: nearest(type.text, among: types).map { ["did you mean '\($0)'?"] } ?? [types.joined(separator: ", ")])
        return Condition(holds: { _ in false })
      }
      let name = element.name
      holds = { run in
        if case .choice(let choice) = try evaluate(run) { return choice.key.name == name }
        return false
      }
    case .fhir(let kind) where kind.name == FHIRKind.resource:
      guard let name = resourceName(type) else { return Condition(holds: { _ in false }) }
      holds = { try evaluate($0).resourceType == name }
    case .json:
      guard let test = JSONTest(rawValue: type.text) else {
        problems.report(
          .unknownType, "a value of JSON is a text, number, boolean, list or record, and no \(type.text)", at: type.span
        )
        return Condition(holds: { _ in false })
      }
      holds = { test.holds(try evaluate($0)) }
    default: return nil
    }
    let found = fact(expression)
    let facts = found.union(
      found.map { "\($0)=\(type.text.hasPrefix("fhir.") ? String(type.text.dropFirst(5)) : type.text)" })
    if negated { return Condition(holds: { try !holds($0) }, valuedIfFalse: facts) }
    return Condition(holds: holds, valuedIfTrue: facts)
  }

  /// What is known where it holds: there is a value, and OBX-2 names its type.
  private func typeFacts(_ expression: Expression, _ type: Word) -> Set<String> {
    var facts = fact(expression)
    guard !facts.isEmpty, case .path(_, let steps) = expression.kind else { return facts }
    guard let field = steps.first(where: { if case .field = $0.kind { true } else { false } }) else { return facts }
    let segment = Span(Int(expression.span.start), Int(field.span.start))
    facts.insert(canonical(Expression(kind: .null, span: segment)) + "-2=\(type.text)")
    return facts
  }

  private mutating func checkType(_ type: Word) -> Bool {
    let known = HL7Tables.typeNames + HL7Tables.primitiveNames
    if type.text.first?.isLowercase == true || known.contains(type.text) { return true }
    let near = nearest(type.text, among: known)
    problems.report(
      .unknownName, "HL7 has no data type '\(type.text)'", at: type.span,
      help: near.map { ["did you mean '\($0)'?"] } ?? ["is NM", "is CWE"])
    return false
  }

  /// E130: the answer is known before a message comes, or nothing says it.
  private mutating func reportKnown(_ value: Typed, _ type: Word) {
    let text = source.text(value.span)
    var name = value.type.name
    switch value.type {
    case .broken: return
    case .content(let kind) where kind.isOpen:
      problems.report(
        .type, "nothing says which type \(text) has; of OBX-5 it is OBX-2", at: value.span,
        help: ["OBX[1]-5 is \(type.text)", "OBX[1]-2 == \"\(type.text)\""])
      return
    case .content(let kind) where kind.types[type.text] != nil && kind.types.count > 1:
      problems.report(
        .type, "\(text) is \(kind.name), as the message's version has it", at: value.span, help: ["MSH-12.1 == \"…\""])
      return
    case .list(.content):
      problems.report(
        .type, "\(text) is a list, and each of its values has a type", at: value.span,
        help: ["any o in OBX[*] where o-5[1] is \(type.text)"])
      return
    case .content(let kind): name = kind.name
    default: break
    }
    problems.report(
      .type, "this is known before a message comes: \(text) is \(name)", at: value.span...type.span,
      help: ["only OBX-5 has a type of its own in each message"])
  }
}
