extension Function {
  static let endsWith = Function(
    name: "ends_with", parameters: [("text", .text), ("part", .text)], result: .boolean, absence: .answersNo,
    summary: "Whether a text ends with a part; case counts.",
    examples: [
      (#"ends_with("report.pdf", ".pdf")"#, #"true"#)
    ],
    body: .two { .boolean($0.argumentText.utf8.reversed().starts(with: $1.argumentText.utf8.reversed())) })
}
