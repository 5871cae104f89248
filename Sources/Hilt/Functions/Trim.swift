extension Function {
  static let trim = Function(
    name: "trim", parameters: [("text", .text)], result: .text,
    summary: "The text without white space at both ends.",
    examples: [
      (#"trim("  a b ")"#, #"a b"#),
      (#"trim(" ")"#, #"absent"#),
    ],
    body: .one { .text(Function.trimmed($0.argumentText)) })
}

extension Function {
  /// Without spaces, tabs and line ends at both ends.
  static func trimmed(_ text: String) -> String {
    // Of ASCII it is known without the tables.
    let isSpace: (Unicode.Scalar) -> Bool = { scalar in
      scalar.isASCII ? scalar == " " || (0x09...0x0D).contains(scalar.value) : scalar.properties.isWhitespace
    }
    guard let first = text.unicodeScalars.first, let last = text.unicodeScalars.last, isSpace(first) || isSpace(last)
    else { return text }
    var scalars = text.unicodeScalars[...]
    while let first = scalars.first, isSpace(first) { scalars.removeFirst() }
    while let last = scalars.last, isSpace(last) { scalars.removeLast() }
    return String(scalars)
  }
}
