extension Function {
  static let startsWith = Function(
    name: "starts_with", parameters: [("text", .text), ("part", .text)], result: .boolean, absence: .answersNo,
    summary: "Whether a text begins with a part; case counts.",
    examples: [
      (#"starts_with("MRN123", "MRN")"#, #"true"#)
    ],
    body: .two { .boolean($0.argumentText.utf8.starts(with: $1.argumentText.utf8)) })
}
