package import ConnectorKit
package import NIOCore

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#else
  import Darwin
#endif

/// A block of IP addresses in CIDR notation (RFC 4632, RFC 4291 section 2.3): `10.1.2.0/24`, `fd00::/8`. An address
/// without a length stands for itself alone.
package struct AddressRange: SettingValue, Hashable {
  /// The network's address: 4 or 16 bytes.
  let bytes: [UInt8]
  /// How many leading bits belong to the network.
  let prefixBits: Int

  /// `nil` where the text isn't such a block; a length of 0 to 32 or 128.
  package init?(_ text: String) {
    let parts = text.split(separator: "/", maxSplits: 1, omittingEmptySubsequences: false)
    guard let bytes = IPAddress.bytes(String(parts[0])) else { return nil }
    self.bytes = bytes
    guard parts.count == 2 else {
      prefixBits = bytes.count * 8
      return
    }
    guard parts[1].utf8.allSatisfy({ (0x30...0x39).contains($0) }), let bits = Int(parts[1]), bits <= bytes.count * 8
    else { return nil }
    prefixBits = bits
  }

  /// Whether an address is in the block. An IPv4 address that comes in IPv6 form (`::ffff:10.1.2.3`) counts as IPv4.
  package func contains(_ address: SocketAddress) -> Bool {
    guard let candidate = IPAddress.bytes(address), candidate.count == bytes.count else { return false }
    let whole = prefixBits / 8
    guard candidate.prefix(whole) == bytes.prefix(whole) else { return false }
    let rest = prefixBits % 8
    guard rest > 0 else { return true }
    let mask = UInt8(truncatingIfNeeded: 0xFF00 >> rest)
    return candidate[whole] & mask == bytes[whole] & mask
  }

  package static func read(_ node: SettingNode, _ reader: SettingReader) -> AddressRange? {
    guard let text = node.scalar, let range = AddressRange(text) else {
      reader.expected("an address or a block of addresses", node, help: ["10.1.2.0/24, 10.1.2.7, fd00::/8"])
      return nil
    }
    return range
  }

  package static var kind: SettingKind { .scalar("address block") }
  package var text: String { "\(IPAddress.text(bytes))/\(prefixBits)" }
}

/// IP addresses as bytes: 4 or 16 of them, most significant first.
enum IPAddress {
  /// `nil` where the text isn't a numeric address; IPv4 in IPv6 form gives the IPv4 address.
  static func bytes(_ text: String) -> [UInt8]? {
    (try? SocketAddress(ipAddress: text, port: 0)).flatMap { bytes($0) }
  }

  /// `nil` for a Unix socket.
  static func bytes(_ address: SocketAddress) -> [UInt8]? {
    // The address stands behind family and port (sockaddr_in), and behind the flow information too (sockaddr_in6).
    switch address {
    case .v4:
      return address.withSockAddr { Array(UnsafeRawBufferPointer(start: $0, count: $1)[4..<8]) }
    case .v6:
      let all = address.withSockAddr { Array(UnsafeRawBufferPointer(start: $0, count: $1)[8..<24]) }
      let isMapped = all[..<10].allSatisfy { $0 == 0 } && all[10] == 0xFF && all[11] == 0xFF
      return isMapped ? Array(all[12...]) : all
    case .unixDomainSocket:
      return nil
    }
  }

  static func text(_ bytes: [UInt8]) -> String {
    if bytes.count == 4 { return bytes.map(String.init).joined(separator: ".") }
    var text = [CChar](repeating: 0, count: Int(INET6_ADDRSTRLEN))
    guard inet_ntop(AF_INET6, bytes, &text, socklen_t(text.count)) != nil else { return "?" }
    return String(decoding: text.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
  }

  /// 127.0.0.0/8, ::1, and the name that means them.
  static func isLoopback(host: String) -> Bool {
    if host == "localhost" { return true }
    guard let bytes = bytes(host) else { return false }
    return bytes.count == 4 ? bytes[0] == 127 : bytes == Array(repeating: 0, count: 15) + [1]
  }
}

extension SocketAddress {
  /// The address without its port, as people write it.
  var hostText: String { IPAddress.bytes(self).map { IPAddress.text($0) } ?? "a local socket" }

  /// `10.1.2.3:2575`, `[fd00::1]:2575`.
  var hostAndPort: String {
    guard let port, let bytes = IPAddress.bytes(self) else { return hostText }
    return bytes.count == 4 ? "\(hostText):\(port)" : "[\(hostText)]:\(port)"
  }
}
