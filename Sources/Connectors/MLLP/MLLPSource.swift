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
    on disk.
    """
  package static let format: Format? = .hl7v2

  private let settings: MLLPSourceSettings
  private let context: ConnectorContext
  private let answering: MLLPAnswering
  private let peers = MLLPPeers()
  private let listening = Mutex<String?>(nil)

  package init(_ options: MLLPSourceSettings, context: ConnectorContext) throws {
    settings = options
    self.context = context
    answering = MLLPAnswering(options.ack, context.hl7)
  }

  package func run(_ inbox: any Inbox) async throws {
    let certificates = try await serverCertificates()
    let shared = MLLPConnection.Shared(
      answering: answering, inbox: inbox, logger: context.logger, messageBytesMax: context.messageBytesMax,
      unfinished: MLLPUnfinished(byteCountMax: MLLPLimits.unfinishedBytesMax(context.messageBytesMax)),
      idle: TimeAmount(settings.idle), frame: TimeAmount(settings.frame),
      handshake: certificates == nil ? nil : TLSLimits.handshake)
    let listener = MLLPListener(settings, shared, certificates: certificates, peers: peers)
    let port = try await listener.open()
    listening.withLock { $0 = port.localAddress?.hostAndPort }
    let refresh = certificates.map { certificates in
      port.eventLoop.scheduleRepeatedTask(initialDelay: TLSLimits.refresh, delay: TLSLimits.refresh) { _ in
        blockingThreads.submit { if case .active = $0 { certificates.refresh() } }
      }
    }
    await withTaskCancellationHandler {
      try? await port.closeFuture.get()
    } onCancel: {
      port.close(promise: nil)
    }
    refresh?.cancel()
    listening.withLock { $0 = nil }
    await listener.drain()
    if !Task.isCancelled {
      throw ListenError(address: "\(settings.host):\(settings.port.number)", reason: "the port was closed")
    }
  }

  private func serverCertificates() async throws -> ServerCertificates? {
    guard let options = settings.tls?.options else { return nil }
    let logger = context.logger
    return try await blockingThreads.runIfActive { try ServerCertificates(options, logger: logger) }
  }

  package func certificates() async -> [CertificateStatus] {
    await settings.tls?.options?.certificateStatus() ?? []
  }

  package func status() -> SourceStatus {
    SourceStatus(listening: listening.withLock { $0 }, peers: peers.status)
  }
}
