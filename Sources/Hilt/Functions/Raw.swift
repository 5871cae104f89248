extension Function {
  static let raw = Function(
    name: "raw", parameters: [("place", .place)], result: .text,
    summary: "The bytes of a place as they stand, separators and escapes included.",
    examples: [
      (#"raw("a")"#, #"a"#)
    ],
    body: .one { $0 })
}
