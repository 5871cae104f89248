import ConnectorKit
import Logging
import NIOCore
import NIOPosix
import NIOSSL
import NIOTLS

/// Opens connections to one partner: name, TCP, TLS, all within one time.
struct Dial: Sendable {
  let host: String
  let port: Int
  /// `nil` in clear.
  let tls: ClientTLSSettings?
  let within: TimeAmount
  let logger: Logger
  /// The partner may close its half and still read what is answered.
  var halfClosure = false
  var unacknowledged = SocketOptions.unacknowledged
  /// Another one in tests: the system's look-up gives what its files say.
  var resolver: @Sendable (any EventLoop) -> any Resolver & Sendable = { NameLookup(on: $0) }

  /// The partner as the channel file names it.
  var target: String { Listening.address(host, port) }

  /// A connection that can be written to; with TLS after the handshake.
  ///
  /// A name may have several addresses, which are tried beside each other: the handlers are made for the connection
  /// that won, and nothing is read before they are there.
  ///
  /// - Parameter handler: made once, for the connection, and put above TLS.
  /// - Returns: fails with `Unreachable`.
  func connect(
    on loop: any EventLoop, _ handler: @escaping @Sendable () -> any ChannelInboundHandler & Sendable
  ) -> EventLoopFuture<any Channel> {
    let deadline = loop.now + within
    return context(on: loop).flatMap { context in
      let bootstrap = ClientBootstrap(group: loop)
        .connectTimeout(within)
        .hilumOptions(unacknowledged: unacknowledged)
        .channelOption(.autoRead, value: false)
        .channelOption(.allowRemoteHalfClosure, value: halfClosure)
      let connected: EventLoopFuture<any Channel> =
        if let address = try? SocketAddress(ipAddress: host, port: port) {
          bootstrap.connect(to: address)
        } else {
          bootstrap.resolver(resolver(loop)).connect(host: host, port: port)
        }
      return connected.flatMap { channel in
        let ready = loop.makePromise(of: Void.self)
        do {
          if let context, let tls {
            try channel.pipeline.syncOperations.addHandler(try tls.handler(context, host: host))
            try channel.pipeline.syncOperations.addHandler(Handshake(ready, expectedName: tls.expectedName(host: host)))
          } else {
            ready.succeed()
          }
          try channel.pipeline.syncOperations.addHandler(handler())
        } catch {
          ready.fail(error)
        }
        channel.setOption(.autoRead, value: true).cascadeFailure(to: ready)
        let cut = loop.scheduleTask(deadline: deadline) {
          ready.fail(Unreachable("\(target) did not complete the TLS handshake in time"))
        }
        ready.futureResult.whenComplete { result in
          cut.cancel()
          if case .failure = result { channel.close(promise: nil) }
        }
        return ready.futureResult.map { channel }
      }
    }.flatMapErrorThrowing { error in
      throw (error as? Unreachable) ?? Unreachable(Self.reason(error, target: target))
    }
  }

  private func context(on loop: any EventLoop) -> EventLoopFuture<NIOSSLContext?> {
    guard let tls else { return loop.makeSucceededFuture(nil) }
    let logger = logger
    return blockingThreads.runIfActive(eventLoop: loop) { try ClientContexts.shared.context(tls, logger: logger) }
  }

  private static func reason(_ error: any Error, target: String) -> String {
    if let setting = error as? SettingError { return setting.description }
    return TLSFailure.reason(error, certificate: nil, expectedName: nil, now: 0)
      ?? ConnectFailure.reason(error, target: target)
  }
}

/// A connection did not come about. The reason is for people and without content.
struct Unreachable: Error {
  let reason: String
  init(_ reason: String) { self.reason = reason }
}

/// Says when the TLS handshake is over, or why it isn't, and leaves.
final class Handshake: ChannelInboundHandler, RemovableChannelHandler {
  typealias InboundIn = ByteBuffer

  private let ready: EventLoopPromise<Void>
  private let expectedName: String

  init(_ ready: EventLoopPromise<Void>, expectedName: String) {
    self.ready = ready
    self.expectedName = expectedName
  }

  func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
    if case TLSUserEvent.handshakeCompleted = event {
      let certificate = try? context.pipeline.syncOperations.handler(type: NIOSSLClientHandler.self).peerCertificate
      if let facts = certificate.flatMap({ CertificateFacts($0) }), facts.isFor(expectedName) {
        ready.succeed()
        // Before it leaves: from one that has left nothing is passed on.
        context.fireUserInboundEventTriggered(event)
        return context.pipeline.syncOperations.removeHandler(self, promise: nil)
      } else {
        return errorCaught(context: context, error: NIOSSLExtraError.failedToValidateHostname)
      }
    }
    context.fireUserInboundEventTriggered(event)
  }

  func errorCaught(context: ChannelHandlerContext, error: any Error) {
    let certificate = (try? context.pipeline.syncOperations.handler(type: NIOSSLClientHandler.self))?.peerCertificate
    let reason = TLSFailure.reason(
      error, certificate: certificate, expectedName: expectedName, now: UnixTime.seconds())
    ready.fail(reason.map { Unreachable($0) } ?? error)
    context.close(promise: nil)
  }

  func channelInactive(context: ChannelHandlerContext) {
    ready.fail(Unreachable("the partner closed the connection during the TLS handshake"))
    context.fireChannelInactive()
  }
}
