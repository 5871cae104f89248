import ConnectorKit
import NIOCore
import NIOPosix
import NIOSSL

extension Dial {
  /// Opens what a connection needs, and says what was seen, one line a step. Sends nothing.
  func ping() async -> PingReport {
    var lines: [String] = []
    do {
      let (host, port) = (host, port)
      if IPAddress.bytes(host) == nil {
        let found = try await blockingThreads.runIfActive { try NameLookup.addresses(host: host, port: port) }
        lines.append("name: \(host) is " + found.map(\.hostText).joined(separator: ", "))
      }
      let loop = partnerLoops.next()
      let start = loop.now
      let channel = try await connect(on: loop) { Quiet() }.get()
      let milliseconds = (loop.now - start).nanoseconds / 1_000_000
      lines.append("connection: open to \(channel.remoteAddress?.hostAndPort ?? target) after \(milliseconds) ms")
      if tls != nil { lines.append(try await tlsLine(channel)) }
      try await stayed(channel)
      try? await channel.close()
      return PingReport(reached: true, lines: lines)
    } catch {
      lines.append((error as? Unreachable)?.reason ?? ConnectFailure.reason(error, target: target))
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
