extension Function {
  static let structure = Function(
    name: "structure", parameters: [("message", .place)], result: .text,
    summary: "The structure of a message, such as ADT_A01: what it says itself (MSH-9.3), else what its event has in "
      + "its version; absent where that is not known.",
    examples: [(#"structure(msg) ?? "none""#, #"none"#)],
    body: .checked { $0.typeOfMessage($1, component: 3) })
}
