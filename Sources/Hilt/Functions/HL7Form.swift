extension Function {
  static let hl7 = Function(
    name: "hl7", parameters: [("date", .stampOrTime), ("precision", .precision)], result: .text,
    summary:
      "The form of HL7 of a date or a time of day, no more exact than asked for and never more exact than it is.",
    examples: [
      (#"hl7(datetime("20240229103059"), minute) catch "no""#, #"202402291030"#),
      (#"hl7(date("198002"), day) catch "no""#, #"198002"#),
    ],
    body: .two {
      let precision = Stamp.Precision(word: $1.argumentText)
      switch $0 {
      case .stamp(let stamp): return .text(stamp.hl7(precision))
      case .time(let time): return .text(time.hl7(precision))
      default: return .absent
      }
    })
}
