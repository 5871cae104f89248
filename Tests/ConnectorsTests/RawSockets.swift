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

/// A sender that sends until nothing more is taken, because nobody reads the answers, closes its half, and reads
/// slowly.
enum SlowReader {
  /// How many whole messages were sent, and how many answers came.
  static func run(port: Int) async -> (sent: Int, answers: Int) {
    await withCheckedContinuation { continuation in
      DispatchQueue(label: "slow-reader").async { continuation.resume(returning: exchange(port)) }
    }
  }

  private static func exchange(_ port: Int) -> (sent: Int, answers: Int) {
    let descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
    defer { close(descriptor) }
    // Little room in the kernel, so that the answers soon wait in the source.
    var room: Int32 = 4_096
    setsockopt(descriptor, SOL_SOCKET, SO_RCVBUF, &room, socklen_t(MemoryLayout<Int32>.size))
    guard withLoopback(port: port, { connect(descriptor, $0, $1) }) == 0 else { return (-1, -1) }
    let sent = sendWhileTaken(descriptor)
    shutdown(descriptor, Int32(SHUT_WR))
    var answers = 0
    var buffer = [UInt8](repeating: 0, count: 16_384)
    while true {
      let count = read(descriptor, &buffer, buffer.count)
      guard count > 0 else { return (sent, answers) }
      answers += buffer[..<count].count { $0 == 0x1C }
      usleep(3_000)
    }
  }

  private static func sendWhileTaken(_ descriptor: Int32) -> Int {
    var number = 0
    while number < 200_000 {
      let frame = Sample.frame(Sample.adt("\(number + 1)"))
      var sent = 0
      while sent < frame.count {
        var wait = pollfd(fd: descriptor, events: Int16(POLLOUT), revents: 0)
        guard poll(&wait, 1, 500) == 1 else { return number }
        let count = frame[sent...].withUnsafeBytes {
          send(descriptor, $0.baseAddress, $0.count, Int32(MSG_DONTWAIT))
        }
        if count > 0 { sent += count } else if errno != EAGAIN { return -1 }
      }
      number += 1
    }
    return number
  }
}
