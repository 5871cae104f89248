internal import NIOCore
package import NIOSSL

/// TLS for a test partner. Files are PEM.
package struct PartnerTLS: Sendable {
  /// Our own certificate (chain) and key; a receiver needs them, a sender where its partner asks for them.
  package var certificate: (chain: String, key: String)?
  /// What the other side's certificate is checked against: a file of roots, or the system's where `nil`.
  package var trust: String?
  /// A sender that takes any certificate, for partners that are tried and not trusted; a receiver that asks for none.
  package var verifies: Bool

  package init(certificate: (chain: String, key: String)? = nil, trust: String? = nil, verifies: Bool = true) {
    self.certificate = certificate
    self.trust = trust
    self.verifies = verifies
  }

  package func senderContext() throws -> NIOSSLContext {
    var configuration = TLSConfiguration.makeClientConfiguration()
    configuration.certificateVerification = verifies ? .fullVerification : .none
    try fill(&configuration)
    return try NIOSSLContext(configuration: configuration)
  }

  package func receiverContext() throws -> NIOSSLContext {
    guard let certificate else { throw PartnerError.file("a receiver with TLS needs a certificate and its key") }
    var configuration = TLSConfiguration.makeServerConfiguration(
      certificateChain: try Self.chain(certificate.chain), privateKey: try Self.key(certificate.key))
    // A server has no name to compare a client's certificate with.
    configuration.certificateVerification = verifies && trust != nil ? .noHostnameVerification : .none
    if let trust { configuration.trustRoots = .file(trust) }
    return try NIOSSLContext(configuration: configuration)
  }

  private func fill(_ configuration: inout TLSConfiguration) throws {
    if let trust { configuration.trustRoots = .file(trust) }
    guard let certificate else { return }
    configuration.certificateChain = try Self.chain(certificate.chain)
    configuration.privateKey = try Self.key(certificate.key)
  }

  private static func chain(_ path: String) throws -> [NIOSSLCertificateSource] {
    try NIOSSLCertificate.fromPEMFile(path).map { .certificate($0) }
  }

  private static func key(_ path: String) throws -> NIOSSLPrivateKeySource {
    .privateKey(try NIOSSLPrivateKey(file: path, format: .pem))
  }
}

enum SenderTLS {
  static func handler(_ context: NIOSSLContext, host: String) throws -> NIOSSLClientHandler {
    // An address is no name: it can't be sent as one (SNI).
    let isAddress = (try? SocketAddress(ipAddress: host, port: 0)) != nil
    return try NIOSSLClientHandler(context: context, serverHostname: isAddress ? nil : host)
  }
}
