extension Function {
  static let time = Function(
    name: "time", parameters: [("text", .text), ("form", .literal)], optional: 1, result: .time, canFail: true,
    summary: "The time of day that a text names, in the form of HL7 (HH[MM[SS]]) or in the form that is given; or that "
      + "of a date.",
    examples: [
      (#"hl7(time("1030"), minute) catch "no""#, #"1030"#),
      (#"hl7(time("9:05", "H:mm"), minute) catch "no""#, #"0905"#),
      (#"written(time(datetime("202402291030")), "HH:mm") catch "no""#, #"10:30"#),
      (#"hl7(time("2530"), minute) catch "no""#, #"no"#),
    ],
    body: .checked { $0.time($1) })
}
