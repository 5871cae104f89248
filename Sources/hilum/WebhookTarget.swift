import Connectors
import Definitions
import Engine

/// The web hook of `hilum.yaml`, to which the engine's alerts go.
struct WebhookTarget: AlertTarget {
  let name = "webhook"
  private let webhook: Webhook

  init(_ rule: WebhookRule) {
    webhook = Webhook(
      url: rule.url.address, header: rule.header, secret: rule.secret, ca: rule.ca, timeout: rule.timeout)
  }

  func post(_ notice: AlertNotice, site: String) async -> String? { await webhook.post(notice.json(site: site)) }
}
