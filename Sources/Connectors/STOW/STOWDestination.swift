package import ConnectorKit
package import Messages

/// Sends DICOM objects to a DICOMweb server (STOW-RS, PS3.18 10.5).
package final class STOWDestination: DestinationConnector {
  package static let name = "stow"
  package static let about = """
    Sends DICOM objects to a DICOMweb server by STOW-RS, each in a request of its own. An object is delivered when the \
    server's answer names it as stored, with or without a warning. Nothing is converted: an object goes as it is kept.
    """
  package static let readsInPieces = true

  private let client: STOWClient
  private let lane: STOWLane

  package init(_ options: STOWSettings, context: ConnectorContext) throws {
    let client = STOWClient(options, context: context)
    self.client = client
    lane = STOWLane(atOnce: max(1, context.inFlight)) { await client.store($0) }
  }

  package func send(_ delivery: Delivery, then: @escaping @Sendable (Result<Reply, DeliveryError>) -> Void) {
    lane.send(delivery, then: then)
  }

  package func close() async {
    await lane.close()
    await client.close()
  }

  package func certificates() async -> [CertificateStatus] { await client.dial.tls?.certificateStatus() ?? [] }

  package func ping() async -> PingReport {
    var report = await client.dial.ping()
    guard report.reached else { return report }
    let (isReached, line) = await client.ask()
    report.lines.append(line)
    report.reached = isReached
    return report
  }
}
