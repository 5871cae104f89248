package import DICOM
internal import DICOMTransport
internal import NIOCore
internal import NIOPosix
internal import NIOSSL
internal import Synchronization

/// A test partner that listens for DICOM: C-ECHO, C-STORE of everything as it is, storage commitment.
package final class DICOMReceiver: Sendable {
  private struct State {
    var listener: (any Channel)?
    var port: Int
    var sockets: [ObjectIdentifier: any Channel] = [:]
    var nextNumber = 0
    var echoCount = 0
    var refusalCount = 0
    var associationCount = 0
    /// What was answered with success, for storage commitment.
    var kept: Set<String> = []
  }

  let plan: DICOMReceivePlan
  let loop: any EventLoop
  private let tally = ReceptionTally<DICOMReception>()
  private let state: Mutex<State>

  package init(_ plan: DICOMReceivePlan) {
    self.plan = plan
    // One loop for all connections: receptions have one order.
    loop = MultiThreadedEventLoopGroup.singleton.next()
    state = Mutex(State(port: plan.endpoint.port))
  }

  /// Listens; returns when connections are taken.
  package func start() async throws {
    let context = plan.endpoint.isTLS ? try plan.tls.receiverContext() : nil
    let bootstrap = ServerBootstrap(group: loop)
      .serverChannelOption(.socketOption(.so_reuseaddr), value: 1)
      .serverChannelOption(.backlog, value: 1_024)
      .childChannelInitializer { [self] channel in
        channel.eventLoop.makeCompletedFuture {
          if let context { try channel.pipeline.syncOperations.addHandler(NIOSSLServerHandler(context: context)) }
          try DICOMReceiverAssociation.begin(channel, self, number: tally.nextConnection())
          opened(channel)
        }
      }
    let port = state.withLock { $0.port }
    let listener = try await Listening.bind(bootstrap, host: plan.endpoint.host, port: port)
    state.withLock { state in
      state.listener = listener
      state.port = listener.localAddress?.port ?? port
    }
  }

  /// Stops listening and closes every connection; what waits to be answered is not.
  package func stop() async {
    let (listener, sockets) = state.withLock { state in
      defer { state.listener = nil }
      return (state.listener, Array(state.sockets.values))
    }
    try? await listener?.close()
    for socket in sockets { try? await socket.close() }
  }

  package var port: Int { state.withLock { $0.port } }
  package var endpoint: PartnerEndpoint {
    var endpoint = plan.endpoint
    endpoint.port = port
    return endpoint
  }

  /// What came whole, in order.
  package var receptions: [DICOMReception] { tally.receptions }
  package var connectionCount: Int { tally.connectionCount }
  package var echoCount: Int { state.withLock { $0.echoCount } }
  package var associationCount: Int { state.withLock { $0.associationCount } }
  /// Associations that were refused, broke, or were aborted by either side.
  package var brokenCount: Int { state.withLock { $0.refusalCount } }

  /// Waits until at least so many objects came, and gives out all that did.
  /// - Throws: ``PartnerError/notInTime(awaited:came:)``.
  package func receptions(
    atLeast count: Int, within: Duration = .seconds(30)
  ) async throws -> [DICOMReception] {
    try await tally.wait(for: count, within: within, on: loop)
    return tally.receptions
  }

  package var description: String {
    let state = state.withLock { ($0.echoCount, $0.associationCount, $0.refusalCount) }
    return "\(receptions.count) objects, \(Set(receptions.map(\.sopInstance)).count) SOP instances, \(state.0) echoes, "
      + "\(connectionCount) connections, \(state.1) associations, \(state.2) that were not released"
  }

  /// Reports on an association of its own what it was, or wasn't, asked for.
  package func report(_ report: StorageCommitment, to endpoint: PartnerEndpoint, calling: String) {
    DICOMCommitmentReport.send(report, to: endpoint, tls: plan.tls, calling: calling, on: loop)
  }

  // MARK: For its associations

  func nextNumber() -> Int {
    state.withLock { state in
      state.nextNumber += 1
      return state.nextNumber - 1
    }
  }

  func received(_ reception: DICOMReception) {
    _ = tally.add(reception.sopInstance) { _, _ in reception }
    plan.whenReceived(reception)
  }

  func announce() { tally.announce() }
  func echoed() { state.withLock { $0.echoCount += 1 } }
  func established() { state.withLock { $0.associationCount += 1 } }
  func broke() { state.withLock { $0.refusalCount += 1 } }
  func keeps(_ sopInstance: String) { state.withLock { _ = $0.kept.insert(sopInstance) } }
  func isKept(_ sopInstance: String) -> Bool { state.withLock { $0.kept.contains(sopInstance) } }

  private func opened(_ socket: any Channel) {
    state.withLock { $0.sockets[ObjectIdentifier(socket)] = socket }
    socket.closeFuture.whenComplete { [self] _ in
      state.withLock { _ = $0.sockets.removeValue(forKey: ObjectIdentifier(socket)) }
    }
  }
}
