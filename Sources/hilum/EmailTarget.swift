import Connectors
import Definitions
import Engine
import Foundation
import Logging

/// The mail server of `hilum.yaml`, by which the engine's alerts go to people.
struct EmailTarget: AlertTarget {
  let name = "email"
  private let mailer: Mailer
  private let rule: EmailRule
  private let log: Logger

  init(_ rule: EmailRule, log: Logger) {
    let security: Mailer.Security =
      switch rule.security {
      case .starttls: .startTLS
      case .implicit: .implicit
      case .none: .none
      }
    mailer = Mailer(
      host: rule.host, port: rule.port, security: security, ca: rule.ca, user: rule.user, password: rule.password,
      timeout: rule.timeout, logger: log)
    self.rule = rule
    self.log = log
  }

  func post(_ notice: AlertNotice, site: String) async -> String? {
    let words = notice.words(site: site)
    let mail = Mail(
      from: rule.from, to: rule.to, subject: words.subject, text: words.text,
      id: "hilum-\(site)-\(notice.alert.id)-\(notice.id)-\(notice.alert.raisedAt)",
      at: Int64(Date().timeIntervalSince1970))
    switch await mailer.send(mail) {
    case .taken(let refused):
      if !refused.isEmpty {
        log.error(
          "The mail server refuses some of those whom alerts go to.",
          metadata: ["recipients": "\(refused.joined(separator: ", "))"])
      }
      return nil
    case .failed(let reason): return reason
    }
  }
}
