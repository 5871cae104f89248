package import ConnectorKit

/// `https://host[:port][/path]`, or `http`: where a server's resources begin. It holds no secret: a name and password
/// belong into settings of their own, by reference.
package struct HTTPAddress: SettingValue, Hashable {
  let isEncrypted: Bool
  /// Without the brackets of an IPv6 address.
  let host: String
  let port: Int
  /// Without a slash at its end; empty where there is none.
  let path: String

  /// `nil` where the text is no such address.
  init?(_ text: String) {
    let lower = text.lowercased()
    guard let scheme = ["https", "http"].first(where: { lower.hasPrefix($0 + "://") }) else { return nil }
    isEncrypted = scheme == "https"
    let rest = text.dropFirst(scheme.utf8.count + 3)
    let authority = rest.prefix { $0 != "/" }
    guard Self.isPath(rest.dropFirst(authority.count)) else { return nil }
    path = String(rest.dropFirst(authority.count).reversed().drop { $0 == "/" }.reversed())
    let (host, port) = Self.split(authority)
    guard let host, port.isEmpty || port.hasPrefix(":") else { return nil }
    self.host = host
    guard !port.isEmpty else {
      self.port = isEncrypted ? 443 : 80
      return
    }
    guard let number = UInt16(port.dropFirst()), number > 0 else { return nil }
    self.port = Int(number)
  }

  private static func split(_ authority: Substring) -> (host: String?, port: Substring) {
    if authority.hasPrefix("[") {
      let host = String(authority.dropFirst().prefix { $0 != "]" })
      let rest = authority.dropFirst(host.count + 1)
      return (rest.hasPrefix("]") && IPAddress.bytes(host) != nil ? host : nil, rest.dropFirst())
    }
    let host = authority.prefix { $0 != ":" }
    let isName = !host.isEmpty && host.utf8.allSatisfy { isLetterOrDigit($0) || ".-_".utf8.contains($0) }
    return (isName ? String(host) : nil, authority.dropFirst(host.count))
  }

  /// RFC 3986 section 3.3; a query or a fragment is none.
  private static func isPath(_ text: Substring) -> Bool {
    let parts = text.utf8.split(separator: UInt8(ascii: "%"), omittingEmptySubsequences: false)
    let isEscaped = parts.dropFirst().allSatisfy { part in
      part.count >= 2 && part.prefix(2).allSatisfy { Character(Unicode.Scalar($0)).isHexDigit }
    }
    return isEscaped
      && parts.allSatisfy { $0.allSatisfy { isLetterOrDigit($0) || "/-._~!$&'()*+,;=:@".utf8.contains($0) } }
  }

  private static func isLetterOrDigit(_ byte: UInt8) -> Bool {
    (0x30...0x39).contains(byte) || (0x41...0x5A).contains(byte) || (0x61...0x7A).contains(byte)
  }

  /// The host with its port, where that is not the scheme's own: the value of `Host`.
  var authority: String {
    let name = host.contains(":") ? "[\(host)]" : host
    return port == (isEncrypted ? 443 : 80) ? name : "\(name):\(port)"
  }

  /// - Parameter other: asked instead of `host`, at the same port.
  func url(_ rest: String, host other: String? = nil) -> String {
    let name = other ?? host
    return "\(isEncrypted ? "https" : "http")://\(name.contains(":") ? "[\(name)]" : name):\(port)\(path)\(rest)"
  }

  package static func read(_ node: SettingNode, _ reader: SettingReader) -> HTTPAddress? {
    guard let address = node.scalar.flatMap({ HTTPAddress($0) }) else {
      reader.expected(
        "the address of a server", node,
        help: ["https://pacs.hospital.example/dicom-web, without a name, a password, a `?` or a `#` in it"])
      return nil
    }
    return address
  }

  package static var kind: SettingKind { .scalar("address") }
  package var text: String { "\(isEncrypted ? "https" : "http")://\(authority)\(path)" }
}
