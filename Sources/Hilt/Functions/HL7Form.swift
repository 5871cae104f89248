extension Function {
  static let hl7 = Function(
    name: "hl7", parameters: [("date", .stamp), ("precision", .precision)], result: .text,
    summary: "The form of HL7 of a date, no more exact than asked for and never more exact than it is.",
    examples: [
      (#"hl7(datetime("20240229103059"), minute) catch "no""#, #"202402291030"#),
      (#"hl7(date("198002"), day) catch "no""#, #"198002"#),
    ],
    body: .two {
      guard case .stamp(let stamp) = $0 else { return .absent }
      return .text(stamp.hl7(Stamp.Precision(word: $1.argumentText)))
    })
}
