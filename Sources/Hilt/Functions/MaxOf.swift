extension Function {
  static let maxOf = Function(
    name: "max_of", parameters: [("a", .number), ("b", .number)], result: .number,
    summary: "The greater of two numbers.",
    examples: [
      (#"max_of(3, 2.5)"#, #"3"#)
    ],
    body: .two { .number(max($0.argumentNumber, $1.argumentNumber)) })
}
