extension Function {
  static let date = Function(
    name: "date", parameters: [("text", .text)], result: .stamp, canFail: true,
    summary: "The day that a text in the form of HL7 names (YYYY[MM[DD[…]]]), as exact as it is written, down to "
      + "the day.",
    examples: [
      (#"hl7(date("20240229103000"), day) catch "no""#, #"20240229"#),
      (#"hl7(date("1980"), day) catch "no""#, #"1980"#),
      (#"hl7(date("20230229"), day) catch "no""#, #"no"#),
    ],
    body: .one {
      guard let stamp = Stamp(hl7: $0.argumentText) else {
        throw FunctionError(kind: .parse, message: "date() was given a text that is no date")
      }
      return .stamp(stamp.truncated(.day))
    })
}
