extension Function {
  static let orAbsent = Function(
    name: "or_absent", parameters: [("value", .any), ("other", .any)], result: .element,
    summary:
      "A value, or another where it is absent. Unlike `??` it keeps null: what the sender wants deleted stays so.",
    examples: [
      (#"or_absent(absent, "b")"#, #"b"#),
      (#"or_absent("a", "b")"#, #"a"#),
      (#"or_absent(null, "b")"#, #"null"#),
    ],
    body: .checked { $0.orAbsent($1) })
}
