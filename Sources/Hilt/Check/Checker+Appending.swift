import HL7

extension Checker {
  /// `results += value`, `out.PID-13 += value`
  mutating func append(_ target: Expression, _ expression: Expression) -> Execute {
    if case .name(let name) = target.kind, let variable = scope.find(name),
      case .list(let slot, let element) = variable.kind
    {
      return append(expression, to: slot, element, target.span)
    }
    if case .name(let name) = target.kind, scope.find(name) == nil, HL7SegmentCode(name) == nil, !mayBeUnread(name) {
      let value = typed(expression)
      let near = nearest(name, among: scope.names)
      problems.report(
        .unknownName, "'\(name)' is not known here", at: target.span,
        help: near.map { ["did you mean '\($0)'?"] } ?? [
          "var \(name): list of \(Self.listed(value.type)), before the loop"
        ])
      return { _ in }
    }
    if isElementOfDICOM(target) { return appendElement(target, expression) }
    let place = writtenPlace(target, isRemoval: false)
    scope.forgetReads()
    let value = typed(expression)
    guard let place, let field = place.field, case .draft(let draft) = place.message else { return { _ in } }
    guard case .only = place.repetition, place.component == nil else {
      problems.report(
        .path, "'+=' adds a repetition to a whole field", at: target.span, help: ["\(place.code)-\(field) += …"])
      return { _ in }
    }
    checkNotWalked(draft, place.code, field, target.span)
    checkCodes(expression, place)
    checkRepeats(place, target.span)
    if case .list(let element) = value.type {
      guard element.isWritable else {
        mismatch(value, wanted: "a list of texts or records")
        return { _ in }
      }
    } else if !writable(value) {
      return { _ in }
    }
    guard fits(value, writtenKind(place), place.path) else { return { _ in } }
    warnOfOpen(expression, "one of \(place.path)", kept: nil)
    let (evaluate, span, formatted, inputs) = (value.evaluate, target.span, place.kind.isFormatted, scope.reads)
    return { run in
      let datum = try evaluate(run)
      let values = if case .list(let values) = datum { values } else { [datum] }
      for value in values where !value.isAbsent {
        var one = place
        let count = try place.segment(run).map { try place.wholeField(run, $0).repetitionCount } ?? 0
        if count > 0 { one.repetition = .index(count + 1) }
        try one.write(value.content(formatted: formatted), draft, field, run)
      }
      if run.isTraced { run.record(try place.presentField(run), at: span) }
      if run.observed != nil { try run.observe(place, draft, from: inputs, at: span) }
    }
  }

  /// What a list of such values is declared of.
  private static func listed(_ type: Type) -> String {
    switch type {
    case .fhir(let kind): kind.name
    case .number: "number"
    case .text: "text"
    default: "…"
    }
  }

  /// A field that the standard lets stand once takes no second repetition.
  private mutating func checkRepeats(_ place: HL7Place, _ span: Span) {
    guard !place.kind.repeats, !place.kind.types.isEmpty else { return }
    problems.report(
      .repeats, "\(place.code)-\(place.field ?? 0) stands once; nothing can be added to it", at: span,
      help: ["\(place.code)-\(place.field ?? 0) = …"])
  }

  private mutating func append(_ expression: Expression, to slot: Int, _ element: Type, _ span: Span) -> Execute {
    scope.use(source.text(span))
    if walked.contains(.list(slot: slot)) {
      problems.report(
        .walked, "the loop around this walks '\(source.text(span))', which can't grow meanwhile", at: span,
        help: ["add to another list"])
    }
    let isList = givesList(expression)
    let given = typed(expression, for: target(of: isList ? .list(element) : element, source.text(span)))
    let several = if case .list = given.type { true } else { false }
    let value = fitted(given, several ? .list(element) : element)
    guard value.type != .broken else { return { _ in } }
    let evaluate = value.evaluate
    return { run in
      let datum = try evaluate(run)
      var more = [datum]
      if several { if case .list(let found) = datum { more = found } else { more = [] } }
      try run.step(bytes: more.count << 6, at: span)
      guard case .list(var values) = run.slots[slot] else { return }
      // The list is owned here alone, so that adding to it does not copy it.
      run.slots[slot] = .absent
      values.append(contentsOf: more)
      run.slots[slot] = .list(values)
      if run.isTraced { run.record(datum, at: span) }
    }
  }

  /// Whether an expression gives a list, as far as its form tells: what it is made of is checked for where it goes.
  private mutating func givesList(_ expression: Expression) -> Bool {
    switch expression.kind {
    case .list, .each, .keyed: return true
    case .conditional(_, let then, let otherwise): return givesList(then) || otherwise.map { givesList($0) } ?? false
    case .caught(let value, _): return givesList(value)
    case .name(let name):
      switch scope.find(name)?.kind {
      case .list, .value(_, .list, _, _): return true
      default: return false
      }
    case .path(_, let steps):
      guard case .select(let selector)? = steps.last?.kind else { return false }
      switch selector {
      case .all, .allWhere, .allOf: return true
      default: return false
      }
    case .call(let name, _):
      switch Function.named(name.text)?.result {
      case .list, .texts: return true
      case nil: return function(name).flatMap { functions[$0].clause.result?.isList } ?? false
      default: return false
      }
    default: return false
    }
  }
}
