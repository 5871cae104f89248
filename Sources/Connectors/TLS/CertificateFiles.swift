import ConnectorKit
import NIOPosix
import NIOSSL

extension ServerTLSSettings {
  /// How the files stand on disk at this moment, each read on a thread for that.
  func certificateStatus() async -> [CertificateStatus] {
    let (certificate, key, clients) = (certificate, key, clients)
    return await CertificateFiles.read {
      [CertificateFiles.identity(certificate, key)]
        + [clients.map { CertificateFiles.authorities($0, setting: "tls.clients") }].compactMap(\.self)
    }
  }
}

extension ClientTLSSettings {
  /// How the files stand on disk at this moment, each read on a thread for that.
  func certificateStatus() async -> [CertificateStatus] {
    let (certificate, key, ca) = (certificate, key, ca)
    return await CertificateFiles.read {
      var found: [CertificateStatus] = []
      if let certificate, let key { found.append(CertificateFiles.identity(certificate, key)) }
      if let ca { found.append(CertificateFiles.authorities(ca, setting: "tls.ca")) }
      return found
    }
  }
}

/// Looks at files of certificates without using them. Blocks.
private enum CertificateFiles {
  static func read(_ look: @escaping @Sendable () -> [CertificateStatus]) async -> [CertificateStatus] {
    (try? await blockingThreads.runIfActive { look() }) ?? []
  }

  static func identity(_ certificate: FilePath, _ key: Secret) -> CertificateStatus {
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

  /// One authority that ends among others says nothing: files that systems bring hold some that nobody needs any more.
  static func authorities(_ file: FilePath, setting: String) -> CertificateStatus {
    var status = CertificateStatus(file: file.path, use: .trusted)
    do throws(SettingError) {
      let all = try TLSFiles.certificates(file, setting: setting).compactMap { CertificateFacts($0) }
      let last = all.max { $0.notAfter < $1.notAfter }
      status.subject = last?.subject
      status.notAfter = last?.notAfter
    } catch {
      status.problem = "\(error)"
    }
    return status
  }
}
