extension Function {
  static let sum = Function(
    name: "sum", parameters: [("list", .list)], result: .number, canFail: true,
    summary: "The sum of a list of numbers; what is absent is left out, and of nothing it is 0.",
    examples: [
      (#"sum([1, 2.5, 3]) catch 0"#, #"6.5"#)
    ],
    body: .one {
      var sum = Decimal(0)
      for value in $0.argumentList where value.isValued {
        guard case .number(let number) = value, let next = Decimal.sum(sum, number) else {
          throw FunctionError(kind: .range, message: "sum() was given what is no number, or grew beyond 18 digits")
        }
        sum = next
      }
      return .number(sum)
    })
}
