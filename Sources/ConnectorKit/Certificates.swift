/// A file of certificates that a connector works with, as it is at this moment.
public struct CertificateStatus: Sendable, Codable, Equatable {
  /// What a connector does with the certificates of a file.
  public enum Use: String, Sendable, Codable {
    /// Ours, which it shows to its partners.
    case shown
    /// Authorities: a partner whose certificate none of them has signed is refused.
    case trusted
  }

  public var file: String
  public var use: Use
  /// Whose it is: `CN=ehr.hospital.example`. Of authorities the one that lasts longest.
  public var subject: String?
  /// Its last moment, in seconds since 1970; `nil` where it can't be read. Of authorities that of the one that lasts
  /// longest.
  public var notAfter: Int64?
  /// Why certificate or key can't be used, in our words; what was read before stays in use.
  public var problem: String?

  public init(
    file: String, use: Use = .shown, subject: String? = nil, notAfter: Int64? = nil, problem: String? = nil
  ) {
    self.file = file
    self.use = use
    self.subject = subject
    self.notAfter = notAfter
    self.problem = problem
  }
}

extension Connector {
  /// A connector that works with none.
  public func certificates() async -> [CertificateStatus] { [] }
}
