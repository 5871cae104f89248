import HL7
import Text

/// Values of JSON: what goes out as it is written, what came in as it shows at run time.
extension Checker {
  /// `{ name: …, items: […] }` where JSON is wanted.
  mutating func jsonRecord(_ entries: [Entry], _ span: Span) -> Typed {
    var members: [Member] = []
    var isBroken = false
    for entry in entries {
      guard case .name(let name) = entry.key else {
        _ = typed(entry.value)
        problems.report(.json, "keys of JSON are names, and no numbers", at: entry.keySpan, help: ["{ name: … }"])
        isBroken = true
        continue
      }
      if members.contains(where: { $0.key.name == name }) {
        problems.report(.nameTwice, "'\(name)' is given twice", at: entry.keySpan)
      }
      let value = typed(entry.value, for: Target(kind: .json, place: "'\(name)'"))
      if value.type == .broken { isBroken = true }
      members.append(Member(key: Record.Key(name), evaluate: value.evaluate))
    }
    if isBroken { return .broken(span) }
    let (keys, all) = (members.map(\.key), members.map { Evaluable($0.evaluate) })
    return Typed(.placed, at: span) { run in
      try run.step(bytes: keys.count << 5, at: span)
      return .record(Record(resource: nil, keys: keys, values: try all.map { try $0.evaluate(run) }))
    }
  }

  /// Of an expression that stands alone: a text, a number or a boolean as it is written; anything else is absent.
  func scalar(_ value: Typed) -> Typed {
    let evaluate = value.evaluate
    var text = value
    text.type = .text
    text.evaluate = { run in
      guard case .json(let node) = try evaluate(run) else { return .absent }
      if let text = node.text ?? node.number { return .text(text) }
      return node.boolean.map { .text($0 ? "true" : "false") } ?? .absent
    }
    return text
  }

  /// How a value of a type is written as JSON; reported, and `nil`, where it can't be.
  mutating func jsonPlacing(_ value: Typed, _ type: Type) -> Placing? {
    guard let place = jsonForm(value, type) else { return nil }
    return Placing(type: .placed, place: { datum, run in datum.isNull ? .null : try place(datum, run) })
  }

  private mutating func jsonForm(_ value: Typed, _ type: Type) -> (@Sendable (Datum, Run) throws -> Datum)? {
    let (span, path) = (value.span, value.path)
    switch type {
    case .text, .number, .boolean, .json, .fhir, .placed, .nothing: return { datum, _ in datum }
    case .attribute, .personName: return { datum, _ in datum }
    case .content(let kind):
      guard checkText(value, kind) else { return nil }
      let firstLeaf = kind.givesFirstLeaf
      return { datum, run in
        switch try TextReading.text(datum, firstLeaf: firstLeaf, run: run, at: span, path: path) {
        case .absent: .absent
        case .null: .null
        case .text(let text): .text(text)
        }
      }
    case .stamp:
      return { datum, _ in
        guard case .stamp(let stamp) = datum else { return datum }
        return .text(stamp.iso())
      }
    case .time:
      return { datum, _ in
        guard case .time(let time) = datum else { return datum }
        return .text(time.iso)
      }
    case .choice: return { datum, _ in if case .choice(let choice) = datum { choice.value } else { datum } }
    case .list(let element):
      guard let form = jsonForm(value, element) else { return nil }
      return { datum, run in
        guard case .list(let values) = datum else { return datum }
        try run.step(bytes: values.count << 6, at: span)
        return .list(try values.filter { !$0.isAbsent }.map { $0.isNull ? .null : try form($0, run) })
      }
    case .fields(let fields):
      return rowForm(fields.map { ($0.name, $0.type) }, value)
    case .row(let table): return rowForm(tables[table].columns.map { ($0, Type.text) }, value)
    default:
      var help: [String] = []
      if value.type == .element { help = ["value(\(shown(value)), \".\")"] }
      if value.type == .list(.element) { help = ["for e in \(shown(value)) => value(e, \".\")"] }
      mismatch(value, wanted: "a value that JSON can hold", help: help)
      return nil
    }
  }

  private mutating func rowForm(
    _ fields: [(name: String, type: Type)], _ value: Typed
  ) -> (@Sendable (Datum, Run) throws -> Datum)? {
    var forms: [@Sendable (Datum, Run) throws -> Datum] = []
    for field in fields {
      guard let form = jsonForm(value, field.type) else { return nil }
      forms.append(form)
    }
    let (keys, all, span) = (fields.map { Record.Key($0.name) }, forms, value.span)
    return { datum, run in
      guard case .row(let values) = datum else { return datum }
      try run.step(bytes: values.count << 5, at: span)
      let placed = try zip(values, all).map { value, form in value.isValued ? try form(value, run) : value }
      return .record(Record(resource: nil, keys: keys, values: placed))
    }
  }
}
