import NIOSSL

/// Says in a person's words why TLS did not come about.
enum TLSFailure {
  /// - Parameters:
  ///   - certificate: what the other side showed, verified or not, where it got that far.
  ///   - expectedName: the name that the partner's certificate had to hold; `nil` where the other side is a client.
  ///   - now: seconds since 1970.
  /// - Returns: `nil` where the error is not one of TLS.
  static func reason(
    _ error: any Error, certificate: NIOSSLCertificate?, expectedName: String?, now: Int64
  ) -> String? {
    let facts = certificate.flatMap { CertificateFacts($0) }
    if error as? NIOSSLExtraError == .failedToValidateHostname {
      let names = facts.map { $0.names.isEmpty ? $0.subject : $0.names.prefix(5).joined(separator: ", ") }
      return "the partner's certificate is for \(names ?? "another name"), not for \(expectedName ?? "this host")"
    }
    guard error is NIOSSLError || error is BoringSSLError || error is NIOSSLExtraError else { return nil }
    let names = names(error)
    let whose = expectedName == nil ? "the client's" : "the partner's"
    if names.contains("CERTIFICATE_VERIFY_FAILED") {
      guard let facts else { return "\(whose) certificate could not be verified" }
      if facts.notAfter < now { return "\(whose) certificate (\(facts.subject)) expired on \(facts.lastDay)" }
      if facts.notBefore > now {
        return "\(whose) certificate (\(facts.subject)) is not valid before \(facts.firstDay)"
      }
      return "\(whose) certificate (\(facts.subject)) is not signed by an authority that is trusted here"
    }
    for (name, text) in known where names.contains(name) { return text }
    if case .uncleanShutdown? = error as? NIOSSLError { return "the other side broke off without closing TLS" }
    return "TLS failed: \(names)"
  }

  /// The other side refused our certificate, or wants one. In TLS 1.3 it says so after we count the handshake as over,
  /// and then it has read nothing of what we sent.
  static func isRefusalOfOurCertificate(_ error: any Error) -> Bool {
    guard error is NIOSSLError || error is BoringSSLError else { return false }
    let names = names(error)
    return known.contains { name, _ in
      name.hasPrefix("ALERT_") && name != "ALERT_PROTOCOL_VERSION" && name != "ALERT_HANDSHAKE_FAILURE"
        && names.contains(name)
    }
  }

  /// BoringSSL's names of reasons, in words. An ALERT is what the other side said about us.
  private static let known: [(String, String)] = [
    ("PEER_DID_NOT_RETURN_A_CERTIFICATE", "the client showed no certificate"),
    ("ALERT_CERTIFICATE_REQUIRED", "the partner wants a certificate from us (`tls.certificate`)"),
    ("ALERT_CERTIFICATE_EXPIRED", "the partner says that our certificate has expired"),
    ("ALERT_CERTIFICATE_REVOKED", "the partner says that our certificate was revoked"),
    ("ALERT_UNKNOWN_CA", "the other side does not trust the authority of our certificate"),
    ("ALERT_BAD_CERTIFICATE", "the other side refused our certificate"),
    ("ALERT_CERTIFICATE_UNKNOWN", "the other side refused our certificate"),
    ("ALERT_UNSUPPORTED_CERTIFICATE", "the other side refused our certificate"),
    ("ALERT_ACCESS_DENIED", "the other side denied access to our certificate"),
    ("ALERT_PROTOCOL_VERSION", "the other side does not speak TLS 1.2 or newer"),
    ("UNSUPPORTED_PROTOCOL", "the other side does not speak TLS 1.2 or newer"),
    ("ALERT_HANDSHAKE_FAILURE", "the other side found no TLS parameters in common, or wants a certificate from us"),
    ("NO_SHARED_CIPHER", "there is no cipher that both sides know"),
    ("HTTP_REQUEST", "the other side speaks HTTP without TLS"),
    ("WRONG_VERSION_NUMBER", "the other side does not speak TLS"),
    ("UNEXPECTED_RECORD", "the other side does not speak TLS"),
    ("EOF during handshake", "the other side closed the connection during the TLS handshake"),
  ]

  /// The reasons that BoringSSL names, `CERTIFICATE_VERIFY_FAILED`: constants of the library, never content.
  static func names(_ error: any Error) -> String {
    switch error {
    case let failure as BoringSSLError:
      return names(failure)
    case let failure as NIOSSLError:
      switch failure {
      case .handshakeFailed(let inner), .shutdownFailed(let inner): return names(inner)
      default: return String(describing: failure)
      }
    default:
      return String(describing: error)
    }
  }

  private static func names(_ error: BoringSSLError) -> String {
    switch error {
    case .sslError(let stack), .unknownError(let stack), .invalidSNIName(let stack), .failedToSetALPN(let stack):
      // "Error: 268435581 error:1000007d:SSL routines:OPENSSL_internal:CERTIFICATE_VERIFY_FAILED at /…:390"
      stack.map { entry in
        let text = entry.description
        guard let end = text.firstRange(of: " at ") else { return text }
        return text[..<end.lowerBound].split(separator: ":").last.map(String.init) ?? text
      }.joined(separator: ", ")
    default:
      String(describing: error)
    }
  }
}
