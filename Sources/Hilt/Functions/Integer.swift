extension Function {
  static let integer = Function(
    name: "integer", parameters: [("text", .text)], result: .number, canFail: true,
    summary: "The whole number that a text writes: a sign and digits.",
    examples: [
      (#"integer("42") catch 0"#, #"42"#),
      (#"integer("4.2") catch 0"#, #"0"#),
    ],
    body: .one {
      guard let number = Decimal($0.argumentText), number.scale == 0 else {
        throw FunctionError(kind: .parse, message: "integer() was given a text that is no whole number")
      }
      return .number(number)
    })
}
