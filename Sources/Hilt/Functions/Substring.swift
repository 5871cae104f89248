extension Function {
  static let substring = Function(
    name: "substring", parameters: [("text", .text), ("start", .count), ("count", .count)], result: .text,
    summary: "So many characters from a place on, counted from 1; what lies beyond the end is left out.",
    examples: [
      (#"substring("20240131", 5, 2)"#, #"01"#),
      (#"substring("abc", 3, 9)"#, #"c"#),
      (#"substring("abc", 9, 1)"#, #"absent"#),
    ],
    body: .many {
      .text(String($0[0].argumentText.dropFirst(max(0, $0[1].argumentCount - 1)).prefix(max(0, $0[2].argumentCount))))
    })
}
