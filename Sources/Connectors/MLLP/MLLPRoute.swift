import NIOCore
import NIOSSL

/// How a lane comes to a connection with its partner: by connecting to it, or by waiting for it.
protocol MLLPRoute: Sendable {
  /// The partner, as the channel file names it.
  var target: String { get }
  /// What the partner's certificate must be for; `nil` where the partner is the client, or without TLS.
  var expectedName: String? { get }

  /// A connection that can be written to, with the link on it.
  ///
  /// - Returns: fails with `Unreachable`.
  func connect(_ link: MLLPLink, on loop: any EventLoop) -> EventLoopFuture<any Channel>
}

extension Dial: MLLPRoute {
  var expectedName: String? { tls?.expectedName(host: host) }

  func connect(_ link: MLLPLink, on loop: any EventLoop) -> EventLoopFuture<any Channel> {
    connect(on: loop) { link }
  }
}
