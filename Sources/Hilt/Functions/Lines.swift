import HL7

extension Function {
  static let lines = Function(
    name: "lines", parameters: [("text", .text)], result: .texts,
    summary: "The lines of a formatted text (FT, TX): it breaks at \\.br\\ and at line ends; empty lines are absent.",
    examples: [
      (#"count(lines("a\\.br\\b\nc"))"#, #"3"#)
    ],
    body: .one {
      .list(HL7FormattedText.lines($0.argumentText).map { $0.isEmpty ? .absent : .text($0) })
    })
}
