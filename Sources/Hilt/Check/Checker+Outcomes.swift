import DICOM
import HL7
import Messages

extension Checker {
  /// How a message, or a loop's turn, ends.
  ///
  /// - Parameter isStatement: something can follow it, where it doesn't end the run.
  mutating func decision(_ decision: Decision, isStatement: Bool = false) -> Execute {
    let span = decision.span
    if decision.kind == .answer { return answer(decision) }
    let reason = self.reason(decision.reason ?? Expression(kind: .text([]), span: span))
    if isExpression {
      problems.report(.type, "an expression of a channel makes no decision", at: span, help: ["a transform does"])
    }
    if isReply, [.drop, .reject].contains(decision.kind) {
      problems.report(
        .type, "\(becauseReply), which decides about the delivery and not about the message that came", at: span,
        help: ["done", "retry \"why\"", "dead \"why\"", "hold \"why\""])
    }
    switch decision.kind {
    case .done: return { _ in throw Interrupt.ended(.done) }
    case .retry: return { throw Interrupt.ended(.retry(try reason($0))) }
    case .dead: return { throw Interrupt.ended(.dead(try reason($0))) }
    case .answer: return { _ in }
    case .drop:
      checkDrop(at: span)
      return { throw Interrupt.ended(.dropped(try reason($0))) }
    case .hold:
      let passes = isStatement && !isReply
      return { run in
        let reason = try reason(run)
        guard passes, run.given.isReleased else { throw Interrupt.ended(.held(reason)) }
        try run.pass(hold: reason, at: span)
      }
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
      if let status = status(decision) {
        let path = decision.place.flatMap { rejectedPath($0) }
        return {
          throw Interrupt.ended(
            .rejected(code: "AR", number: Int(status.code), reason: try reason($0), path: path))
        }
      }
      let code = decision.code?.text ?? "AE"
      let number = decision.number.flatMap { Int($0.text) }
      if let word = decision.number, number.map({ $0 > 999 }) ?? true {
        problems.report(.path, "a code of table 0357 has three digits", at: word.span, help: ["101", "207"])
      }
      let path = decision.place.flatMap { rejectedPath($0) }
      return { throw Interrupt.ended(.rejected(code: code, number: number, reason: try reason($0), path: path)) }
    }
  }

  /// What a `reject` says to whom sent DICOM; `nil` where HL7 or anything else came.
  private mutating func status(_ decision: Decision) -> DIMSEStatus? {
    guard let word = decision.code else { return nil }
    let isHL7 = ["AE", "AR"].contains(word.text)
    guard readsDICOM else {
      if !isHL7 {
        problems.report(
          .syntax, "'\(word.text)' is a status of DICOM, and this transform reads something else", at: word.span,
          help: ["AE", "AR"])
      }
      return nil
    }
    if let status = DIMSEStatus(word.text), status.statusClass == .failure { return status }
    problems.report(
      .syntax, isHL7 ? "DICOM is refused with a status" : "'\(word.text)' refuses nothing", at: word.span,
      help: ["CANNOT_UNDERSTAND", "DATA_SET_DOES_NOT_MATCH", "OUT_OF_RESOURCES", "NOT_AUTHORIZED", "A701"])
    return .cannotUnderstand
  }

  /// E151: for a `drop`, or the call of a function that drops.
  mutating func checkDrop(at span: Span) {
    dropsMessage = true
    guard loopDepth > 0 else { return }
    problems.report(
      .dropInLoop, "'drop' ends the message, and stands inside a loop", at: span,
      help: ["skip \"…\"", "none => drop \"…\""])
  }

  /// `answer m`: what goes to the sender who waits.
  private mutating func answer(_ decision: Decision) -> Execute {
    guard let output = decision.reason.flatMap({ output(typed($0)) }) else { return { _ in } }
    let span = decision.span
    firstAnswer = firstAnswer ?? span
    return { run in throw Interrupt.ended(.answered(try run.taken(try output(run), at: span))) }
  }

  /// What stands behind `at`.
  private mutating func rejectedPath(_ expression: Expression) -> String? {
    switch cursor(expression) {
    case .place(let place): return place.path
    case .element(let place): return place.path
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
    let output = output(typed(value, for: emittedTarget)) ?? { _ in .message(.input) }
    let evaluates = targets.map { destination($0) }
    if targets.isEmpty { firstOpenEmit = firstOpenEmit ?? span }
    let entries = meta.map { metaEntries($0) } ?? []
    let execute: Execute = { run in
      let made = try output(run)
      let destinations = evaluates.isEmpty ? nil : try evaluates.compactMap { try $0(run) }
      var record: [String: Value] = [:]
      for entry in entries {
        if case .text(let text) = try entry.evaluate(run) { record[entry.name] = .text(text) }
      }
      try run.emit(made, to: destinations, meta: record, at: span)
    }
    return (execute, .emission)
  }

  /// A destination's name: what it may be is known before the program runs.
  private mutating func destination(_ expression: Expression) -> @Sendable (Run) throws -> String? {
    let count = problems.all.count
    collectNames(expression)
    if problems.all.count > count { return { _ in nil } }
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
