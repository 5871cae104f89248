extension Function {
  static let zip = Function(
    name: "zip", parameters: [("first", .list), ("second", .list)], result: .element,
    summary: "Two lists side by side: each element has a `.first` and a `.second`. Where one list is longer, what the "
      + "other lacks is absent.",
    examples: [
      (#"join(for p in zip(["a", "b"], ["1", "2"]) => "{p.first}{p.second}", " ")"#, #"a1 b2"#),
      (#"join(for p in zip(["a", "b"], ["1"]) => "{p.first}{p.second}", " ")"#, #"a1 b"#),
    ],
    body: .checked { $0.paired($1) })
}
