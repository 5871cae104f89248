import NIOCore
import NIOPosix

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#else
  import Darwin
#endif

/// What every TCP connection of this room is set to.
enum SocketOptions {
  /// How long written bytes may stay unacknowledged by the other side's kernel before the connection counts as dead
  /// (TCP_USER_TIMEOUT, RFC 5482). Without it a half-open connection takes sends for a quarter of an hour.
  static let unacknowledged: TimeAmount = .seconds(20)
  /// Silence after which the kernel asks whether the other side still lives, and how often it asks again.
  static let keepAliveSeconds = (idle: 60, interval: 15, probes: 4)

  /// The options for a connection; a source gives them to each connection that it accepts.
  ///
  /// - Parameter unacknowledged: a partner that takes what is large must be given as long as it may take to read on:
  ///   the kernel doesn't tell one that stopped reading from one that is gone.
  static func all(
    unacknowledged: TimeAmount = unacknowledged
  ) -> [(option: ChannelOptions.Types.SocketOption, value: SocketOptionValue)] {
    var options: [(option: ChannelOptions.Types.SocketOption, value: SocketOptionValue)] = [
      (ChannelOptions.tcpOption(.tcp_nodelay), 1),
      (ChannelOptions.socketOption(.so_keepalive), 1),
    ]
    #if os(Linux)
      options += [
        (tcp(TCP_KEEPIDLE), SocketOptionValue(keepAliveSeconds.idle)),
        (tcp(TCP_KEEPINTVL), SocketOptionValue(keepAliveSeconds.interval)),
        (tcp(TCP_KEEPCNT), SocketOptionValue(keepAliveSeconds.probes)),
        (tcp(TCP_USER_TIMEOUT), SocketOptionValue(unacknowledged.nanoseconds / 1_000_000)),
      ]
    #endif
    return options
  }

  #if os(Linux)
    private static func tcp(_ name: CInt) -> ChannelOptions.Types.SocketOption {
      ChannelOptions.tcpOption(NIOBSDSocket.Option(rawValue: name))
    }
  #endif
}

extension ClientBootstrap {
  func hilumOptions(unacknowledged: TimeAmount) -> ClientBootstrap {
    SocketOptions.all(unacknowledged: unacknowledged).reduce(self) { $0.channelOption($1.option, value: $1.value) }
  }
}

extension ServerBootstrap {
  /// Connections get the options; the listener itself may take a port whose old connections still linger.
  func hilumOptions() -> ServerBootstrap {
    SocketOptions.all().reduce(serverChannelOption(.socketOption(.so_reuseaddr), value: 1)) {
      $0.childChannelOption($1.option, value: $1.value)
    }
  }
}
