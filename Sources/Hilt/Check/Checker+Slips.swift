import HL7

/// What people write who come from other languages, as far as names and types must be known to say what they mean.
extension Checker {
  /// `x = PID-8`: a name that nothing has. It is taken for `let`, so that its uses are no mistakes.
  mutating func unnamed(_ target: Expression, _ expression: Expression) -> Execute? {
    guard case .name(let name) = target.kind, scope.find(name) == nil, !Self.reserved.contains(name),
      HL7SegmentCode(name) == nil
    else { return nil }
    problems.report(
      .unknownName, "'\(name)' is not known here", at: target.span,
      help: ["let \(name) = \(Self.short(source.text(expression.span)))"])
    _ = typed(expression)
    declare(Word(text: name, span: target.span), .broken)
    scope.use(name)
    return { _ in }
  }

  private static func short(_ text: String) -> String { text.utf8.count > 40 || text.contains("\n") ? "…" : text }

  /// `PID-8.length`, `o.OBX-3` where `o` is an OBX already, and other names behind a place.
  mutating func member(_ name: String, of place: HL7Place, _ step: Step) -> Cursor {
    let left = source.text(Span(Int(place.span.start), Int(step.span.start)))
    guard place.field == nil else {
      return brokenCursor(
        .path, "a field has components, written with a point and a number; it has no '\(name)'", at: step.span,
        help: [Self.functionFor(method: name, of: left) ?? "\(left).1"])
    }
    if name == "\(place.code)" {
      // The field behind it is what was meant.
      let end = Int(step.span.end)
      let digits = source.text(Span(end, end + 5)).dropFirst().prefix { $0.isASCII && $0.isNumber }
      return brokenCursor(
        .path, "'\(left)' is the \(name) already; its fields follow with a dash", at: step.span,
        help: ["\(left)-\(digits.isEmpty ? "1" : digits)"])
    }
    return brokenCursor(
      .path, "a segment has fields, written with a dash and a number; it has no '\(name)'", at: step.span,
      help: ["\(left)-1"])
  }

  /// The function that does what a method of other languages does.
  static func functionFor(method: String, of value: String) -> String? {
    switch method {
    case "toUpperCase", "upper", "toUpper": "upper(\(value))"
    case "toLowerCase", "lower", "toLower": "lower(\(value))"
    case "length", "size", "count": "length(\(value))"
    case "trim", "strip": "trim(\(value))"
    case "substring", "substr", "slice": "substring(\(value), …)"
    case "replace", "replaceAll": "replace(\(value), …, …)"
    case "split": "split(\(value), …)"
    case "contains", "includes", "indexOf": "contains(\(value), …)"
    case "startsWith", "starts_with": "starts_with(\(value), …)"
    case "endsWith", "ends_with": "ends_with(\(value), …)"
    case "padStart": "pad_left(\(value), …)"
    case "match", "test", "matches": "\(value) matches /…/"
    case "equals": "\(value) == …"
    case "join": "join(\(value)[*], …)"
    case "toString", "text": value
    default: nil
    }
  }

  /// `for x in out.PID-3[* where …] { x.1 = … }` of a place that names several.
  func walk(of target: Expression) -> String {
    let text = source.text(target.span)
    guard case .path(_, let steps) = target.kind,
      let many = steps.last(where: { if case .select(let selector) = $0.kind { selector.isMany } else { false } })
    else { return "for x in \(text) { … }" }
    let list = source.text(Span(Int(target.span.start), Int(many.span.end)))
    let rest = source.text(Span(Int(many.span.end), Int(target.span.end)))
    return "for x in \(list) { x\(rest) = … }"
  }

  /// How often each word stands in the program's own file.
  func wordCounts() -> [String: Int] {
    var counts: [String: Int] = [:]
    for word in source.bytes.split(whereSeparator: { !Lexer.isWord($0) }) {
      counts[String(decoding: word, as: UTF8.self), default: 0] += 1
    }
    return counts
  }
}

extension Selector {
  /// It names all that fit.
  fileprivate var isMany: Bool {
    switch self {
    case .all, .allWhere: true
    default: false
    }
  }
}
