extension Function {
  static let contains = Function(
    name: "contains", parameters: [("text", .text), ("part", .text)], result: .boolean, absence: .answersNo,
    summary: "Whether a text holds a part; case counts. What is absent holds nothing.",
    examples: [
      (#"contains("Main Building", "Build")"#, #"true"#),
      (#"contains(absent, "x")"#, #"false"#),
    ],
    body: .two { .boolean($1.argumentText.isEmpty || Function.parts($0.argumentText, $1.argumentText).count > 1) })
}
