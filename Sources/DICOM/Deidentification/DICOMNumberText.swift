/// Numbers as text: IS and DS.
enum DICOMNumberText {
  /// Each value is a number or empty: `-1.5e+3`, with spaces around.
  static func isValid(_ bytes: ArraySlice<UInt8>) -> Bool {
    bytes.split(separator: DICOMText.backslash).allSatisfy { isNumber(DICOMText.trimmed($0, .ds)) }
  }

  private static func isNumber(_ text: ArraySlice<UInt8>) -> Bool {
    if text.isEmpty { return true }
    var rest = withoutSign(text)
    let whole = rest.prefix(while: isDigit).count
    rest = rest.dropFirst(whole)
    var fraction = 0
    if rest.first == UInt8(ascii: ".") {
      fraction = rest.dropFirst().prefix(while: isDigit).count
      rest = rest.dropFirst(fraction + 1)
    }
    guard whole + fraction > 0 else { return false }
    guard let first = rest.first else { return true }
    guard first | 0x20 == UInt8(ascii: "e") else { return false }
    let exponent = withoutSign(rest.dropFirst())
    return !exponent.isEmpty && exponent.allSatisfy(isDigit)
  }

  private static func withoutSign(_ text: ArraySlice<UInt8>) -> ArraySlice<UInt8> {
    text.first == UInt8(ascii: "+") || text.first == UInt8(ascii: "-") ? text.dropFirst() : text
  }

  private static func isDigit(_ byte: UInt8) -> Bool { (0x30...0x39).contains(byte) }
}
