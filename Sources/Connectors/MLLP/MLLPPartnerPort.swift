import ConnectorKit
import Logging
import NIOCore
import NIOPosix
import NIOSSL
import Synchronization

/// The port of a destination whose partner connects to it, and the connections that came.
///
/// The newest connections are used, as many as messages may be under way at once. A partner that was cut off comes
/// again long before its old connection is known to be dead: nothing more is sent there, and it ends when what is under
/// way on it was answered or has had its time. Until then the new one waits, so that no message is on two connections.
///
/// Its connections and all that is written of them live on one event loop, the lanes' own.
final class MLLPPartnerPort: MLLPRoute, @unchecked Sendable {
  let loop: any EventLoop
  let target: String
  let expectedName: String? = nil
  private let settings: MLLPListenSettings
  private let connectionsMax: Int
  private let logger: Logger
  private let peers = Peers()
  private let seen = Mutex<(listening: String?, trouble: String?)>((nil, nil))
  private let work = Mutex<Task<Void, Never>?>(nil)

  /// On the loop: those that came through their handshake, the oldest first.
  private var visits: [MLLPVisit] = []
  private var openCount = 0
  private var isClosed = false
  private var certificates: ServerCertificates?
  private var whenReachable: (@Sendable () -> Void)?

  init(_ settings: MLLPListenSettings, on loop: any EventLoop, connectionsMax: Int, logger: Logger) {
    self.settings = settings
    self.loop = loop
    self.connectionsMax = connectionsMax
    self.logger = logger
    target = Listening.address(settings.host, settings.port.number)
  }

  var status: DestinationStatus {
    let (listening, trouble) = seen.withLock { $0 }
    return DestinationStatus(listening: listening, trouble: trouble, peers: peers.status)
  }

  // MARK: The port

  /// Opens the port, and tries again where it can't be opened, until `close`.
  func open(_ whenReachable: @escaping @Sendable () -> Void) {
    let task = Task { [self] in
      try? await loop.submit { self.whenReachable = whenReachable }.get()
      var failures = 0
      while !Task.isCancelled {
        do {
          try await listen()
          failures = 1
        } catch {
          failures += 1
          let isNew = seen.withLock { seen in
            defer { seen = (nil, "\(error)") }
            return seen.trouble != "\(error)"
          }
          if isNew { logger.error("The partner can't connect; it is tried again.", metadata: ["reason": "\(error)"]) }
        }
        try? await Task.sleep(for: MLLPLimits.pause(failures: failures), clock: SuspendingClock())
      }
    }
    work.withLock { $0 = task }
  }

  /// Listens until the task is cancelled.
  private func listen() async throws {
    if let options = settings.tls?.options {
      let logger = logger
      let read = try await blockingThreads.runIfActive { try ServerCertificates(options, logger: logger) }
      try await loop.submit { self.certificates = read }.get()
    }
    let port = try await Listening.open(
      host: settings.host, port: settings.port.number, on: loop, halfClosure: false, logger: logger
    ) { try self.accept($0) }
    seen.withLock { $0 = (port.localAddress?.hostAndPort, nil) }
    let refresh = loop.scheduleRepeatedTask(initialDelay: TLSLimits.refresh, delay: TLSLimits.refresh) { _ in
      guard let certificates = self.certificates else { return }
      blockingThreads.submit { if case .active = $0 { certificates.refresh() } }
    }
    await withTaskCancellationHandler {
      try? await port.closeFuture.get()
    } onCancel: {
      port.close(promise: nil)
    }
    refresh.cancel()
    seen.withLock { $0 = (nil, Task.isCancelled ? nil : "the port was closed") }
  }

  /// Closes the port and every connection; nothing comes any more.
  func close() async {
    let task = work.withLock { work in
      defer { work = nil }
      return work
    }
    task?.cancel()
    await task?.value
    try? await loop.submit {
      self.isClosed = true
      self.whenReachable = nil
      for visit in self.visits { visit.close() }
    }.get()
  }

  // MARK: Connections

  /// Throwing closes it.
  private func accept(_ channel: any Channel) throws {
    guard !isClosed, let address = channel.remoteAddress else { throw Refused() }
    let peer = peers.peer(address.hostText)
    guard settings.allow.isEmpty || settings.allow.contains(where: { $0.contains(address) }) else {
      throw refuse(peer, "it is not among those that `allow` names")
    }
    guard openCount < connectionsMax + MLLPLimits.visitsBeyondMax else {
      throw refuse(peer, "there are \(openCount) connections already")
    }
    openCount += 1
    channel.closeFuture.whenComplete { _ in self.openCount -= 1 }
    let visit = MLLPVisit(self, peer, isSecured: certificates != nil, logger: logger)
    if let certificates {
      try channel.pipeline.syncOperations.addHandler(NIOSSLServerHandler(context: certificates.context))
    }
    try channel.pipeline.syncOperations.addHandler(visit)
  }

  private struct Refused: Error {}

  private func refuse(_ peer: Peer, _ reason: String) -> Refused {
    peer.refused(reason)
    logger.notice("refused a connection", metadata: ["peer": "\(peer.address)", "reason": "\(reason)"])
    return Refused()
  }

  /// Messages can be sent on it.
  func came(_ visit: MLLPVisit) {
    guard !isClosed else { return visit.close() }
    visits.append(visit)
    visit.peer.opened(visit)
    var used = visits.filter { !$0.givesWay }
    while used.count > connectionsMax {
      let oldest = used.removeFirst()
      logger.notice("a newer connection takes the place of an older one", metadata: ["peer": "\(oldest.peer.address)"])
      oldest.giveWay()
    }
    whenReachable?()
  }

  func gone(_ visit: MLLPVisit) {
    visits.removeAll { $0 === visit }
    visit.peer.closed(visit)
  }

  func connect(_ link: MLLPLink, on loop: any EventLoop) -> EventLoopFuture<any Channel> {
    if let visit = visits.last(where: { $0.isFree }), let channel = visit.take(link) {
      return loop.makeSucceededFuture(channel)
    }
    let (listening, trouble) = seen.withLock { $0 }
    return loop.makeFailedFuture(Unreachable(trouble ?? "no partner is connected to \(listening ?? target)"))
  }
}
