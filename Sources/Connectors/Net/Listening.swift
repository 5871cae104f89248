import Logging
import NIOCore
import NIOPosix

/// Opens a port that others connect to.
enum Listening {
  /// - Parameters:
  ///   - host: a name or an address of this machine.
  ///   - group: the event loops of the connections.
  ///   - accept: called on a connection's event loop before anything is read; throwing closes it.
  static func open(
    host: String, port: Int, on group: any EventLoopGroup, halfClosure: Bool, logger: Logger,
    accept: @escaping @Sendable (any Channel) throws -> Void
  ) async throws -> any Channel {
    let wanted = address(host, port)
    do {
      let addresses = try await blockingThreads.runIfActive { try NameLookup.addresses(host: host, port: port) }
      guard let address = addresses.first else { throw NameLookupError(host: host, detail: "it has no address") }
      return try await ServerBootstrap(group: group)
        .serverChannelOption(.backlog, value: MLLPLimits.backlog)
        .serverChannelInitializer { channel in
          channel.eventLoop.makeCompletedFuture {
            try channel.pipeline.syncOperations.addHandler(AcceptTrouble(logger))
          }
        }
        .childChannelOption(.allowRemoteHalfClosure, value: halfClosure)
        .childChannelInitializer { channel in
          channel.eventLoop.makeCompletedFuture { try accept(channel) }
        }
        .hilumOptions()
        .bind(to: address).get()
    } catch let failure as IOError {
      throw ListenError(address: wanted, reason: ConnectFailure.text(failure.errnoCode))
    } catch let failure as NameLookupError {
      throw ListenError(address: wanted, reason: failure.description)
    }
  }

  /// `127.0.0.1:2575`, `[::1]:2575`.
  static func address(_ host: String, _ port: Int) -> String {
    host.contains(":") ? "[\(host)]:\(port)" : "\(host):\(port)"
  }
}

/// Says once when the system has no more files for connections; NIO then waits a second before it accepts again.
private final class AcceptTrouble: ChannelInboundHandler {
  typealias InboundIn = any Channel

  private let logger: Logger
  private var saidAt: NIODeadline?

  init(_ logger: Logger) {
    self.logger = logger
  }

  func errorCaught(context: ChannelHandlerContext, error: any Error) {
    guard let failure = error as? IOError else { return }
    let now = context.eventLoop.now
    if let saidAt, now - saidAt < .seconds(60) { return }
    saidAt = now
    logger.warning(
      "connections can't be accepted for a moment", metadata: ["reason": "\(ConnectFailure.text(failure.errnoCode))"])
  }
}
