import ConnectorKit
import Definitions
package import Messages
import Store
import Synchronization

/// A channel of the engine itself that takes the engine's alerts, and sends them on as it sends any message.
package final class ChannelTarget: AlertTarget {
  package let name = "channel"
  package let channel: String?
  private let target: ChannelName
  private let engine = Mutex<Weak>(Weak())

  private struct Weak { weak var engine: Engine? }

  package init(_ channel: ChannelName) {
    target = channel
    self.channel = channel.text
  }

  /// Whose channel it is; until then nothing is taken.
  package func use(_ engine: Engine) { self.engine.withLock { $0.engine = engine } }

  package func post(_ notice: AlertNotice, site: String) async -> String? {
    guard let runtime = engine.withLock({ $0.engine })?.channel(target.text) else {
      return "there is no channel \(target)"
    }
    switch await runtime.take(notice, site: site) {
    case .unavailable(let reason): return reason
    // Kept there each time, and tried again until somebody has mended the channel: no alert is lost.
    case .rejected(let rejection): return "channel \(target) rejects it, \(rejection.kind.rawValue) \(rejection.number)"
    // One that failed waits there for a person, as any message.
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
