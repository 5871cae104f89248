package import ConnectorKit
import DICOMTransport
package import Messages
import NIOCore
import Synchronization

/// Receives DICOM objects by C-STORE: listens, takes them, answers each when it is on disk.
package final class DICOMSource: SourceConnector {
  package static let name = "dicom"
  package static let about = """
    Receives DICOM objects (images, reports, anything that is stored) by C-STORE, in clear or with TLS, and answers \
    each with 0000H when it is on disk. Answers C-ECHO and, with `commitment`, says what it keeps. An object is kept \
    as a file of PS3.10 whose data set is byte for byte what came.
    """
  package static let format: Format? = .dicom

  /// Connections beyond the associations that may be, which are told so.
  private static let refusedMax = 16

  private let settings: DICOMSourceSettings
  private let context: ConnectorContext
  private let peers = Peers()
  private let listening = Mutex<String?>(nil)

  package init(_ options: DICOMSourceSettings, context: ConnectorContext) throws {
    settings = options
    self.context = context
  }

  package func run(_ inbox: any Inbox) async throws {
    let reporter = DICOMReporter(context.logger)
    defer { reporter.stop() }
    let shared = DICOMReception.Shared(
      inbox: inbox, logger: context.logger, services: DICOMServices(settings), reporter: reporter,
      calledAETitle: settings.aeTitle?.text, callers: settings.callers, messageBytesMax: context.messageBytesMax,
      times: AssociationHandler.Times(silence: TimeAmount(settings.idle)))
    let associationsMax = settings.associations
    let rules = SourcePort<DICOMReception>.Rules(
      host: settings.host, port: settings.port.number, allow: settings.allow, tls: settings.tls?.options,
      connectionsMax: associationsMax + Self.refusedMax,
      whenFull: "there are \(associationsMax) associations already",
      whenCut: "associations were cut: their objects were not answered in time")
    let port = SourcePort(rules, peers: peers, logger: context.logger) { channel, address, peer, others, whenEnded in
      DICOMReception.begin(
        shared, channel, address, peer: peer, isFull: others >= associationsMax, whenEnded: whenEnded)
    }
    try await port.run { place in listening.withLock { $0 = place } }
  }

  package func certificates() async -> [CertificateStatus] {
    var all = await settings.tls?.options?.certificateStatus() ?? []
    for caller in settings.callers { all += await caller.reportTo?.tls?.options?.certificateStatus() ?? [] }
    return all
  }

  package func status() -> SourceStatus { SourceStatus(listening: listening.withLock { $0 }, peers: peers.status) }
}
