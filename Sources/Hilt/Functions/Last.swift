extension Function {
  static let last = Function(
    name: "last", parameters: [("list", .list)], result: .element, absence: .sees,
    summary: "The last element of a list; absent where there is none.",
    examples: [
      (#"last(["a", "b"])"#, #"b"#)
    ],
    body: .one { $0.argumentList.last ?? .absent })
}
