extension Function {
  static let first = Function(
    name: "first", parameters: [("list", .list)], result: .element, absence: .sees,
    summary: "The first element of a list; absent where there is none.",
    examples: [
      (#"first(["a", "b"])"#, #"a"#),
      (#"(first x in ["a", "b"] where x != "a")"#, #"b"#),
    ],
    body: .one { $0.argumentList.first ?? .absent })
}
