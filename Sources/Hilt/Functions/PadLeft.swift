extension Function {
  static let padLeft = Function(
    name: "pad_left", parameters: [("text", .text), ("count", .count), ("character", .text)], result: .text,
    summary: "The text with a character put before it until it is so long; a longer text stays as it is.",
    examples: [
      (#"pad_left("42", 5, "0")"#, #"00042"#),
      (#"pad_left("123456", 5, "0")"#, #"123456"#),
    ],
    body: .many {
      let (text, pad) = ($0[0].argumentText, $0[2].argumentText)
      let missing = min(10_000, $0[1].argumentCount) - text.count
      guard missing > 0, pad.count == 1 else { return .text(text) }
      return .text(String(repeating: pad, count: missing) + text)
    })
}
