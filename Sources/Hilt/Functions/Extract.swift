extension Function {
  static let extract = Function(
    name: "extract", parameters: [("text", .text), ("pattern", .pattern)], result: .element,
    summary: "The named parts of a pattern's first match in a text, each by its name behind a point. Absent where the "
      + "pattern is not found, and a part that took nothing is absent.",
    examples: [
      (#"extract("born 1980-02-29", /(?<year>\d{4})-(?<month>\d\d)/).year"#, #"1980"#),
      (#"extract("W12-B3", /^W(?<ward>\d+)(-B(?<bed>\d+))?$/).bed"#, #"3"#),
      (#"extract("W12", /^W(?<ward>\d+)(-B(?<bed>\d+))?$/).bed"#, #"absent"#),
      (#"extract("ICU", /^W(?<ward>\d+)/).ward"#, #"absent"#),
    ],
    body: .checked { $0.extract($1) })
}
