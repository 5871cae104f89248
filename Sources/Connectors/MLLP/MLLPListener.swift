import ConnectorKit
import Logging
import NIOCore
import NIOPosix
import NIOSSL
import Synchronization

/// One run of a source: its open port and its connections.
final class MLLPListener: Sendable {
  private let settings: MLLPSourceSettings
  private let shared: MLLPConnection.Shared
  private let certificates: ServerCertificates?
  private let peers: Peers
  private let receipts: [ObjectIdentifier: MLLPReceipts]
  private let state = Mutex(State())

  private struct State {
    var isStopping = false
    var connections: [ObjectIdentifier: (connection: MLLPConnection, channel: any Channel)] = [:]
    /// Succeeds when the last connection of a stopping source has closed.
    var drained: EventLoopPromise<Void>?
  }

  init(
    _ settings: MLLPSourceSettings, _ shared: MLLPConnection.Shared, certificates: ServerCertificates?, peers: Peers
  ) {
    self.settings = settings
    self.shared = shared
    self.certificates = certificates
    self.peers = peers
    var receipts: [ObjectIdentifier: MLLPReceipts] = [:]
    for loop in sourceLoops.makeIterator() { receipts[ObjectIdentifier(loop)] = MLLPReceipts(on: loop) }
    self.receipts = receipts
  }

  /// Opens the port.
  func open() async throws -> any Channel {
    try await Listening.open(
      host: settings.host, port: settings.port?.number ?? 0, on: sourceLoops, halfClosure: true, logger: shared.logger
    ) { try self.accept($0) }
  }

  /// On the connection's event loop. Throwing closes it.
  private func accept(_ channel: any Channel) throws {
    guard let address = channel.remoteAddress, let receipts = receipts[ObjectIdentifier(channel.eventLoop)] else {
      throw Refused()
    }
    let peer = peers.peer(address.hostText)
    guard settings.allow.isEmpty || settings.allow.contains(where: { $0.contains(address) }) else {
      throw refuse(peer, "it is not among those that `allow` names")
    }
    let connection = MLLPConnection(
      shared, receipts: receipts, peer: peer, origin: shared.inbox.origin(address.hostAndPort),
      whenClosed: { [weak self] in self?.closed($0) })
    let isAdmitted = state.withLock {
      guard !$0.isStopping, $0.connections.count < settings.connections else { return false }
      $0.connections[ObjectIdentifier(connection)] = (connection, channel)
      return true
    }
    guard isAdmitted else { throw refuse(peer, "there are \(settings.connections) connections already") }
    peer.opened(connection)
    if let certificates {
      try channel.pipeline.syncOperations.addHandler(NIOSSLServerHandler(context: certificates.context))
    }
    try channel.pipeline.syncOperations.addHandler(connection)
  }

  private func refuse(_ peer: Peer, _ reason: String) -> Refused {
    peer.refused(reason)
    shared.logger.notice("refused a connection", metadata: ["peer": "\(peer.address)", "reason": "\(reason)"])
    return Refused()
  }

  private func closed(_ connection: MLLPConnection) {
    connection.peer.closed(connection)
    let drained = state.withLock { state -> EventLoopPromise<Void>? in
      state.connections[ObjectIdentifier(connection)] = nil
      return state.connections.isEmpty ? state.drained : nil
    }
    drained?.succeed()
  }

  /// Lets every connection answer what it has offered and close, and returns when the last has, or when time is up.
  func drain() async {
    let drained = sourceLoops.any().makePromise(of: Void.self)
    let open = state.withLock { state in
      state.isStopping = true
      state.drained = drained
      return Array(state.connections.values)
    }
    if open.isEmpty { drained.succeed() }
    for (connection, channel) in open { channel.eventLoop.execute { connection.stop() } }
    let cut = sourceLoops.any().scheduleTask(in: MLLPLimits.stop) { [logger = shared.logger] in
      logger.warning(
        "connections were cut: their messages were not answered in time", metadata: ["count": "\(open.count)"])
      for (_, channel) in open { channel.close(promise: nil) }
    }
    try? await drained.futureResult.get()
    cut.cancel()
  }

  private struct Refused: Error {}
}
