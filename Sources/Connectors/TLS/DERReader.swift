/// Reads tag, length, content (ITU-T X.690, the distinguished encoding) one element at a time. Bytes come from
/// strangers: what doesn't fit is `nil`.
struct DERReader {
  struct Element {
    let tag: UInt8
    let content: ArraySlice<UInt8>
  }

  private var rest: ArraySlice<UInt8>

  init(_ bytes: ArraySlice<UInt8>) {
    rest = bytes
  }

  var isAtEnd: Bool { rest.isEmpty }

  /// The next element. Tags of more than one byte don't occur where this is used.
  mutating func next() -> Element? {
    guard rest.count >= 2, let tag = rest.popFirst(), tag & 0x1F != 0x1F, let first = rest.popFirst() else {
      return nil
    }
    var length = Int(first)
    if first >= 0x80 {
      let count = Int(first & 0x7F)
      guard (1...4).contains(count), rest.count >= count else { return nil }
      length = rest.prefix(count).reduce(0) { $0 << 8 | Int($1) }
      rest = rest.dropFirst(count)
    }
    guard rest.count >= length else { return nil }
    defer { rest = rest.dropFirst(length) }
    return Element(tag: tag, content: rest.prefix(length))
  }

  /// The content of the next element where it has this tag.
  mutating func next(_ tag: UInt8) -> ArraySlice<UInt8>? {
    guard let element = next(), element.tag == tag else { return nil }
    return element.content
  }

  static let sequence: UInt8 = 0x30
  static let set: UInt8 = 0x31
  static let identifier: UInt8 = 0x06
  static let octets: UInt8 = 0x04
  static let utcTime: UInt8 = 0x17
  static let generalizedTime: UInt8 = 0x18
}
