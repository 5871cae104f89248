extension Function {
  static let lower = Function(
    name: "lower", parameters: [("text", .text)], result: .text,
    summary: "The text in small letters, of any script.",
    examples: [
      (#"lower("MÜLLER")"#, #"müller"#)
    ],
    body: .one { .text($0.argumentText.lowercased()) })
}
