import DICOM

/// Names of people in DICOM: `PatientName.family`, `PN { family: …, given: … }`.
extension Checker {
  static let namePartNames = ["family", "given", "middle", "prefix", "suffix"]
  /// In letters of an alphabet, as characters for words, as it sounds.
  static let nameWritings = ["alphabetic", "ideographic", "phonetic"]

  /// `.family`, `.ideographic`
  mutating func part(_ name: String, of value: Typed, _ step: Step, _ span: Span) -> Cursor {
    let known = Self.namePartNames + Self.nameWritings
    guard known.contains(name) else {
      let near = nearest(name, among: known)
      return brokenCursor(
        .path, "a name has no '\(name)'", at: step.nameSpan, help: near.map { ["did you mean '\($0)'?"] } ?? known)
    }
    let (evaluate, isWriting) = (value.evaluate, Self.nameWritings.contains(name))
    let type = isWriting ? Type.personName : Type.text
    return .value(
      Typed(type, mayBeAbsent: !isFact(span), at: span, path: value.path.map { "\($0).\(name)" }) { run in
        let datum = try evaluate(run)
        guard case .text(let text) = datum else { return datum }
        let part = DICOMPersonName(text).part(name)
        return part.isEmpty ? .absent : .text(part)
      })
  }

  /// `PN { family: …, given: … }`, whose keys are names.
  mutating func personName(_ entries: [Entry], _ span: Span, over base: Typed? = nil) -> Typed {
    let known = Self.namePartNames + Self.nameWritings
    var parts: [(name: String, evaluate: Evaluate)] = []
    var isBroken = false
    for entry in entries {
      let value = text(typed(entry.value))
      isBroken = isBroken || value.type == .broken
      guard case .name(let name) = entry.key, known.contains(name) else {
        let key = source.text(entry.keySpan)
        problems.report(
          .path, "a name has no '\(key)'", at: entry.keySpan,
          help: nearest(key, among: known).map { ["did you mean '\($0)'?"] } ?? known)
        isBroken = true
        continue
      }
      if parts.contains(where: { $0.name == name }) {
        problems.report(.nameTwice, "'\(name)' is given twice", at: entry.keySpan)
      }
      parts.append((name, value.evaluate))
    }
    if isBroken { return .broken(span) }
    let all = parts
    let mayBeAbsent = base?.mayBeAbsent ?? true
    return Typed(.personName, mayBeAbsent: mayBeAbsent, at: span) { run in
      var whole = DICOMPersonName()
      if let base {
        let datum = try base.evaluate(run)
        guard case .text(let text) = datum else { return datum }
        whole = DICOMPersonName(text)
      }
      for part in all {
        var text = ""
        if case .text(let given) = try part.evaluate(run) { text = given }
        try run.step(bytes: text.utf8.count, at: span)
        guard whole.set(part.name, text) else {
          throw Interrupt.failure(
            Failure(.stopping, .unwritable, "'\(part.name)' of a name has a '^' or '=', which part names", at: span))
        }
      }
      return whole.text.isEmpty ? .absent : .text(whole.text)
    }
  }
}

extension DICOMPersonName {
  fileprivate func part(_ name: String) -> String {
    let parts = components
    switch name {
    case "family": return parts.family
    case "given": return parts.given
    case "middle": return parts.middle
    case "prefix": return parts.prefix
    case "suffix": return parts.suffix
    case "ideographic": return ideographic
    case "phonetic": return phonetic
    default: return alphabetic
    }
  }

  /// `false`: the text would part the name.
  fileprivate mutating func set(_ name: String, _ text: String) -> Bool {
    if text.utf8.contains(UInt8(ascii: "=")) { return false }
    switch name {
    case "alphabetic": alphabetic = text
    case "ideographic": ideographic = text
    case "phonetic": phonetic = text
    default:
      if text.utf8.contains(UInt8(ascii: "^")) { return false }
      var parts = components
      switch name {
      case "family": parts.family = text
      case "given": parts.given = text
      case "middle": parts.middle = text
      case "prefix": parts.prefix = text
      default: parts.suffix = text
      }
      alphabetic = parts.text
    }
    return true
  }
}
