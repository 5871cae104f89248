import ConnectorKit
import Logging
import NIOCore
import NIOPosix
import NIOSSL
import Synchronization

/// One connection of a source that others connect to. Lives on the connection's event loop.
protocol SourceVisit: AnyObject, Sendable {
  var peer: Peer { get }
  /// Takes nothing more; what has come is answered, then the connection closes.
  func stop()
}

enum SourceStop {
  /// How long a source that stops waits for the receipts of what it has offered, and for answers to be sent.
  static let within: TimeAmount = .seconds(10)
}

/// One run of a source that others connect to: its open port and its connections.
final class SourcePort<Visit: SourceVisit>: Sendable {
  struct Rules: Sendable {
    let host: String
    let port: Int
    let allow: [AddressRange]
    /// `nil` in clear.
    let tls: ServerTLSSettings?
    /// How many connections may be open; one more is closed at once.
    let connectionsMax: Int
    /// Why.
    let whenFull: String
    /// What is logged when those of a source that stops were not answered in time.
    let whenCut: String
  }

  /// Makes what speaks on a connection, on its event loop, and the handler that it does so by.
  ///
  /// - Parameters:
  ///   - others: how many connections there were before it.
  ///   - whenEnded: is called once, when the connection has ended.
  typealias Make =
    @Sendable (
      _ channel: any Channel, _ address: SocketAddress, _ peer: Peer, _ others: Int,
      _ whenEnded: @escaping (Visit) -> Void
    ) throws -> (visit: Visit, handler: any ChannelHandler)

  private struct State {
    var isStopping = false
    /// With those that are about to be in `open`.
    var count = 0
    var open: [ObjectIdentifier: (visit: Visit, channel: any Channel)] = [:]
    /// Succeeds when the last connection of a stopping source has ended.
    var drained: EventLoopPromise<Void>?
  }

  private let rules: Rules
  private let peers: Peers
  private let logger: Logger
  private let make: Make
  private let state = Mutex(State())

  init(_ rules: Rules, peers: Peers, logger: Logger, make: @escaping Make) {
    self.rules = rules
    self.peers = peers
    self.logger = logger
    self.make = make
  }

  /// Listens until its task is cancelled, and returns when every connection has answered what came and has ended, or
  /// when time is up.
  ///
  /// - Parameter tell: is told where it listens, and `nil` when it doesn't any more.
  /// - Throws: where it can't listen, or the port was closed by somebody else.
  func run(_ tell: (String?) -> Void) async throws {
    let certificates = try await certificates()
    let port = try await Listening.open(
      host: rules.host, port: rules.port, on: sourceLoops, halfClosure: true, logger: logger
    ) { try self.accept($0, certificates) }
    tell(port.localAddress?.hostAndPort)
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
    tell(nil)
    await drain()
    if !Task.isCancelled {
      throw ListenError(address: "\(rules.host):\(rules.port)", reason: "the port was closed")
    }
  }

  private func certificates() async throws -> ServerCertificates? {
    guard let tls = rules.tls else { return nil }
    return try await blockingThreads.runIfActive { [logger] in try ServerCertificates(tls, logger: logger) }
  }

  // MARK: Connections

  /// On the connection's event loop. Throwing closes it.
  private func accept(_ channel: any Channel, _ certificates: ServerCertificates?) throws {
    guard let address = channel.remoteAddress else { throw Refused() }
    let peer = peers.peer(address.hostText)
    guard rules.allow.isEmpty || rules.allow.contains(where: { $0.contains(address) }) else {
      throw refuse(peer, "it is not among those that `allow` names")
    }
    guard let others = admit() else { throw refuse(peer, rules.whenFull) }
    let visit: Visit
    let handler: any ChannelHandler
    do {
      (visit, handler) = try make(channel, address, peer, others) { [weak self] in self?.ended($0) }
    } catch {
      leave()
      throw error
    }
    peer.opened(visit)
    let isStopping = state.withLock { state in
      state.open[ObjectIdentifier(visit)] = (visit, channel)
      return state.isStopping
    }
    if let certificates {
      try channel.pipeline.syncOperations.addHandler(NIOSSLServerHandler(context: certificates.context))
    }
    try channel.pipeline.syncOperations.addHandler(handler)
    if isStopping { channel.eventLoop.execute { visit.stop() } }
  }

  /// `nil` where there is no room; else how many there are already.
  private func admit() -> Int? {
    state.withLock { state in
      guard !state.isStopping, state.count < rules.connectionsMax else { return nil }
      state.count += 1
      return state.count - 1
    }
  }

  private func refuse(_ peer: Peer, _ reason: String) -> Refused {
    peer.refused(reason)
    logger.notice("refused a connection", metadata: ["peer": "\(peer.address)", "reason": "\(reason)"])
    return Refused()
  }

  private func ended(_ visit: Visit) {
    visit.peer.closed(visit)
    state.withLock { _ = $0.open.removeValue(forKey: ObjectIdentifier(visit)) }
    leave()
  }

  private func leave() {
    let drained = state.withLock { state -> EventLoopPromise<Void>? in
      state.count -= 1
      return state.count == 0 ? state.drained : nil
    }
    drained?.succeed()
  }

  /// Lets every connection answer what came and end, and returns when the last has, or when time is up.
  private func drain() async {
    let drained = sourceLoops.any().makePromise(of: Void.self)
    let (open, count) = state.withLock { state in
      state.isStopping = true
      state.drained = drained
      return (Array(state.open.values), state.count)
    }
    if count == 0 { drained.succeed() }
    for (visit, channel) in open { channel.eventLoop.execute { visit.stop() } }
    let cut = sourceLoops.any().scheduleTask(in: SourceStop.within) { [logger, rules] in
      logger.warning("\(rules.whenCut)", metadata: ["count": "\(open.count)"])
      for (_, channel) in open { channel.close(promise: nil) }
    }
    try? await drained.futureResult.get()
    cut.cancel()
  }

  private struct Refused: Error {}
}
