/// A certificate of ours that a connector shows to its partners, as its file is at this moment.
public struct CertificateStatus: Sendable, Codable, Equatable {
  public var file: String
  /// Whose it is: `CN=ehr.hospital.example`.
  public var subject: String?
  /// Its last moment, in seconds since 1970; `nil` where it can't be read.
  public var notAfter: Int64?
  /// Why certificate or key can't be used, in our words; what was read before stays in use.
  public var problem: String?

  public init(file: String, subject: String? = nil, notAfter: Int64? = nil, problem: String? = nil) {
    self.file = file
    self.subject = subject
    self.notAfter = notAfter
    self.problem = problem
  }
}

extension Connector {
  /// A connector that shows none.
  public func certificates() async -> [CertificateStatus] { [] }
}
