import FHIR
import HL7

extension Checker {
  /// Checks and compiles an expression.
  mutating func typed(_ expression: Expression) -> Typed {
    depth += 1
    deepest = max(deepest, depth)
    defer { depth -= 1 }
    // Operators in a row lie in one another as deep as the row is long: what compiles them takes little of the stack.
    guard case .binary(let left, let word, let right) = expression.kind else { return operand(expression) }
    switch word.text {
    case "+", "-", "*", "/": return arithmetic(left, word, right, expression.span)
    case "??": return alternative(left, right, expression.span)
    default: return logical(expression)
    }
  }

  private mutating func operand(_ expression: Expression) -> Typed {
    let span = expression.span
    switch expression.kind {
    case .text(let parts): return interpolation(parts, span)
    case .number(let text):
      guard let number = Decimal(text) else {
        return broken(.constant, "a number has up to \(Decimal.digitsMax) digits", at: span)
      }
      return .constant(.number(number), .number, at: span)
    case .boolean(let flag): return .constant(.boolean(flag), .boolean, at: span)
    case .duration(let text): return duration(text, span)
    case .absent: return absent(.absent, span)
    case .null: return absent(.null, span)
    case .pattern:
      return broken(
        .type, "a pattern is no value by itself", at: span, help: ["… matches /…/", "extract(…, /…/)"])
    case .list(let values): return sized(list(values, span))
    case .record(let type, let entries): return sized(record(type, entries, span))
    case .selected, .name, .path: return pathValue(expression)
    case .call(let function, let arguments): return sized(call(function, arguments, span))
    case .named(_, let value): return typed(value)
    case .quantifier(let kind, let head): return quantifier(kind, head, span)
    case .keyed(let word, let head, let key, let descends): return sized(keyed(word, head, key, descends, span))
    case .copy(let value): return copy(value, span)
    case .new(let name, let entries): return new(name, entries, span)
    case .groups(let root, let name): return groups(of: root, name, span)
    case .addition(let root, let name, let position): return addition(to: root, name, position, [], span)
    case .filled(let addition, let segment):
      guard case .addition(let root, let name, let position) = addition.kind else { return .broken(span) }
      return self.addition(to: root, name, position, [], filling: segment, span)
    case .with(let base, let entries):
      if case .addition(let root, let name, let position) = base.kind {
        return addition(to: root, name, position, entries, span)
      }
      return with(base, entries, span)
    case .unary(let word, let value): return word.text == "not" ? logical(expression) : negated(value, span)
    case .binary, .test, .typeTest: return logical(expression)
    case .conditional(let condition, let then, let otherwise): return conditional(condition, then, otherwise, span)
    case .match(let subject, let arms): return match(subject, arms, span)
    case .each(let head, let body): return sized(each(head, body, span))
    case .caught(let value, let other): return caught(value, other, span)
    case .decision(let decision):
      let execute = self.decision(decision)
      return Typed(.never, at: span) { run in
        try execute(run)
        return .absent
      }
    case .broken: return .broken(span)
    }
  }

  /// Refuses a value that is made of more than any program needs.
  private mutating func sized(_ value: Typed) -> Typed {
    guard value.type.isTooLarge else { return value }
    return broken(
      .depth, "lists and records are at most \(Type.depthMax) deep, with \(Type.partCountMax) values", at: value.span)
  }

  private func absent(_ datum: Datum, _ span: Span) -> Typed {
    Typed(.nothing, mayBeAbsent: true, at: span, constant: datum) { _ in datum }
  }

  /// A condition as a value.
  private mutating func logical(_ expression: Expression) -> Typed {
    let holds = condition(expression).holds
    return Typed(.boolean, at: expression.span) { .boolean(try holds($0)) }
  }

  private mutating func duration(_ text: String, _ span: Span) -> Typed {
    let digits = text.prefix { $0.isASCII && $0.isNumber }
    let units = ["s": 1, "m": 60, "h": 3600, "d": 86_400]
    guard let unit = units[String(text.dropFirst(digits.count))], digits.utf8.count <= 9, let count = Int(digits) else {
      return broken(
        .syntax, "'\(text)' is neither a number nor a duration", at: span, help: ["30s", "15m", "2h", "30d"])
    }
    return .constant(.duration(count * unit), .duration, at: span)
  }

  // MARK: Texts

  /// A value as a text: what places hold is decoded, and what has no text is a mistake.
  mutating func text(_ value: Typed, wanted: String = "a text") -> Typed {
    switch value.type {
    case .text, .nothing, .broken, .never: return value
    case .content(let kind):
      return checkText(value, kind) ? decoded(value, firstLeaf: kind.givesFirstLeaf) : .broken(value.span)
    case .attribute: return decoded(value, firstLeaf: false)
    case .personName:
      var text = value
      text.type = .text
      return text
    case .composite:
      problems.report(
        .composite, "a record has several components; \(wanted) is wanted here", at: value.span, help: [".1"])
    case .number:
      mismatch(value, wanted: wanted, help: ["\"{…}\"", "text(…)"])
    case .stamp: mismatch(value, wanted: wanted, help: ["hl7(…, day)", "written(…, \"dd.MM.yyyy\") catch …"])
    case .time: mismatch(value, wanted: wanted, help: ["hl7(…, minute)"])
    case .json: mismatch(value, wanted: wanted, help: ["text(…) catch …"])
    case .element: mismatch(value, wanted: wanted, help: ["value(\(shown(value)), \".\")"])
    case .choice(let choice):
      mismatch(
        value, wanted: wanted,
        help: ["… is \(choice.elements.first { $0.primitive != nil }?.type ?? "string")"])
    case .dataSet, .object: mismatch(value, wanted: wanted, help: ["\(shown(value)).…"])
    case .bytes: mismatch(value, wanted: wanted, help: ["base64_of(…)", "hex_of(…)", "text(…) catch …"])
    case .fields(let fields): mismatch(value, wanted: wanted, help: fields.map { ".\($0.name)" })
    case .row(let table):
      mismatch(value, wanted: wanted, help: tables[table].columns.map { ".\($0)" })
    case .list: mismatch(value, wanted: wanted, help: ["[1]", "join(…, \", \")"])
    default: mismatch(value, wanted: wanted)
    }
    return .broken(value.span)
  }

  private func decoded(_ value: Typed, firstLeaf: Bool) -> Typed {
    let (evaluate, span, path) = (value.evaluate, value.span, value.path)
    var text = value
    text.type = .text
    text.evaluate = { run in
      switch try TextReading.text(try evaluate(run), firstLeaf: firstLeaf, run: run, at: span, path: path) {
      case .absent: .absent
      case .null: .null
      case .text(let text): .text(text)
      }
    }
    return text
  }

  /// `"ward {PV1-3.1}"`. What is absent or null adds nothing.
  private mutating func interpolation(_ parts: [TextPart], _ span: Span) -> Typed {
    if parts.isEmpty { return .constant(.text(""), .text, at: span) }
    if parts.count == 1, case .literal(let text) = parts[0] { return .constant(.text(text), .text, at: span) }
    let pieces = textPieces(parts, absent: "", null: "")
    return Typed(.text, at: span) { .text(try Self.joined(pieces, $0, at: span)) }
  }

  /// The parts of a text, each as a text; constants become literals.
  mutating func textPieces(
    _ parts: [TextPart], absent: String, null: String
  ) -> [@Sendable (Run) throws -> String] {
    parts.map { part in
      switch part {
      case .literal(let text): return { _ in text }
      case .value(let expression):
        let value = interpolated(typed(expression))
        let evaluate = value.evaluate
        return { run in
          switch try evaluate(run) {
          case .text(let text): text
          case .null: null
          default: absent
          }
        }
      }
    }
  }

  /// Inside a text a number, a date and a truth stand for themselves.
  mutating func interpolated(_ value: Typed) -> Typed {
    switch value.type {
    case .number, .stamp, .time, .boolean, .duration: decoded(value, firstLeaf: false)
    case .json where isExpression: scalar(value)
    default: text(value)
    }
  }

  static func joined(
    _ pieces: [@Sendable (Run) throws -> String], _ run: Run, at span: Span
  ) throws -> String {
    var text = ""
    for piece in pieces {
      let more = try piece(run)
      try run.step(bytes: more.utf8.count, at: span)
      text += more
    }
    return text
  }

  // MARK: Lists and choices

  /// - Parameter target: where each element goes.
  mutating func list(_ values: [Expression], _ span: Span, for target: Target? = nil) -> Typed {
    let elements = values.map { typed($0, for: target) }
    var type = Type.nothing
    for element in elements {
      if element.type == .broken { return .broken(span) }
      guard let common = Type.common(type, element.type) else {
        mismatch(element, wanted: type.name)
        return .broken(span)
      }
      type = common
    }
    let constants = elements.compactMap(\.constant)
    if constants.count == elements.count {
      return .constant(.list(constants), .list(type), at: span)
    }
    let all = elements.map { Evaluable($0.evaluate) }
    return Typed(.list(type), at: span) { run in
      try run.step(bytes: all.count << 6, at: span)
      return .list(try all.map { try $0.evaluate(run) })
    }
  }

  mutating func alternative(
    _ left: Expression, _ right: Expression, _ span: Span, for target: Target? = nil
  ) -> Typed {
    let first = typed(left, for: target)
    let second = typed(right, for: target)
    guard let type = common(first, second) else { return .broken(span) }
    let (a, b) = (first.evaluate, second.evaluate)
    return Typed(type, mayBeAbsent: second.mayBeAbsent, at: span, path: first.path) { run in
      let value = try a(run)
      return value.isValued ? value : try b(run)
    }
  }

  /// The type of what is one value or another; reported where none fits.
  mutating func common(_ first: Typed, _ second: Typed) -> Type? {
    if first.type == .broken || second.type == .broken { return nil }
    if let type = Type.common(first.type, second.type) { return type }
    let isOther = first.type.name == second.type.name
    mismatch(second, wanted: isOther ? "\(first.type.name) of the same message" : first.type.name)
    return nil
  }

  mutating func conditional(
    _ condition: Expression, _ then: Expression, _ otherwise: Expression?, _ span: Span, for target: Target? = nil
  ) -> Typed {
    let test = self.condition(condition)
    let first = knowing(test.valuedIfTrue) { $0.typed(then, for: target) }
    let second =
      knowing(test.valuedIfFalse) { checker in otherwise.map { checker.typed($0, for: target) } }
      ?? absent(.absent, span)
    guard let type = common(first, second) else { return .broken(span) }
    let (holds, a, b) = (test.holds, first.evaluate, second.evaluate)
    return Typed(type, mayBeAbsent: first.mayBeAbsent || second.mayBeAbsent, at: span) { run in
      try holds(run) ? try a(run) : try b(run)
    }
  }

  mutating func caught(
    _ value: Expression, _ other: Expression, _ span: Span, for target: Target? = nil
  ) -> Typed {
    let before = unhandled.count
    let first = typed(value, for: target)
    let count = unhandled.count - before
    unhandled.removeLast(count)
    let second = typed(other, for: target)
    if count == 0, first.type != .broken {
      problems.report(
        .needlessCatch, "nothing here can fail", at: value.span, label: "its 'catch' is never used")
    }
    guard let type = common(first, second) else { return .broken(span) }
    let (a, b) = (first.evaluate, second.evaluate)
    return Typed(type, mayBeAbsent: first.mayBeAbsent || second.mayBeAbsent, at: span, path: first.path) { run in
      do {
        return try a(run)
      } catch Interrupt.failure(let failure) where failure.kind != .stopping {
        return try b(run)
      }
    }
  }

  // MARK: Numbers

  private mutating func negated(_ expression: Expression, _ span: Span) -> Typed {
    let value = typed(expression)
    guard value.type == .number else {
      mismatch(value, wanted: "a number")
      return .broken(span)
    }
    let evaluate = value.evaluate
    return Typed(.number, mayBeAbsent: value.mayBeAbsent, at: span) { run in
      let datum = try evaluate(run)
      guard case .number(let number) = datum else { return datum }
      return .number(number.negated)
    }
  }

  private mutating func arithmetic(_ left: Expression, _ word: Word, _ right: Expression, _ span: Span) -> Typed {
    let (first, second) = (typed(left), typed(right))
    if first.type == .broken || second.type == .broken { return .broken(span) }
    let sign = word.text
    if first.type == .stamp, second.type == .duration, sign == "+" || sign == "-" {
      return shifted(first, second, sign == "+" ? 1 : -1, span)
    }
    for value in [first, second] where value.type != .number {
      let help = value.type.isTextual ? ["number(…) catch …", "\"{a}{b}\" puts texts together"] : []
      mismatch(value, wanted: "a number", help: help)
      return .broken(span)
    }
    if sign == "/" {
      let isSafe = if case .number(let number)? = second.constant { number != Decimal(0) } else { false }
      if !isSafe { unhandled.append(Unhandled(what: "a division", span: span)) }
    }
    let (a, b) = (first.evaluate, second.evaluate)
    return Typed(.number, mayBeAbsent: first.mayBeAbsent || second.mayBeAbsent, at: span) { run in
      let (x, y) = (try a(run), try b(run))
      guard case .number(let left) = x else { return x }
      guard case .number(let right) = y else { return y }
      return .number(try Self.calculate(left, sign, right, at: span))
    }
  }

  private static func calculate(_ a: Decimal, _ sign: String, _ b: Decimal, at span: Span) throws -> Decimal {
    let result =
      switch sign {
      case "+": Decimal.sum(a, b)
      case "-": Decimal.sum(a, b.negated)
      case "*": Decimal.product(a, b)
      default: Decimal.quotient(a, b)
      }
    if let result { return result }
    if sign == "/", b == Decimal(0) {
      throw Interrupt.failure(Failure(.range, "a division by zero", at: span))
    }
    throw Interrupt.failure(
      Failure(.stopping, "the result has more than \(Decimal.digitsMax) digits", at: span))
  }

  private mutating func shifted(_ date: Typed, _ by: Typed, _ sign: Int, _ span: Span) -> Typed {
    unhandled.append(Unhandled(what: "adding a duration to a date", span: span))
    let (a, b) = (date.evaluate, by.evaluate)
    return Typed(.stamp, mayBeAbsent: date.mayBeAbsent || by.mayBeAbsent, at: span) { run in
      let value = try a(run)
      guard case .stamp(let stamp) = value else { return value }
      // Nobody knows how far: the date as it is would be taken for the shifted one.
      guard case .duration(let seconds) = try b(run) else { return .absent }
      guard let moved = stamp.adding(seconds: seconds * sign) else {
        throw Interrupt.failure(
          Failure(.range, "the date is less exact than what is added, or leaves the calendar", at: span))
      }
      return .stamp(moved)
    }
  }
}
