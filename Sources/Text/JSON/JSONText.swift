/// Texts as JSON writes them.
package enum JSONText {
  /// What a text says that was read.
  static func decoded(_ bytes: [UInt8], _ entry: JSONDocument.Entry) -> String {
    guard entry.isEscaped else { return String(decoding: bytes[entry.range], as: UTF8.self) }
    return String(decoding: unescaped(bytes, entry.range), as: UTF8.self)
  }

  /// Whether a text says this.
  static func isEqual(_ bytes: [UInt8], _ entry: JSONDocument.Entry, _ wanted: UnsafeBufferPointer<UInt8>) -> Bool {
    if entry.isEscaped { return unescaped(bytes, entry.range).elementsEqual(wanted) }
    return entry.range.count == wanted.count && bytes[entry.range].elementsEqual(wanted)
  }

  /// Without escapes; they were checked when the text was read.
  static func unescaped(_ bytes: [UInt8], _ range: Range<Int>) -> [UInt8] {
    var plain: [UInt8] = []
    plain.reserveCapacity(range.count)
    var at = range.lowerBound
    while at < range.upperBound {
      let byte = bytes[at]
      at += 1
      guard byte == UInt8(ascii: "\\") else {
        plain.append(byte)
        continue
      }
      let sign = bytes[at]
      at += 1
      switch sign {
      case UInt8(ascii: "b"): plain.append(0x08)
      case UInt8(ascii: "f"): plain.append(0x0C)
      case UInt8(ascii: "n"): plain.append(0x0A)
      case UInt8(ascii: "r"): plain.append(0x0D)
      case UInt8(ascii: "t"): plain.append(0x09)
      case UInt8(ascii: "u"):
        var scalar = unit(bytes, at)
        at += 4
        if (0xD800..<0xDC00).contains(scalar) {
          scalar = 0x10000 + (scalar - 0xD800) << 10 + unit(bytes, at + 2) - 0xDC00
          at += 6
        }
        if let scalar = Unicode.Scalar(scalar) { plain.append(contentsOf: Character(scalar).utf8) }
      default: plain.append(sign)
      }
    }
    return plain
  }

  private static func unit(_ bytes: [UInt8], _ at: Int) -> UInt32 {
    bytes[at..<at + 4].reduce(0) { $0 << 4 | UInt32(HexText.digit($1) ?? 0) }
  }

  /// Writes a text in quotes; only what must be is escaped (RFC 8259 section 7).
  package static func write(_ text: String, to output: inout [UInt8]) {
    output.append(UInt8(ascii: "\""))
    var text = text
    text.withUTF8 { bytes in
      var plain = 0
      for (at, byte) in bytes.enumerated() where byte < 0x20 || byte == UInt8(ascii: "\"") || byte == UInt8(ascii: "\\")
      {
        output.append(contentsOf: bytes[plain..<at])
        plain = at + 1
        escape(byte, to: &output)
      }
      output.append(contentsOf: bytes[plain...])
    }
    output.append(UInt8(ascii: "\""))
  }

  private static func escape(_ byte: UInt8, to output: inout [UInt8]) {
    output.append(UInt8(ascii: "\\"))
    switch byte {
    case 0x08: output.append(UInt8(ascii: "b"))
    case 0x09: output.append(UInt8(ascii: "t"))
    case 0x0A: output.append(UInt8(ascii: "n"))
    case 0x0C: output.append(UInt8(ascii: "f"))
    case 0x0D: output.append(UInt8(ascii: "r"))
    case UInt8(ascii: "\""), UInt8(ascii: "\\"): output.append(byte)
    default:
      let digits = HexText.digits
      output.append(contentsOf: [
        UInt8(ascii: "u"), UInt8(ascii: "0"), UInt8(ascii: "0"), digits[Int(byte >> 4)], digits[Int(byte & 15)],
      ])
    }
  }
}
