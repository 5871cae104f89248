extension Function {
  static let left = Function(
    name: "left", parameters: [("text", .text), ("count", .count)], result: .text,
    summary: "The first characters of a text.",
    examples: [
      (#"left("20240131", 4)"#, #"2024"#)
    ],
    body: .two { .text(String($0.argumentText.prefix(max(0, $1.argumentCount)))) })
}
