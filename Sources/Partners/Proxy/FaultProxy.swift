internal import NIOCore
internal import NIOPosix
internal import Synchronization

/// A TCP proxy on 127.0.0.1 that breaks connections as a script says: the network's faults, without a network.
package final class FaultProxy: Sendable {
  /// What becomes of one connection.
  package struct Behaviour: Sendable, Hashable {
    /// Reset as soon as it is made. (To have it refused as if nobody listened, ``FaultProxy/close()`` the proxy.)
    package var refuses = false
    package var toServer: ProxyFault
    package var toClient: ProxyFault

    package init(toServer: ProxyFault = .none, toClient: ProxyFault = .none, refuses: Bool = false) {
      self.toServer = toServer
      self.toClient = toClient
      self.refuses = refuses
    }
  }

  private struct State {
    var listener: (any Channel)?
    /// Keeps the port while the proxy is closed.
    var reservation: PortReservation?
    var connectionCount = 0
    var sockets: [ObjectIdentifier: any Channel] = [:]
  }

  private let target: PartnerEndpoint
  private let script: @Sendable (Int) -> Behaviour
  private let loop: any EventLoop
  private let state = Mutex(State())

  /// - Parameters:
  ///   - target: where connections go on to; its TLS, if any, is passed through.
  ///   - script: the behaviour of each connection, numbered from 0 in the order in which they are made.
  package init(to target: PartnerEndpoint, script: @escaping @Sendable (Int) -> Behaviour = { _ in Behaviour() }) {
    self.target = target
    self.script = script
    loop = MultiThreadedEventLoopGroup.singleton.next()
  }

  /// The port that it listens on, or will again.
  package var port: Int { state.withLock { $0.reservation?.port ?? 0 } }
  package var connectionCount: Int { state.withLock { $0.connectionCount } }

  /// Listens; after ``close()`` on the same port again.
  package func open() async throws {
    let port = try state.withLock { state in
      let reservation = try state.reservation ?? PortReservation()
      state.reservation = reservation
      return reservation.port
    }
    let bootstrap = ServerBootstrap(group: loop)
      .serverChannelOption(.socketOption(.so_reuseaddr), value: 1)
      .childChannelOption(.tcpOption(.tcp_nodelay), value: 1)
      .childChannelOption(.autoRead, value: false)
      .childChannelOption(.allowRemoteHalfClosure, value: true)
      .childChannelInitializer { [self] client in
        accept(client)
        return client.eventLoop.makeSucceededVoidFuture()
      }
    let listener = try await Listening.bind(bootstrap, host: "127.0.0.1", port: port)
    state.withLock { $0.listener = listener }
  }

  /// Stops listening: from now on connections are refused. Those that are open go on.
  package func close() async {
    let listener = state.withLock { state in
      defer { state.listener = nil }
      return state.listener
    }
    try? await listener?.close()
  }

  /// Resets every open connection on both sides.
  package func cut() {
    for socket in state.withLock({ Array($0.sockets.values) }) { SocketReset.close(socket) }
  }

  /// Stops listening and resets what is open.
  package func stop() async {
    await close()
    cut()
  }

  private func accept(_ client: any Channel) {
    let number = state.withLock { state in
      state.connectionCount += 1
      return state.connectionCount - 1
    }
    let behaviour = script(number)
    // The client is active only after this turn.
    loop.execute { [self] in
      if behaviour.refuses { return SocketReset.close(client) }
      connectOn(client, behaviour)
    }
  }

  private func connectOn(_ client: any Channel, _ behaviour: Behaviour) {
    ClientBootstrap(group: loop)
      .channelOption(.tcpOption(.tcp_nodelay), value: 1)
      .channelOption(.autoRead, value: false)
      .channelOption(.allowRemoteHalfClosure, value: true)
      .connect(host: target.host, port: target.port)
      .hop(to: loop)
      .whenComplete { [self] result in
        guard case .success(let server) = result else { return SocketReset.close(client) }
        do {
          try join(client, to: server, ProxyPump(behaviour.toServer))
          try join(server, to: client, ProxyPump(behaviour.toClient))
          client.read()
          server.read()
        } catch {
          SocketReset.close(client)
          SocketReset.close(server)
        }
      }
  }

  private func join(_ from: any Channel, to peer: any Channel, _ pump: ProxyPump) throws {
    let key = ObjectIdentifier(from)
    state.withLock { $0.sockets[key] = from }
    from.closeFuture.whenComplete { [self] _ in state.withLock { _ = $0.sockets.removeValue(forKey: key) } }
    try from.pipeline.syncOperations.addHandler(ProxySide(peer: peer, pump: pump))
  }
}

/// One side of a proxied connection: what it reads goes to its peer. It reads on when what it read is written.
private final class ProxySide: ChannelInboundHandler {
  typealias InboundIn = ByteBuffer

  private let peer: any Channel
  private var pump: ProxyPump
  private var actions: [ProxyAction] = []
  private var isBusy = false
  private var hasReadEnd = false
  private var isFinished = false
  private var readsOn = true

  init(peer: any Channel, pump: ProxyPump) {
    self.peer = peer
    self.pump = pump
  }

  func channelRead(context: ChannelHandlerContext, data: NIOAny) {
    actions += pump.receive(unwrapInboundIn(data))
    next(context)
  }

  func channelReadComplete(context: ChannelHandlerContext) { next(context) }

  func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
    guard case ChannelEvent.inputClosed = event else { return }
    hasReadEnd = true
    next(context)
  }

  func channelInactive(context: ChannelHandlerContext) {
    // After an orderly end the peer has had its FIN; otherwise it must not wait for ever.
    if !hasReadEnd { peer.close(promise: nil) }
  }

  func errorCaught(context: ChannelHandlerContext, error: any Error) {
    SocketReset.close(peer)
    context.close(promise: nil)
  }

  /// Does what is to be done, one thing after the other, then reads on.
  private func next(_ context: ChannelHandlerContext) {
    guard !isBusy else { return }
    guard !actions.isEmpty else {
      if hasReadEnd { finish() } else if readsOn { context.read() }
      return
    }
    let action = actions.removeFirst()
    let here = NIOLoopBound((self, context), eventLoop: context.eventLoop)
    isBusy = true
    switch action {
    case .pass(let bytes):
      peer.writeAndFlush(bytes).hop(to: context.eventLoop).whenComplete { _ in here.value.0.done(here.value.1) }
    case .wait(let pause):
      context.eventLoop.scheduleTask(in: .nanoseconds(Int64(clamping: pause.nanosecondsWhole))) {
        here.value.0.done(here.value.1)
      }
    case .finish:
      finish()
      done(context)
    case .stopReading:
      readsOn = false
      done(context)
    case .reset:
      actions = []
      SocketReset.close(context.channel)
      SocketReset.close(peer)
    }
  }

  private func done(_ context: ChannelHandlerContext) {
    isBusy = false
    guard context.channel.isActive || hasReadEnd else { return }
    next(context)
  }

  private func finish() {
    guard !isFinished else { return }
    isFinished = true
    peer.close(mode: .output, promise: nil)
  }
}
