extension Function {
  static let upper = Function(
    name: "upper", parameters: [("text", .text)], result: .text,
    summary: "The text in capitals, of any script.",
    examples: [
      (#"upper("müller")"#, #"MÜLLER"#)
    ],
    body: .one { .text($0.argumentText.uppercased()) })
}
