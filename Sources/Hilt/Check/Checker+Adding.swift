import HL7

extension Checker {
  /// A statement that adds a segment whose name nobody needs.
  mutating func add(_ expression: Expression) -> Execute {
    let evaluate = typed(expression).evaluate
    return { _ = try evaluate($0) }
  }

  /// `order.add OBX after OBX[last]`, perhaps with fields, or with a whole segment.
  mutating func addition(
    to root: Expression, _ name: Word, _ position: Position, _ entries: [Entry], filling given: Expression? = nil,
    _ span: Span
  ) -> Typed {
    if case .record(let type?, let entries)? = given?.kind, type.text == name.text {
      return addition(to: root, name, position, entries, span)
    }
    guard openFunctions == 0 else {
      return broken(
        .readOnly, "a function gives a value and changes nothing; a statement adds", at: span,
        help: ["out.add \(name.text) after …"])
    }
    guard let (message, group) = holder(cursor(root), root.span) else { return .broken(span) }
    guard case .draft(let draft) = message else {
      return broken(.readOnly, "the input is never changed", at: root.span, help: ["let out = copy msg", "out.add …"])
    }
    guard let code = HL7SegmentCode(name.text) else {
      return broken(.path, "'\(name.text)' is no segment: three capitals, or digits after the first", at: name.span)
    }
    guard code != .msh else { return broken(.readOnly, "a message has one MSH", at: name.span) }
    if loopDepth > 0 { addedInLoops.insert(MadeSegment(draft: draft, code: code)) }
    if group == nil, case .structure = position { warnOfGathering(code, draft, source.text(root.span), name.span) }
    let mark = newMarks(1)
    var place = HL7Place(message: message, code: code, segment: .mark(mark), span: name.span)
    guard checkOutput(place) else { return .broken(span) }
    let addition = Addition(
      code: code, message: message, group: group?.find, around: group?.variables ?? [],
      placement: placement(position, code, message, group, source.text(root.span), name.span),
      name: source.text(root.span), span: span)
    if let given { return filled(addition, with: given) }
    var values: [Execute] = []
    var writes: [Execute] = []
    for entry in entries {
      guard case .component(let field, let component) = entry.key else {
        problems.report(.path, "a field is named by its number", at: entry.keySpan, help: ["1: …", "3.1: …"])
        continue
      }
      place.span = entry.keySpan
      place.field = nil
      place.component = nil
      guard let kind = self.field(field, of: place, at: entry.keySpan) else { continue }
      place.field = field
      place.kind = kind
      if let component {
        guard let inner = self.component(component, of: place, at: entry.keySpan) else { continue }
        place.component = component
        place.kind = inner
      }
      guard checkOutput(place) else { continue }
      scope.forgetReads()
      checkCodes(entry.value, place)
      warnOfOpen(entry.value, place.path, kept: nil)
      // All values are taken before the segment is there: what they count does not count it.
      var value = typed(entry.value)
      let (slot, evaluate) = (newSlot(), value.evaluate)
      values.append { $0.slots[slot] = try evaluate($0) }
      value.evaluate = { $0.slots[slot] }
      writes.append(write(value, to: place, draft, traces: false))
    }
    let (evaluations, fields) = (values, writes)
    return Typed(.segment(message, code), at: span) { run in
      try run.step(at: span)
      for evaluate in evaluations { try evaluate(run) }
      guard let id = try run.add(addition) else { return .absent }
      for write in fields {
        run.marks[mark] = id
        try write(run)
      }
      if run.isTraced { run.record(.text("\(code) added"), at: span) }
      return .number(Decimal(id))
    }
  }

  /// `order.add NTE after OBR with n`: nothing is added where there is no `n`.
  private mutating func filled(_ addition: Addition, with given: Expression) -> Typed {
    let (code, message, span) = (addition.code, addition.message, addition.span)
    scope.forgetReads()
    let value = segment(given, code)
    if case .list = value.type {
      mismatch(
        value, wanted: "a segment \(code)",
        help: ["for x in \(source.text(given.span)) { \(addition.name).add \(code) with x }"])
      return .broken(span)
    }
    guard case .draft(let draft) = message,
      let fields = fields(of: value, code, written: "\(addition.name).\(code)")
    else { return .broken(span) }
    let inputs = value.fieldReads ?? SegmentReads(others: scope.reads)
    let place = HL7Place(message: message, code: code, span: span)
    return Typed(.segment(message, code), mayBeAbsent: value.mayBeAbsent, at: span) { run in
      try run.step(at: span)
      guard let contents = try fields(run), let id = try run.add(addition) else { return .absent }
      try place.write(contents, to: id, run)
      if run.trace != nil { run.record(run.shown(id, of: place), at: span) }
      run.observe(id, draft, contents, from: inputs, at: span)
      return .number(Decimal(id))
    }
  }

  private mutating func placement(
    _ position: Position, _ code: HL7SegmentCode, _ message: MessageReference, _ group: GroupPlace?, _ name: String,
    _ span: Span
  ) -> Placement {
    switch position {
    case .group(let inner):
      _ = checkGroups(.group(inner.text), inner.span, of: message, within: group?.type)
      return .group(inner.text)
    case .after(let expression):
      guard let place = self.place(expression, in: message, group) else { return .structure }
      return .after { try place.segment($0) }
    case .structure:
      checkPlace(code, of: message, group?.type, named: name, at: span)
      return self.placement(of: code, in: message, group?.find)
    }
  }

  /// The segment behind which another goes: `OBX[last]` of the message or group that it is added to, or a name.
  private mutating func place(_ expression: Expression, in message: MessageReference, _ group: GroupPlace?) -> HL7Place?
  {
    var (root, steps): (Expression, [Step]) = (expression, [])
    if case .path(let first, let rest) = expression.kind { (root, steps) = (first, rest) }
    var cursor: Cursor
    if case .name(let name) = root.kind, scope.find(name) == nil, let code = HL7SegmentCode(name) {
      guard checkSegment(code, of: message, at: root.span) else { return nil }
      cursor = .place(HL7Place(message: message, code: code, within: group?.find, span: root.span))
    } else {
      cursor = self.cursor(root)
    }
    for step in steps { cursor = advance(cursor, step, from: expression.span) }
    guard case .place(let place) = cursor, place.field == nil, !place.segment.isMany, place.message == message else {
      if case .broken = cursor { return nil }
      problems.report(
        .type, "one segment of the same message is wanted here", at: expression.span,
        help: ["after OBX[last]", "after OBR"])
      return nil
    }
    warnOfSeveral(place)
    return place
  }

  /// E122: the structures of the output, or the groups that a variable may stand at, have several places for a segment,
  /// or none.
  mutating func checkPlace(
    _ code: HL7SegmentCode, of message: MessageReference, _ group: GroupType?, named name: String, at span: Span
  ) {
    let grammars = grammars(of: message)
    guard !code.isLocal, let grammar = grammars.last else { return }
    let holding = grammars.flatMap { grammar in groups(group, in: grammar).map { (grammar, $0) } }
    guard !holding.isEmpty, holding.allSatisfy({ $0.0.place(of: code, within: $0.1) == nil }) else { return }
    let places = groups(group, in: grammar).first.map { grammar.leaves(of: code, within: $0) } ?? []
    let open = grammar.openPlace(code, places, named: name)
    problems.report(.openPlace, open.message, at: span, help: open.help)
  }

  /// `number(order.OBX)`: set ids from 1.
  mutating func renumber(_ expression: Expression) -> Execute {
    guard case .place(var place) = cursor(expression) else {
      problems.report(.type, "segments of an output are numbered", at: expression.span, help: ["number(out.OBX)"])
      return { _ in }
    }
    guard case .draft(let draft) = place.message else {
      problems.report(.readOnly, "the input is never changed", at: expression.span, help: ["let out = copy msg"])
      return { _ in }
    }
    guard place.field == nil else {
      problems.report(
        .type, "segments are numbered, not fields", at: expression.span, help: ["number(out.\(place.code))"])
      return { _ in }
    }
    guard let kind = field(1, of: place, at: expression.span) else { return { _ in } }
    guard kind.isOpen || kind.types["SI"] != nil else {
      problems.report(
        .type, "\(place.code) has no set id: its first field is \(kind.name)", at: expression.span)
      return { _ in }
    }
    if case .only = place.segment { place.segment = .all }
    place.span = expression.span
    let mark = newMarks(1)
    var one = HL7Place(message: place.message, code: place.code, segment: .mark(mark), span: expression.span)
    one.field = 1
    let (all, written) = (place, one)
    return { run in
      let segments = try all.segments(run)
      for (index, segment) in segments.enumerated() {
        run.marks[mark] = segment
        try written.write(.text(String(index + 1)), draft, 1, run)
      }
      if run.isTraced { run.record(.text("1 to \(segments.count)"), at: all.span) }
    }
  }
}
