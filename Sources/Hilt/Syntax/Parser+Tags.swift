import DICOM

/// Elements of DICOM by their numbers: `tag(0019,"GEMS_ACQU_01",9C)`.
extension Parser {
  /// Four digits follow, hexadecimal ones, and no value.
  var startsTag: Bool {
    isWord("tag") && isSign(.leftParen, 1) && !ahead(1).spaceBefore && isHexadecimal(ahead(2), 4) && isSign(.comma, 3)
  }

  /// `tag(0008,0060)`, `tag(0019,"GEMS_ACQU_01",9C)`
  mutating func tag() throws -> DICOMPath.Tag {
    let start = token.span
    advance()
    advance()
    let group = try hexadecimal(4)
    try expect(.comma)
    let help = ["tag(0008,0060)", "tag(0019,\"GEMS_ACQU_01\",9C)"]
    guard token.kind == .textStart else {
      let element = try hexadecimal(4)
      guard take(.rightParen) else { throw expected("')'", help: help) }
      return .standard(DICOMTag(group, element))
    }
    let creator = try plainText("who owns the block")
    guard take(.comma) else { throw expected("a comma and the element's last two digits", help: help) }
    let element = try hexadecimal(2)
    guard take(.rightParen) else { throw expected("')'", help: help) }
    guard group & 1 == 1, !creator.text.isEmpty, creator.text.utf8.count <= 64 else {
      throw fail(
        .path, "blocks with an owner are in groups with an odd number, and the owner has a name",
        at: start...previous, help: help)
    }
    return .privateBlock(group: group, creator: creator.text, element: UInt8(truncatingIfNeeded: element))
  }

  private func isHexadecimal(_ token: Token, _ count: Int) -> Bool {
    switch token.kind {
    case .word, .digits, .duration:
      let digits = text(token).utf8
      return digits.count == count && UInt16(text(token), radix: 16) != nil
    default: return false
    }
  }

  private mutating func hexadecimal(_ count: Int) throws -> UInt16 {
    guard isHexadecimal(token, count), let number = UInt16(text(token), radix: 16) else {
      throw expected(
        "a number of \(count) hexadecimal digits", help: ["tag(0008,0060)", "tag(0019,\"GEMS_ACQU_01\",9C)"])
    }
    advance()
    return number
  }
}
