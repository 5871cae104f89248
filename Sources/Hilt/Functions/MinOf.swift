extension Function {
  static let minOf = Function(
    name: "min_of", parameters: [("a", .number), ("b", .number)], result: .number,
    summary: "The lesser of two numbers.",
    examples: [
      (#"min_of(3, 2.5)"#, #"2.5"#)
    ],
    body: .two { .number(min($0.argumentNumber, $1.argumentNumber)) })
}
