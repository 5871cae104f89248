import Text

/// Writes content as bytes with the delimiters and the character set of one message.
struct HL7Encoder {
  let delimiters: HL7Delimiters
  let charset: Charset

  /// Appends content for a place of this level. When it throws, `bytes` may hold a part of it.
  func append(
    _ content: HL7Content, at level: HL7Piece.Level, to bytes: inout [UInt8]
  ) throws(HL7EditError.Kind) {
    switch content {
    case .absent: return
    case .null: bytes.append(contentsOf: [0x22, 0x22])
    case .text(let text): try append(text, to: &bytes)
    case .formatted(let text): try append(text, formatted: true, to: &bytes)
    case .piece(let piece): try append(piece, at: level, to: &bytes)
    case .parts(let parts):
      switch level {
      case .field, .repetition: try append(parts, at: .component, between: delimiters.component, to: &bytes)
      case .component: try append(parts, at: .subcomponent, between: delimiters.subcomponent, to: &bytes)
      case .subcomponent, .delimiters:
        guard parts.count <= 1 else { throw .tooDeep }
        if let only = parts.first { try append(only, at: level, to: &bytes) }
      }
    case .repetitions(let repetitions):
      if level == .field {
        try append(repetitions, at: .repetition, between: delimiters.repetition, to: &bytes)
      } else {
        guard repetitions.count <= 1 else { throw .repeats }
        if let only = repetitions.first { try append(only, at: level, to: &bytes) }
      }
    }
  }

  private func append(
    _ parts: [HL7Content], at level: HL7Piece.Level, between separator: UInt8?, to bytes: inout [UInt8]
  ) throws(HL7EditError.Kind) {
    var waiting = 0
    for part in parts {
      // Separators are written only once something follows them, so none hangs at the end.
      let start = bytes.count
      if waiting > 0 {
        guard let separator else { throw .noSeparator }
        for _ in 0..<waiting { bytes.append(separator) }
      }
      let contentStart = bytes.count
      try append(part, at: level, to: &bytes)
      if bytes.count == contentStart {
        bytes.removeSubrange(start...)
        waiting += 1
      } else {
        waiting = 1
      }
    }
  }

  // MARK: Text

  /// Appends a leaf, escaped.
  func append(_ text: String, formatted: Bool = false, to bytes: inout [UInt8]) throws(HL7EditError.Kind) {
    let isWritten = text.utf8.withContiguousStorageIfAvailable { utf8 in
      guard utf8.allSatisfy({ delimiters.isPlain($0) }) else { return false }
      bytes.append(contentsOf: utf8)
      return true
    }
    if isWritten == true { return }
    let start = bytes.count
    do {
      try charset.encode(text, into: &bytes)
    } catch {
      throw .text(HL7TextError(.characters(error), offset: error.offset))
    }
    // The text of two quotes must not be read as null.
    if bytes.count - start == 2, bytes[start] == 0x22, bytes[start + 1] == 0x22 {
      guard let escape = delimiters.escape else { throw .text(HL7TextError(.noEscapeCharacter, offset: 0)) }
      bytes.removeSubrange(start...)
      bytes.append(escape)
      bytes.append(contentsOf: "X2222".utf8)
      bytes.append(escape)
      return
    }
    guard let first = bytes[start...].firstIndex(where: needsEscape) else { return }
    let plain = bytes[first...]
    bytes.removeSubrange(first...)
    try appendEscaped(plain, formatted: formatted, to: &bytes)
  }

  /// Whether a byte can't stand for itself: a delimiter, or what ends a segment (CR, LF) or a frame (VT, FS).
  @inline(__always)
  private func needsEscape(_ byte: UInt8) -> Bool {
    byte == delimiters.field || byte == delimiters.component || byte == delimiters.repetition
      || byte == delimiters.escape || byte == delimiters.subcomponent || byte == delimiters.truncation
      || Self.endsSegmentOrFrame(byte)
  }

  @inline(__always)
  static func endsSegmentOrFrame(_ byte: UInt8) -> Bool { byte == 0x0D || byte == 0x0A || byte == 0x0B || byte == 0x1C }

  private func appendEscaped(
    _ plain: ArraySlice<UInt8>, formatted: Bool, to bytes: inout [UInt8]
  ) throws(HL7EditError.Kind) {
    let backslash = UInt8(ascii: "\\")
    var index = plain.startIndex
    while index < plain.endIndex {
      let byte = plain[index]
      if formatted, byte == backslash, let escape = delimiters.escape,
        let sequence = HL7Escapes.sequence(at: index, in: plain, escape: backslash), case .formatting = sequence.kind
      {
        bytes.append(escape)
        bytes.append(contentsOf: plain[index + 1..<sequence.end - 1])
        bytes.append(escape)
        index = sequence.end
        continue
      }
      if needsEscape(byte) {
        try appendEscape(of: byte, to: &bytes)
      } else {
        bytes.append(byte)
      }
      index += 1
    }
  }

  private func appendEscape(of byte: UInt8, to bytes: inout [UInt8]) throws(HL7EditError.Kind) {
    guard let escape = delimiters.escape else { throw .text(HL7TextError(.noEscapeCharacter, offset: 0)) }
    bytes.append(escape)
    switch byte {
    case delimiters.field: bytes.append(UInt8(ascii: "F"))
    case delimiters.component: bytes.append(UInt8(ascii: "S"))
    case escape: bytes.append(UInt8(ascii: "E"))
    default:
      if byte == delimiters.repetition {
        bytes.append(UInt8(ascii: "R"))
      } else if byte == delimiters.subcomponent {
        bytes.append(UInt8(ascii: "T"))
      } else if byte == delimiters.truncation {
        bytes.append(UInt8(ascii: "P"))
      } else {
        let digits = Array("0123456789ABCDEF".utf8)
        bytes.append(contentsOf: [UInt8(ascii: "X"), digits[Int(byte >> 4)], digits[Int(byte & 0xF)]])
      }
    }
    bytes.append(escape)
  }
}
