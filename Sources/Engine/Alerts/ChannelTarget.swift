import ConnectorKit
import Definitions
package import Logging
package import Messages
import Store
import Synchronization

/// A channel of the engine itself that takes the engine's alerts, and sends them on as it sends any message.
package final class ChannelTarget: AlertTarget {
  package let name = "channel"
  private let channel: ChannelName
  private let log: Logger
  private let engine = Mutex<Weak>(Weak())

  private struct Weak { weak var engine: Engine? }

  package init(_ channel: ChannelName, log: Logger) {
    self.channel = channel
    self.log = log
  }

  /// Whose channel it is; until then nothing is taken.
  package func use(_ engine: Engine) { self.engine.withLock { $0.engine = engine } }

  package func post(_ notice: AlertNotice, site: String) async -> String? {
    guard let runtime = engine.withLock({ $0.engine })?.channel(channel.text) else {
      return "there is no channel \(channel)"
    }
    switch await runtime.take(notice, site: site) {
    case .unavailable(let reason): return reason
    case .rejected:
      // It is kept there, and would be rejected each time.
      log.error(
        "The channel that alerts go to rejects them: hilum messages list --state rejected.",
        metadata: ["channel": "\(channel)"])
      return nil
    case .accepted, .failed, .duplicate: return nil
    }
  }
}

extension ChannelRuntime {
  /// An alert of the engine comes in as a message. Told again, because its first answer was lost, it is a duplicate.
  func take(_ notice: AlertNotice, site: String) async -> Receipt {
    let version = await passage.enter()
    let bytes = notice.json(site: site)
    let format = version.definition.format
    if let reason = reasonNotToTake(bytes: bytes.count, version) ?? Self.reasonForNoAlert(format, name) {
      passage.leave()
      return .unavailable(reason: reason)
    }
    meter.arrived()
    let arrival = Arrival(
      Payload(format, bytes),
      attributes: ["event": .text(notice.event.rawValue), "kind": .text(notice.alert.key.kind.rawValue)],
      transportKey: "alert:\(notice.id):\(notice.alert.id):\(notice.alert.raisedAt)")
    return await withCheckedContinuation { continuation in
      let turn = SenderTurn(
        gate: OriginGate(), durable: {}, waits: { _ in }, isLate: { _ in },
        then: { continuation.resume(returning: $0) })
      take(arrival, version, turn)
    }
  }

  private static func reasonForNoAlert(_ format: Format, _ name: ChannelName) -> String? {
    AlertChannel.formats.contains(format) ? nil : "channel \(name) takes \(format.rawValue), and alerts are JSON"
  }
}
