package import ConnectorKit
package import Logging
package import NIOSSL
import Synchronization

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#else
  import Darwin
#endif

/// The TLS contexts of all destinations. Making one reads every authority that the system trusts, so destinations with
/// equal settings share one; it is made anew when a file changes.
package final class ClientContexts: Sendable {
  package static let shared = ClientContexts()

  private struct Kept {
    let configuration: TLSConfiguration
    let context: NIOSSLContext
    let stamp: FileStamp
  }

  private let kept = Mutex<[[String]: Kept]>([:])

  package init() {}

  /// The context for a connection that is made now. Blocks while files are read.
  ///
  /// - Throws: where the files can't be used and none were read before; files that went bad leave the old ones in use.
  package func context(_ settings: ClientTLSSettings, logger: Logger) throws(SettingError) -> NIOSSLContext {
    try current(settings, logger).context
  }

  /// The same for who makes a context of it itself.
  func configuration(_ settings: ClientTLSSettings, logger: Logger) throws(SettingError) -> TLSConfiguration {
    try current(settings, logger).configuration
  }

  private func current(_ settings: ClientTLSSettings, _ logger: Logger) throws(SettingError) -> Kept {
    let key = [settings.ca?.path ?? "", settings.certificate?.path ?? "", settings.key.map { "\($0.reference)" } ?? ""]
    let stamp = FileStamp([settings.ca?.path, settings.certificate?.path, settings.key?.path].compactMap(\.self))
    let old = kept.withLock { $0[key] }
    if let old, old.stamp == stamp { return old }
    let new: Kept
    do throws(SettingError) {
      let configuration = try Self.load(settings, logger)
      new = Kept(configuration: configuration, context: try NIOSSLContext.checked(configuration), stamp: stamp)
    } catch {
      guard let old else { throw error }
      logger.error("the changed TLS files can't be used; the old ones stay", metadata: ["reason": "\(error)"])
      new = Kept(configuration: old.configuration, context: old.context, stamp: stamp)
    }
    kept.withLock { $0[key] = new }
    return new
  }

  private static func load(_ settings: ClientTLSSettings, _ logger: Logger) throws(SettingError) -> TLSConfiguration {
    var configuration = TLSConfiguration.makeClientConfiguration()
    configuration.minimumTLSVersion = .tlsv12
    configuration.certificateVerification = .fullVerification
    configuration.shutdownTimeout = TLSLimits.shutdown
    if let ca = settings.ca {
      configuration.trustRoots = .certificates(try TLSFiles.certificates(ca, setting: "tls.ca"))
    }
    if let certificate = settings.certificate, let key = settings.key {
      let identity = try TLSIdentity(certificate: certificate, key: key)
      identity.warn(logger, now: Int64(time(nil)))
      configuration.certificateChain = identity.chain.map { .certificate($0) }
      configuration.privateKey = .privateKey(identity.key)
    }
    return configuration
  }
}

extension ClientTLSSettings {
  /// The handler of one connection. A partner that is addressed by number gets no SNI name (RFC 6066 section 3), and
  /// its certificate must hold that address.
  package func handler(_ context: NIOSSLContext, host: String) throws -> NIOSSLClientHandler {
    let name = expectedName(host: host)
    return try NIOSSLClientHandler(context: context, serverHostname: IPAddress.bytes(name) == nil ? name : nil)
  }

  /// What the partner's certificate must be for.
  package func expectedName(host: String) -> String { serverName ?? host }
}
