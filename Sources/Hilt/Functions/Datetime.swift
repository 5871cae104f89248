extension Function {
  static let datetime = Function(
    name: "datetime", parameters: [("text", .text), ("form", .literal)], optional: 1, result: .stamp, canFail: true,
    summary: "The point in time that a text names, with its precision and its offset: in the form of HL7, or in the "
      + "form that is given (`yyyy MM dd HH mm ss SSS`, `hh:mm a` with AM or PM, and `XXX` for an offset such as "
      + "+01:00 or Z).",
    examples: [
      (#"hl7(datetime("202402291030+0100"), second) catch "no""#, #"202402291030+0100"#),
      (#"hl7(datetime("2024-02-29T10:30:59Z", "yyyy-MM-ddTHH:mm:ssXXX"), second) catch "no""#, #"20240229103059+0000"#),
      (#"hl7(datetime("2/29/2024 12:05 am", "M/d/yyyy h:mm a"), minute) catch "no""#, #"202402290005"#),
    ],
    body: .checked { $0.date($1, upTo: nil) })
}
