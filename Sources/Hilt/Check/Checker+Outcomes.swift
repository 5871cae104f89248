import HL7
import Messages

extension Checker {
  /// How a message, or a loop's turn, ends.
  mutating func decision(_ decision: Decision) -> Execute {
    let reason = reason(decision.reason)
    let span = decision.span
    if isExpression {
      problems.report(.type, "an expression of a channel makes no decision", at: span, help: ["a transform does"])
    }
    switch decision.kind {
    case .drop:
      if loopDepth > 0 {
        problems.report(
          .dropInLoop, "'drop' ends the message, and stands inside a loop", at: span,
          help: ["skip \"…\"", "none => drop \"…\""])
      }
      return { throw Interrupt.ended(.dropped(try reason($0))) }
    case .hold: return { throw Interrupt.ended(.held(try reason($0))) }
    case .fail: return { throw Interrupt.ended(.failed(try reason($0), span)) }
    case .skip:
      if loopDepth == 0 {
        problems.report(
          .skipOutsideLoop, "'skip' leaves a turn of a loop, and stands in none", at: span, help: ["drop \"…\""])
      }
      return { run in
        try run.note(try reason(run), at: span)
        throw Interrupt.skipped
      }
    case .reject:
      let code = decision.code?.text ?? "AE"
      let number = decision.number.flatMap { Int($0.text) }
      if let word = decision.number, number.map({ $0 > 999 }) ?? true {
        problems.report(.path, "a code of table 0357 has three digits", at: word.span, help: ["101", "207"])
      }
      let path = decision.place.flatMap { rejectedPath($0) }
      return { throw Interrupt.ended(.rejected(code: code, number: number, reason: try reason($0), path: path)) }
    }
  }

  /// What stands behind `at`.
  private mutating func rejectedPath(_ expression: Expression) -> String? {
    switch cursor(expression) {
    case .place(let place): return place.path
    case .value(let value) where value.path != nil: return value.path
    case .broken: return nil
    default:
      problems.report(.type, "a place of the message is wanted here", at: expression.span, help: ["at PID-3"])
      return nil
    }
  }

  /// The text of a reason: what is absent or null is said to be.
  mutating func reason(_ expression: Expression) -> @Sendable (Run) throws -> String {
    let span = expression.span
    if case .text(let parts) = expression.kind {
      let pieces = textPieces(parts, absent: "(absent)", null: "(null)")
      return { try Self.joined(pieces, $0, at: span) }
    }
    let evaluate = text(typed(expression)).evaluate
    return { run in
      switch try evaluate(run) {
      case .text(let text): text
      case .null: "(null)"
      default: "(absent)"
      }
    }
  }

  // MARK: Emitting

  mutating func emit(
    _ value: Expression, _ targets: [Expression], _ meta: Expression?, _ span: Span
  ) -> (Execute, Flow) {
    let message = typed(value)
    let reference: MessageReference
    if case .message(let found) = message.type {
      reference = found
    } else {
      reference = .input
      mismatch(message, wanted: "a message", help: ["emit msg", "let out = copy msg"])
    }
    let evaluates = targets.map { destination($0) }
    let entries = meta.map { metaEntries($0) } ?? []
    let evaluate = message.evaluate
    let execute: Execute = { run in
      _ = try evaluate(run)
      let destinations = evaluates.isEmpty ? nil : try evaluates.compactMap { try $0(run) }
      var record: [String: Value] = [:]
      for entry in entries {
        if case .text(let text) = try entry.evaluate(run) { record[entry.name] = .text(text) }
      }
      try run.emit(reference, to: destinations, meta: record, at: span)
    }
    return (execute, .emission)
  }

  /// A destination's name: what it may be is known before the program runs.
  private mutating func destination(_ expression: Expression) -> @Sendable (Run) throws -> String? {
    collectNames(expression)
    let evaluate = text(typed(expression)).evaluate
    return { run in
      if case .text(let name) = try evaluate(run) { return name }
      return nil
    }
  }

  private mutating func collectNames(_ expression: Expression) {
    switch expression.kind {
    case .text(let parts):
      guard parts.count == 1, case .literal(let name) = parts[0] else { break }
      destinations.append(HiltDestinationUse(name: name, place: source.place(of: expression.span)))
      return
    case .conditional(_, let then, let otherwise?):
      collectNames(then)
      collectNames(otherwise)
      return
    case .match(_, let arms):
      for arm in arms { collectNames(arm.body) }
      return
    case .decision, .broken: return
    case .name(let name):
      if case .constant(.text(let text), _)? = scope.find(name)?.kind {
        destinations.append(HiltDestinationUse(name: text, place: source.place(of: expression.span)))
        return
      }
    default: break
    }
    problems.report(
      .destination, "a destination is named outright, so that it can be checked", at: expression.span,
      help: ["to \"ehr\"", "to (if … then \"a\" else \"b\")"])
  }

  private mutating func metaEntries(_ meta: Expression) -> [(name: String, evaluate: Evaluate)] {
    guard case .record(_, let entries) = meta.kind else { return [] }
    var compiled: [(name: String, evaluate: Evaluate)] = []
    for entry in entries {
      let value = interpolated(typed(entry.value))
      guard case .name(let name) = entry.key else {
        problems.report(.syntax, "an attribute has a name", at: entry.keySpan, help: ["name: …"])
        continue
      }
      if compiled.contains(where: { $0.name == name }) {
        problems.report(.nameTwice, "this attribute is given twice", at: entry.keySpan)
      }
      compiled.append((name, value.evaluate))
    }
    return compiled
  }
}
