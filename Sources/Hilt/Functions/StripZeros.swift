extension Function {
  static let stripZeros = Function(
    name: "strip_zeros", parameters: [("text", .text)], result: .text,
    summary: "The text without the zeros at its beginning; of zeros alone the last one stays.",
    examples: [
      (#"strip_zeros("000420")"#, #"420"#),
      (#"strip_zeros("000")"#, #"0"#),
    ],
    body: .one {
      let text = $0.argumentText
      let rest = text.drop { $0 == "0" }
      return .text(rest.isEmpty && !text.isEmpty ? "0" : String(rest))
    })
}
