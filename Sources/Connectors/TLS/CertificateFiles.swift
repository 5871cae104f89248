import ConnectorKit
import NIOPosix
import NIOSSL

extension TLSIdentity {
  /// How a certificate and its key stand on disk at this moment. Reads the files on a thread for that.
  static func status(certificate: FilePath, key: Secret) async -> [CertificateStatus] {
    let read = try? await blockingThreads.runIfActive {
      var status = CertificateStatus(file: certificate.path)
      do throws(SettingError) {
        let identity = try TLSIdentity(certificate: certificate, key: key)
        let facts = identity.chain.first.flatMap { CertificateFacts($0) }
        status.subject = facts?.subject
        status.notAfter = facts?.notAfter
        _ = try NIOSSLContext.checked(
          .makeServerConfiguration(
            certificateChain: identity.chain.map { .certificate($0) }, privateKey: .privateKey(identity.key)))
      } catch {
        status.problem = "\(error)"
      }
      return status
    }
    return read.map { [$0] } ?? []
  }
}
