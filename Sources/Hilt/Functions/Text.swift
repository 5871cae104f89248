extension Function {
  static let text = Function(
    name: "text", parameters: [("value", .any)], result: .text,
    summary:
      "The text of a value: of a number its digits, of a date its HL7 form. Of bytes it is the text that they are "
      + "in UTF-8, which can fail.",
    examples: [
      (#"text(1.50)"#, #"1.50"#),
      (#"text(true)"#, #"true"#),
      (#"text(base64("w7w=")) catch "no""#, #"ü"#),
      (#"text(hex("ff")) catch "no""#, #"no"#),
    ],
    body: .checked { $0.textOf($1) })
}
