import ConnectorKit
import Logging
import NIOCore
import NIOPosix
import Synchronization

/// One run of a source that connects to its partner: one connection at a time, made again when it ends.
final class MLLPCaller: Sendable {
  private let dial: Dial
  private let shared: MLLPConnection.Shared
  private let peers: Peers
  private let loop: any EventLoop
  private let receipts: MLLPReceipts
  /// What an operator sees: whom it is connected to, or why it isn't.
  let seen: Seen

  /// Outlives the run.
  final class Seen: Sendable {
    private let state = Mutex<(connected: String?, trouble: String?)>((nil, nil))
    var connected: String? { state.withLock { $0.connected } }
    var trouble: String? { state.withLock { $0.trouble } }
    fileprivate func set(connected: String? = nil, trouble: String? = nil) {
      state.withLock { $0 = (connected, trouble) }
    }
    /// - Returns: whether it is not what was wrong before.
    fileprivate func lost(_ trouble: String) -> Bool {
      state.withLock { state in
        defer { state = (nil, trouble) }
        return state.trouble != trouble
      }
    }
  }

  init(_ dial: Dial, _ shared: MLLPConnection.Shared, peers: Peers, seen: Seen) {
    self.dial = dial
    self.shared = shared
    self.peers = peers
    self.seen = seen
    loop = sourceLoops.next()
    receipts = MLLPReceipts(on: loop)
  }

  /// Stays connected until its task is cancelled, and returns when everything that was offered has been answered.
  func run() async {
    var failures = 0
    while !Task.isCancelled {
      let began = SuspendingClock.now
      do {
        // A partner that closes after its message was answered is asked for the next one at once, and so is one that
        // only was quiet for a while.
        let isAnswered = try await connection()
        failures = isAnswered || SuspendingClock.now - began > MLLPLimits.steady ? 0 : failures + 1
      } catch {
        failures += 1
        let reason = (error as? Unreachable)?.reason ?? ConnectFailure.reason(error, target: dial.target)
        if seen.lost(reason) {
          shared.logger.warning("The partner can't be reached; it is tried again.", metadata: ["reason": "\(reason)"])
        }
      }
      guard failures > 0 else { continue }
      try? await Task.sleep(for: MLLPLimits.pause(failures: failures), clock: SuspendingClock())
    }
    seen.set()
  }

  /// One connection, from its beginning to its end.
  ///
  /// - Returns: whether a message that came on it was answered.
  private func connection() async throws -> Bool {
    let made = Mutex<MLLPConnection?>(nil)
    let peer = peers.peer(dial.host)
    let closed = loop.makePromise(of: Void.self)
    let connecting = dial.connect(on: loop) { [self] in
      let connection = MLLPConnection(
        shared, receipts: receipts, peer: peer, origin: shared.inbox.origin(dial.target),
        whenClosed: {
          peer.closed($0)
          closed.succeed()
        })
      peer.opened(connection)
      made.withLock { $0 = connection }
      return connection
    }
    let channel: any Channel
    do {
      channel = try await connecting.get()
    } catch {
      if made.withLock({ $0 }) == nil { closed.succeed() }
      throw error
    }
    guard let connection = made.withLock({ $0 }) else { return false }
    seen.set(connected: "a connection to \(dial.target)")
    shared.logger.info("Connected to the partner.", metadata: ["peer": "\(peer.address)"])
    await withTaskCancellationHandler {
      try? await closed.futureResult.get()
    } onCancel: {
      loop.execute { connection.stop() }
      loop.scheduleTask(in: SourceStop.within) { channel.close(promise: nil) }
    }
    seen.set(trouble: "the partner closed the connection")
    return try await loop.submit { connection.hasAnswered }.get()
  }
}
