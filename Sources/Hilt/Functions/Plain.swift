extension Function {
  static let plain = Function(
    name: "plain", parameters: [("text", .text)], result: .text,
    summary: "A formatted text (FT, TX) as plain text: \\.br\\ becomes a line end, other formatting goes.",
    examples: [
        (#"plain("a\\.br\\b\\H\\c\\N\\")"#, "a\nbc"),
    ],
    body: .one {
      .text(Function.plainText($0.argumentText))
    })
}

extension Function {
  /// Without formatting sequences: what stands between two backslashes and is `H`, `N` or begins with a point.
  static func plainText(_ text: String) -> String {
    guard text.utf8.contains(UInt8(ascii: "\\")) else { return text }
    let text = formattedLines(text).joined(separator: "\n")
    let parts = parts(text, "\\")
    var plain = parts[0]
    var index = 1
    while index < parts.count {
      if index + 1 < parts.count, parts[index] == "H" || parts[index] == "N" || parts[index].hasPrefix(".") {
        plain += parts[index + 1]
        index += 2
      } else {
        plain += "\\" + parts[index]
        index += 1
      }
    }
    return plain
  }
}
