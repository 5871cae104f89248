import HL7

/// Segments as values: one of a message, or one that the program puts together, is written as a whole.
extension Checker {
  /// What a segment is made of when it is written: its fields from the first; `nil` where there is no segment.
  typealias SegmentFields = @Sendable (Run) throws -> [HL7Content]?

  // MARK: Writing

  /// `out.PID = PID`, `out.NK1 = NK1[* where …]`
  mutating func assignSegment(_ place: HL7Place, _ target: Expression, _ expression: Expression) -> Execute {
    guard case .draft(let draft) = place.message else { return { _ in } }
    if walked.contains(where: { $0.isField(of: place.code, draft) }) {
      problems.report(
        .walked, "the loop around this walks a field of \(place.code); only its own repetition may change",
        at: target.span, help: ["write it behind the loop"])
    }
    if case .only = place.segment, place.within == nil, made[draft] != nil {
      checkPlace(place.code, of: place.message, nil, named: place.owner, at: target.span)
    }
    let value = segment(expression, place.code)
    if case .list(let element) = value.type { return assignSegments(value, element, place, draft) }
    guard value.type != .broken else { return { _ in } }
    warnOfSeveral(place)
    var place = place
    checkMade(&place, value)
    guard let fields = fields(of: value, place.code, written: source.text(target.span)) else { return { _ in } }
    let inputs = value.fieldReads ?? SegmentReads(others: scope.reads)
    return { [place] run in
      guard let contents = try fields(run) else { return try run.remove(try place.segments(run), of: place) }
      guard let segment = try place.segment(run) ?? place.added(draft, run) else { return }
      if place.isOfLastGroup { try run.checkIsLast(segment, place) }
      try place.write(contents, to: segment, run)
      if run.trace != nil { run.record(run.shown(segment, of: place), at: place.span) }
      run.observe(segment, draft, contents, from: inputs, at: place.span)
    }
  }

  /// A list takes the place of all segments of a name.
  private mutating func assignSegments(_ list: Typed, _ element: Type, _ place: HL7Place, _ draft: Int) -> Execute {
    let code = place.code
    guard case .only = place.segment else {
      mismatch(list, wanted: "one segment \(code)", help: ["\(code)[1]"])
      return { _ in }
    }
    var one = list
    one.type = element
    one.evaluate = { $0.argument }
    guard let fields = fields(of: one, code, written: source.text(place.span)), checkMany(place, list.span) else {
      return { _ in }
    }
    let (evaluate, inputs) = (list.evaluate, SegmentReads(others: scope.reads))
    return { run in
      guard case .list(let values) = try evaluate(run) else { return }
      // All are read before the first is written: they may be segments of the same output.
      let all = try values.compactMap { value in
        run.argument = value
        return try fields(run)
      }
      let old = try place.all(run)
      if !all.isEmpty { try run.checkReplaces(old, of: place) }
      try run.remove(old, of: place, keeping: all.isEmpty ? nil : old.first)
      var last: Int?
      for contents in all {
        let added: Int?
        if let last {
          added = try run.add(
            Addition(
              code: code, message: place.message, group: place.within, around: place.around,
              placement: .after { _ in last }, name: place.owner, span: place.span))
        } else {
          added = try old.first ?? place.added(draft, run)
        }
        guard let added else { return }
        try place.write(contents, to: added, run)
        run.observe(added, draft, contents, from: inputs, at: place.span)
        last = added
      }
      if run.trace != nil { run.record(.text("\(all.count) \(code)"), at: place.span) }
    }
  }

  /// A segment that stands once in every structure of the output takes no list; reported.
  private mutating func checkMany(_ place: HL7Place, _ span: Span) -> Bool {
    let holding = grammars(of: place.message).filter { !$0.leaves(of: place.code).isEmpty }
    let isSingle = holding.allSatisfy { grammar in
      grammar.leaves(of: place.code).allSatisfy { leaf in
        var next: Int? = grammar.leaves[leaf].group
        while let group = next {
          if grammar.groups[group].repeats { return false }
          next = grammar.groups[group].parent
        }
        return !grammar.leaves[leaf].repeats
      }
    }
    guard !holding.isEmpty, isSingle else { return true }
    problems.report(
      .repeats, "\(place.code) stands once in \(shown(holding)), and this is a list", at: span,
      help: ["\(place.code)[1]"])
    return false
  }

  /// What is written to a place where a segment is wanted: a record with the segment's name is that segment, though a
  /// data type may have the name too.
  mutating func segment(_ expression: Expression, _ code: HL7SegmentCode) -> Typed {
    if case .record(let type?, let entries) = expression.kind, type.text == code.description {
      return segmentRecord(code, entries, expression.span)
    }
    return typed(expression)
  }

  /// The fields of a value that is a segment of a name; reported, and `nil`, where it is none.
  ///
  /// - Parameter written: the place, as the program has it.
  mutating func fields(of value: Typed, _ code: HL7SegmentCode, written: String) -> SegmentFields? {
    let (evaluate, span) = (value.evaluate, value.span)
    switch value.type {
    case .broken: return nil
    case .never:
      return { run in
        _ = try evaluate(run)
        return nil
      }
    case .nothing:
      guard case .null? = value.constant else { return { _ in nil } }
      problems.report(
        .type, "a field is null, and no segment is", at: span, help: ["\(written) = absent", "remove \(written)"])
      return nil
    case .segment(let message, code):
      return { run in
        let segment = try evaluate(run).segmentID
        return run.isKnown(segment, in: message) ? try run.contents(of: segment, in: message, at: span) : nil
      }
    case .made(code, let message):
      return { run in
        let datum = try evaluate(run)
        if case .composite(let contents) = datum { return contents }
        guard let message, run.isKnown(datum.segmentID, in: message) else { return nil }
        return try run.contents(of: datum.segmentID, in: message, at: span)
      }
    case .segment(_, let other), .made(let other, _):
      mismatch(value, wanted: "a segment \(code)", help: ["\(code) { 1: \(other)-1, … }"])
    case .list:
      mismatch(value, wanted: "a segment \(code)", help: ["[1]", "for x in … { … }"])
    default:
      mismatch(value, wanted: "a segment \(code)", help: ["\(written)-1 = …", "\(code)", "\(code) { 1: … }"])
    }
    return nil
  }

  // MARK: Making

  /// One field, or one component of a field, of a segment that is put together.
  struct FieldPart: Sendable {
    var field: Int
    var component: Int?
    var isFormatted: Bool
    var span: Span
    var reads: [String]
    var evaluate: Evaluate
  }

  /// `NTE { 1: i, 3: [text] }`
  mutating func segmentRecord(_ code: HL7SegmentCode, _ entries: [Entry], _ span: Span) -> Typed {
    guard checkMakes(code, span), let parts = fieldParts(entries, of: code, isNew: true, span) else {
      return .broken(span)
    }
    var record = Typed(.made(code), at: span) { run in
      var contents: [HL7Content] = []
      for part in parts { try part.put(into: &contents, code, run) }
      return .composite(contents)
    }
    record.fieldReads = Self.reads(parts, others: [])
    return record
  }

  /// `PID with { 8: "M" }`: a copy with some fields changed.
  mutating func segmentWith(_ base: Typed, _ code: HL7SegmentCode, _ entries: [Entry], _ span: Span) -> Typed {
    let others = base.fieldReads ?? SegmentReads(others: scope.reads)
    guard checkMakes(code, base.span), let parts = fieldParts(entries, of: code, isNew: false, span),
      let fields = fields(of: base, code, written: "\(code)")
    else { return .broken(span) }
    var copy = Typed(.made(code), mayBeAbsent: base.mayBeAbsent, at: span) { run in
      guard var contents = try fields(run) else { return .absent }
      for part in parts { try part.put(into: &contents, code, run) }
      return .composite(contents)
    }
    copy.fieldReads = Self.reads(parts, others: others.others)
    copy.fieldReads?.fields.merge(others.fields) { changed, _ in changed }
    return copy
  }

  private static func reads(_ parts: [FieldPart], others: [String]) -> SegmentReads {
    var reads = SegmentReads(others: others)
    for part in parts {
      // Beside a component the others of the field stay.
      let kept = part.component == nil || reads.fields[part.field] != nil ? [] : reads.inputs(ofField: part.field)
      reads.fields[part.field, default: kept] += part.reads
    }
    return reads
  }

  private mutating func checkMakes(_ code: HL7SegmentCode, _ span: Span) -> Bool {
    guard code.declaresDelimiters else { return true }
    reportHeader(code, span)
    return false
  }

  /// E115: what declares the separators can't be exchanged.
  mutating func reportHeader(_ code: HL7SegmentCode, _ span: Span) {
    problems.report(
      .readOnly, "\(code) declares the message's separators, so it is not written as a whole", at: span,
      help: ["let out = copy msg", "out.\(code)-3 = …"])
  }

  /// - Parameter isNew: nothing stands there yet.
  private mutating func fieldParts(
    _ entries: [Entry], of code: HL7SegmentCode, isNew: Bool, _ span: Span
  ) -> [FieldPart]? {
    var parts: [FieldPart] = []
    var isBroken = false
    for entry in entries {
      guard let part = fieldPart(entry, of: code, isNew: isNew) else {
        isBroken = true
        continue
      }
      if parts.contains(where: { $0.field == part.field && $0.component == part.component }) {
        problems.report(.nameTwice, "this field is given twice", at: entry.keySpan)
      }
      parts.append(part)
    }
    // A whole field goes before its components.
    parts.sort { ($0.field, $0.component ?? 0) < ($1.field, $1.component ?? 0) }
    return isBroken ? nil : parts
  }

  private mutating func fieldPart(_ entry: Entry, of code: HL7SegmentCode, isNew: Bool) -> FieldPart? {
    guard case .component(let field, let component) = entry.key else {
      problems.report(.path, "a field is named by its number", at: entry.keySpan, help: ["1: …", "3.1: …"])
      return nil
    }
    guard field <= HL7Draft.fieldNumberMax, component ?? 1 <= HL7Draft.componentNumberMax else {
      problems.report(.path, "a field's number is from 1 to \(HL7Draft.fieldNumberMax)", at: entry.keySpan)
      return nil
    }
    // It is written to an output, whichever that will be.
    var place = HL7Place(message: .draft(-1), code: code, field: field, component: component, span: entry.keySpan)
    guard checkOutput(place) else { return nil }
    place.component = nil
    guard let kind = self.field(field, of: place, at: entry.keySpan) else { return nil }
    place.kind = kind
    if let component {
      guard isNew || !kind.repeats else {
        problems.report(
          .repeats, "\(code)-\(field) repeats, so the whole field is given", at: entry.keySpan,
          help: ["\(field): for x in \(code)-\(field)[*] => x with { \(component): … }"])
        return nil
      }
      guard let inner = self.component(component, of: place, at: entry.keySpan) else { return nil }
      place.component = component
      place.kind = inner
    }
    checkCodes(entry.value, place)
    warnOfOpen(entry.value, place.path, kept: isNew ? nil : place.path)
    let before = scope.reads
    scope.forgetReads()
    let value = typed(entry.value)
    let reads = scope.reads
    for read in before { scope.read(read) }
    guard checkWritable(value, place) else { return nil }
    return FieldPart(
      field: field, component: component, isFormatted: place.kind.isFormatted, span: entry.keySpan,
      reads: reads, evaluate: value.evaluate)
  }
}

extension Checker.FieldPart {
  /// - Parameter contents: the fields of the segment so far.
  fileprivate func put(into contents: inout [HL7Content], _ code: HL7SegmentCode, _ run: Run) throws {
    try run.step(at: span)
    let content = try evaluate(run).content(formatted: isFormatted)
    while contents.count < field { contents.append(.absent) }
    guard let component else {
      contents[field - 1] = content
      return
    }
    let before = Datum(contents[field - 1])
    var isSingle = true
    if case .piece(let piece) = before, piece.level == .field { isSingle = piece.repetitionCount <= 1 }
    if case .list = before { isSingle = false }
    guard isSingle else {
      throw Interrupt.failure(
        Failure(
          .stopping, .repeats, "\(code)-\(field) repeats in this message; a single value is needed here", at: span,
          path: "\(code)-\(field)", help: ["\(field): for x in \(code)-\(field)[*] => x with { \(component): … }"]))
    }
    var parts = before.parts
    while parts.count < component { parts.append(.absent) }
    parts[component - 1] = content
    contents[field - 1] = .parts(parts)
  }
}

extension Checker.Walked {
  fileprivate func isField(of code: HL7SegmentCode, _ draft: Int) -> Bool {
    if case .repetitions(draft, code, _) = self { true } else { false }
  }
}
