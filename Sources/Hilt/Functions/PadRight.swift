extension Function {
  static let padRight = Function(
    name: "pad_right", parameters: [("text", .text), ("count", .count), ("character", .text)], result: .text,
    summary: "The text with a character put behind it until it is so long; a longer text stays as it is.",
    examples: [
      (#"pad_right("42", 5, "0")"#, #"42000"#),
      (#"pad_right("123456", 5, "0")"#, #"123456"#),
    ],
    body: .many {
      let (text, pad) = ($0[0].argumentText, $0[2].argumentText)
      let missing = min(10_000, $0[1].argumentCount) - text.count
      guard missing > 0, pad.count == 1 else { return .text(text) }
      return .text(text + String(repeating: pad, count: missing))
    })
}
