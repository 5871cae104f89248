extension Function {
  static let boolean = Function(
    name: "boolean", parameters: [("value", .any)], result: .boolean, canFail: true,
    summary: "True or false, of a value of JSON, or of the texts `true` and `false`.",
    examples: [
      (#"boolean("true") catch false"#, #"true"#),
      (#"text(boolean("Y")) catch "no""#, #"no"#),
    ],
    body: .checked { $0.boolean($1) })
}
