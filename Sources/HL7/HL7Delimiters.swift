/// The characters that structure a message, as its MSH-1 and MSH-2 declare them (HL7 v2.9 chapter 2.5.4).
package struct HL7Delimiters: Sendable, Hashable {
  package let field: UInt8
  package let component: UInt8
  // Each value of a message has them along: 0, which nothing can be, stands for none.
  private let repetitionOrNone: UInt8
  private let escapeOrNone: UInt8
  private let subcomponentOrNone: UInt8
  private let truncationOrNone: UInt8

  /// `nil` where MSH-2 is too short to declare it; then the character has no meaning in the message.
  package var repetition: UInt8? { repetitionOrNone == 0 ? nil : repetitionOrNone }
  package var escape: UInt8? { escapeOrNone == 0 ? nil : escapeOrNone }
  package var subcomponent: UInt8? { subcomponentOrNone == 0 ? nil : subcomponentOrNone }
  /// Declared from version 2.7 on, as the fifth character of MSH-2.
  package var truncation: UInt8? { truncationOrNone == 0 ? nil : truncationOrNone }

  /// `|^~\&`, which the standard recommends.
  package static let standard = HL7Delimiters(
    field: UInt8(ascii: "|"), component: UInt8(ascii: "^"), repetition: UInt8(ascii: "~"), escape: UInt8(ascii: "\\"),
    subcomponent: UInt8(ascii: "&"), truncation: nil)

  private init(
    field: UInt8, component: UInt8, repetition: UInt8?, escape: UInt8?, subcomponent: UInt8?, truncation: UInt8?
  ) {
    self.field = field
    self.component = component
    repetitionOrNone = repetition ?? 0
    escapeOrNone = escape ?? 0
    subcomponentOrNone = subcomponent ?? 0
    truncationOrNone = truncation ?? 0
  }

  /// Reads MSH-1 and MSH-2.
  ///
  /// One to five encoding characters are known. Delimiters are printing ASCII, neither letters, digits nor the quote
  /// that means null, and all different; `nil` otherwise. Some senders double the backslash (`^~\\&`): that is read as
  /// the four characters that were meant.
  package init?(field: UInt8, encodingCharacters: ArraySlice<UInt8>) {
    let first = encodingCharacters.startIndex
    var count = encodingCharacters.count
    // A doubled third character counts once.
    let skipped = count == 5 && encodingCharacters[first + 2] == encodingCharacters[first + 3] ? 1 : 0
    count -= skipped
    guard (1...5).contains(count) else { return nil }
    func character(_ index: Int) -> UInt8? {
      index < count ? encodingCharacters[first + (index < 3 ? index : index + skipped)] : nil
    }
    for index in 0..<count {
      guard let byte = character(index), Self.canDelimit(byte), byte != field else { return nil }
      for other in 0..<index where character(other) == byte { return nil }
    }
    guard Self.canDelimit(field) else { return nil }
    self.init(
      field: field, component: encodingCharacters[first], repetition: character(1), escape: character(2),
      subcomponent: character(3), truncation: character(4))
  }

  /// Whether a byte may be a delimiter: printing ASCII, no letter, no digit, not the quote.
  package static func canDelimit(_ byte: UInt8) -> Bool {
    switch byte {
    case UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
      UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "\""):
      false
    default: (0x21...0x7E).contains(byte)
    }
  }

  /// Whether a byte stands for the same character in a text and in a leaf, whatever the character set: printing ASCII
  /// that is neither a delimiter nor the quote of which null is made.
  @inline(__always)
  func isPlain(_ byte: UInt8) -> Bool {
    // Letters and digits are no delimiters (`canDelimit`), and mostly text is made of them.
    if byte &- 0x30 < 10 || (byte | 0x20) &- 0x61 < 26 { return true }
    return byte >= 0x20 && byte < 0x7F && byte != 0x22 && byte != field && byte != component
      && byte != repetitionOrNone && byte != escapeOrNone && byte != subcomponentOrNone && byte != truncationOrNone
  }

  /// Appends MSH-2 as it is written.
  func appendEncodingCharacters(to bytes: inout [UInt8]) {
    bytes.append(component)
    if let repetition { bytes.append(repetition) }
    if let escape { bytes.append(escape) }
    if let subcomponent { bytes.append(subcomponent) }
    if let truncation { bytes.append(truncation) }
  }
}
