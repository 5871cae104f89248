extension Function {
  static let length = Function(
    name: "length", parameters: [("text", .text)], result: .number,
    summary: "How many characters a text has.",
    examples: [
      (#"length("Müller")"#, #"6"#)
    ],
    body: .one { .number(Decimal($0.argumentText.count)) })
}
