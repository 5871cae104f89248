import HL7

extension Checker {
  /// A name or path as a value.
  mutating func pathValue(_ expression: Expression) -> Typed {
    let cursor = cursor(expression)
    return value(cursor, expression)
  }

  /// What a cursor has come to, as a value.
  mutating func value(_ cursor: Cursor, _ expression: Expression) -> Typed {
    switch cursor {
    case .value(var value):
      value.span = expression.span
      return narrowed(value, canonical(expression))
    case .place(var place):
      place.span = expression.span
      return read(place, expression)
    case .group(let group):
      let find = group.find
      return Typed(.group(group.type), mayBeAbsent: true, at: expression.span) { run in
        try find(run).map { .group($0) } ?? .absent
      }
    case .message(let message):
      return Typed(.message(message), at: expression.span) { _ in .absent }
    case .table(let table):
      return broken(
        .type, "a table is looked up with its key", at: expression.span, help: ["\(tables[table].name)[…]"])
    case .attribute(let names): return attributeValue(names, expression.span)
    case .rows:
      return broken(.type, "a file of lines is read row by row", at: expression.span, help: ["msg.rows"])
    case .many(var list):
      list.span = expression.span
      return list
    case .bundle(let bundle): return Typed(.bundle(bundle), at: expression.span) { _ in .absent }
    case .element(var place):
      place.span = expression.span
      return value(of: place)
    case .bundleCall(_, let word):
      return broken(
        .unknownFunction, "'\(word.text)' is called with its values in parentheses", at: expression.span)
    case .library, .function:
      return broken(
        .unknownFunction, "a function of a library is called with its values in parentheses", at: expression.span,
        help: ["names.of_person(…)"])
    case .broken: return .broken(expression.span)
    }
  }

  /// Reads a place: a single value, or a list where it names several.
  private mutating func read(_ place: HL7Place, _ expression: Expression) -> Typed {
    let span = expression.span
    switch place.message {
    case .input: scope.read(place.path)
    case .original: scope.read("original.\(place.path)")
    case .sent: scope.read("sent.\(place.path)")
    case .draft: break
    }
    guard place.field != nil else { return readSegment(place, span) }
    if checkSingle(place) { return .broken(span) }
    var kind = place.kind
    if case .only = place.repetition {} else { kind.repeats = false }
    let element = Type.content(kind)
    if place.segment.isMany {
      return Typed(.list(element), at: span, path: place.path) { run in
        var values: [Datum] = []
        for segment in try place.segments(run) {
          if place.repetition.isMany {
            values.append(contentsOf: try place.readAll(run, segment))
          } else {
            values.append(try place.read(run, segment))
          }
        }
        return .list(values)
      }
    }
    if place.repetition.isMany {
      return Typed(.list(element), at: span, path: place.path) { run in
        guard let segment = try place.segment(run) else { return .list([]) }
        return .list(try place.readAll(run, segment))
      }
    }
    let isKnown = !place.message.isDraft && facts.contains(canonical(expression))
    var value = Typed(element, mayBeAbsent: !isKnown, at: span, path: place.path) { try place.read($0) }
    value.isRequired = place.isRequired
    return value
  }

  /// A segment as a value is its id; only loops, `let` and paths look at it.
  private mutating func readSegment(_ place: HL7Place, _ span: Span) -> Typed {
    let element = Type.segment(place.message, place.code)
    if !place.segment.isMany, checkSingle(place) { return .broken(span) }
    if place.segment.isMany {
      return Typed(.list(element), at: span, path: place.path) { run in
        .list(try place.segments(run).map { .number(Decimal($0)) })
      }
    }
    return Typed(element, mayBeAbsent: true, at: span, path: place.path) { run in
      try place.segment(run).map { .number(Decimal($0)) } ?? .absent
    }
  }

  // MARK: Tables

  /// `wards[PV1-3.1]`
  mutating func lookup(_ number: Int, _ step: Step, _ span: Span) -> Cursor {
    let table = tables[number]
    guard case .select(.keys(let expressions)) = step.kind else {
      return brokenCursor(
        .type, "a table is looked up with its key", at: step.span, help: ["\(table.name)[…]"])
    }
    guard expressions.count == table.keyCount else {
      return brokenCursor(
        .arguments, "'\(table.name)' has \(table.keyCount) key columns, not \(expressions.count)", at: step.span)
    }
    let values = expressions.map { typed($0) }
    let keys = values.map { text($0) }
    if keys.contains(where: { $0.type == .broken }) { return .broken }
    checkKeys(values, table, span)
    if case .fails = table.missing {
      unhandled.append(Unhandled(what: "\(table.name)[…]", span: span))
    }
    let mayBeAbsent = keys.contains { $0.mayBeAbsent }
    let type: Type = table.columns.count == 1 ? .text : .row(number)
    let all = keys.map { Evaluable($0.evaluate) }
    return .value(
      Typed(type, mayBeAbsent: mayBeAbsent || table.hasEmptyValues, at: span) { run in
        try run.step(at: span)
        var texts: [String] = []
        for key in all {
          switch try key.evaluate(run) {
          case .text(let text): texts.append(text)
          case .null: return .null
          default: return .absent
          }
        }
        return try table.find(texts, run, at: span)
      })
  }

  /// `wards[x].name`
  mutating func column(_ value: Typed, _ number: Int, _ name: String, _ step: Span, _ span: Span) -> Cursor {
    let table = tables[number]
    guard let index = table.columns.firstIndex(of: name) else {
      let near = nearest(name, among: table.columns)
      return brokenCursor(
        .tableColumn, "'\(table.name)' gives no column '\(name)'", at: step,
        help: near.map { ["did you mean '\($0)'?"] } ?? table.columns)
    }
    let evaluate = value.evaluate
    return .value(
      Typed(.text, mayBeAbsent: value.mayBeAbsent || table.hasEmptyValues, at: span) { run in
        switch try evaluate(run) {
        case .row(let values): return values[index]
        case .null: return .null
        default: return .absent
        }
      })
  }

  // MARK: What the engine knows

  /// `message.source.file.name`
  mutating func attribute(_ names: [String], _ step: Step) -> Cursor {
    switch step.kind {
    case .member(let name): return .attribute(names + [name])
    case .select(.keys(let keys)):
      if keys.count == 1, case .text(let parts) = keys[0].kind, parts.count == 1, case .literal(let name) = parts[0] {
        return .attribute(names + [name])
      }
      return brokenCursor(.constant, "a name in quotes is wanted here", at: step.span, help: ["[\"X-Site\"]"])
    default: return brokenCursor(.path, "what the engine knows has names, not numbers", at: step.span)
    }
  }

  mutating func attributeValue(_ names: [String], _ span: Span) -> Typed {
    let path = names.joined(separator: ".")
    if names.count == 1 {
      return broken(.type, "a name is wanted behind '\(path)'", at: span, help: ["\(path).id"])
    }
    let keys = Array(names.dropFirst())
    if names[0] == "meta" {
      return Typed(.attribute, mayBeAbsent: true, at: span, path: path) {
        try Attributes.find(keys, in: $0.meta, at: span)
      }
    }
    guard Attributes.isKnown(keys) else {
      let near = nearest(path, among: Attributes.known.map { "message." + $0 })
      return broken(
        .unknownName, "the engine knows no '\(path)'", at: span,
        help: near.map { ["did you mean '\($0)'?"] } ?? Attributes.known.map { "message." + $0 },
        meant: source.text(span) == path ? surelyMeant(path, among: Attributes.known.map { "message." + $0 }) : nil)
    }
    if keys == ["received"] {
      let zone = zone
      return Typed(.stamp, mayBeAbsent: true, at: span, path: path) { run in
        Attributes.received(run.attributes, in: zone)
      }
    }
    return Typed(.attribute, mayBeAbsent: true, at: span, path: path) { run in
      try Attributes.find(keys, in: run.attributes, at: span)
    }
  }
}
