import DICOM
import FHIR
import HL7

extension Checker {
  /// One component of a record, compiled.
  struct Part: Sendable {
    var component: Int
    var subcomponent: Int?
    var evaluate: Evaluate
  }

  /// `XPN { 1.1: …, 2: … }`
  mutating func record(_ type: Word?, _ entries: [Entry], _ span: Span) -> Typed {
    if type == nil, entries.allSatisfy({ if case .name = $0.key { true } else { false } }), !entries.isEmpty {
      return fields(entries, span)
    }
    if let type, type.text == "PN", knowsDICOM, entries.allSatisfy({ if case .name = $0.key { true } else { false } }) {
      return personName(entries, span)
    }
    if let type, !HL7Tables.typeNames.contains(type.text) {
      if let known = typeOfFHIR(type.text) { return object(known, entries, span) }
      if let code = HL7SegmentCode(type.text), code.isLocal || HL7Tables.segment(code) != nil {
        return segmentRecord(code, entries, span)
      }
      return unknownType(type, entries)
    }
    var kind = Kind.unknown
    if let type {
      guard let known = dataType(type) else { return .broken(span) }
      kind = known
    }
    guard let parts = parts(entries, of: kind, type?.text ?? "") else { return .broken(span) }
    return Typed(.composite(kind), at: span) { run in
      var contents: [HL7Content] = []
      for part in parts {
        let change = Splice.Change(
          component: part.component, subcomponent: part.subcomponent,
          content: try part.evaluate(run).content(formatted: false))
        try Self.put(change, into: &contents, run, at: span)
      }
      return Datum(HL7Content.parts(contents))
    }
  }

  /// Neither HL7 nor FHIR has a type of this name: capitals are HL7's.
  private mutating func unknownType(_ type: Word, _ entries: [Entry]) -> Typed {
    for entry in entries { _ = typed(entry.value) }
    let isHL7 = type.text.utf8.allSatisfy { !(0x61...0x7A).contains($0) }
    let names = isHL7 ? HL7Tables.typeNames : FHIRTables.resourceNames + FHIRTables.typeNames
    let near = nearest(type.text, among: names)
    return broken(
      isHL7 ? .unknownName : .unknownType,
      isHL7 ? "HL7 has no data type '\(type.text)'" : "R4 has no resource or type '\(type.text)'", at: type.span,
      help: near.map { ["did you mean '\($0)'?"] } ?? [], meant: isHL7 ? nil : surelyMeant(type.text, among: names))
  }

  /// `id with { 1: trim(id.1) }`: a copy with some components changed. What is absent or null stays so.
  mutating func with(_ base: Expression, _ entries: [Entry], _ span: Span) -> Typed {
    let value = typed(base)
    switch value.type {
    case .segment(_, let code), .made(let code, _): return segmentWith(value, code, entries, span)
    case .fhir(let kind): return objectWith(value, kind, entries, span)
    case .personName: return personName(entries, span, over: value)
    case .broken:
      // What it is made of isn't known, and so neither is what its parts may be called.
      for entry in entries { _ = typed(entry.value) }
      return .broken(span)
    default: break
    }
    let kind = if case .content(let kind) = value.type { kind } else { Kind.unknown }
    let parts = parts(entries, of: kind, source.text(base.span), isCopy: true)
    switch value.type {
    case .content(let kind) where kind.repeats:
      reportRepeats(source.text(value.span), "", kind, at: value.span)
      return .broken(span)
    case .content, .composite, .nothing: break
    default:
      mismatch(value, wanted: "a composite", help: ["id with { 1: … }"])
      return .broken(span)
    }
    guard let parts else { return .broken(span) }
    let evaluate = value.evaluate
    let repeats = Failure(
      .stopping, .repeats, "\(value.path ?? "this field") repeats in this message; a single value is needed here",
      at: base.span, path: value.path, help: value.path.map { ["for x in \($0)[*] => x with { … }"] } ?? [])
    return Typed(.composite(kind), mayBeAbsent: value.mayBeAbsent, at: span, path: value.path) { run in
      let datum = try evaluate(run)
      guard datum.isValued else { return datum }
      if case .piece(let piece) = datum, piece.level == .field, piece.repetitionCount > 1 {
        throw Interrupt.failure(repeats)
      }
      let changes = try parts.map { part in
        Splice.Change(
          component: part.component, subcomponent: part.subcomponent,
          content: try part.evaluate(run).content(formatted: false))
      }
      if case .piece(let piece) = datum {
        try run.step(bytes: piece.byteCount, at: span)
        if let copy = Splice.copy(piece, changes) { return Datum(copy) }
      }
      var contents = datum.parts
      for change in changes { try Self.put(change, into: &contents, run, at: span) }
      return Datum(HL7Content.parts(contents))
    }
  }

  /// - Parameters:
  ///   - kind: what the components belong to.
  ///   - path: how it is called.
  ///   - isCopy: something stands there already.
  private mutating func parts(
    _ entries: [Entry], of kind: Kind, _ path: String, isCopy: Bool = false
  ) -> [Part]? {
    var parts: [Part] = []
    var isBroken = false
    for entry in entries {
      let value = typed(entry.value)
      guard case .component(let component, let subcomponent) = entry.key else {
        problems.report(
          .path, "a component is named by its number", at: entry.keySpan, help: ["1: …", "1.1: …"])
        isBroken = true
        continue
      }
      guard component <= HL7Draft.componentNumberMax, subcomponent ?? 1 <= HL7Draft.componentNumberMax else {
        problems.report(
          .path, "a component's number is from 1 to \(HL7Draft.componentNumberMax)", at: entry.keySpan)
        isBroken = true
        continue
      }
      var (inner, name): (Kind?, String) = (kind, path)
      for number in [component, subcomponent].compactMap(\.self) {
        inner = inner.flatMap { self.component(number, of: $0, name, warns: false, at: entry.keySpan) }
        name += ".\(number)"
      }
      isBroken = isBroken || inner == nil
      if parts.contains(where: { $0.component == component && $0.subcomponent == subcomponent }) {
        problems.report(.nameTwice, "this component is given twice", at: entry.keySpan)
      }
      guard writable(value), fits(value, inner, name) else {
        isBroken = true
        continue
      }
      warnOfOpen(entry.value, name, kept: isCopy ? name : nil)
      parts.append(Part(component: component, subcomponent: subcomponent, evaluate: value.evaluate))
    }
    // A stable order, so that what is written left to right can be copied in one pass.
    parts.sort { ($0.component, $0.subcomponent ?? 0) < ($1.component, $1.subcomponent ?? 0) }
    return isBroken ? nil : parts
  }

  /// Whether a value can be written to a place; reported where not.
  ///
  /// - Parameter whole: the place is a whole field, which takes what repeats as it is.
  mutating func writable(_ value: Typed, whole: Bool = false) -> Bool {
    if value.type == .broken { return false }
    if !whole, case .content(let kind) = value.type, kind.repeats {
      reportRepeats(source.text(value.span), "", kind, at: value.span)
      return false
    }
    if value.type.isWritable { return true }
    switch value.type {
    case .boolean: mismatch(value, wanted: "a text", help: ["if … then \"Y\" else \"N\""])
    case .list: mismatch(value, wanted: "a single value", help: ["[1]"])
    case .row(let table): mismatch(value, wanted: "a text", help: tables[table].columns.map { ".\($0)" })
    case .json: mismatch(value, wanted: "a text", help: ["text(\(source.text(value.span))) catch …"])
    default: mismatch(value, wanted: "a text or a record")
    }
    return false
  }

  private static func put(
    _ change: Splice.Change, into contents: inout [HL7Content], _ run: Run, at span: Span
  ) throws {
    try run.step(at: span)
    while contents.count < change.component { contents.append(.absent) }
    guard let subcomponent = change.subcomponent else {
      contents[change.component - 1] = change.content
      return
    }
    var inner = Datum(contents[change.component - 1]).subcomponents
    while inner.count < subcomponent { inner.append(.absent) }
    inner[subcomponent - 1] = change.content
    contents[change.component - 1] = .parts(inner)
  }

  /// `copy msg`
  mutating func copy(_ value: Expression, _ span: Span) -> Typed {
    let message = typed(value)
    if case .object(let reference) = message.type { return copy(message, reference, span) }
    guard case .message(let reference) = message.type else {
      mismatch(message, wanted: "a message", help: ["copy msg"])
      return .broken(span)
    }
    let draft = layout.draftCount
    layout.draftCount += 1
    madeOf[draft] = grammars(of: reference)
    if case .input = reference { copies[draft] = CopyMade(span: span) }
    return Typed(.message(.draft(draft)), at: span) { run in
      switch reference {
      case .input: run.drafts[draft] = run.input.map { HL7Draft($0) }
      case .original: run.drafts[draft] = HL7Draft(try Run.there(run.original, "original", at: span))
      case .sent: run.drafts[draft] = HL7Draft(try Run.there(run.sent, "sent", at: span))
      case .draft(let other): run.drafts[draft] = run.drafts[other]
      }
      run.begin(draft, isNew: false)
      if run.observed != nil { run.observed?.begin(draft, as: reference.draft) }
      return .absent
    }
  }
}

extension Checker {
  /// `copy msg` of DICOM.
  private mutating func copy(_ value: Typed, _ reference: DataSetReference, _ span: Span) -> Typed {
    let number = newObject()
    let evaluate = value.evaluate
    return Typed(.object(.draft(number)), at: span) { run in
      _ = try evaluate(run)
      if let other = reference.draft, let draft = run.objects[other]?.draft { return run.begin(object: number, draft) }
      return run.begin(object: number, DICOMDraft(try run.object(at: span).dataSet))
    }
  }
}

extension Run {
  /// A message beside the one that came, which may not have been given.
  fileprivate static func there(_ message: HL7Message?, _ name: String, at span: Span) throws -> HL7Message {
    if let message { return message }
    throw Interrupt.failure(
      Failure(.stopping, .unwritable, "there is no message '\(name)' here, and so no copy of it", at: span))
  }
}

extension Datum {
  /// The subcomponents of a component.
  var subcomponents: [HL7Content] {
    switch self {
    case .piece(let piece): piece.subcomponents.map { .piece($0) }
    case .composite(let parts): parts
    case .absent, .null: []
    default: [content(formatted: false)]
    }
  }
}
