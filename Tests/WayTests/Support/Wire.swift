import Foundation
import Glibc

/// One TCP connection, byte by byte, as a sender that keeps no rules has it.
final class Wire: @unchecked Sendable {
  private let socket: Int32
  private var received: [UInt8] = []

  private init(_ socket: Int32) { self.socket = socket }
  deinit { Glibc.close(socket) }

  static func connect(to port: Int) async throws -> Wire {
    try await offPool {
      let socket = Glibc.socket(AF_INET, Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0)
      // A `sockaddr_in` as its bytes: which module its members belong to depends on what else is imported (SE-0444).
      var address: [UInt8] = [
        0, 0, UInt8(truncatingIfNeeded: port >> 8), UInt8(truncatingIfNeeded: port), 127, 0, 0, 1,
      ]
      address += [UInt8](repeating: 0, count: 8)
      withUnsafeBytes(of: UInt16(AF_INET)) { address.replaceSubrange(0..<2, with: $0) }
      let code = address.withUnsafeBytes { bytes in
        bytes.baseAddress.map {
          Glibc.connect(socket, $0.assumingMemoryBound(to: sockaddr.self), socklen_t(bytes.count))
        } ?? -1
      }
      guard code == 0 else {
        Glibc.close(socket)
        throw WayError("no connection to port \(port): \(String(cString: strerror(errno)))")
      }
      var yes: Int32 = 1
      setsockopt(socket, Int32(IPPROTO_TCP), TCP_NODELAY, &yes, socklen_t(MemoryLayout<Int32>.size))
      return Wire(socket)
    }
  }

  static func frame(_ message: [UInt8]) -> [UInt8] { [0x0B] + message + [0x1C, 0x0D] }

  /// Sends; `false` where the other side takes no more.
  @discardableResult
  func send(_ bytes: [UInt8]) async throws -> Bool {
    try await offPool { [socket] in
      var rest = bytes[...]
      while !rest.isEmpty {
        let count = rest.withUnsafeBytes { Glibc.send(socket, $0.baseAddress, $0.count, Int32(MSG_NOSIGNAL)) }
        if count < 0 {
          if errno == EINTR { continue }
          return false
        }
        rest = rest.dropFirst(count)
      }
      return true
    }
  }

  enum Reception: Equatable {
    case frame([UInt8])
    /// The other side closed.
    case closed
    /// Nothing came in time.
    case nothing

    var message: [UInt8]? { if case .frame(let bytes) = self { bytes } else { nil } }
    /// MSA-1.
    var code: String? { message.flatMap { Sample.field("MSA", 1, of: $0) } }
    /// MSA-2.
    var controlID: String? { message.flatMap { Sample.field("MSA", 2, of: $0) } }
  }

  /// The next frame that comes.
  func receive(within seconds: Double = 10) async throws -> Reception {
    try await offPool { [self] in
      let deadline = Date().addingTimeInterval(seconds)
      while true {
        if let frame = nextFrame() { return .frame(frame) }
        let left = deadline.timeIntervalSinceNow
        if left <= 0 { return .nothing }
        var poller = pollfd(fd: socket, events: Int16(POLLIN), revents: 0)
        if poll(&poller, 1, Int32(left * 1000) + 1) <= 0 { continue }
        var bytes = [UInt8](repeating: 0, count: 65_536)
        let count = recv(socket, &bytes, bytes.count, 0)
        if count <= 0 { return .closed }
        received += bytes[..<count]
      }
    }
  }

  private func nextFrame() -> [UInt8]? {
    guard let start = received.firstIndex(of: 0x0B), let end = received[start...].firstIndex(of: 0x1C),
      end + 1 < received.count
    else { return nil }
    defer { received.removeFirst(end + 2) }
    return Array(received[(start + 1)..<end])
  }

  /// Sends a message and gives its answer.
  func exchange(_ message: [UInt8], within seconds: Double = 10) async throws -> Reception {
    try await send(Self.frame(message))
    return try await receive(within: seconds)
  }

  /// FIN: nothing more comes from here.
  func finish() { shutdown(socket, Int32(SHUT_WR)) }
}
