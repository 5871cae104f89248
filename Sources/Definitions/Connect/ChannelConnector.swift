package import ConnectorKit
package import Messages
import Synchronization

/// Takes what other channels of the same engine hand on. It has no task of its own to do: the engine brings each
/// message while the source runs.
package final class ChannelSource: SourceConnector {
  package static let name = "channel"
  package static let about = """
    Takes what other channels hand on (`channel:` as a destination), inside the engine: the end of their delivery and \
    the arrival here are one transaction, so that nothing is lost, nothing comes twice and each comes in the order of \
    its lane. `duplicates` is off here unless the channel says it. Transforms see `message.source.channel`, the \
    channel it comes from, and `message.source.message`, its id there.
    """
  /// As most channels have it; the channel says another.
  package static let format: Format? = .hl7v2

  package struct Options: Settings { package init() {} }

  private let isOpen = Atomic<Bool>(false)

  package init(_ options: Options, context: ConnectorContext) throws {}

  package func run(_ inbox: any Inbox) async throws {
    isOpen.store(true, ordering: .relaxed)
    defer { isOpen.store(false, ordering: .relaxed) }
    while true { try await Task.sleep(for: .seconds(3600)) }
  }

  package func status() -> SourceStatus {
    SourceStatus(listening: isOpen.load(ordering: .relaxed) ? "other channels" : nil)
  }

  package func certificates() async -> [CertificateStatus] { [] }
}

/// Hands on to another channel of the same engine. Says which one; what is handed on, the engine itself does.
package final class ChannelDestination: DestinationConnector {
  package static let name = "channel"
  package static let about = """
    Hands on to another channel of the same engine, which says `source: {channel: {}}`. The end of the delivery here \
    and the arrival there are one transaction: nothing is lost, nothing goes twice, and the order is this lane's. A \
    channel that is paused or stopped is unreachable: what is for it waits, tried every ten seconds at most and as \
    soon as it runs. One that rejects the message refuses it, with AE or AR; one that drops, holds or fails it has \
    taken it.
    """

  package struct Options: Settings {
    @Setting("The channel that it goes to.", example: "lab-to-ehr")
    package var name: String
    package init() {}
  }

  /// Where it goes.
  package let target: ChannelName

  package init(_ options: Options, context: ConnectorContext) throws { target = ChannelName(options.name) }

  package func send(_ delivery: Delivery, then: @escaping @Sendable (Result<Reply, DeliveryError>) -> Void) {
    then(.failure(DeliveryError(.unreachable, "only a running engine hands on", bytesSent: false)))
  }

  package func ping() async -> PingReport {
    PingReport(reached: false, lines: ["only a running engine hands on"])
  }

  package func close() async {}
  package func certificates() async -> [CertificateStatus] { [] }
}

extension DestinationDefinition {
  /// The channel to which it hands on; `nil` where it sends to a partner.
  package var handsOnTo: ChannelName? {
    (connector.options as? ChannelDestination.Options).map { ChannelName($0.name) }
  }
}

extension SourceDefinition {
  /// Other channels hand on to it.
  package var takesFromChannels: Bool { connector == ChannelSource.name }
}
