import Logging
import NIOCore
import NIOSSL
import NIOTLS

/// One connection that a partner made to a destination's port: waits until a lane takes it. Lives on the port's loop.
final class MLLPVisit: ChannelInboundHandler, @unchecked Sendable {
  typealias InboundIn = ByteBuffer

  let peer: Peer
  private let logger: Logger
  private let isSecured: Bool
  private weak var port: MLLPPartnerPort?
  private var context: ChannelHandlerContext?
  private var handshake: Scheduled<Void>?
  /// The lane's end of it, once one has taken it.
  private weak var link: MLLPLink?
  private var isTaken = false
  private var isHere = false
  /// A newer one takes its place.
  private(set) var givesWay = false

  init(_ port: MLLPPartnerPort, _ peer: Peer, isSecured: Bool, logger: Logger) {
    self.port = port
    self.peer = peer
    self.isSecured = isSecured
    self.logger = logger
  }

  /// No lane has it, and it is there.
  var isFree: Bool { isHere && !isTaken && !givesWay && context?.channel.isActive == true }

  /// Gives it to a lane.
  func take(_ link: MLLPLink) -> (any Channel)? {
    guard let context else { return nil }
    isTaken = true
    self.link = link
    do {
      try context.pipeline.syncOperations.addHandler(link, position: .after(self))
    } catch {
      close()
      return nil
    }
    return context.channel
  }

  /// Closes it as soon as nothing is under way on it.
  func giveWay() {
    givesWay = true
    if let link { link.giveWay() } else { close() }
  }

  func close() { context?.close(promise: nil) }

  // MARK: The channel's events

  func handlerAdded(context: ChannelHandlerContext) {
    self.context = context
    if context.channel.isActive { begin(context) }
  }

  func handlerRemoved(context: ChannelHandlerContext) { self.context = nil }

  func channelActive(context: ChannelHandlerContext) {
    begin(context)
    context.fireChannelActive()
  }

  private func begin(_ context: ChannelHandlerContext) {
    guard isSecured else { return arrive() }
    guard handshake == nil else { return }
    handshake = context.eventLoop.assumeIsolated().scheduleTask(in: TLSLimits.handshake) { [weak self] () -> Void in
      guard let self, !isHere else { return }
      refuse("the TLS handshake was not completed within \(TLSLimits.handshake.nanoseconds / 1_000_000) ms")
    }
  }

  private func arrive() {
    guard !isHere else { return }
    isHere = true
    handshake?.cancel()
    port?.came(self)
  }

  func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
    if case TLSUserEvent.handshakeCompleted = event { arrive() }
    context.fireUserInboundEventTriggered(event)
  }

  func channelRead(context: ChannelHandlerContext, data: NIOAny) {
    if isTaken { return context.fireChannelRead(data) }
    refuse("it sent something, and nothing had been sent to it")
  }

  func errorCaught(context: ChannelHandlerContext, error: any Error) {
    if isTaken { return context.fireErrorCaught(error) }
    let certificate = (try? context.pipeline.syncOperations.handler(type: NIOSSLServerHandler.self))?.peerCertificate
    if let reason = TLSFailure.reason(
      error, certificate: certificate, expectedName: nil, now: UnixTime.seconds()), !isHere
    {
      return refuse(reason)
    }
    close()
  }

  func channelInactive(context: ChannelHandlerContext) {
    handshake?.cancel()
    port?.gone(self)
    context.fireChannelInactive()
  }

  /// One line in the log, and one refusal in the partner's record.
  private func refuse(_ reason: String) {
    peer.refused(reason)
    logger.notice("closed a connection", metadata: ["peer": "\(peer.address)", "reason": "\(reason)"])
    close()
  }
}
