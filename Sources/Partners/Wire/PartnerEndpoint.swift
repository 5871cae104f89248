/// Where a partner listens: `mllp://host:port` or `dicom://AE@host:port`, with TLS `mllps://` or `dicoms://`.
package struct PartnerEndpoint: Sendable, Hashable, CustomStringConvertible {
  package enum Language: String, Sendable, CaseIterable { case mllp, dicom }

  package var language: Language
  /// DICOM: the application entity that is called there; `nil` where none is named.
  package var title: String?
  package var host: String
  /// 0 lets the system choose, for one that listens.
  package var port: Int
  package var isTLS: Bool

  package init(
    _ language: Language = .mllp, title: String? = nil, host: String = "127.0.0.1", port: Int, isTLS: Bool = false
  ) {
    self.language = language
    self.title = title
    self.host = host
    self.port = port
    self.isTLS = isTLS
  }

  /// Reads a URL; throws ``PartnerError/badURL(_:)`` with the reason. An IPv6 address stands in brackets.
  package init(url: String) throws {
    guard let mark = url.firstRange(of: "://") else {
      throw PartnerError.badURL("a partner's URL begins with mllp:// or dicom://, with TLS mllps:// or dicoms://")
    }
    let scheme = String(url[..<mark.lowerBound])
    let isTLS = scheme.hasSuffix("s")
    guard let language = Language(rawValue: isTLS ? String(scheme.dropLast()) : scheme) else {
      throw PartnerError.badURL(
        "\(scheme):// is not known here; write mllp:// or dicom://, with TLS mllps:// or dicoms://")
    }
    var address = url[mark.upperBound...]
    if address.hasSuffix("/") { address.removeLast() }
    let form = language == .dicom ? "\(scheme)://AE@host:port" : "\(scheme)://host:port"
    var title: String?
    if language == .dicom, let at = address.lastIndex(of: "@") {
      title = try Self.title(String(address[..<at]))
      address = address[address.index(after: at)...]
    }
    guard let colon = address.lastIndex(of: ":"), let port = Int(address[address.index(after: colon)...]),
      (0...65_535).contains(port)
    else { throw PartnerError.badURL("a port from 0 to 65535 is missing; write \(form)") }
    var host = String(address[..<colon])
    if host.hasPrefix("["), host.hasSuffix("]") { host = String(host.dropFirst().dropLast()) }
    guard !host.isEmpty else { throw PartnerError.badURL("the host is missing; write \(form)") }
    self.init(language, title: title, host: host, port: port, isTLS: isTLS)
  }

  /// An AE title as PS3.5 has it, without the spaces around it, which mean nothing.
  package static func title(_ text: String) throws -> String {
    let bytes = Array(text.utf8)
    let isWritable = bytes.allSatisfy { (0x20..<0x7F).contains($0) && $0 != UInt8(ascii: "\\") }
    let words = text.split(separator: " ", omittingEmptySubsequences: false)
    let trimmed = words.drop(while: \.isEmpty).reversed().drop(while: \.isEmpty).reversed().joined(separator: " ")
    guard isWritable, (1...16).contains(trimmed.utf8.count) else {
      throw PartnerError.badURL("an AE title has 1 to 16 characters of ASCII, and no backslash")
    }
    return trimmed
  }

  package var description: String {
    let host = host.contains(":") ? "[\(host)]" : host
    return "\(language.rawValue)\(isTLS ? "s" : "")://\(title.map { "\($0)@" } ?? "")\(host):\(port)"
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
