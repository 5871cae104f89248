extension Function {
  static let daysBetween = Function(
    name: "days_between", parameters: [("from", .stamp), ("to", .stamp)], result: .number, canFail: true,
    summary: "How many days lie between two dates; both must be exact to the day.",
    examples: [
      (#"days_between(date("20240228"), date("20240301")) catch 0"#, #"2"#)
    ],
    body: .two {
      guard case .stamp(let from) = $0, case .stamp(let to) = $1, from.precision >= .day, to.precision >= .day else {
        throw FunctionError(kind: .range, message: "days_between() was given a date that is not exact to the day")
      }
      return .number(Decimal(to.daysSinceEpoch - from.daysSinceEpoch))
    })
}
