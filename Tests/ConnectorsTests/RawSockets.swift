import Dispatch
import Glibc
import NIOCore

// Ends of connections that no library stands between: what a kernel does when the other side doesn't play along.

private func withLoopback<Result>(port: Int, _ body: (UnsafePointer<sockaddr>, socklen_t) -> Result) -> Result? {
  try? SocketAddress(ipAddress: "127.0.0.1", port: port).withSockAddr { body($0, socklen_t($1)) }
}

/// The port that a listener was given.
private func port(of descriptor: Int32) -> Int {
  var bytes = [UInt8](repeating: 0, count: 16)
  var size = socklen_t(bytes.count)
  bytes.withUnsafeMutableBytes { raw in
    if let base = raw.baseAddress { _ = getsockname(descriptor, base.assumingMemoryBound(to: sockaddr.self), &size) }
  }
  // sockaddr_in: two bytes of family, two of the port in network order.
  return Int(bytes[2]) << 8 | Int(bytes[3])
}

/// A port at which connecting takes for ever: its queue is full and nobody takes from it.
final class Silence: Sendable {
  let port: Int
  private let descriptors: [Int32]

  init() {
    let listener = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
    _ = withLoopback(port: 0) { bind(listener, $0, $1) }
    _ = listen(listener, 0)
    let port = ConnectorsTests.port(of: listener)
    self.port = port
    var descriptors = [listener]
    for _ in 0..<4 {
      let filler = socket(AF_INET, Int32(SOCK_STREAM.rawValue) | Int32(SOCK_NONBLOCK.rawValue), 0)
      _ = withLoopback(port: port) { connect(filler, $0, $1) }
      descriptors.append(filler)
    }
    self.descriptors = descriptors
  }

  deinit { for descriptor in descriptors { close(descriptor) } }
}

/// A sender that sends everything, closes its half, and only then begins to read.
enum SlowReader {
  /// Returns how many answers came; below 0 where it could not send.
  static func run(port: Int, messages: [String]) async -> Int {
    await withCheckedContinuation { continuation in
      DispatchQueue(label: "slow-reader").async { continuation.resume(returning: exchange(port, messages)) }
    }
  }

  private static func exchange(_ port: Int, _ messages: [String]) -> Int {
    let bytes = messages.flatMap { Sample.frame($0) }
    let descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
    defer { close(descriptor) }
    guard withLoopback(port: port, { connect(descriptor, $0, $1) }) == 0 else { return -1 }
    var sent = 0
    while sent < bytes.count {
      let count = bytes[sent...].withUnsafeBytes { write(descriptor, $0.baseAddress, $0.count) }
      guard count > 0 else { return -2 }
      sent += count
    }
    shutdown(descriptor, Int32(SHUT_WR))
    usleep(1_500_000)
    var answers = 0
    var buffer = [UInt8](repeating: 0, count: 65_536)
    while true {
      let count = read(descriptor, &buffer, buffer.count)
      guard count > 0 else { return answers }
      answers += buffer[..<count].count { $0 == 0x1C }
    }
  }
}
