extension Function {
  static let rest = Function(
    name: "rest", parameters: [("list", .list)], result: .list,
    summary: "A list without its first element.",
    examples: [
      (#"join(rest(["a", "b", "c"]), "")"#, #"bc"#)
    ],
    body: .one { .list(Array($0.argumentList.dropFirst())) })
}
