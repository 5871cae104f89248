extension Function {
  static let truncate = Function(
    name: "truncate", parameters: [("date", .stamp), ("precision", .precision)], result: .stamp,
    summary: "A date made less exact; what is less exact already stays.",
    examples: [
      (#"text(truncate(datetime("20240229103059") catch absent, month))"#, #"202402"#)
    ],
    body: .two {
      guard case .stamp(let stamp) = $0, let precision = Stamp.Precision(word: $1.argumentText) else { return .absent }
      return .stamp(stamp.truncated(precision))
    })
}
