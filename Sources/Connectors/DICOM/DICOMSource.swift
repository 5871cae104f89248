package import ConnectorKit
import DICOMTransport
package import Messages
import NIOCore
import NIOPosix
import Synchronization

/// Receives DICOM objects by C-STORE: listens, takes them, answers each when it is on disk.
package final class DICOMSource: SourceConnector {
  package static let name = "dicom"
  package static let about = """
    Receives DICOM objects (images, reports, anything that is stored) by C-STORE, in clear or with TLS, and answers \
    each with 0000H when it is on disk. Answers C-ECHO. An object is kept as a file of PS3.10 whose data set is byte \
    for byte what came.
    """
  package static let format: Format? = .dicom

  private let settings: DICOMSourceSettings
  private let context: ConnectorContext
  private let peers = Peers()
  private let listening = Mutex<String?>(nil)

  package init(_ options: DICOMSourceSettings, context: ConnectorContext) throws {
    settings = options
    self.context = context
  }

  package func run(_ inbox: any Inbox) async throws {
    let certificates = try await serverCertificates()
    let shared = DICOMReception.Shared(
      inbox: inbox, logger: context.logger, services: DICOMServices(settings),
      calledAETitle: settings.aeTitle?.text, callers: settings.callers, messageBytesMax: context.messageBytesMax,
      times: AssociationHandler.Times(silence: TimeAmount(settings.idle)))
    let listener = DICOMListener(settings, shared, certificates: certificates, peers: peers)
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

  package func certificates() async -> [CertificateStatus] { await settings.tls?.options?.certificateStatus() ?? [] }

  package func status() -> SourceStatus { SourceStatus(listening: listening.withLock { $0 }, peers: peers.status) }
}
