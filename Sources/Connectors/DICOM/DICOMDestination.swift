package import ConnectorKit
package import Messages
import NIOCore
import NIOPosix
import Synchronization

/// Sends DICOM objects by C-STORE, in order over one association that is kept for the next; where the lane isn't
/// strict, over as many associations as objects may be under way.
package final class DICOMDestination: DestinationConnector {
  package static let name = "dicom"
  package static let about = """
    Sends DICOM objects by C-STORE, in clear or with TLS. An object is delivered when the partner has answered it with \
    success or a warning; with `commitment`, when the partner has committed itself to keep it. Nothing is converted: \
    an object goes in the transfer syntax that it is in.
    """
  package static let readsInPieces = true

  private let partner: DICOMCall.Partner
  private let lanes: [DICOMLane]
  private let awaiting = AcceptedDeliveries()
  /// Those that send nothing; the one that was used last is at the end and goes first.
  private let idle: Mutex<[Int]>

  package init(_ options: DICOMDestinationSettings, context: ConnectorContext) throws {
    var dial = Dial(
      host: options.host, port: options.port.number, tls: options.tls?.options,
      within: TimeAmount(options.connectTimeout), logger: context.logger)
    // An archive that is slow at writing reads on later: its own time counts, and not the kernel's.
    dial.unacknowledged = max(dial.unacknowledged, TimeAmount(options.timeout))
    let partner = DICOMCall.Partner(
      dial: dial, called: options.aeTitle.text, calling: options.calling.text,
      timeout: TimeAmount(min(options.timeout, context.answerWithin ?? options.timeout)),
      commits: options.commitment != nil)
    self.partner = partner
    let rule = options.commitment.map { [awaiting] block in
      DICOMCommitmentRule(
        within: TimeAmount(min(block.within, context.answerWithin ?? block.within)),
        later: block.from == nil ? nil : context.laterAnswers, accepted: awaiting)
    }
    lanes = (0..<max(1, context.inFlight)).map { _ in
      DICOMLane(partner, rule: rule, keepOpen: TimeAmount(options.keepOpen), on: partnerLoops.next())
    }
    idle = Mutex(lanes.indices.reversed())
  }

  package func send(_ delivery: Delivery, then: @escaping @Sendable (Result<Reply, DeliveryError>) -> Void) {
    guard lanes.count > 1 else { return lanes[0].send(delivery, then: then) }
    let index = idle.withLock { $0.popLast() }
    lanes[index ?? 0].send(delivery) { [self] result in
      let hasFailed = if case .failure(let failure) = result { failure.kind == .unreachable } else { false }
      if let index { idle.withLock { $0.insert(index, at: hasFailed ? 0 : $0.endIndex) } }
      then(result)
    }
  }

  package func close() async {
    await withTaskGroup(of: Void.self) { group in
      for lane in lanes { group.addTask { await lane.close() } }
    }
  }

  package func accepted() -> [AcceptedDelivery] { awaiting.deliveries }
  package func stopAwaiting() { for lane in lanes { lane.loop.execute { lane.awaitNoLonger() } } }

  package func certificates() async -> [CertificateStatus] { await partner.dial.tls?.certificateStatus() ?? [] }

  package func ping() async -> PingReport {
    var report = await partner.dial.ping()
    guard report.reached else { return report }
    let (answered, line) = await DICOMEcho(partner).run()
    report.lines.append(line)
    report.reached = answered
    return report
  }
}
