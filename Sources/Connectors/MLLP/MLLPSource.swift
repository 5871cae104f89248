package import ConnectorKit
import Logging
package import Messages
import NIOCore
import NIOPosix
import Synchronization

/// Receives HL7 v2 over MLLP: listens, takes frames, answers each when its message is on disk.
package final class MLLPSource: SourceConnector {
  package static let name = "mllp"
  package static let about = """
    Receives HL7 v2 messages over MLLP, in clear or with TLS, and answers each with an acknowledgement when it is \
    on disk. It listens, or connects to a partner that does.
    """
  package static let format: Format? = .hl7v2

  private let settings: MLLPSourceSettings
  private let context: ConnectorContext
  private let answering: MLLPAnswering
  private let peers = Peers()
  private let listening = Mutex<String?>(nil)
  /// Where it connects; `nil` where it listens.
  private let dial: Dial?
  private let calling = MLLPCaller.Seen()

  package init(_ options: MLLPSourceSettings, context: ConnectorContext) throws {
    settings = options
    self.context = context
    answering = MLLPAnswering(options.ack, context.hl7)
    dial = options.connect.map {
      Dial(
        host: $0.host, port: $0.port.number, tls: $0.tls?.options, within: TimeAmount($0.connectTimeout),
        logger: context.logger, halfClosure: true)
    }
  }

  package func run(_ inbox: any Inbox) async throws {
    guard let dial else { return try await listen(inbox) }
    await MLLPCaller(dial, shared(inbox, handshake: nil), peers: peers, seen: calling).run()
  }

  private func shared(_ inbox: any Inbox, handshake: TimeAmount?) -> MLLPConnection.Shared {
    MLLPConnection.Shared(
      answering: answering, inbox: inbox, logger: context.logger, messageBytesMax: context.messageBytesMax,
      unfinished: MLLPUnfinished(byteCountMax: MLLPLimits.unfinishedBytesMax(context.messageBytesMax)),
      idle: TimeAmount(settings.idle), frame: TimeAmount(settings.frame), handshake: handshake,
      isPrepared: context.isPrepared)
  }

  private func listen(_ inbox: any Inbox) async throws {
    let tls = settings.tls?.options
    let shared = shared(inbox, handshake: tls == nil ? nil : TLSLimits.handshake)
    var receipts: [ObjectIdentifier: MLLPReceipts] = [:]
    for loop in sourceLoops.makeIterator() { receipts[ObjectIdentifier(loop)] = MLLPReceipts(on: loop) }
    let rules = SourcePort<MLLPConnection>.Rules(
      host: settings.host, port: settings.port?.number ?? 0, allow: settings.allow, tls: tls,
      connectionsMax: settings.connections, whenFull: "there are \(settings.connections) connections already",
      whenCut: "connections were cut: their messages were not answered in time")
    let port = SourcePort(rules, peers: peers, logger: context.logger) {
      [receipts] channel, address, peer, _, whenEnded in
      guard let receipts = receipts[ObjectIdentifier(channel.eventLoop)] else { throw ChannelError.unknownLocalAddress }
      let connection = MLLPConnection(
        shared, receipts: receipts, peer: peer, origin: inbox.origin(address.hostAndPort), whenClosed: whenEnded)
      return (connection, connection)
    }
    try await port.run { place in listening.withLock { $0 = place } }
  }

  package func certificates() async -> [CertificateStatus] {
    if let dial { return await dial.tls?.certificateStatus() ?? [] }
    return await settings.tls?.options?.certificateStatus() ?? []
  }

  package func status() -> SourceStatus {
    guard dial != nil else { return SourceStatus(listening: listening.withLock { $0 }, peers: peers.status) }
    return SourceStatus(listening: calling.connected, trouble: calling.trouble, peers: peers.status)
  }

  /// A partner that serves one connection would end the one that there is: where it is connected, that is the answer.
  package func ping() async -> PingReport? {
    guard let dial else { return nil }
    if let connected = calling.connected { return PingReport(reached: true, lines: ["connected: \(connected)"]) }
    return await dial.ping()
  }
}
