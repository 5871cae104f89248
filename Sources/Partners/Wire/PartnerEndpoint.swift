/// Where a partner listens: `mllp://host:port`, or `mllps://host:port` with TLS.
package struct PartnerEndpoint: Sendable, Hashable, CustomStringConvertible {
  package var host: String
  /// 0 lets the system choose, for one that listens.
  package var port: Int
  package var isTLS: Bool

  package init(host: String = "127.0.0.1", port: Int, isTLS: Bool = false) {
    self.host = host
    self.port = port
    self.isTLS = isTLS
  }

  /// Reads a URL; throws ``PartnerError/badURL(_:)`` with the reason. An IPv6 address stands in brackets.
  package init(url: String) throws {
    let (scheme, rest) = try Self.cut(url, at: "://", or: "begin with mllp:// or mllps://")
    guard scheme == "mllp" || scheme == "mllps" else {
      throw PartnerError.badURL("\(scheme):// is not known here; write mllp://host:port or mllps://host:port")
    }
    var address = rest
    if address.hasSuffix("/") { address.removeLast() }
    guard let colon = address.lastIndex(of: ":"), let port = Int(address[address.index(after: colon)...]),
      (0...65_535).contains(port)
    else { throw PartnerError.badURL("a port from 0 to 65535 is missing; write \(scheme)://host:port") }
    var host = String(address[..<colon])
    if host.hasPrefix("["), host.hasSuffix("]") { host = String(host.dropFirst().dropLast()) }
    guard !host.isEmpty else { throw PartnerError.badURL("the host is missing; write \(scheme)://host:port") }
    self.init(host: host, port: port, isTLS: scheme == "mllps")
  }

  package var description: String {
    let host = host.contains(":") ? "[\(host)]" : host
    return "\(isTLS ? "mllps" : "mllp")://\(host):\(port)"
  }

  private static func cut(_ text: String, at mark: String, or advice: String) throws -> (String, String) {
    guard let range = text.firstRange(of: mark) else { throw PartnerError.badURL("a partner's URL must \(advice)") }
    return (String(text[..<range.lowerBound]), String(text[range.upperBound...]))
  }
}

/// Why a test partner could not do what it was asked.
package enum PartnerError: Error, Equatable, CustomStringConvertible {
  case badURL(String)
  /// What was awaited did not come in time.
  case notInTime(awaited: Int, came: Int)
  case stopped
  case file(String)
  case child(String)
  case database(String)
  case load(String)

  package var description: String {
    switch self {
    case .badURL(let reason): reason
    case .notInTime(let awaited, let came): "waited for \(awaited), but only \(came) came in time"
    case .stopped: "it was stopped"
    case .file(let reason), .child(let reason), .database(let reason), .load(let reason): reason
    }
  }
}
