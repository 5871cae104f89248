extension Function {
  static let padLeft = Function(
    name: "pad_left", parameters: [("text", .text), ("count", .count), ("character", .text)], result: .text,
    summary: "The text with a character put before it until it is so long; a longer text stays as it is.",
    examples: [
      (#"pad_left("42", 5, "0")"#, #"00042"#),
      (#"pad_left("123456", 5, "0")"#, #"123456"#),
    ],
    body: .many { .text(padding($0) + $0[0].argumentText) })

  /// What a text lacks to be so long as `pad_left` and `pad_right` were told.
  ///
  /// - Parameter values: the text, the length and the character.
  static func padding(_ values: [Datum]) -> String {
    let (text, pad) = (values[0].argumentText, values[2].argumentText)
    let missing = min(10_000, values[1].argumentCount) - text.count
    return missing > 0 && pad.count == 1 ? String(repeating: pad, count: missing) : ""
  }
}
