/// `file:` addresses, as editors name files (RFC 8089).
package enum FileAddress {
  /// The path of an address; `nil` where it is of another kind.
  package static func path(_ address: String) -> String? {
    guard address.hasPrefix("file://") else { return nil }
    let rest = address.dropFirst("file://".count)
    guard let slash = rest.firstIndex(of: "/"), rest[..<slash].isEmpty || rest[..<slash] == "localhost" else {
      return nil
    }
    var bytes: [UInt8] = []
    var units = Array(rest[slash...].utf8)[...]
    while let unit = units.popFirst() {
      if unit == UInt8(ascii: "%"), units.count >= 2,
        let value = UInt8(String(decoding: units.prefix(2), as: UTF8.self), radix: 16)
      {
        bytes.append(value)
        units = units.dropFirst(2)
      } else {
        bytes.append(unit)
      }
    }
    return String(validating: bytes, as: UTF8.self)
  }

  package static func address(_ path: String) -> String {
    var text = "file://"
    for byte in path.utf8 {
      let isPlain =
        (0x30...0x39).contains(byte) || (0x41...0x5A).contains(byte) || (0x61...0x7A).contains(byte)
        || "/-._~".utf8.contains(byte)
      if isPlain {
        text.unicodeScalars.append(Unicode.Scalar(byte))
      } else {
        let digits = String(byte, radix: 16, uppercase: true)
        text += "%" + (digits.utf8.count == 1 ? "0" : "") + digits
      }
    }
    return text
  }
}
