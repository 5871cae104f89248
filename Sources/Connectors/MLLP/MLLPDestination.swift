package import ConnectorKit
import HL7
package import Messages
import NIOCore
import NIOPosix
import NIOSSL
import Synchronization

/// Sends HL7 v2 over MLLP: one connection, one message after the other (or a window of them), each with its answer.
/// Where the lane isn't strict, as many connections as messages may be under way, each opened when it is needed.
///
/// A message counts as taken when its answer says AA or CA and names it in MSA-2. Of the two answers of enhanced mode
/// the first decides; an application acknowledgement that follows on the same connection is passed over.
package final class MLLPDestination: DestinationConnector {
  package static var answers: Format? { .hl7v2 }

  package static let name = "mllp"
  package static let about = """
    Sends HL7 v2 messages over MLLP, in clear or with TLS. A message is delivered when the partner has acknowledged it \
    with AA or CA.
    """

  private let dial: Dial
  private let lanes: [MLLPLane]
  /// Those that send nothing; the one that was used last is at the end and goes first, so that few connections are kept
  /// busy. One that did not get through goes last: a partner may serve fewer connections than there are lanes.
  private let idle: Mutex<[Int]>

  package init(_ options: MLLPDestinationSettings, context: ConnectorContext) throws {
    dial = Dial(
      host: options.host, port: options.port.number, tls: options.tls?.options,
      within: TimeAmount(options.connectTimeout), logger: context.logger)
    let dial = dial
    lanes = (0..<max(1, context.inFlight)).map { _ in
      MLLPLane(
        dial, on: partnerLoops.next(), timeout: TimeAmount(options.timeout),
        keepOpen: options.keepOpen.map { TimeAmount($0) },
        reading: HL7ReadingOptions(context.hl7),
        answerBytesMax: min(context.messageBytesMax, MLLPLimits.answerBytesMax), answers: context.answers)
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
  }

  package func certificates() async -> [CertificateStatus] {
    await dial.tls?.certificateStatus() ?? []
  }

  package func ping() async -> PingReport {
    var lines: [String] = []
    do {
      let (host, port) = (dial.host, dial.port)
      if IPAddress.bytes(host) == nil {
        let found = try await blockingThreads.runIfActive { try NameLookup.addresses(host: host, port: port) }
        lines.append("name: \(host) is " + found.map(\.hostText).joined(separator: ", "))
      }
      let loop = partnerLoops.next()
      let start = loop.now
      let channel = try await dial.connect(on: loop) { Quiet() }.get()
      let milliseconds = (loop.now - start).nanoseconds / 1_000_000
      lines.append("connection: open to \(channel.remoteAddress?.hostAndPort ?? dial.target) after \(milliseconds) ms")
      if dial.tls != nil { lines.append(try await tlsLine(channel)) }
      try await stayed(channel)
      try? await channel.close()
      return PingReport(reached: true, lines: lines)
    } catch {
      lines.append((error as? Unreachable)?.reason ?? ConnectFailure.reason(error, target: dial.target))
      return PingReport(reached: false, lines: lines)
    }
  }

  private func tlsLine(_ channel: any Channel) async throws -> String {
    try await channel.eventLoop.submit {
      let handler = try channel.pipeline.syncOperations.handler(type: NIOSSLClientHandler.self)
      let version = handler.tlsVersion.map { "\($0)" } ?? "?"
      guard let facts = handler.peerCertificate.flatMap({ CertificateFacts($0) }) else { return "TLS: \(version)" }
      return "TLS: \(version), certificate \(facts.subject), valid until \(facts.lastDay)"
    }.get()
  }

  /// A partner that refuses our certificate in TLS 1.3, or our address, says so only after we count as connected.
  private func stayed(_ channel: any Channel) async throws {
    let wait = channel.eventLoop.scheduleTask(in: .milliseconds(300)) {}
    channel.closeFuture.whenComplete { _ in wait.cancel() }
    do {
      try await wait.futureResult.get()
    } catch {
      let reason = try? await channel.eventLoop.submit {
        try channel.pipeline.syncOperations.handler(type: Quiet.self).reason
      }.get()
      throw Unreachable(reason.flatMap(\.self) ?? "the partner closed the connection at once")
    }
  }
}

/// Reads nothing and sends nothing, and remembers why the partner broke off.
private final class Quiet: ChannelInboundHandler, @unchecked Sendable {
  typealias InboundIn = ByteBuffer

  private(set) var reason: String?

  func channelRead(context: ChannelHandlerContext, data: NIOAny) {}

  func errorCaught(context: ChannelHandlerContext, error: any Error) {
    if reason == nil {
      reason = TLSFailure.reason(error, certificate: nil, expectedName: "the partner", now: UnixTime.seconds())
    }
    context.close(promise: nil)
  }
}
