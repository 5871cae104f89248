extension Function {
  static let abs = Function(
    name: "abs", parameters: [("number", .number)], result: .number,
    summary: "The number without its sign.",
    examples: [
      (#"abs(-3.5)"#, #"3.5"#)
    ],
    body: .one { $0.argumentNumber < Decimal(0) ? .number($0.argumentNumber.negated) : $0 })
}
