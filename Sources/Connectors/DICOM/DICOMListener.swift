import ConnectorKit
import Logging
import NIOCore
import NIOPosix
import NIOSSL
import Synchronization

/// One run of a source: its open port and its associations.
final class DICOMListener: Sendable {
  /// How long a source that stops waits for what has come to be answered.
  private static let stopWithin = TimeAmount.seconds(10)
  /// Connections beyond the associations that may be, which are told so.
  private static let refusedMax = 16

  private struct State {
    var isStopping = false
    var open: [ObjectIdentifier: (reception: DICOMReception, channel: any Channel)] = [:]
    /// Succeeds when the last association of a stopping source has ended.
    var drained: EventLoopPromise<Void>?
  }

  private let settings: DICOMSourceSettings
  private let shared: DICOMReception.Shared
  private let certificates: ServerCertificates?
  private let peers: Peers
  private let state = Mutex(State())

  init(
    _ settings: DICOMSourceSettings, _ shared: DICOMReception.Shared, certificates: ServerCertificates?, peers: Peers
  ) {
    self.settings = settings
    self.shared = shared
    self.certificates = certificates
    self.peers = peers
  }

  func open() async throws -> any Channel {
    try await Listening.open(
      host: settings.host, port: settings.port.number, on: sourceLoops, halfClosure: true, logger: shared.logger
    ) { try self.accept($0) }
  }

  /// On the connection's event loop. Throwing closes it.
  private func accept(_ channel: any Channel) throws {
    guard let address = channel.remoteAddress else { throw Refused() }
    let peer = peers.peer(address.hostText)
    guard settings.allow.isEmpty || settings.allow.contains(where: { $0.contains(address) }) else {
      throw refuse(peer, "it is not among those that `allow` names")
    }
    let count = state.withLock { $0.isStopping ? Int.max : $0.open.count }
    guard count < settings.associations + Self.refusedMax else {
      throw refuse(peer, "there are \(settings.associations) associations already")
    }
    let reception = DICOMReception(
      shared, channel, address, peer: peer, isFull: count >= settings.associations,
      whenEnded: { [weak self] in self?.ended($0) })
    state.withLock { $0.open[ObjectIdentifier(reception)] = (reception, channel) }
    peer.opened(reception)
    if let certificates {
      try channel.pipeline.syncOperations.addHandler(NIOSSLServerHandler(context: certificates.context))
    }
    if let handler = reception.handler { try channel.pipeline.syncOperations.addHandler(handler) }
  }

  private func refuse(_ peer: Peer, _ reason: String) -> Refused {
    peer.refused(reason)
    shared.logger.notice("refused a connection", metadata: ["peer": "\(peer.address)", "reason": "\(reason)"])
    return Refused()
  }

  private func ended(_ reception: DICOMReception) {
    reception.peer.closed(reception)
    let drained = state.withLock { state -> EventLoopPromise<Void>? in
      state.open[ObjectIdentifier(reception)] = nil
      return state.open.isEmpty ? state.drained : nil
    }
    drained?.succeed()
  }

  /// Lets every association answer what has come and end, and returns when the last has, or when time is up.
  func drain() async {
    let drained = sourceLoops.any().makePromise(of: Void.self)
    let open = state.withLock { state in
      state.isStopping = true
      state.drained = drained
      return Array(state.open.values)
    }
    if open.isEmpty { drained.succeed() }
    for (reception, channel) in open { channel.eventLoop.execute { reception.stop() } }
    let cut = sourceLoops.any().scheduleTask(in: Self.stopWithin) { [logger = shared.logger] in
      logger.warning(
        "associations were cut: their objects were not answered in time", metadata: ["count": "\(open.count)"])
      for (_, channel) in open { channel.close(promise: nil) }
    }
    try? await drained.futureResult.get()
    cut.cancel()
  }

  private struct Refused: Error {}
}
