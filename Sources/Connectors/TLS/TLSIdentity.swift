import ConnectorKit
import Logging
import NIOSSL

/// A certificate with what stands between it and its authority, and its key: checked to belong together.
struct TLSIdentity {
  let chain: [NIOSSLCertificate]
  let key: NIOSSLPrivateKey

  /// Warns this long before a certificate ends.
  static let warningSeconds: Int64 = 30 * 86_400

  init(certificate: FilePath, key secret: Secret) throws(SettingError) {
    chain = try TLSFiles.certificates(certificate, setting: "tls.certificate")
    key = try TLSFiles.key(secret, setting: "tls.key")
  }

  /// Says so in the log when the certificate has ended or soon will.
  ///
  /// - Parameter now: seconds since 1970.
  func warn(_ logger: Logger, now: Int64) {
    guard let facts = chain.first.flatMap({ CertificateFacts($0) }), facts.notAfter - now < Self.warningSeconds else {
      return
    }
    let hasEnded = facts.notAfter < now
    logger.log(
      level: hasEnded ? .error : .warning,
      hasEnded ? "our certificate has expired: partners will refuse it" : "our certificate expires soon",
      metadata: ["subject": "\(facts.subject)", "expires": "\(facts.lastDay)"])
  }
}

extension NIOSSLContext {
  /// Makes a context, and says in words where certificate and key are not a pair.
  static func checked(_ configuration: TLSConfiguration) throws(SettingError) -> NIOSSLContext {
    do {
      return try NIOSSLContext(configuration: configuration)
    } catch {
      // Both were readable on their own, so that is what is left.
      if case .failedToLoadPrivateKey? = error as? NIOSSLError {
        throw SettingError("the key does not belong to the certificate", setting: "tls.key")
      }
      throw SettingError("certificate, key and authorities can't be used: \(TLSFailure.names(error))", setting: "tls")
    }
  }
}
