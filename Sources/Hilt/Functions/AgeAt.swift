extension Function {
  static let ageAt = Function(
    name: "age_at", parameters: [("born", .stamp), ("at", .stamp)], result: .number, givesAbsent: true,
    summary: "How many whole years lie between a birth and another date; absent where the two are not exact enough to "
      + "say, or where the other date lies before the birth.",
    examples: [
      (#"age_at(date("19800229"), date("20240228")) catch absent"#, #"43"#),
      (#"age_at(date("198002"), date("20240310")) catch absent"#, #"44"#),
      (#"age_at(date("1980"), date("20240310")) catch absent"#, #"absent"#),
    ],
    body: .two {
      guard case .stamp(let born) = $0, case .stamp(let other) = $1, let age = born.age(at: other) else {
        return .absent
      }
      return .number(Decimal(age))
    })
}
