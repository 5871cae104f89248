import HL7

extension Function {
  static let plain = Function(
    name: "plain", parameters: [("text", .text)], result: .text,
    summary: "A formatted text (FT, TX) as plain text: \\.br\\ becomes a line end, other formatting goes.",
    examples: [
      (#"plain("a\\.br\\b\\H\\c\\N\\")"#, "a\nbc")
    ],
    body: .one {
      .text(HL7FormattedText.plain($0.argumentText))
    })
}
