extension Function {
  static let date = Function(
    name: "date", parameters: [("text", .text), ("form", .literal)], optional: 1, result: .stamp, canFail: true,
    summary: "The day that a text names, as exact as it is written, down to the day: in the form of HL7 "
      + "(YYYY[MM[DD[…]]]), or in the form that is given (`yyyy MM dd`, one letter for one digit or two; "
      + "`MMM` for Jan to Dec).",
    examples: [
      (#"hl7(date("20240229103000"), day) catch "no""#, #"20240229"#),
      (#"hl7(date("1980"), day) catch "no""#, #"1980"#),
      (#"hl7(date("20230229"), day) catch "no""#, #"no"#),
      (#"hl7(date("29/02/2024", "dd/MM/yyyy"), day) catch "no""#, #"20240229"#),
      (#"hl7(date("1.2.2024", "d.M.yyyy"), day) catch "no""#, #"20240201"#),
      (#"hl7(date("01-FEB-2024", "dd-MMM-yyyy"), day) catch "no""#, #"20240201"#),
    ],
    body: .checked { $0.date($1, upTo: .day) })
}
