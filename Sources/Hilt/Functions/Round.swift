extension Function {
  static let round = Function(
    name: "round", parameters: [("number", .number), ("places", .count)], optional: 1, result: .number,
    summary: "The number rounded to so many digits behind the point, halves away from zero.",
    examples: [
      (#"round(2.345, 2)"#, #"2.35"#),
      (#"round(-0.5)"#, #"-1"#),
    ],
    body: .many { .number($0[0].argumentNumber.rounded(places: $0.count > 1 ? $0[1].argumentCount : 0)) })
}
