extension Function {
  static let format = Function(
    name: "format", parameters: [("number", .number), ("places", .count)], result: .text, canFail: true,
    summary: "The number with exactly so many digits behind the point, rounded halves away from zero.",
    examples: [
      (#"format(2, 2) catch """#, #"2.00"#),
      (#"format(2.345, 1) catch """#, #"2.3"#),
    ],
    body: .two {
      guard let number = $0.argumentNumber.fixed(places: $1.argumentCount) else {
        throw FunctionError(kind: .range, message: "format() has no room for so many digits")
      }
      return .text(number.description)
    })
}
