/// The first bytes of a message: where MSH begins, and the delimiters that it declares.
struct HL7Opening {
  let start: Int
  let delimiters: HL7Delimiters

  init(_ bytes: ArraySlice<UInt8>, _ options: HL7ReadingOptions) throws(HL7ParseError) {
    var start = bytes.startIndex
    guard !bytes.isEmpty else { throw HL7ParseError(.empty, offset: 0) }
    let isPlain = bytes[start] == UInt8(ascii: "M") && bytes.count > 1 && bytes[start + 1] == UInt8(ascii: "S")
    if !isPlain { try Self.refuseWideCharacters(bytes) }
    if !isPlain, bytes.starts(with: [0xEF, 0xBB, 0xBF]) {
      guard options.segmentEnd == .any else { throw HL7ParseError(.byteOrderMark, offset: start) }
      start += 3
    }
    if options.segmentEnd == .any {
      while start < bytes.endIndex, bytes[start] == 0x0D || bytes[start] == 0x0A { start += 1 }
    }
    guard start < bytes.endIndex else { throw HL7ParseError(.empty, offset: start) }
    let name = bytes[start...].prefix(3)
    guard name.count == 3, name[start] == UInt8(ascii: "M"), name[start + 1] == UInt8(ascii: "S"),
      name[start + 2] == UInt8(ascii: "H")
    else {
      let isBatch = name.elementsEqual("FHS".utf8) || name.elementsEqual("BHS".utf8)
      let isCut = name.count < 3 && "MSH".utf8.starts(with: name)
      throw HL7ParseError(isBatch ? .batch : isCut ? .truncatedHeader : .noHeader, offset: start)
    }
    self.start = start
    delimiters = try Self.delimiters(bytes[(start + 3)...])
  }

  /// Reads MSH-1 and MSH-2 from what stands behind the name.
  static func delimiters(_ bytes: ArraySlice<UInt8>) throws(HL7ParseError) -> HL7Delimiters {
    guard let separator = bytes.first, separator != 0x0D, separator != 0x0A else {
      throw HL7ParseError(.truncatedHeader, offset: bytes.startIndex, segment: 1)
    }
    // Six bytes are enough to see that there are more than five characters.
    var characters = bytes.dropFirst().prefix(6)
    if let end = characters.firstIndex(where: { $0 == separator || $0 == 0x0D || $0 == 0x0A }) {
      characters = characters[..<end]
    }
    guard !characters.isEmpty else {
      throw HL7ParseError(
        HL7Delimiters.canDelimit(separator) ? .truncatedHeader : .delimiters, offset: bytes.startIndex, segment: 1)
    }
    guard let delimiters = HL7Delimiters(field: separator, encodingCharacters: characters) else {
      throw HL7ParseError(.delimiters, offset: bytes.startIndex, segment: 1)
    }
    return delimiters
  }

  private static func refuseWideCharacters(_ bytes: ArraySlice<UInt8>) throws(HL7ParseError) {
    let opening = Array(bytes.prefix(4))
    let isWide =
      opening.starts(with: [0xFF, 0xFE]) || opening.starts(with: [0xFE, 0xFF]) || opening.starts(with: [0, 0, 0xFE])
      || opening.starts(with: [UInt8(ascii: "M"), 0]) || opening.starts(with: [0, UInt8(ascii: "M")])
      || opening.starts(with: [0, 0, 0, UInt8(ascii: "M")])
    if isWide { throw HL7ParseError(.wideCharacters, offset: bytes.startIndex) }
  }
}
