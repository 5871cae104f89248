package import ConnectorKit
import HL7
package import Messages
import NIOCore
import NIOPosix
import Synchronization

/// Sends HL7 v2 over MLLP: one connection, one message after the other (or a window of them), each with its answer.
/// Where the lane isn't strict, as many connections as messages may be under way, each opened when it is needed.
///
/// A message counts as taken when its answer says AA or CA and names it in MSA-2. Of the two answers of enhanced mode
/// the first decides, and an application acknowledgement that follows on the same connection is passed over; with
/// `application-ack` that one decides, on whatever way it comes.
package final class MLLPDestination: DestinationConnector {
  package static var answers: Format? { .hl7v2 }

  package static let name = "mllp"
  package static let about = """
    Sends HL7 v2 messages over MLLP, in clear or with TLS. A message is delivered when the partner has acknowledged it \
    with AA or CA (with `application-ack`: with AA). It connects to the partner, or waits for a partner that connects.
    """

  /// `nil` where the partner connects to us.
  private let dial: Dial?
  private let port: MLLPPartnerPort?
  private let listening: MLLPListenSettings?
  private let lanes: [MLLPLane]
  private let awaiting = AcceptedDeliveries()
  private let reading: HL7ReadingOptions
  /// Those that send nothing; the one that was used last is at the end and goes first, so that few connections are kept
  /// busy. One that did not get through goes last: a partner may serve fewer connections than there are lanes.
  private let idle: Mutex<[Int]>

  package init(_ options: MLLPDestinationSettings, context: ConnectorContext) throws {
    let connections = max(1, context.inFlight)
    let loop = partnerLoops.next()
    listening = options.listen
    dial =
      options.listen == nil
      ? Dial(
        host: options.host ?? "", port: options.port?.number ?? 0, tls: options.tls?.options,
        within: TimeAmount(options.connectTimeout), logger: context.logger) : nil
    port = options.listen.map {
      MLLPPartnerPort($0, on: loop, connectionsMax: connections, logger: context.logger)
    }
    let route: (any MLLPRoute)? = port ?? dial
    guard let route else { throw SettingError("there is neither a partner to connect to nor a port to listen on") }
    let isListening = port != nil
    let reading = HL7ReadingOptions(context.hl7)
    self.reading = reading
    let rule = options.applicationAck.map { [awaiting] block in
      MLLPApplicationRule(
        within: TimeAmount(min(block.within, context.answerWithin ?? block.within)),
        later: block.from == nil ? nil : context.laterAnswers, accepted: awaiting)
    }
    lanes = (0..<connections).map { _ in
      MLLPLane(
        // A connection that came lives on the port's loop.
        route, on: isListening ? loop : partnerLoops.next(),
        timeout: TimeAmount(min(options.timeout, context.answerWithin ?? options.timeout)),
        keepOpen: options.keepOpen.map { TimeAmount($0) },
        reading: reading,
        answerBytesMax: min(context.messageBytesMax, MLLPLimits.answerBytesMax), answers: context.answers,
        rule: rule)
    }
    idle = Mutex(lanes.indices.reversed())
  }

  package func send(_ delivery: Delivery, then: @escaping @Sendable (Result<Reply, DeliveryError>) -> Void) {
    guard lanes.count > 1 else { return lanes[0].send(MLLPLane.Sending(delivery, then: then)) }
    // The lane hands out no more than there are; the first one would take it in its turn.
    let index = idle.withLock { $0.popLast() }
    lanes[index ?? 0].send(
      MLLPLane.Sending(delivery) { [self] result in
        let hasFailed = if case .failure(let failure) = result { failure.kind == .unreachable } else { false }
        if let index { idle.withLock { $0.insert(index, at: hasFailed ? 0 : $0.endIndex) } }
        then(result)
      })
  }

  package func close() async {
    await withTaskGroup(of: Void.self) { group in
      for lane in lanes { group.addTask { await lane.close() } }
    }
    await port?.close()
  }

  package func open(_ whenReachable: @escaping @Sendable () -> Void) { port?.open(whenReachable) }
  package func status() -> DestinationStatus? { port?.status }
  package func accepted() -> [AcceptedDelivery] { awaiting.deliveries }
  package func stopAwaiting() { for lane in lanes { lane.loop.execute { lane.awaitNoLonger() } } }
  package func meaning(of answer: Payload) -> Result<Reply, DeliveryError>? { MLLPLane.meaning(of: answer, reading) }

  package func certificates() async -> [CertificateStatus] {
    if let listening { return await listening.tls?.options?.certificateStatus() ?? [] }
    return await dial?.tls?.certificateStatus() ?? []
  }

  /// Where the partner connects, nothing can be opened: says whether it is there.
  package func ping() async -> PingReport {
    if let dial { return await dial.ping() }
    guard let status = port?.status else { return PingReport(reached: false, lines: []) }
    guard let place = status.listening else {
      return PingReport(reached: false, lines: [status.trouble ?? "the port is not open yet"])
    }
    let connected = status.peers.filter { $0.connectedAt != nil }.map { "connected: \($0.address)" }
    let none = ["no partner is connected to \(place): it is the partner that connects"]
    return PingReport(
      reached: !connected.isEmpty, lines: ["listening: \(place)"] + (connected.isEmpty ? none : connected))
  }
}
