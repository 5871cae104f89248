extension Function {
  static let replace = Function(
    name: "replace", parameters: [("text", .text), ("part", .text), ("by", .text)], result: .text,
    summary:
      "The text with every occurrence of a part, or of a pattern, replaced. Where a pattern is, a text that is written "
      + "in the call can name what the pattern's parts took: `$name`, or `$1` for the first bracket; `$$` is a dollar. "
      + "Whatever else it is replaced by is taken as it stands.",
    examples: [
      (#"replace("020 7946", " ", "")"#, #"0207946"#),
      (#"replace("(020) 7946-0958", /\D/, "")"#, #"02079460958"#),
      (#"replace("a   b  c", /\s+/, " ")"#, #"a b c"#),
      (#"replace("29/02/1980", /(?<d>\d\d)\/(?<m>\d\d)\/(?<y>\d{4})/, "$y-$m-$d")"#, #"1980-02-29"#),
      (#"replace("Berg, Anna", /(\w+), (\w+)/, "$2 $1 for $$5")"#, #"Anna Berg for $5"#),
    ],
    body: .checked { $0.replace($1) })
}

extension Function {
  @Sendable static func replaced(_ values: [Datum]) throws -> Datum {
    let (text, part, by) = (values[0].argumentText, values[1].argumentText, values[2].argumentText)
    if part.isEmpty { return values[0] }
    let parts = Function.parts(text, part)
    try Function.checkSize(text.utf8.count + parts.count * by.utf8.count)
    return .text(parts.joined(separator: by))
  }
}
