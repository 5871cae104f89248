extension Function {
  static let trigger = Function(
    name: "trigger", parameters: [("message", .place)], result: .text,
    summary: "The event that a message tells of (MSH-9.2), such as A01.",
    examples: [(#"trigger(msg) ?? "none""#, #"none"#)],
    body: .checked { $0.typeOfMessage($1, component: 2) })
}
