import HL7

/// What a write takes away without a word: values that no arm names, and what stands beside a text.
extension Checker {
  // MARK: W107: a choice that may give nothing

  /// Warns where a value that is written is a `match` without `_`, or, over what is there, an `if` without `else`.
  ///
  /// - Parameters:
  ///   - path: the place, as a message has it.
  ///   - kept: what stands there now, as an expression; `nil` where nothing does.
  mutating func warnOfOpen(_ expression: Expression, _ path: String, kept: String?) {
    switch expression.kind {
    case .match(_, let arms):
      if !arms.isEmpty, !takesAll(arms), !Self.isOfTruth(arms) {
        let start = Int(expression.span.start)
        let keeping = kept.map { ["_ => \($0)"] } ?? []
        problems.report(
          .openChoice, "what is none of these makes \(path) absent", at: Span(start, start + 5),
          help: ["_ => absent"] + keeping)
      }
      for arm in arms { warnOfOpen(arm.body, path, kept: kept) }
    case .conditional(let condition, let then, let otherwise):
      warnOfOpen(then, path, kept: kept)
      if let otherwise {
        warnOfOpen(otherwise, path, kept: kept)
      } else if let kept, !asks(condition, for: kept) {
        let start = Int(expression.span.start)
        problems.report(
          .openChoice, "where this doesn't hold, \(path) becomes absent", at: Span(start, start + 2),
          help: ["else absent", "else \(kept)"])
      }
    case .caught(let value, let other):
      warnOfOpen(value, path, kept: kept)
      warnOfOpen(other, path, kept: kept)
    case .name(let name):
      guard case .value(let slot, _, true, _)? = scope.find(name)?.kind, openSlots.contains(slot),
        !facts.contains(name)
      else { return }
      problems.report(
        .openChoice, "where no arm of '\(name)' fits, \(path) becomes absent", at: expression.span,
        help: ["\(name) ?? absent"] + (kept.map { ["\(name) ?? \($0)"] } ?? []))
    case .binary(_, let word, let right) where word.text == "??": warnOfOpen(right, path, kept: kept)
    default: break
    }
  }

  /// `let sex = match …`: whether its value is absent for what no arm names.
  func isOpenChoice(_ expression: Expression) -> Bool {
    guard case .match(_, let arms) = expression.kind else { return false }
    return !takesAll(arms) && !Self.isOfTruth(arms)
  }

  /// `true => …, false => …`
  private static func isOfTruth(_ arms: [Arm<Expression>]) -> Bool {
    var seen: Set<Bool> = []
    for arm in arms where arm.condition == nil {
      for case .value(let value) in arm.patterns {
        if case .boolean(let flag) = value.kind { seen.insert(flag) }
      }
    }
    return seen.count == 2
  }

  /// `if PID-19 is valued then PID-19`: otherwise nothing was there.
  private func asks(_ condition: Expression, for kept: String) -> Bool {
    guard case .test(let value, negated: false, .valued) = condition.kind else { return false }
    return canonical(value) == kept
  }

  /// What stands at a place that is written, as an expression: for `out.PID-8` the input's `PID-8`; `nil` in a message
  /// that the program makes.
  func keptText(_ target: Expression, _ draft: Int) -> String? {
    guard made[draft] == nil else { return nil }
    let text = source.text(target.span)
    guard case .path(let root, _) = target.kind, case .name(let name) = root.kind,
      case .message? = scope.find(name)?.kind, text.hasPrefix(name + ".")
    else { return text }
    return String(text.dropFirst(name.utf8.count + 1))
  }

  // MARK: W108: a text in the place of a composite

  /// Of these the first component is what counts, and what stood beside it belonged to the old one.
  private static let firstCounts: Set = ["TS", "CE", "CWE", "CNE", "CF", "HD", "VID", "PT"]

  /// Warns where one text takes the place of a whole composite in a copy.
  mutating func warnOfWhole(_ value: Typed, _ place: HL7Place, _ draft: Int, _ target: Expression) {
    guard made[draft] == nil, place.component == nil, isOneText(value.type), let kind = writtenKind(place),
      !kind.isOpen, kind.types.keys.allSatisfy({ HL7Tables.type($0) != nil })
    else { return }
    if case .mark(let mark) = place.segment, freshMarks.contains(mark) { return }
    var isWhole = false
    if case .only = place.repetition { isWhole = kind.repeats }
    guard isWhole || kind.types.keys.allSatisfy({ !Self.firstCounts.contains($0) }) else { return }
    let written = source.text(target.span)
    let type = kind.types.keys.sorted().last ?? ""
    let path = "\(place.code)-\(place.field ?? 0)"
    problems.report(
      .wholeReplaced,
      isWhole
        ? "one text takes the place of every repetition of \(path), with all its components"
        : "one text takes the place of all components of \(path), which is \(kind.name)",
      at: target.span,
      help: isWhole
        ? ["\(written)[1].1 = …", "\(written) = [\(type) { 1: … }]"]
        : ["\(written).1 = …", "\(written) = \(type) { 1: … }"])
  }

  private func isOneText(_ type: Type) -> Bool {
    switch type {
    case .text, .number, .stamp, .time, .attribute: true
    case .content(let kind): !kind.isOpen && kind.types.keys.allSatisfy { HL7Tables.type($0) == nil }
    default: false
    }
  }
}
