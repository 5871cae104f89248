extension Checker {
  /// What stands between `{` and `}` of a `match`, with the test of each arm.
  private mutating func tests<Body>(
    _ expression: Expression, _ subject: Typed, _ arms: [Arm<Body>]
  ) -> [@Sendable (Run, Datum) throws -> Bool] {
    var isComplete = false
    return arms.map { arm in
      if isComplete {
        problems.report(.neverReached, "an arm before takes everything", at: arm.span)
      }
      let patterns = arm.patterns.map { pattern($0, expression, subject) }
      let guarded = arm.condition.map { condition($0).holds }
      let takesAll = arm.patterns.contains { if case .anything = $0 { true } else { false } }
      if takesAll, guarded == nil { isComplete = true }
      return { run, value in
        for fits in patterns where try fits(value) { return try guarded?(run) ?? true }
        return false
      }
    }
  }

  private mutating func pattern<Body>(
    _ pattern: Arm<Body>.Pattern, _ matched: Expression, _ subject: Typed
  ) -> @Sendable (Datum) throws -> Bool {
    switch pattern {
    case .anything: return { _ in true }
    case .value(let expression):
      let value = typed(expression)
      guard let constant = value.constant else {
        if value.type != .broken {
          problems.report(
            .constant, "an arm begins with a literal, a range or '_'", at: expression.span, help: ["_ if x == … => …"])
        }
        return { _ in false }
      }
      checkCompared(matched, subject, with: value)
      return literal(constant, value, subject)
    case .range(let low, let high):
      let (first, last) = (typed(low), typed(high))
      guard case .number(let from)? = first.constant, case .number(let to)? = last.constant, subject.type == .number
      else {
        problems.report(.type, "a range is of numbers", at: low.span...high.span, help: ["1..9"])
        return { _ in false }
      }
      return { value in
        guard case .number(let number) = value else { return false }
        return number >= from && number <= to
      }
    }
  }

  private mutating func literal(
    _ constant: Datum, _ value: Typed, _ subject: Typed
  ) -> @Sendable (Datum) throws -> Bool {
    switch (constant, subject.type) {
    case (.absent, _): return { $0.isAbsent }
    case (.null, _): return { $0.isNull }
    case (_, .broken), (_, .never), (_, .nothing): return { _ in false }
    case (.text(let text), .text):
      return { if case .text(let other) = $0 { other == text } else { false } }
    case (.number(let number), .number):
      return { if case .number(let other) = $0 { other == number } else { false } }
    case (.boolean(let flag), .boolean):
      return { if case .boolean(let other) = $0 { other == flag } else { false } }
    default:
      mismatch(value, wanted: subject.type.name)
      return { _ in false }
    }
  }

  /// The subject of a `match`, in the form that arms compare.
  private mutating func subject(_ expression: Expression) -> Typed {
    let value = typed(expression)
    switch value.type {
    case .text, .number, .boolean, .broken, .never, .nothing: return value
    default: return text(value)
    }
  }

  /// Whether every value finds an arm.
  func takesAll<Body>(_ arms: [Arm<Body>]) -> Bool {
    arms.contains { arm in
      arm.condition == nil && arm.patterns.contains { if case .anything = $0 { true } else { false } }
    }
  }

  /// `match x { "A" => 1, _ => 2 }`: what finds no arm is absent.
  mutating func match(
    _ expression: Expression, _ arms: [Arm<Expression>], _ span: Span, for target: Target? = nil
  ) -> Typed {
    let subject = subject(expression)
    let tests = tests(expression, subject, arms)
    var type = Type.never
    var mayBeAbsent = !takesAll(arms)
    var isBroken = subject.type == .broken
    var bodies: [Evaluate] = []
    for arm in arms {
      let value = knowing(equals(expression, arm)) { $0.typed(arm.body, for: target) }
      bodies.append(value.evaluate)
      if value.type == .broken { isBroken = true }
      guard let common = Type.common(type, value.type) else {
        mismatch(value, wanted: type.name)
        isBroken = true
        continue
      }
      type = common
      if value.mayBeAbsent { mayBeAbsent = true }
    }
    if isBroken { return .broken(span) }
    let choices = zip(tests, bodies).map { Chance(fits: $0, body: $1) }
    let evaluate = subject.evaluate
    return Typed(type, mayBeAbsent: mayBeAbsent, at: span) { run in
      let value = try evaluate(run)
      for choice in choices where try choice.fits(run, value) { return try choice.body(run) }
      return .absent
    }
  }

  mutating func match(_ expression: Expression, _ arms: [Arm<Block>], _ head: Span) -> (Execute, Flow) {
    let subject = subject(expression)
    let tests = tests(expression, subject, arms)
    var flow = takesAll(arms) ? Flow.none : Flow.nothing
    var bodies: [Execute] = []
    for arm in arms {
      let (execute, inner) = execute(arm.body, knowing: equals(expression, arm))
      bodies.append(execute)
      flow = Flow.either(flow, inner)
    }
    let choices = zip(tests, bodies).map { Chance(fits: $0, body: $1) }
    let evaluate = subject.evaluate
    return (
      { run in
        let value = try evaluate(run)
        if run.isTraced { run.record(value, at: head) }
        for choice in choices where try choice.fits(run, value) { return try choice.body(run) }
      }, flow
    )
  }

  /// An arm: whether it is the one, and what it does.
  private struct Chance<Outcome>: Sendable {
    let fits: @Sendable (Run, Datum) throws -> Bool
    let body: @Sendable (Run) throws -> Outcome
  }
}
