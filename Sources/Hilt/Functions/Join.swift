extension Function {
  static let join = Function(
    name: "join", parameters: [("list", .texts), ("separator", .text)], result: .text,
    summary: "The texts of a list, one behind the other, with a separator between them; what is absent or null is "
      + "left out.",
    examples: [
      (#"join(["a", "b"], ", ")"#, #"a, b"#),
      (#"join(["a", absent, "b"], "-")"#, #"a-b"#),
    ],
    body: .two {
      let texts = $0.argumentList.filter(\.isValued).map(\.argumentText)
      try Function.checkSize(texts.reduce(texts.count * $1.argumentText.utf8.count) { $0 + $1.utf8.count })
      return .text(texts.joined(separator: $1.argumentText))
    })
}
