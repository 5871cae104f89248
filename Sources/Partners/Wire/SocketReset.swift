internal import Glibc
internal import NIOCore

/// Closes a socket with RST: what is still to be sent is thrown away, and the other side gets an error and no end.
enum SocketReset {
  static func close(_ channel: any Channel) {
    guard let options = channel as? any SocketOptionProvider else { return channel.close(promise: nil) }
    options.setSoLinger(linger(l_onoff: 1, l_linger: 0)).whenComplete { _ in channel.close(promise: nil) }
  }
}
