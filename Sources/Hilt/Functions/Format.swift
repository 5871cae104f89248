extension Function {
  static let format = Function(
    name: "format", parameters: [("number", .number), ("places", .count), ("point", .text)], optional: 1, result: .text,
    canFail: true,
    summary:
      "The number with exactly so many digits behind the point, rounded halves away from zero; `point` is written "
      + "instead of the point.",
    examples: [
      (#"format(2, 2) catch """#, #"2.00"#),
      (#"format(2.345, 1) catch """#, #"2.3"#),
      (#"format(1234.5, 2, point: ",") catch """#, #"1234,50"#),
    ],
    body: .many {
      guard let number = $0[0].argumentNumber.fixed(places: $0[1].argumentCount) else {
        throw FunctionError(kind: .range, message: "format() has no room for so many digits")
      }
      return .text($0.count > 2 ? number.description.replacing(".", with: $0[2].argumentText) : number.description)
    })
}
