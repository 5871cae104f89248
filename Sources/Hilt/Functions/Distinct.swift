extension Function {
  static let distinct = Function(
    name: "distinct", parameters: [("list", .texts)], result: .texts, absence: .sees,
    summary: "The elements of a list of texts, each once, in the order in which they first come; what is absent or "
      + "null is left out.",
    examples: [
      (#"join(distinct(["b", "a", "b"]), "")"#, #"ba"#)
    ],
    body: .one {
      var seen: Set<String> = []
      return .list($0.argumentList.filter { $0.isValued && seen.insert($0.argumentText).inserted })
    })
}
