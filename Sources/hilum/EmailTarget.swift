import Connectors
import Definitions
import Engine
import Foundation
import Logging
import Synchronization

/// The mail server of `hilum.yaml`, by which the engine's alerts go to people.
struct EmailTarget: AlertTarget {
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

/// Several targets: a notice is told when each of them has taken it. One that has is not told again while the others
/// are tried.
final class AlertTargets: AlertTarget {
  private let targets: [any AlertTarget]
  private let taken = Mutex<(notice: Int, by: Set<Int>)>((0, []))

  /// - Returns: `nil` where there is none.
  static func of(_ targets: [(any AlertTarget)?]) -> (any AlertTarget)? {
    let all = targets.compactMap(\.self)
    return all.count > 1 ? AlertTargets(all) : all.first
  }

  private init(_ targets: [any AlertTarget]) { self.targets = targets }

  func post(_ notice: AlertNotice, site: String) async -> String? {
    var reasons: [String] = []
    for (index, target) in targets.enumerated() {
      let isTaken = taken.withLock { taken in
        if taken.notice != notice.id { taken = (notice.id, []) }
        return taken.by.contains(index)
      }
      if isTaken { continue }
      if let reason = await target.post(notice, site: site) {
        reasons.append(reason)
      } else {
        taken.withLock { _ = $0.by.insert(index) }
      }
    }
    return reasons.isEmpty ? nil : reasons.joined(separator: "; ")
  }
}
