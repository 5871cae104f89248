extension Function {
  static let datetime = Function(
    name: "datetime", parameters: [("text", .text)], result: .stamp, canFail: true,
    summary: "The point in time that a text in the form of HL7 names, with its precision and its offset.",
    examples: [
      (#"hl7(datetime("202402291030+0100"), second) catch "no""#, #"202402291030+0100"#)
    ],
    body: .one {
      guard let stamp = Stamp(hl7: $0.argumentText) else {
        throw FunctionError(kind: .parse, message: "datetime() was given a text that is no date and time")
      }
      return .stamp(stamp)
    })
}
