import HL7
import Messages

extension Checker {
  /// `out.PID-8 = …`
  mutating func assign(_ target: Expression, _ expression: Expression) -> Execute {
    if isElementOfDICOM(target) { return assignElement(target, expression) }
    if let bind = unnamed(target, expression) { return bind }
    let place = writtenPlace(target, isRemoval: false, takesSegment: true)
    scope.forgetReads()
    if let place, place.field == nil { return assignSegment(place, target, expression) }
    let value = typed(expression)
    guard var place, let field = place.field, case .draft(let draft) = place.message else { return { _ in } }
    checkMade(&place, value)
    if case .only = place.repetition, place.component == nil { checkNotWalked(draft, place.code, field, target.span) }
    // In a new message nothing stands yet that could be meant.
    if case .only = place.segment, place.within == nil, made[draft] != nil {
      checkPlace(place.code, of: place.message, nil, named: place.owner, at: target.span)
    }
    checkCodes(expression, place)
    warnOfOpen(expression, place.path, kept: keptText(target, draft))
    warnOfWhole(value, place, draft, target)
    if place.code == .msh, field == 12 { copies[draft]?.writesVersion = true }
    return write(value, to: place, draft)
  }

  /// Checks a value and writes it to a place.
  ///
  /// - Parameter traces: what stands there then is shown in the margin.
  mutating func write(_ value: Typed, to place: HL7Place, _ draft: Int, traces: Bool = true) -> Execute {
    guard let field = place.field else { return { _ in } }
    guard checkWritable(value, place) else { return { _ in } }
    let (evaluate, span, inputs) = (value.evaluate, place.span, scope.reads)
    let formatted = place.kind.isFormatted
    let write: Execute
    if let constant = value.constant?.content(formatted: formatted) {
      write = { try place.write(constant, draft, field, $0) }
    } else {
      write = { try place.write(evaluate($0).content(formatted: formatted), draft, field, $0) }
    }
    return { run in
      try write(run)
      if traces, run.isTraced { run.record(try place.presentField(run), at: span) }
      if run.observed != nil { try run.observe(place, draft, from: inputs, at: span) }
    }
  }

  /// Whether a value can be written to a field or a part of it; reported where not.
  mutating func checkWritable(_ value: Typed, _ place: HL7Place) -> Bool {
    checkShape(value, place) && fits(value, writtenKind(place), place.path)
  }

  private mutating func checkShape(_ value: Typed, _ place: HL7Place) -> Bool {
    var isWhole = false
    if case .only = place.repetition, place.component == nil { isWhole = true }
    guard case .list(let element) = value.type else { return writable(value, whole: isWhole) }
    guard isWhole else {
      mismatch(value, wanted: "a single value", help: ["\(place.code)-\(place.field ?? 1) = …", "[1]"])
      return false
    }
    guard element.isWritable else {
      mismatch(value, wanted: "a list of texts or records")
      return false
    }
    return true
  }

  /// The place that a statement writes or removes; reported where it can't be.
  ///
  /// - Parameter takesSegment: a segment can be written as a whole.
  mutating func writtenPlace(_ target: Expression, isRemoval: Bool, takesSegment: Bool = false) -> HL7Place? {
    switch cursor(target) {
    case .broken: return nil
    case .place(var place):
      place.span = target.span
      if case .path(let root, _) = target.kind { place.owner = source.text(root.span) }
      place.placement = placement(of: place.code, in: place.message, place.within)
      return checkWritten(place, target, isRemoval, takesSegment) ? place : nil
    case .message:
      problems.report(
        .readOnly, "a message is written field by field", at: target.span,
        help: ["out.PID-8 = …", "let out = copy msg"])
    case .value(let value):
      if value.type == .broken { return nil }
      problems.report(
        .readOnly, "'\(source.text(target.span))' is a value, not a place of an output", at: target.span,
        help: hasMessage || outputs.contains { $0.format == .hl7v2 }
          ? ["out.PID-8 = …", "let name = …"] : ["let changed = msg with { … }", "let name = …"])
    case .group, .table, .attribute, .rows, .library, .function, .many, .bundle, .bundleCall, .element:
      problems.report(.readOnly, "this can only be read", at: target.span)
    }
    return nil
  }

  private mutating func checkWritten(
    _ place: HL7Place, _ target: Expression, _ isRemoval: Bool, _ takesSegment: Bool
  ) -> Bool {
    guard place.message.isDraft else {
      let text = source.text(target.span)
      let path = text.hasPrefix("msg.") ? String(text.dropFirst(4)) : text
      problems.report(
        .readOnly, "the input is never changed", at: target.span,
        help: ["let out = copy msg", isRemoval ? "remove out.\(path)" : "out.\(path) = …"])
      return false
    }
    if place.code == .msh, place.field.map({ $0 <= 2 }) ?? isRemoval {
      problems.report(.readOnly, "MSH-1 and MSH-2, the separators, can't be changed", at: target.span)
      return false
    }
    if let field = place.field, field > HL7Draft.fieldNumberMax {
      problems.report(.path, "a field's number is from 1 to \(HL7Draft.fieldNumberMax)", at: target.span)
      return false
    }
    guard !isRemoval else {
      warnOfSeveral(place)
      return true
    }
    guard checkOutput(place) else { return false }
    if place.field == nil, place.code.declaresDelimiters {
      reportHeader(place.code, target.span)
      return false
    }
    guard place.field != nil || takesSegment else {
      problems.report(
        .readOnly, "'+=' adds a repetition to a field", at: target.span,
        help: ["out.add \(place.code) with …", "\(source.text(target.span))-1 += …"])
      return false
    }
    if place.segment.isMany || place.repetition.isMany {
      problems.report(
        .manyPlaces, "this names several places, and one is written at a time", at: target.span,
        help: [walk(of: target)])
      return false
    }
    if place.field != nil { warnOfSeveral(place) }
    return true
  }

  mutating func checkNotWalked(_ draft: Int, _ code: HL7SegmentCode, _ field: Int, _ span: Span) {
    guard walked.contains(.repetitions(draft: draft, code, field: field)) else { return }
    problems.report(
      .walked, "the loop around this walks \(code)-\(field); only its own repetition may change", at: span,
      help: ["remove the loop's own name", "write it behind the loop"])
  }

  /// `remove out.NK1[* where …]`
  mutating func remove(_ target: Expression) -> Execute {
    if case .name(let name) = target.kind, case .group(let slot, let type)? = scope.find(name)?.kind,
      type.message.isDraft
    {
      scope.use(name)
      let span = target.span
      return { try $0.removeGroup(in: slot, of: type.message, at: span) }
    }
    if isElementOfDICOM(target) { return removeElement(target) }
    guard let place = writtenPlace(target, isRemoval: true), case .draft(let draft) = place.message else {
      return { _ in }
    }
    guard let field = place.field else {
      return { run in try run.remove(try place.segments(run), of: place) }
    }
    if case .mark(let mark) = place.repetition, place.component == nil {
      return { run in
        guard let segment = try place.segment(run), run.marks[mark + 1] > 0 else { return }
        let number = run.marks[mark + 1]
        try place.checkIsThere(segment, run)
        _ = try place.wholeField(run, segment)
        try place.editing(run) { try $0.removeRepetition(number, ofField: field, of: segment) }
        run.marks[mark + 1] = 0
      }
    }
    if place.component == nil { checkNotWalked(draft, place.code, field, target.span) }
    return { run in
      for segment in try place.segments(run) { try place.clear(segment, field, run) }
    }
  }
}

// MARK: - At run time

extension HL7Place {
  /// MSH-9 and MSH-12 tell the structure, ORC-1 an order from an earlier result.
  private var tellsGroups: Bool { code == .msh && (field == 9 || field == 12) || code == Run.orc && field == 1 }

  /// Changes the output that the place is in.
  func editing(_ run: Run, _ body: (inout HL7Draft) throws -> Void) throws {
    guard case .draft(let number) = message, run.drafts[number] != nil else { return }
    if tellsGroups { run.forgetOutline(of: number) }
    do {
      try run.edit(number, body)
    } catch let error as HL7EditError {
      throw unwritable(error)
    }
  }

  private func unwritable(_ error: HL7EditError) -> Interrupt {
    // A new MSH-18 makes other fields be written anew: then it is one of those that can't be.
    let isOther = error.segment != nil && error.segment != code || error.position?.field ?? field != field
    let reason = isOther ? error : HL7EditError(error.kind)
    return .failure(
      Failure(.stopping, .unwritable, "\(path) can't be written: \(reason)", at: span, path: path))
  }

  func write(_ content: HL7Content, _ draft: Int, _ field: Int, _ run: Run) throws {
    var found = try segment(run)
    if found == nil {
      if content.isEmpty { return }
      found = try added(draft, run)
    }
    guard let segment = found else { return }
    try checkIsThere(segment, run)
    if isOfLastGroup { try run.checkIsLast(segment, self) }
    if tellsGroups { run.forgetOutline(of: draft) }
    var position = HL7Position(field, component: component, subcomponent: subcomponent)
    var isCounted = false
    switch repetition {
    case .only where component == nil: break
    case .index(let number): position.repetition = number
    default:
      guard let number = try repetitionNumber(run, wholeField(run, segment)) else {
        throw Interrupt.failure(
          Failure(.stopping, .unwritable, "\(path) can't be written: there is no such repetition", at: span, path: path)
        )
      }
      position.repetition = number
      isCounted = true
    }
    var byteCount: Int?
    do throws(HL7EditError) {
      // In place: the draft is owned here alone, so that nothing of it is copied.
      byteCount = try run.drafts[draft]?.set(content, at: position, of: segment)
    } catch {
      throw unwritable(error)
    }
    // Where the field was not looked at before, it was while it was written.
    if !isCounted { try run.step(bytes: byteCount ?? 0, at: span) }
  }

  /// Makes the segment where the structure wants it; only where the place names the only one of its name.
  func added(_ draft: Int, _ run: Run) throws -> Int? {
    guard case .only = segment else {
      throw Interrupt.failure(
        Failure(
          .stopping, .unwritable, "\(path) can't be written: there is no such \(code)", at: span, path: path,
          help: ["\(owner).add \(code)"]))
    }
    return try run.add(
      Addition(
        code: code, message: message, group: within, around: around, placement: placement, name: owner,
        isStatement: false, span: span))
  }

  func clear(_ segment: Int, _ field: Int, _ run: Run) throws {
    try checkIsThere(segment, run)
    let whole = try wholeField(run, segment)
    if component != nil {
      guard !whole.isEmpty, let number = try repetitionNumber(run, whole) else { return }
      let position = HL7Position(field, repetition: number, component: component, subcomponent: subcomponent)
      return try editing(run) { try $0.set(.absent, at: position, of: segment) }
    }
    if case .only = repetition {
      return try editing(run) { try $0.set(.absent, at: HL7Position(field), of: segment) }
    }
    for number in try numbers(whole, run).reversed() {
      try run.step(bytes: whole.byteCount, at: span)
      try editing(run) { try $0.removeRepetition(number, ofField: field, of: segment) }
    }
  }

  /// The numbers of the repetitions that the place names.
  private func numbers(_ whole: HL7Piece, _ run: Run) throws -> [Int] {
    switch repetition {
    case .all: return Array(1...max(1, whole.repetitionCount))
    case .allWhere(let slot, let holds):
      var numbers: [Int] = []
      for (index, piece) in whole.repetitions.enumerated() {
        try run.step(at: span)
        run.slots[slot] = Datum(piece)
        if try holds(run) { numbers.append(index + 1) }
      }
      return numbers
    default: return try repetitionNumber(run, whole).map { [$0] } ?? []
    }
  }

  /// The field as it stands now, for a trace.
  func presentField(_ run: Run) throws -> Datum {
    guard let segment = try segment(run) else { return .absent }
    return Datum(run.field(field ?? 0, of: segment, in: message))
  }
}
