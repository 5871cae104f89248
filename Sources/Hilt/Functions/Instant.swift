extension Function {
  static let instant = Function(
    name: "instant", parameters: [("date", .text), ("zone", .literal)], optional: 1,
    result: .stamp, canFail: true,
    summary: "The moment that a text in the form of HL7, or a date, is, with an offset: its own, else that of MSH-7, "
      + "else that of the transform's `zone`. A zone that is given goes before both of these. UTC is never assumed. "
      + "What is not exact to the minute is no moment.",
    examples: [
      (#"hl7(instant("202402291030+0100"), second) catch "no""#, #"202402291030+0100"#),
      (#"hl7(instant("202402291030", zone: "Europe/Paris"), second) catch "no""#, #"202402291030+0100"#),
      (#"hl7(instant("20240229"), second) catch "no""#, #"no"#),
    ],
    body: .checked { $0.instant($1) })
}
