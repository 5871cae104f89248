extension Function {
  static let sequence = Function(
    name: "sequence", parameters: [("name", .literal), ("width", .count)], optional: 1, result: .text,
    summary: "The next number of a name in this channel, from 1 on, with zeros before it up to a width: "
      + "`name: 'lab-{sequence(\"lab\", 6)}.hl7'`. It stands alone between braces in a setting of a destination, and "
      + "nowhere else: the number is given in the commit, so that none is left out, and the delivery keeps it for all "
      + "its tries. `hilum test` and `hilum try` show `#` for its digits.",
    examples: [], body: .checked { $0.misplacedNumber($1) })

  /// No number of a sequence has more digits.
  static let sequenceWidthMax = 18
  static let sequenceNameMax = 64
}

extension Expression {
  /// `sequence(…)`, with nothing around it.
  var isNumber: Bool { if case .call(let name, _) = kind { name.text == Function.sequence.name } else { false } }
}

extension Checker {
  /// A number that is given later, for which nothing can be computed.
  mutating func misplacedNumber(_ call: Call) -> Typed {
    broken(
      .sequencePlace, "the number of `sequence` is given in the commit, and can't be computed with here", at: call.span,
      help: ["alone between braces, in the name of a destination's files: name: 'lab-{sequence(\"lab\", 6)}.hl7'"])
  }

  /// What `sequence("name", 6)` wants, where it may stand.
  mutating func number(_ tree: Expression) -> (name: String, width: Int)? {
    guard case .call(_, let values) = tree.kind, let call = matched(.sequence, values, tree.span), let first = call[0]
    else { return nil }
    let name = argument(typed(first), .literal)
    guard case .text(let text)? = name.constant else { return nil }
    let fits: (UInt8) -> Bool = { byte in
      switch byte {
      case 0x30...0x39, 0x41...0x5A, 0x61...0x7A, 0x2D, 0x2E, 0x5F: true
      default: false
      }
    }
    guard !text.isEmpty, text.utf8.count <= Function.sequenceNameMax, text.utf8.allSatisfy(fits) else {
      problems.report(
        .arguments, "the name of a sequence has 1 to \(Function.sequenceNameMax) letters, digits, `-`, `_` or `.`",
        at: first.span, help: ["sequence(\"lab\")"])
      return nil
    }
    guard let second = call[1] else { return (text, 1) }
    let width = argument(typed(second), .count)
    guard case .number(let number)? = width.constant else { return nil }
    guard let digits = number.integer, (1...Function.sequenceWidthMax).contains(digits) else {
      problems.report(
        .arguments, "a number has 1 to \(Function.sequenceWidthMax) digits", at: second.span,
        help: ["sequence(\"\(text)\", 6)"])
      return nil
    }
    return (text, digits)
  }
}
