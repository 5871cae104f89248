import Text

/// Escape sequences of text (HL7 v2.9 chapter 2.7): read on the way in, written on the way out.
enum HL7Escapes {
  /// One sequence, both escape characters included.
  struct Sequence {
    enum Kind {
      /// `\F\ \S\ \T\ \R\ \E\ \P\`: the letter.
      case delimiter(UInt8)
      /// `\Xdd…\`: the digits.
      case hex(Range<Int>)
      /// `\.br\`, `\H\`, `\N\`, `\C…\`, `\M…\`: it says how text looks or which set follows, and is kept.
      case formatting
    }
    let kind: Kind
    let end: Int
  }

  /// The sequence that begins at an escape character; `nil` where none that the standard knows does.
  static func sequence(at start: Int, in bytes: ArraySlice<UInt8>, escape: UInt8) -> Sequence? {
    let bodyStart = start + 1
    guard let close = bytes[bodyStart...].firstIndex(of: escape), close > bodyStart else { return nil }
    let body = bytes[bodyStart..<close]
    let end = close + 1
    switch body[bodyStart] {
    case UInt8(ascii: "F"), UInt8(ascii: "S"), UInt8(ascii: "T"), UInt8(ascii: "R"), UInt8(ascii: "E"),
      UInt8(ascii: "P"):
      return body.count == 1 ? Sequence(kind: .delimiter(body[bodyStart]), end: end) : nil
    case UInt8(ascii: "H"), UInt8(ascii: "N"):
      return body.count == 1 ? Sequence(kind: .formatting, end: end) : nil
    case UInt8(ascii: "X"):
      let digits = body.dropFirst()
      guard !digits.isEmpty, digits.count.isMultiple(of: 2), digits.allSatisfy({ HexText.digit($0) != nil }) else {
        return nil
      }
      return Sequence(kind: .hex(digits.indices), end: end)
    case UInt8(ascii: "C"), UInt8(ascii: "M"):
      let digits = body.dropFirst()
      guard digits.count == 4 || digits.count == 6, digits.allSatisfy({ HexText.digit($0) != nil }) else { return nil }
      return Sequence(kind: .formatting, end: end)
    case UInt8(ascii: "."):
      return isFormattingCommand(body.dropFirst()) ? Sequence(kind: .formatting, end: end) : nil
    default:
      return nil
    }
  }

  /// `br`, `sp2`, `in+4`, `ti-3`: two letters, then a number that may have a sign (v2.9 chapter 2.7.6).
  private static func isFormattingCommand(_ command: ArraySlice<UInt8>) -> Bool {
    guard (2...8).contains(command.count), command.prefix(2).allSatisfy({ (0x61...0x7A).contains($0 | 0x20) }) else {
      return false
    }
    var digits = command.dropFirst(2)
    if digits.first == UInt8(ascii: "+") || digits.first == UInt8(ascii: "-") { digits = digits.dropFirst() }
    return digits.allSatisfy { (0x30...0x39).contains($0) }
  }

  /// The bytes that `\Xdd…\` stands for.
  static func appendHex(_ digits: ArraySlice<UInt8>, to bytes: inout [UInt8]) {
    var index = digits.startIndex
    while index + 1 < digits.endIndex {
      if let high = HexText.digit(digits[index]), let low = HexText.digit(digits[index + 1]) {
        bytes.append(high << 4 | low)
      }
      index += 2
    }
  }

  /// The character that a letter stands for. What MSH-2 does not declare is what the standard recommends.
  static func character(_ letter: UInt8, _ delimiters: HL7Delimiters) -> UInt8 {
    switch letter {
    case UInt8(ascii: "F"): delimiters.field
    case UInt8(ascii: "S"): delimiters.component
    case UInt8(ascii: "T"): delimiters.subcomponent ?? UInt8(ascii: "&")
    case UInt8(ascii: "R"): delimiters.repetition ?? UInt8(ascii: "~")
    case UInt8(ascii: "P"): delimiters.truncation ?? UInt8(ascii: "#")
    default: delimiters.escape ?? UInt8(ascii: "\\")
    }
  }

  /// Text without escapes. Formatting sequences are kept, always with a backslash; an escape character that begins no
  /// sequence of the standard is kept as the character it is.
  static func decoded(
    _ bytes: ArraySlice<UInt8>, _ delimiters: HL7Delimiters, _ charset: Charset
  ) throws(CharsetError) -> String {
    guard let escape = delimiters.escape, let first = bytes.firstIndex(of: escape) else {
      return try charset.decode(bytes)
    }
    var plain = Array(bytes[..<first])
    var index = first
    while index < bytes.endIndex {
      guard bytes[index] == escape, let sequence = sequence(at: index, in: bytes, escape: escape) else {
        plain.append(bytes[index])
        index += 1
        continue
      }
      switch sequence.kind {
      case .delimiter(let letter): plain.append(character(letter, delimiters))
      case .hex(let digits): appendHex(bytes[digits], to: &plain)
      case .formatting:
        plain.append(UInt8(ascii: "\\"))
        plain.append(contentsOf: bytes[index + 1..<sequence.end - 1])
        plain.append(UInt8(ascii: "\\"))
      }
      index = sequence.end
    }
    return try charset.decode(plain[...])
  }
}
