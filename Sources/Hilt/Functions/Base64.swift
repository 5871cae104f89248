import Text

extension Function {
  static let base64 = Function(
    name: "base64", parameters: [("text", .text)], result: .bytes, canFail: true,
    summary: "The bytes that a text in base64 holds (RFC 4648). Spaces and line ends are passed over.",
    examples: [
      (#"text(base64("SGlsdW0=")) catch "no""#, #"Hilum"#),
      (#"text(base64("SGls!W0=")) catch "no""#, #"no"#),
    ],
    body: .one {
      guard let bytes = Base64Text.bytes(Array($0.argumentText.utf8)) else {
        throw FunctionError(kind: .convert, message: "base64() was given a text that is no base64")
      }
      return .bytes(bytes)
    })

  static let base64Of = Function(
    name: "base64_of", parameters: [("bytes", .bytes)], result: .text,
    summary: "Bytes, or a text as UTF-8, in base64, without line ends.",
    examples: [
      (#"base64_of("Hilum")"#, #"SGlsdW0="#)
    ],
    body: .one {
      let bytes = $0.argumentBytes
      try Function.checkSize(bytes.count / 3 * 4 + 4)
      return .text(String(decoding: Base64Text.text(bytes), as: UTF8.self))
    })
}
