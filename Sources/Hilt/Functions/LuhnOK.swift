extension Function {
  static let luhnOK = Function(
    name: "luhn_ok", parameters: [("text", .text)], result: .boolean, absence: .answersNo,
    summary: "Whether the last digit of a number is its check digit after Luhn (ISO/IEC 7812-1). Spaces and dashes "
      + "are passed over.",
    examples: [
      (#"luhn_ok("79927398713")"#, #"true"#),
      (#"luhn_ok("79927398710")"#, #"false"#),
    ],
    body: .one {
      let digits = Function.digits($0.argumentText)
      guard let digits, digits.count > 1 else { return .boolean(false) }
      var sum = 0
      for (index, digit) in digits.reversed().enumerated() {
        let value = index % 2 == 1 ? digit * 2 : digit
        sum += value > 9 ? value - 9 : value
      }
      return .boolean(sum % 10 == 0)
    })
}
