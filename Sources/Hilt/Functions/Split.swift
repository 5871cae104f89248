extension Function {
  static let split = Function(
    name: "split", parameters: [("text", .text), ("separator", .text)], result: .texts,
    summary: "The parts of a text between separators; empty parts are absent.",
    examples: [
      (#"join(split("a-b-c", "-"), "+")"#, #"a+b+c"#),
      (#"count(split("a,,b", ","))"#, #"3"#),
    ],
    body: .two {
      let (text, separator) = ($0.argumentText, $1.argumentText)
      if separator.isEmpty { return .list([.text(text)]) }
      return .list(Function.parts(text, separator).map { $0.isEmpty ? .absent : .text($0) })
    })
}

extension Function {
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
