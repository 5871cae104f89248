extension Checker {
  /// A pattern where one is wanted; `nil` where it is none, or none that can be read.
  ///
  /// - Parameter numbersGroups: groups without a name are parts too.
  mutating func pattern(_ expression: Expression, numbersGroups: Bool = false) -> Pattern? {
    guard case .pattern(let text) = expression.kind else {
      let value = typed(expression)
      mismatch(value, wanted: "a pattern", help: ["/…/"])
      return nil
    }
    do {
      let pattern = try Pattern(Array(text.utf8), numbersGroups: numbersGroups)
      patternSize += pattern.instructions.count
      guard patternSize <= Self.patternSizeMax else {
        problems.report(
          .pattern, "the patterns of this program are too large together, once their counts are written out",
          at: expression.span)
        return nil
      }
      return pattern
    } catch {
      // Behind the slash.
      let start = Int(expression.span.start) + 1
      problems.report(
        .pattern, error.message, at: Span(start + error.range.lowerBound, start + error.range.upperBound),
        help: error.help)
      return nil
    }
  }

  /// `extract(text, /(?<year>\d{4})/)`: the parts by their names.
  mutating func extract(_ call: Call) -> Typed {
    let value = call[0].map { argument(typed($0), .text) } ?? .broken(call.span)
    guard let expression = call[1], let pattern = pattern(expression), value.type != .broken else {
      return .broken(call.span)
    }
    guard !pattern.names.isEmpty else {
      return broken(.pattern, "this pattern names no part", at: expression.span, help: ["(?<name>…)"])
    }
    let (evaluate, span) = (value.evaluate, call.span)
    let fields = pattern.names.map { Type.Field(name: $0, type: .text) }
    return Typed(.fields(fields), mayBeAbsent: true, at: span) { run in
      let datum = try evaluate(run)
      guard case .text(let text) = datum else { return datum }
      var parts: [Datum] = []
      try run.search(pattern, in: text, wantsParts: true, at: span) { bytes, slots in
        parts = pattern.names.indices.map { part in
          let (start, end) = (Int(slots[2 * part + 2]), Int(slots[2 * part + 3]))
          // A part that is empty is no text of a message.
          return start >= 0 && start < end ? .text(String(decoding: bytes[start..<end], as: UTF8.self)) : .absent
        }
        return false
      }
      return parts.isEmpty ? .absent : .row(parts)
    }
  }

  /// `split(text, /…/)`: the parts between matches. A match of nothing separates nothing.
  mutating func split(_ call: Call) -> Typed {
    guard case .pattern? = call[1]?.kind else { return plain(call, .two(Function.split)) }
    let pattern = call[1].flatMap { self.pattern($0) }
    let value = call[0].map { argument(typed($0), .text) } ?? .broken(call.span)
    guard let pattern, value.type != .broken else { return .broken(call.span) }
    let (evaluate, span) = (value.evaluate, call.span)
    return Typed(.list(.text), mayBeAbsent: value.mayBeAbsent, at: span) { run in
      let datum = try evaluate(run)
      guard case .text(let text) = datum else { return datum }
      let bytes = Array(text.utf8)
      var parts: [Datum] = []
      var end = 0
      func part(_ upTo: Int) {
        parts.append(end < upTo ? .text(String(decoding: bytes[end..<upTo], as: UTF8.self)) : .absent)
      }
      try run.search(pattern, in: text, wantsParts: true, at: span) { _, slots in
        guard slots[1] > slots[0] else { return true }
        part(Int(slots[0]))
        end = Int(slots[1])
        return true
      }
      part(bytes.count)
      try run.step(bytes: parts.count << 6, at: span)
      return .list(parts)
    }
  }

  /// One of several named values: `row.ward`.
  mutating func field(_ value: Typed, _ fields: [Type.Field], _ name: String, _ step: Span, _ span: Span) -> Cursor {
    guard let index = fields.firstIndex(where: { $0.name == name }) else {
      let names = fields.map(\.name)
      return brokenCursor(
        .unknownName, "there is no '\(name)' in it", at: step,
        help: nearest(name, among: names).map { ["did you mean '\($0)'?"] } ?? names.map { ".\($0)" })
    }
    let evaluate = value.evaluate
    let field = fields[index]
    let mayBeAbsent = (field.mayBeAbsent || value.mayBeAbsent) && !isFact(span)
    return .value(
      Typed(field.type, mayBeAbsent: mayBeAbsent, at: span, path: value.path.map { "\($0).\(name)" }) { run in
        guard case .row(let values) = try evaluate(run), values.indices.contains(index) else {
          return if case .list = field.type { .list([]) } else { .absent }
        }
        return values[index]
      })
  }
}

extension Pattern {
  /// Whether it is found in a text.
  func isFound(in value: Typed) -> Holds {
    let (evaluate, span) = (value.evaluate, value.span)
    return { run in
      guard case .text(let text) = try evaluate(run) else { return false }
      return try run.search(self, in: text, wantsParts: false, at: span)
    }
  }
}
