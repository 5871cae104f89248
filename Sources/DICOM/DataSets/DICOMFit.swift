import Text

/// Whether a text is one that a VR takes (PS3.5 table 6.2-1).
extension DICOMVR {
  /// Why a text can't be one value of this VR; `nil` where it can. It never holds the text.
  package func refusal(of text: String) -> String? {
    if text.isEmpty { return nil }
    guard isText else { return "an element of \(self) has no text" }
    if isSplit, text.utf8.contains(UInt8(ascii: "\\")) { return "a backslash parts values, and can't stand in one" }
    let allowsLines = !isSplit && self != .ur
    if text.unicodeScalars.contains(where: { Self.isControl($0, allowsLines: allowsLines) }) {
      return "there is a control character in it"
    }
    if let charactersMax, text.unicodeScalars.count > charactersMax {
      return "\(self) has \(charactersMax) characters at most, and this has \(text.unicodeScalars.count)"
    }
    return formRefusal(of: text)
  }

  private static func isControl(_ scalar: Unicode.Scalar, allowsLines: Bool) -> Bool {
    if allowsLines, [0x09, 0x0A, 0x0C, 0x0D].contains(scalar.value) { return false }
    return scalar.value < 0x20 || scalar.value == 0x7F
  }

  /// Of PN it is that of each writing.
  private var charactersMax: Int? {
    switch self {
    case .ae, .cs, .ds, .sh: 16
    case .as: 4
    case .is: 12
    case .lo, .ui: 64
    case .st: 1024
    case .lt: 10_240
    default: nil
    }
  }

  private func formRefusal(of text: String) -> String? {
    let bytes = Array(text.utf8)
    func isDigit(_ byte: UInt8) -> Bool { (0x30...0x39).contains(byte) }
    switch self {
    case .cs:
      let fits = bytes.allSatisfy { isDigit($0) || (0x41...0x5A).contains($0) || $0 == 0x5F || $0 == 0x20 }
      return fits ? nil : "CS is capitals, digits, spaces and '_'"
    case .as:
      let fits = bytes.count == 4 && bytes[..<3].allSatisfy(isDigit) && "DWMY".utf8.contains(bytes[3])
      return fits ? nil : "AS is three digits and D, W, M or Y: 045Y"
    case .da: return DICOMDate(text) == nil || bytes.count != 8 ? "DA is a day: 20261122" : nil
    case .tm: return DICOMTime(text) == nil || text.utf8.contains(UInt8(ascii: ":")) ? "TM is a time: 143015.25" : nil
    case .dt: return DICOMDateTime(text) == nil ? "DT is a date with as much of a time as is known" : nil
    case .ui: return DICOMUID.isValid(text) ? nil : "UI is numbers parted by points"
    case .is: return Int32(text) == nil ? "IS is a whole number of 32 bits" : nil
    case .ds:
      guard bytes.allSatisfy({ isDigit($0) || "+-.Ee".utf8.contains($0) }), Double(text) != nil else {
        return "DS is a number"
      }
      return nil
    case .pn:
      let writings = text.split(separator: "=", omittingEmptySubsequences: false)
      if writings.count > 3 { return "a name has three writings at most" }
      if writings.contains(where: { $0.unicodeScalars.count > 64 }) {
        return "each writing of a name has 64 characters at most"
      }
      return writings.contains { $0.utf8.count { $0 == UInt8(ascii: "^") } > 4 } ? "a name has five parts at most" : nil
    case .ae, .lo, .sh, .st, .lt, .uc, .ur, .ut:
      return bytes.allSatisfy { $0 < 0x80 } || followsCharacterSet
        ? nil
        : "\(self) is ASCII"
    default: return nil
    }
  }
}
