extension Function {
  static let count = Function(
    name: "count", parameters: [("list", .list)], result: .number, absence: .sees,
    summary: "How many elements a list has.",
    examples: [
      (#"count(["a", "b"])"#, #"2"#),
      (#"(count x in ["a", "b", "a"] where x == "a")"#, #"2"#),
    ],
    body: .one { .number(Decimal($0.argumentList.count)) })
}
