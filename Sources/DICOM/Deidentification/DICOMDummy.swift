/// Values that stand for what was there and say nothing, as each VR has them.
enum DICOMDummy {
  static let word = "ANONYMIZED"

  /// Padded to an even length; empty for sequences.
  static func bytes(_ vr: DICOMVR) -> [UInt8] {
    let text =
      switch vr {
      case .as: "000Y"
      case .da: "19000101"
      case .dt: "19000101000000"
      case .tm: "000000"
      case .ds, .is: "0"
      case .ui: "2.25.0"
      case .ur: "about:blank"
      default: vr.isText ? word : ""
      }
    if vr == .sq { return [] }
    if text.isEmpty { return [UInt8](repeating: 0, count: max(2, vr.wordBytes)) }
    return padded(text, vr)
  }

  static func padded(_ text: String, _ vr: DICOMVR) -> [UInt8] {
    var bytes = Array(text.utf8)
    if bytes.count & 1 == 1 { bytes.append(vr.padding) }
    return bytes
  }

  /// As many values as there were, so that others that count them stay true.
  static func bytes(_ vr: DICOMVR, like element: DICOMElement) -> [UInt8] {
    guard vr == .fl || vr == .fd || vr == .ds || vr == .is, element.valueRange.count <= 1 << 16,
      let bytes = try? element.bytes()
    else { return Self.bytes(vr) }
    if vr.isText {
      let count = bytes.count { $0 == DICOMText.backslash } + 1
      return padded([String](repeating: "0", count: count).joined(separator: "\\"), vr)
    }
    return [UInt8](repeating: 0, count: max(bytes.count / vr.wordBytes, 1) * vr.wordBytes)
  }
}
