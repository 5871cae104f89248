import HL7
import Messages

extension Checker {
  /// Checks a whole program.
  mutating func program(_ tree: ProgramTree, _ parameters: [String: Value]) -> HiltProgram {
    let head = tree.name.span
    let isWhole = !problems.hasErrors
    checkName(tree)
    checkBody(tree)
    readProfile(tree.profile)
    let input = tree.input.map { format($0) }
    if input == nil, !problems.hasErrors, !tree.isLibrary {
      problems.report(.header, "a transform says what it takes", at: head, help: ["in hl7 2.3..2.6 ADT_*"])
    }
    let outputs = tree.outputs.map { format($0) }
    (self.input, self.outputs) = (input, outputs)
    declareNamespaces(tree)
    replyDecision = tree.replyDecision
    hasOriginal = isReply
    hasMessage = input.map { $0.format == .hl7v2 } ?? true
    inputVersions = input?.versions
    let versions = outputs.filter { $0.format == .hl7v2 }.map(\.versions)
    if !versions.isEmpty, !versions.contains(nil) {
      outputVersions = versions.reduce(into: []) { $0.formUnion($1 ?? []) }
    }
    checkZone(tree.zone)
    given = parameters
    for module in modules.indices.dropFirst() { declarations(of: module) }
    declarations(of: 0)
    checkGiven(tree.parameters, head)
    let (body, flow) = statements(tree.body)
    checkUncalled()
    warnOfVersion()
    // What could not be read may have held the outcome, or the use of a name.
    if isWhole, !tree.isLibrary {
      if flow.completes, isReply || !flow.emits { reportNoOutcome(tree) }
      reportUnused()
    }
    let taken = input ?? HiltProgram.FormatClause(format: .hl7v2, versionFrom: nil, versionUpTo: nil, structures: [])
    return HiltProgram(tree, input: taken, outputs: outputs, body: body, checker: self)
  }

  // MARK: The head

  private mutating func checkName(_ tree: ProgramTree) {
    guard !tree.name.text.isEmpty else { return }
    let stem = source.file.split(separator: "/").last?.split(separator: ".").first.map(String.init) ?? ""
    let expected = stem.lowercased().replacing("-", with: "_")
    if source.file.hasSuffix(".hilt"), tree.name.text != expected, !expected.isEmpty {
      problems.report(
        .header, "a program is named like its file, and this one is in '\(stem).hilt'", at: tree.name.span,
        help: [expected])
    }
  }

  /// A library has declarations alone.
  private mutating func checkBody(_ tree: ProgramTree) {
    guard tree.isLibrary else { return }
    if let statement = tree.body.first {
      problems.report(.header, "a library has no statements", at: statement.head, help: ["fn name(value) = …"])
    }
    let headers = [tree.input?.span, tree.outputs.first?.span, tree.zone?.span, tree.profile?.span]
    for span in headers.compactMap(\.self) {
      problems.report(
        .header, "a library takes no message; this belongs to a transform", at: span, help: ["move it to the transform"]
      )
    }
  }

  mutating func hl7(_ clause: FormatClause) -> HiltProgram.FormatClause {
    for word in [clause.from, clause.upTo].compactMap(\.self) where !HL7Versions.published.contains(word.text) {
      problems.report(
        .header, "HL7 has no version \(word.text)", at: word.span,
        help: [HL7Versions.published.joined(separator: " ")])
    }
    if let from = clause.from, let upTo = clause.upTo,
      let first = HL7Versions.published.firstIndex(of: from.text),
      let last = HL7Versions.published.firstIndex(of: upTo.text),
      first > last
    {
      problems.report(
        .header, "the range of versions runs backwards", at: from.span...upTo.span, help: ["\(upTo.text)..\(from.text)"]
      )
    }
    let versions = clause.from.flatMap { HL7Versions($0.text, upTo: (clause.upTo ?? $0).text) } ?? .all
    for word in clause.structures { checkStructure(word, in: versions) }
    return HiltProgram.FormatClause(
      format: .hl7v2, versionFrom: clause.from?.text, versionUpTo: clause.upTo?.text ?? clause.from?.text,
      structures: clause.structures.map(\.text))
  }

  private mutating func checkZone(_ zone: TextLiteral?) {
    guard let zone else { return }
    let parts = zone.text.split(separator: "/", omittingEmptySubsequences: false)
    let isName = parts.allSatisfy { part in
      !part.isEmpty && part.utf8.allSatisfy { Lexer.isWord($0) || $0 == UInt8(ascii: "-") || $0 == UInt8(ascii: "+") }
    }
    if !isName || (parts.count < 2 && zone.text != "UTC") {
      problems.report(
        .header, "a zone is named by its region and city", at: zone.span, help: ["zone \"Europe/London\""])
    } else {
      self.zone = zoneRules(zone.text, .header, at: zone.span)
    }
    isZoneBroken = self.zone == nil
  }

  mutating func parameters(_ clauses: [ParameterClause]) {
    for clause in clauses {
      guard let type = Self.parameterType(clause.type.text) else {
        problems.report(
          .parameter, "a parameter's type is text, number, integer or boolean", at: clause.type.span)
        declare(clause.name, .broken)
        continue
      }
      var value = clause.standard.map { typed($0) }
      if let standard = value, standard.type != .broken, standard.constant == nil || standard.type != type {
        problems.report(.parameter, "the default must be a literal: \(type.name)", at: standard.span)
        value = nil
      }
      if let outside = given[clause.name.text] {
        guard let datum = Self.datum(outside, clause.type.text) else {
          problems.report(
            .parameter, "the value given for '\(clause.name.text)' is not \(type.name)", at: clause.name.span)
          declare(clause.name, .broken)
          continue
        }
        declare(clause.name, .constant(datum, type))
        if case .text(let text) = datum { parameterTexts[clause.name.text] = text }
      } else if let constant = value?.constant {
        declare(clause.name, .constant(constant, type))
        if case .text(let text) = constant { parameterTexts[clause.name.text] = text }
      } else {
        if clause.standard == nil {
          problems.report(
            .parameter, "the parameter '\(clause.name.text)' has no default and no value was given",
            at: clause.name.span, help: ["with: {\(clause.name.text): …} in the channel", "= … here"])
        }
        declare(clause.name, .broken)
      }
    }
  }

  private mutating func checkGiven(_ clauses: [ParameterClause], _ head: Span) {
    let names = clauses.map(\.name.text)
    for name in given.keys.sorted() where !names.contains(name) {
      let near = nearest(name, among: names)
      problems.report(
        .parameter, "a value was given for '\(name)', and the transform has no such parameter", at: head,
        help: near.map { ["did you mean '\($0)'?"] } ?? names)
    }
  }

  private static func parameterType(_ word: String) -> Type? {
    switch word {
    case "text": .text
    case "number", "integer": .number
    case "boolean": .boolean
    default: nil
    }
  }

  private static func datum(_ value: Value, _ type: String) -> Datum? {
    switch (type, value) {
    case ("text", _): value.text.map { .text($0) }
    case ("number", _): value.text.flatMap { Decimal($0) }.map { .number($0) }
    case ("integer", _): value.text.flatMap { Decimal($0) }.flatMap { $0.integer == nil ? nil : .number($0) }
    case ("boolean", .boolean(let flag)): .boolean(flag)
    case ("boolean", .text("true")), ("boolean", .text("yes")): .boolean(true)
    case ("boolean", .text("false")), ("boolean", .text("no")): .boolean(false)
    default: nil
    }
  }

  mutating func constant(_ clause: ConstantClause) {
    let value = typed(clause.value)
    guard let constant = value.constant else {
      if value.type != .broken {
        problems.report(.constant, "a constant is known before the program runs", at: value.span, help: ["let"])
      }
      declare(clause.name, .broken)
      return
    }
    declare(clause.name, .constant(constant, value.type))
  }

  // MARK: The end

  /// E150, where the path without an outcome leaves the program.
  private mutating func reportNoOutcome(_ tree: ProgramTree) {
    let help = isReply ? ["done", "retry \"why\"", "dead \"why\"", "hold \"why\""] : ["emit out", "drop \"why\""]
    if isReply, let last = tree.body.last {
      problems.report(
        .noOutcome, "\(becauseReply), which ends in a decision about the delivery, and this one may not", at: last.head,
        label: "nothing follows this", help: help)
      return
    }
    guard let last = tree.body.last else {
      problems.report(.noOutcome, "this transform does nothing", at: tree.name.span, help: help)
      return
    }
    guard let emitting = Self.emitting(tree.body) else {
      problems.report(
        .noOutcome, "the transform ends without an outcome", at: last.head, label: "nothing follows this", help: help)
      return
    }
    reportNoOutcome(emitting, isInLoop: false)
  }

  /// Why the program is a reply transform. Nothing else says so, and who didn't mean it has to be told.
  var becauseReply: String {
    guard let decision = replyDecision else { return "this is a reply transform" }
    return "'\(decision.text)' in \(shownPlace(decision.span)) makes this a reply transform"
  }

  /// The statement through which a path leads on without an outcome: of a loop with a `none` it is one in its body.
  private mutating func reportNoOutcome(_ emitting: Statement, isInLoop: Bool) {
    let (who, decision) = isInLoop ? ("a turn of the loop", "skip") : ("a message", "drop")
    switch emitting.kind {
    case .loop(_, let body, .some):
      if let inner = Self.emitting(body.statements) { reportNoOutcome(inner, isInLoop: true) }
    case .loop:
      problems.report(
        .noOutcome, "\(isInLoop ? "a turn of the outer loop" : who) for which this loop has no turn has no outcome",
        at: emitting.head,
        help: ["none => \(decision) \"…\" behind the loop"])
    case .branch:
      problems.report(
        .noOutcome, "\(who) may pass this 'if' without an outcome", at: emitting.head,
        help: ["else { \(decision) \"…\" }"])
    default:
      problems.report(
        .noOutcome, "\(who) may pass this 'match' without an outcome", at: emitting.head,
        help: ["_ => \(decision) \"…\""])
    }
  }

  /// The last statement that emits on some path, and on another doesn't.
  private static func emitting(_ statements: [Statement]) -> Statement? {
    statements.last { statement in
      switch statement.kind {
      case .branch, .match, .loop: mayEmit(statement)
      default: false
      }
    }
  }

  private static func mayEmit(_ statement: Statement) -> Bool {
    switch statement.kind {
    case .emit: true
    case .branch(let branches, let otherwise):
      (branches.map(\.block) + [otherwise].compactMap(\.self)).contains { $0.statements.contains(where: mayEmit) }
    case .match(_, let arms): arms.contains { $0.body.statements.contains(where: mayEmit) }
    case .loop(_, let body, _): body.statements.contains(where: mayEmit)
    default: false
    }
  }
}
