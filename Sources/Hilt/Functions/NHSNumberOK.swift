extension Function {
  static let nhsNumberOK = Function(
    name: "nhs_number_ok", parameters: [("text", .text)], result: .boolean, absence: .answersNo,
    summary: "Whether a text is a number of the NHS in England: ten digits, the last of which is the check digit "
      + "(modulus 11). Spaces and dashes are passed over.",
    examples: [
      (#"nhs_number_ok("943 476 5919")"#, #"true"#),
      (#"nhs_number_ok("9434765918")"#, #"false"#),
      (#"nhs_number_ok(absent)"#, #"false"#),
    ],
    body: .one { .boolean(Function.isMod11($0.argumentText, digits: 10, ten: nil)) })
}
