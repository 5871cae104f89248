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

/// Bytes as pairs of hexadecimal digits.
enum HexText {
  static func bytes(_ text: [UInt8]) -> [UInt8]? {
    guard text.count % 2 == 0 else { return nil }
    var bytes: [UInt8] = []
    bytes.reserveCapacity(text.count / 2)
    for index in stride(from: 0, to: text.count, by: 2) {
      guard let high = digit(text[index]), let low = digit(text[index + 1]) else { return nil }
      bytes.append(high << 4 | low)
    }
    return bytes
  }

  static let digits = Array("0123456789abcdef".utf8)

  static func text(_ bytes: [UInt8]) -> [UInt8] {
    bytes.flatMap { [digits[Int($0 >> 4)], digits[Int($0 & 15)]] }
  }

  private static func digit(_ byte: UInt8) -> UInt8? {
    switch byte {
    case 0x30...0x39: byte - 0x30
    case 0x41...0x46: byte - 0x41 + 10
    case 0x61...0x66: byte - 0x61 + 10
    default: nil
    }
  }
}
