import Text

extension DICOMCharacterSets {
  /// The bytes of texts, parted by backslashes, without padding; `nil` where the sets lack a character.
  func encode(_ texts: [String], isName: Bool) -> [UInt8]? {
    var bytes: [UInt8] = []
    for (number, text) in texts.enumerated() {
      if number > 0 { bytes.append(DICOMText.backslash) }
      guard let more = encode(text, isName: isName) else { return nil }
      bytes += more
    }
    return bytes
  }

  private func encode(_ text: String, isName: Bool) -> [UInt8]? {
    switch whole {
    case .utf8: return Array(text.utf8)
    case .gb18030: return MultibyteCharset.gb18030.encode(text)
    case .gbk: return MultibyteCharset.gbk.encode(text)
    case nil: break
    }
    if text.utf8.allSatisfy({ $0 < 0x80 && $0 != 0x1B }), left == .ascii { return Array(text.utf8) }
    var encoder = DICOMTextEncoder(sets: self)
    for scalar in text.unicodeScalars {
      let isDelimiter =
        isName && (scalar == "^" || scalar == "=") || ["\t", "\n", "\u{0C}", "\r"].contains(scalar)
      guard isDelimiter ? encoder.delimiter(scalar) : encoder.character(scalar) else { return nil }
    }
    encoder.begin()
    return encoder.bytes
  }
}

/// Writes a text of several sets, with the escapes between them.
private struct DICOMTextEncoder {
  let sets: DICOMCharacterSets
  var bytes: [UInt8] = []
  private var left: DICOMCharacterSets.Left
  private var right: DICOMCharacterSets.Right

  init(sets: DICOMCharacterSets) {
    self.sets = sets
    left = sets.left
    right = sets.right
  }

  /// The first set holds again: at the end, and before what parts a text.
  mutating func begin() {
    if left != sets.left, let set = DICOMCharacterSet.all.first(where: { $0.left == sets.left }) {
      bytes.append(0x1B)
      bytes += set.leftEscape
    }
    left = sets.left
    right = sets.right
  }

  mutating func delimiter(_ scalar: Unicode.Scalar) -> Bool {
    begin()
    bytes.append(UInt8(scalar.value))
    return true
  }

  mutating func character(_ scalar: Unicode.Scalar) -> Bool {
    // What holds now first, then what holds at the beginning, then what may be switched to.
    if let code = Self.code(scalar, left) ?? Self.code(scalar, right) {
      bytes += code
      return true
    }
    let first = sets.left == left ? [] : DICOMCharacterSet.all.filter { $0.left == sets.left && $0.right == nil }
    for set in first + sets.extensions {
      if let half = set.left, let code = Self.code(scalar, half) {
        bytes.append(0x1B)
        bytes += set.leftEscape + code
        left = half
        return true
      }
      if let half = set.right, let code = Self.code(scalar, half) {
        bytes.append(0x1B)
        bytes += set.rightEscape + code
        right = half
        return true
      }
    }
    return false
  }

  private static func code(_ scalar: Unicode.Scalar, _ left: DICOMCharacterSets.Left) -> [UInt8]? {
    switch left {
    case .ascii: return scalar.value < 0x80 && scalar.value != 0x1B ? [UInt8(scalar.value)] : nil
    case .romaji:
      switch scalar {
      case "\u{A5}": return [0x5C]
      case "\u{203E}": return [0x7E]
      case "\\", "~", "\u{1B}": return nil
      default: return scalar.value < 0x80 ? [UInt8(scalar.value)] : nil
      }
    case .jisx0208:
      let code = MultibyteCharset.jis.encode(String(scalar))
      return code?.count == 2 && code?[0] != 0x8E ? code.map { $0.map { $0 & 0x7F } } : nil
    case .jisx0212:
      let code = MultibyteCharset.jis.encode(String(scalar))
      return code?.count == 3 ? code.map { $0.dropFirst().map { $0 & 0x7F } } : nil
    }
  }

  private static func code(_ scalar: Unicode.Scalar, _ right: DICOMCharacterSets.Right) -> [UInt8]? {
    if scalar.value < 0x80 { return nil }
    switch right {
    case .nothing: return nil
    case .single(let charset): return try? charset.encode(String(scalar))
    case .katakana:
      return (0xFF61...0xFF9F).contains(scalar.value) ? [UInt8(scalar.value - 0xFF61 + 0xA1)] : nil
    case .ksx1001: return MultibyteCharset.ksx1001.encode(String(scalar))
    case .gb2312: return MultibyteCharset.gb2312.encode(String(scalar))
    }
  }
}
