import FHIR
import HL7
import Messages
import Text

extension Checker {
  /// What a header's line says of what comes in or goes out.
  mutating func format(_ clause: FormatClause) -> HiltProgram.FormatClause {
    switch clause.format.text {
    case "delimited": return delimited(clause)
    case "fhir": return fhir(clause)
    case "json":
      return HiltProgram.FormatClause(format: .json, versionFrom: nil, versionUpTo: nil, structures: [])
    case "xml":
      return HiltProgram.FormatClause(format: .xml, versionFrom: nil, versionUpTo: nil, structures: [])
    case "dicom":
      return HiltProgram.FormatClause(format: .dicom, versionFrom: nil, versionUpTo: nil, structures: [])
    case "text", "bytes":
      var format = HiltProgram.FormatClause(
        format: clause.format.text == "text" ? .text : .bytes, versionFrom: nil, versionUpTo: nil, structures: [])
      format.charset = charset(clause.charset)
      return format
    default: return hl7(clause)
    }
  }

  /// `fhir r4 Bundle`
  private mutating func fhir(_ clause: FormatClause) -> HiltProgram.FormatClause {
    let names = clause.structures.compactMap { resourceName($0) }
    return HiltProgram.FormatClause(format: .fhir, versionFrom: "r4", versionUpTo: "r4", structures: names)
  }

  private mutating func charset(_ name: TextLiteral?) -> Charset {
    guard let name else { return .utf8 }
    if let charset = Charset(named: name.text) { return charset }
    let known = Charset.knownNames
    problems.report(
      .header, "there is no character set '\(name.text)'", at: name.span,
      help: nearest(name.text, among: known).map { ["did you mean '\($0)'?"] } ?? known)
    return .utf8
  }

  private mutating func delimited(_ clause: FormatClause) -> HiltProgram.FormatClause {
    var format = HiltProgram.FormatClause(format: .delimited, versionFrom: nil, versionUpTo: nil, structures: [])
    format.charset = charset(clause.charset)
    guard let said = clause.delimited else { return format }
    if let separator = said.separator {
      let bytes = Array(separator.text.utf8)
      if bytes.count == 1, bytes[0] == 0x09 || (0x20..<0x7F).contains(bytes[0]), bytes[0] != UInt8(ascii: "\"") {
        format.layout.separator = bytes[0]
      } else {
        problems.report(
          .header, "a separator is one character of ASCII or a tab, and not the quote", at: separator.span,
          help: ["\";\"", "\"\\t\""])
      }
    }
    format.layout.hasHeader = said.hasHeader
    if said.columns.isEmpty {
      problems.report(
        .header, "a delimited format names its columns", at: clause.span, help: ["columns mrn, family, given"])
    }
    for column in said.columns {
      checkSpelling(column.name)
      if format.layout.columns.contains(where: { $0.name == column.name.text }) || column.name.text == "index" {
        problems.report(.nameTwice, "there is a column '\(column.name.text)' already", at: column.name.span)
      }
      format.layout.columns.append(DelimitedLayout.Column(name: column.name.text, title: column.title))
    }
    return format
  }

  // MARK: What comes in

  /// `msg`, where it is not HL7.
  mutating func document(_ span: Span) -> Cursor {
    switch input?.format {
    case .text: return .value(Typed(.text, mayBeAbsent: true, at: span, path: "msg") { $0.content.textIfAny })
    case .bytes: return .value(Typed(.bytes, at: span, path: "msg") { $0.content })
    case .delimited: return .rows
    case .fhir: return resource(span)
    case .json where isExpression: return .value(Typed(.json, at: span, path: "msg") { try $0.document(at: span) })
    case .json: return .value(Typed(.json, at: span, path: "msg") { $0.content })
    case .xml: return .value(Typed(.element, at: span, path: "msg") { $0.content })
    case .dicom: return .value(object(span))
    default:
      return brokenCursor(
        .unsupported, "an expression does not look into this format yet", at: span,
        help: ["message.… and literals"])
    }
  }

  /// `msg.rows`
  mutating func rows(_ step: Step, _ span: Span) -> Cursor {
    guard case .member("rows") = step.kind else {
      return brokenCursor(.path, "a file of lines has rows", at: step.span, help: ["for row in msg.rows { … }"])
    }
    var fields = [Type.Field(name: "index", type: .number, mayBeAbsent: false, isLineNumber: true)]
    fields += (input?.layout.columns ?? []).map { Type.Field(name: $0.name, type: .text, mayBeAbsent: true) }
    return .value(Typed(.list(.fields(fields)), at: span, path: "msg.rows") { $0.content })
  }

  // MARK: What goes out

  /// A record without a type: values with names.
  mutating func fields(_ entries: [Entry], _ span: Span) -> Typed {
    var fields: [Type.Field] = []
    var evaluates: [Evaluable] = []
    var isBroken = false
    for entry in entries {
      let value = typed(entry.value)
      guard case .name(let name) = entry.key else { continue }
      if fields.contains(where: { $0.name == name }) {
        problems.report(.nameTwice, "'\(name)' is given twice", at: entry.keySpan)
      }
      isBroken = isBroken || value.type == .broken
      fields.append(Type.Field(name: name, type: value.type, mayBeAbsent: value.mayBeAbsent))
      evaluates.append(Evaluable(value.evaluate))
    }
    if isBroken { return .broken(span) }
    let all = evaluates
    return Typed(.fields(fields), at: span) { run in
      try run.step(bytes: all.count << 6, at: span)
      return .row(try all.map { try $0.evaluate(run) })
    }
  }

  /// What an `emit` gives: its format and how its bytes come about. Reported, and `nil`, where it is nothing that can
  /// go out, or that no `out` line names.
  mutating func output(_ value: Typed) -> (@Sendable (Run) throws -> Run.Output)? {
    let evaluate = value.evaluate
    switch value.type {
    case .message(let reference):
      guard gives(.hl7v2, at: value.span) else { return nil }
      if case .draft(let draft) = reference { copies[draft]?.isSent = true }
      return { run in
        _ = try evaluate(run)
        return .message(reference)
      }
    case .bytes:
      guard gives(.bytes, at: value.span) else { return nil }
      return { run in
        guard case .bytes(let bytes) = try evaluate(run) else { throw Failure.nothing(value) }
        return .content(.bytes, bytes)
      }
    case .object(let reference):
      guard gives(.dicom, at: value.span) else { return nil }
      return { run in
        _ = try evaluate(run)
        return reference.draft.map { .object($0) } ?? .input(.dicom)
      }
    case .element:
      guard gives(.xml, at: value.span) else { return nil }
      return xmlOutput(value)
    case .list(.fields(let fields)) where outputs.contains { $0.format == .delimited } || !givesJSON:
      guard gives(.delimited, at: value.span) else { return nil }
      return lines(value, fields)
    case .bundle(let bundle):
      return resourceOutput(value, "Bundle") { run, _ in RecordWriter.bytes(run.bundles[bundle], upTo: run.bytesLeft) }
    case .fhir(let kind) where kind.isResource && !(givesJSON && !outputs.contains { $0.format == .fhir }):
      return resourceOutput(value, kind.name) { run, datum in RecordWriter.bytes(datum, upTo: run.bytesLeft) }
    case .fhir(let kind) where !givesJSON:
      mismatch(value, wanted: "a resource", help: ["\(kind.name) is a part of one"])
      return nil
    case .placed, .json, .fhir, .fields, .list, .choice, .row, .number, .boolean:
      guard givesJSON else {
        misfit(value, help: [])
        return nil
      }
      return jsonOutput(value)
    case .broken, .never: return nil
    default:
      guard value.type.isTextual else {
        misfit(value, help: [])
        return nil
      }
      return textOutput(value)
    }
  }

  /// Whether JSON without a type goes out, besides others perhaps.
  var givesJSON: Bool { outputs.contains { $0.format == .json } }

  /// Where the value of an `emit` goes, if nothing but JSON without a type goes out.
  var emittedTarget: Target? {
    givesJSON && outputs.allSatisfy { $0.format == .json } ? Target(kind: .json, place: "what is emitted") : nil
  }

  private mutating func jsonOutput(_ value: Typed) -> (@Sendable (Run) throws -> Run.Output)? {
    guard let placing = jsonPlacing(value, value.type) else { return nil }
    let (evaluate, place) = (value.evaluate, placing.place)
    return { run in
      let datum = try evaluate(run)
      if datum.isAbsent { throw Failure.nothing(value) }
      if run.isInput(datum) { return .input(.json) }
      return .content(.json, RecordWriter.bytes(try place?(datum, run) ?? datum, upTo: run.bytesLeft))
    }
  }

  private func xmlOutput(_ value: Typed) -> @Sendable (Run) throws -> Run.Output {
    let (evaluate, declarations) = (value.evaluate, namespaces.declarations)
    return { run in
      let datum = try evaluate(run)
      guard case .element(let node) = datum else { throw Failure.nothing(value) }
      if run.isInput(datum) { return .input(.xml) }
      return .content(.xml, Self.bytes(node, declarations, upTo: run.bytesLeft))
    }
  }

  /// A resource of FHIR, which an `out` line must name.
  private mutating func resourceOutput(
    _ value: Typed, _ name: String, _ bytes: @escaping @Sendable (Run, Datum) -> [UInt8]
  ) -> (@Sendable (Run) throws -> Run.Output)? {
    let names = outputs.filter { $0.format == .fhir }.flatMap(\.structures)
    let isOpen = name == FHIRKind.resource && !names.isEmpty
    guard isOpen || names.contains(name) else {
      problems.report(
        .header, "this emits \(FHIRKind(name: name).shown), and no 'out' line says so", at: value.span,
        help: ["out fhir r4 \(name == FHIRKind.resource ? "Bundle" : name)"])
      return nil
    }
    let (evaluate, span) = (value.evaluate, value.span)
    let isBundle = if case .bundle = value.type { true } else { false }
    return { run in
      let datum = try evaluate(run)
      if !isBundle {
        guard datum.isValued else { throw Failure.nothing(value) }
        guard !isOpen || datum.resourceType.map(names.contains) == true else {
          throw Interrupt.failure(
            Failure(
              .stopping, .unwritable, "what is emitted here is another resource than the 'out' lines name", at: span,
              help: names.map { "out fhir r4 \($0)" }))
        }
      }
      return run.isInput(datum) ? .input(.fhir) : .content(.fhir, bytes(run, datum))
    }
  }

  /// What `emit` can't give, with what it takes by the 'out' lines.
  private mutating func misfit(_ value: Typed, help: [String]) {
    guard let format = outputs.first(where: { $0.format == .delimited }) else {
      guard outputs.isEmpty || outputs.contains(where: { $0.format == .hl7v2 }) else {
        let formats = outputs.map(\.format.rawValue)
        return mismatch(value, wanted: "what an 'out' line names (\(Self.either(formats)))", help: help)
      }
      return mismatch(value, wanted: "a message", help: ["emit msg", "let out = copy msg"] + help)
    }
    let columns = format.layout.columns
    let values = columns.prefix(3).map { "\($0.name): …" } + (columns.count > 3 ? ["…"] : [])
    let line = "{ " + values.joined(separator: ", ") + " }"
    mismatch(value, wanted: "a list of lines", help: ["emit [\(line)]", "emit for one in … => \(line)"])
  }

  private mutating func textOutput(_ value: Typed) -> (@Sendable (Run) throws -> Run.Output)? {
    let text = text(value)
    // A program that names no `out` gives HL7.
    if !outputs.contains(where: { $0.format == .text || $0.format == .bytes || $0.format == .json }) {
      misfit(value, help: ["out text"])
      return nil
    }
    let format = outputs.first { $0.format == .text }
    if format == nil, !outputs.contains(where: { $0.format == .bytes }) { return jsonOutput(text) }
    let (evaluate, charset, span) = (text.evaluate, format?.charset ?? .utf8, value.span)
    return { run in
      guard case .text(let text) = try evaluate(run) else { throw Failure.nothing(value) }
      do {
        return .content(format?.format ?? .bytes, try charset.encode(text))
      } catch {
        throw Interrupt.failure(Failure(.stopping, .unwritable, "the text can't be written: \(error)", at: span))
      }
    }
  }

  private mutating func lines(_ value: Typed, _ fields: [Type.Field]) -> (@Sendable (Run) throws -> Run.Output)? {
    guard let format = outputs.first(where: { $0.format == .delimited }) else {
      problems.report(
        .header, "no 'out' line says which columns a line has", at: value.span,
        help: ["out delimited columns \(fields.filter { !$0.isLineNumber }.map(\.name).joined(separator: ", "))"])
      return nil
    }
    let columns = format.layout.columns.map(\.name)
    checkColumns(fields, columns, value.span)
    let places = columns.map { column in fields.firstIndex { $0.name == column } }
    let kinds = fields.map(\.type)
    for (field, kind) in zip(fields, kinds)
    where !kind.isTextual && ![.number, .boolean, .stamp, .nothing].contains(kind) {
      problems.report(.type, "'\(field.name)' is \(kind.name); a text is wanted in a line", at: value.span)
    }
    let (evaluate, span, layout, charset) = (value.evaluate, value.span, format.layout, format.charset)
    return { run in
      guard case .list(let rows) = try evaluate(run) else { throw Failure.nothing(value) }
      let lines = try rows.map { row -> [String] in
        guard case .row(let values) = row else { return [] }
        return try places.map { place in
          guard let place else { return "" }
          let leaf = if case .content(let kind) = kinds[place] { kind.givesFirstLeaf } else { false }
          let text = try TextReading.text(values[place], firstLeaf: leaf, run: run, at: span, path: nil)
          if case .text(let text) = text { return text }
          return ""
        }
      }
      do {
        return .content(.delimited, try charset.encode(layout.text(of: lines)))
      } catch {
        throw Interrupt.failure(Failure(.stopping, .unwritable, "the lines can't be written: \(error)", at: span))
      }
    }
  }

  /// E502: what the output has no column for. A line's number is no part of what the line says.
  private mutating func checkColumns(_ fields: [Type.Field], _ columns: [String], _ span: Span) {
    let missing = fields.filter { !$0.isLineNumber && !columns.contains($0.name) }.map(\.name)
    guard let first = missing.first else { return }
    let near = missing.count == 1 ? nearest(first, among: columns) : nil
    let names = missing.map { "'\($0)'" }.joined(separator: ", ")
    problems.report(
      .tableColumn, "the output has no column\(missing.count == 1 ? "" : "s") \(names)", at: span,
      help: near.map { ["did you mean '\($0)'?"] } ?? ["its columns: \(columns.joined(separator: ", "))"])
  }

  /// Whether the program says that it gives this; reported where not. One that says nothing gives HL7.
  private mutating func gives(_ format: Format, at span: Span) -> Bool {
    if outputs.isEmpty ? format == (input?.format ?? .hl7v2) : outputs.contains(where: { $0.format == format }) {
      return true
    }
    problems.report(
      .header, "this emits \(format.rawValue), and no 'out' line says so", at: span,
      help: ["out \(format == .hl7v2 ? "hl7 2.5.1" : format.rawValue)"])
    return false
  }
}

extension Failure {
  /// What was to go out is not there.
  fileprivate static func nothing(_ value: Typed) -> Interrupt {
    .failure(Failure(.stopping, .unwritable, "what is emitted here is absent", at: value.span, path: value.path))
  }
}

extension Datum {
  /// A text of nothing is absent.
  fileprivate var textIfAny: Datum {
    if case .text("") = self { return .absent }
    return self
  }
}
