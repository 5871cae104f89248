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

/// The certificate that one source shows, and the authorities of its clients. Takes new files when they change on disk;
/// files that can't be used leave those in use as they are.
package final class ServerCertificates: Sendable {
  private let settings: ServerTLSSettings
  private let logger: Logger
  private let state: Mutex<State>

  private struct State {
    var context: NIOSSLContext
    var stamp: FileStamp
  }

  /// Reads the files. Blocks.
  package init(_ settings: ServerTLSSettings, logger: Logger) throws(SettingError) {
    self.settings = settings
    self.logger = logger
    let stamp = FileStamp(settings.paths)
    state = Mutex(State(context: try Self.load(settings, logger), stamp: stamp))
  }

  /// For the next connection.
  package var context: NIOSSLContext { state.withLock { $0.context } }

  /// Looks whether the files changed, and takes them if they can be used; says so in the log otherwise. Blocks.
  package func refresh() {
    let stamp = FileStamp(settings.paths)
    guard state.withLock({ $0.stamp != stamp }) else { return }
    do throws(SettingError) {
      let context = try Self.load(settings, logger)
      state.withLock { $0 = State(context: context, stamp: stamp) }
      logger.notice("the TLS certificate was read again")
    } catch {
      // The stamp is kept too: what is wrong is said once, not at every look.
      state.withLock { $0.stamp = stamp }
      logger.error("the changed TLS files can't be used; the old certificate stays", metadata: ["reason": "\(error)"])
    }
  }

  private static func load(_ settings: ServerTLSSettings, _ logger: Logger) throws(SettingError) -> NIOSSLContext {
    let identity = try TLSIdentity(certificate: settings.certificate, key: settings.key)
    var configuration = TLSConfiguration.makeServerConfiguration(
      certificateChain: identity.chain.map { .certificate($0) }, privateKey: .privateKey(identity.key))
    configuration.minimumTLSVersion = .tlsv12
    configuration.shutdownTimeout = TLSLimits.shutdown
    if let clients = settings.clients {
      configuration.trustRoots = .certificates(try TLSFiles.certificates(clients, setting: "tls.clients"))
      // A client has no host name to verify; its certificate is required and verified all the same.
      configuration.certificateVerification = .noHostnameVerification
    }
    let context = try NIOSSLContext.checked(configuration)
    identity.warn(logger, now: Int64(time(nil)))
    return context
  }
}

extension ServerTLSSettings {
  fileprivate var paths: [String] { [certificate.path, key.path, clients?.path].compactMap(\.self) }
}
