extension Function {
  static let right = Function(
    name: "right", parameters: [("text", .text), ("count", .count)], result: .text,
    summary: "The last characters of a text.",
    examples: [
      (#"right("20240131", 2)"#, #"31"#)
    ],
    body: .two { .text(String($0.argumentText.suffix(max(0, $1.argumentCount)))) })
}
