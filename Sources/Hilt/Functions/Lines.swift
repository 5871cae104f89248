extension Function {
  static let lines = Function(
    name: "lines", parameters: [("text", .text)], result: .texts,
    summary: "The lines of a formatted text (FT, TX): it breaks at \\.br\\ and at line ends; empty lines are absent.",
    examples: [
        (#"count(lines("a\\.br\\b\nc"))"#, #"3"#),
    ],
    body: .one {
      .list(Function.formattedLines($0.argumentText).map { $0.isEmpty ? .absent : .text($0) })
    })
}

extension Function {
  /// A formatted text cut at `\\.br\\` (HL7 v2.9 chapter 2.7.6) and at line ends.
  static func formattedLines(_ text: String) -> [String] {
    parts(text, "\\.br\\").flatMap { part in
      part.split(omittingEmptySubsequences: false) { $0 == "\n" || $0 == "\r\n" || $0 == "\r" }.map(String.init)
    }
  }
}
