import HL7

/// Steps behind what is a value already.
extension Checker {
  mutating func advance(_ value: Typed, _ step: Step, _ span: Span) -> Cursor {
    if value.type == .broken { return .broken }
    switch (step.kind, value.type) {
    case (.component, .nothing), (.field, .nothing), (.member, .nothing), (.select, .nothing):
      return nothing(step, span)
    case (.component(let number), .content), (.component(let number), .composite):
      var kind = Kind.unknown
      if case .content(let whole) = value.type {
        if whole.repeats {
          reportRepeats(source.text(Span(Int(span.start), Int(step.span.start))), ".\(number)", whole, at: span)
          return .broken
        }
        guard let inner = component(number, of: whole, value.path ?? "this", warns: false, at: span) else {
          return .broken
        }
        kind = inner
      }
      let evaluate = value.evaluate
      let path = value.path.map { "\($0).\(number)" }
      return .value(
        Typed(.content(kind), mayBeAbsent: !isFact(span), at: span, path: path) {
          try evaluate($0).component(number)
        })
    case (.field, .segment(let message, let code)):
      return advance(
        HL7Place(message: message, code: code, segment: .value(value.evaluate), span: span), step)
    case (.field, .made(let code, _)):
      return brokenCursor(
        .type, "a \(code) that was put together is written as a whole, and not read", at: step.span,
        help: ["name with 'let' what it is made of"])
    case (.field(let number), _):
      return tightDash(value, number, step, span)
    case (_, .object(let reference)): return advance(value, in: reference, isObject: true, step, span)
    case (_, .dataSet(let reference)): return advance(value, in: reference, isObject: false, step, span)
    case (.tag, _):
      return brokenCursor(.path, "a tag is of an object of DICOM or an item, not of \(value.type.name)", at: step.span)
    case (.member(let name), .personName): return part(name, of: value, step, span)
    case (.member(let name), .fields(let fields)): return field(value, fields, name, step.span, span)
    case (.member(let name), .row(let table)): return column(value, table, name, step.span, span)
    case (_, .fhir), (_, .list(.fhir)), (_, .choice), (_, .list(.choice)), (_, .json), (_, .list(.json)):
      return advanceFHIR(value, step, span)
    case (.member, .element), (.select, .element), (.component, .element), (.group, .element):
      return brokenCursor(
        .path, "what stands in XML is found by a path in XPath", at: step.span,
        help: [stepInXML(of: value, step)])
    case (.select(let selector), .list): return select(value, selector, step.span, span)
    case (.member(let name), _):
      let left = source.text(Span(Int(span.start), Int(step.span.start)))
      return brokenCursor(
        .path, "\(value.type.name) has no '\(name)'", at: step.span,
        help: Self.functionFor(method: name, of: left).map { [$0] } ?? [])
    case (.component, _):
      return brokenCursor(.path, "\(value.type.name) has no components", at: step.span)
    case (.group, _):
      return brokenCursor(.path, "a group belongs to a message", at: step.span, help: ["a / b divides, with spaces"])
    case (.call, _):
      return brokenCursor(.unknownFunction, "\(value.type.name) has no functions", at: step.span)
    case (.select, .fields(let fields)):
      return brokenCursor(
        .path, "a value is taken by its name, behind a point", at: step.span,
        help: fields.prefix(4).map { ".\($0.name)" })
    case (.select, _):
      return brokenCursor(.path, "\(value.type.name) is no list", at: step.span)
    }
  }

  /// What absent has below it, and what is in a list of nothing: absent, and lists of nothing. A function is compiled
  /// with it where it is called with `absent` or `[]`.
  private func nothing(_ step: Step, _ span: Span) -> Cursor {
    switch step.kind {
    case .select(.all), .select(.allOf), .select(.allWhere): .value(Typed(.list(.nothing), at: span) { _ in .list([]) })
    default: .value(Typed(.nothing, mayBeAbsent: true, at: span) { _ in .absent })
    }
  }

  /// `count-1`: a tight dash belongs to a path, subtraction needs spaces.
  private mutating func tightDash(_ value: Typed, _ number: Int, _ step: Step, _ span: Span) -> Cursor {
    let left = source.text(Span(Int(span.start), Int(step.span.start)))
    switch value.type {
    case .group, .list(.group), .fields, .list(.fields):
      return brokenCursor(
        .path, "\(value.type.name) has no field \(number)", at: step.span,
        help: ["a field is of a segment: OBX-\(number)"])
    default: break
    }
    problems.report(
      .tightDash, "'-\(number)' is a field of a segment, and '\(left)' is \(value.type.name)", at: step.span,
      help: ["\(left) - \(number)"], fix: (step.span, " - \(number)"))
    return .broken
  }

  func isFact(_ span: Span) -> Bool { facts.contains(canonical(Expression(kind: .null, span: span))) }

  mutating func selectMade(_ value: Typed, _ selector: Selector, _ step: Span, _ span: Span) -> Cursor {
    guard case .list(let element) = value.type else { return .broken }
    let evaluate = value.evaluate
    let pick: @Sendable ([Datum]) -> Datum
    switch selector {
    case .all: return .value(value)
    case .last: pick = { $0.last ?? .absent }
    case .keys(let keys):
      guard let number = index(keys, step) else { return .broken }
      pick = { number <= $0.count ? $0[number - 1] : .absent }
    case .allOf:
      return brokenCursor(.path, "'of' picks resources of FHIR, and this list has none", at: step)
    case .firstWhere, .allWhere:
      return brokenCursor(
        .path, "a list that was made is searched with 'first' or 'for'", at: step, help: ["first x in list where …"])
    }
    return .value(
      Typed(element, mayBeAbsent: true, at: span, path: value.path) { run in
        guard case .list(let values) = try evaluate(run) else { return .absent }
        return pick(values)
      })
  }
}
