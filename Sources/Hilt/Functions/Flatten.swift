extension Function {
  static let flatten = Function(
    name: "flatten", parameters: [("lists", .list)], result: .element,
    summary: "The elements of a list's lists, one behind the other.",
    examples: [
      (#"join(flatten([["a", "b"], ["c"]]), "")"#, #"abc"#),
      (#"join(flatten(for w in ["a b", "c"] => split(w, " ")), "-")"#, #"a-b-c"#),
    ],
    body: .checked { $0.flatten($1) })
}
