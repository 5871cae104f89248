extension Function {
  static let structure = Function(
    name: "structure", parameters: [("message", .place)], result: .text,
    summary: "The structure that a message says it has (MSH-9.3), such as ADT_A01; absent where it says none.",
    examples: [(#"structure(msg) ?? "none""#, #"none"#)],
    body: .checked { $0.typeOfMessage($1, component: 3) })
}
