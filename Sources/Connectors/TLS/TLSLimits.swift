import NIOCore

/// The limits of this room in one place.
enum TLSLimits {
  /// From the first byte to the end of the handshake, where we are the server. A client has `connect-timeout` for all
  /// of it.
  static let handshake: TimeAmount = .seconds(10)
  /// How long a close waits for the other side's.
  static let shutdown: TimeAmount = .seconds(1)
  /// How often who listens looks whether its files changed. Who connects looks before each connection.
  static let refresh: TimeAmount = .seconds(5)
}
