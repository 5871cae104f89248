extension Function {
  static let padRight = Function(
    name: "pad_right", parameters: [("text", .text), ("count", .count), ("character", .text)], result: .text,
    summary: "The text with a character put behind it until it is so long; a longer text stays as it is.",
    examples: [
      (#"pad_right("42", 5, "0")"#, #"42000"#),
      (#"pad_right("123456", 5, "0")"#, #"123456"#),
    ],
    body: .many { .text($0[0].argumentText + padding($0)) })
}
