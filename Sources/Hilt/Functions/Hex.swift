import Text

extension Function {
  static let hex = Function(
    name: "hex", parameters: [("text", .text)], result: .bytes, canFail: true,
    summary: "The bytes that a text writes as pairs of hexadecimal digits.",
    examples: [
      (#"text(hex("48696C756d")) catch "no""#, #"Hilum"#),
      (#"text(hex("486")) catch "no""#, #"no"#),
    ],
    body: .one {
      guard let bytes = HexText.bytes(Array($0.argumentText.utf8)) else {
        throw FunctionError(kind: .convert, message: "hex() was given a text that is no pairs of hexadecimal digits")
      }
      return .bytes(bytes)
    })

  static let hexOf = Function(
    name: "hex_of", parameters: [("bytes", .bytes)], result: .text,
    summary: "Bytes, or a text as UTF-8, as hexadecimal digits in small letters.",
    examples: [
      (#"hex_of("Hilum")"#, #"48696c756d"#)
    ],
    body: .one {
      let bytes = $0.argumentBytes
      try Function.checkSize(bytes.count * 2)
      return .text(String(decoding: HexText.text(bytes), as: UTF8.self))
    })
}
