extension Function {
  static let replace = Function(
    name: "replace", parameters: [("text", .text), ("part", .text), ("by", .text)], result: .text,
    summary: "The text with every occurrence of a part replaced.",
    examples: [
      (#"replace("020 7946", " ", "")"#, #"0207946"#)
    ],
    body: .many {
      let part = $0[1].argumentText
      if part.isEmpty { return $0[0] }
      let parts = Function.parts($0[0].argumentText, part)
      try Function.checkSize($0[0].argumentText.utf8.count + parts.count * $0[2].argumentText.utf8.count)
      return .text(parts.joined(separator: $0[2].argumentText))
    })
}
