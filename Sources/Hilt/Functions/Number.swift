extension Function {
  static let number = Function(
    name: "number", parameters: [("text", .text)], result: .number, canFail: true,
    summary: "The number that a text writes: a sign, digits, one point; up to 18 digits, exact.",
    examples: [
      (#"number("-1.50") catch 0"#, #"-1.50"#),
      (#"number("<15") catch absent"#, #"absent"#),
    ],
    body: .one {
      guard let number = Decimal($0.argumentText) else {
        throw FunctionError(kind: .parse, message: "number() was given a text that is no number")
      }
      return .number(number)
    })
}
