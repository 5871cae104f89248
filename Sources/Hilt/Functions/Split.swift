extension Function {
  static let split = Function(
    name: "split", parameters: [("text", .text), ("separator", .text)], result: .texts,
    summary: "The parts of a text between separators, or between matches of a pattern; empty parts are absent.",
    examples: [
      (#"join(split("a-b-c", "-"), "+")"#, #"a+b+c"#),
      (#"count(split("a,,b", ","))"#, #"3"#),
      (#"join(split("a, b;c", /[,;]\s*/), "+")"#, #"a+b+c"#),
    ],
    body: .checked { $0.split($1) })
}

extension Function {
  @Sendable static func split(_ text: Datum, _ separator: Datum) -> Datum {
    let (text, separator) = (text.argumentText, separator.argumentText)
    if separator.isEmpty { return .list([.text(text)]) }
    return .list(parts(text, separator).map { $0.isEmpty ? .absent : .text($0) })
  }

  /// The parts between separators, empty ones too.
  static func parts(_ text: String, _ separator: String) -> [String] {
    let (bytes, pattern) = (Array(text.utf8), Array(separator.utf8))
    var parts: [String] = []
    var start = 0
    var index = 0
    while index + pattern.count <= bytes.count {
      if bytes[index] == pattern[0], bytes[index..<index + pattern.count].elementsEqual(pattern) {
        parts.append(String(decoding: bytes[start..<index], as: UTF8.self))
        index += pattern.count
        start = index
      } else {
        index += 1
      }
    }
    parts.append(String(decoding: bytes[start...], as: UTF8.self))
    return parts
  }
}
