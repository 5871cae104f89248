extension Function {
  static let urlEncode = Function(
    name: "url_encode", parameters: [("text", .text)], result: .text,
    summary:
      "The text as it stands in one part of a URL: every byte of its UTF-8 but letters, digits and `-._~` as %XX "
      + "(RFC 3986).",
    examples: [
      (#"url_encode("a b/ü")"#, #"a%20b%2F%C3%BC"#)
    ],
    body: .one {
      let digits = Array("0123456789ABCDEF".utf8)
      try Function.checkSize($0.argumentText.utf8.count * 3)
      var bytes: [UInt8] = []
      for byte in $0.argumentText.utf8 {
        if Lexer.isWord(byte) || "-.~".utf8.contains(byte) {
          bytes.append(byte)
        } else {
          bytes += [UInt8(ascii: "%"), digits[Int(byte >> 4)], digits[Int(byte & 15)]]
        }
      }
      return .text(String(decoding: bytes, as: UTF8.self))
    })
}
