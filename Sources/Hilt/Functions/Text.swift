extension Function {
  static let text = Function(
    name: "text", parameters: [("value", .any)], result: .text,
    summary: "The text of a value: of a number its digits, of a date its HL7 form.",
    examples: [
      (#"text(1.50)"#, #"1.50"#),
      (#"text(true)"#, #"true"#),
    ],
    body: .one { $0 })
}
