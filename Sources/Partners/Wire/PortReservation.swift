internal import Glibc

/// Keeps a port of 127.0.0.1 for those who mean to listen on it, now and then.
///
/// A port whose listener was stopped may be given to the next who asks for any port. A socket that is bound and does
/// not listen keeps it: connections to it are refused, nobody gets it by chance, and whoever binds it by number with
/// `SO_REUSEADDR` (as every listener here does) may listen on it.
package final class PortReservation: Sendable {
  package let port: Int
  private let socket: Int32

  /// - Parameter port: 0 takes any free one.
  package init(port: Int = 0) throws {
    let socket = Glibc.socket(AF_INET, Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0)
    guard socket >= 0 else { throw PartnerError.file("no socket can be made (errno \(errno))") }
    var yes: Int32 = 1
    setsockopt(socket, SOL_SOCKET, SO_REUSEADDR, &yes, socklen_t(MemoryLayout<Int32>.size))
    // A `sockaddr_in` as its bytes: which module its members belong to depends on what else is imported (SE-0444).
    var address = [UInt8](repeating: 0, count: MemoryLayout<sockaddr_in>.size)
    let family = UInt16(AF_INET)
    withUnsafeBytes(of: family) { address.replaceSubrange(0..<2, with: $0) }
    address.replaceSubrange(2..<4, with: [UInt8(truncatingIfNeeded: port >> 8), UInt8(truncatingIfNeeded: port)])
    address.replaceSubrange(4..<8, with: [127, 0, 0, 1])
    var size = socklen_t(address.count)
    let isBound = address.withUnsafeMutableBytes { bytes in
      guard let pointer = bytes.baseAddress?.assumingMemoryBound(to: sockaddr.self) else { return false }
      return bind(socket, pointer, size) == 0 && getsockname(socket, pointer, &size) == 0
    }
    guard isBound else {
      let code = errno
      close(socket)
      throw PartnerError.file("port \(port) cannot be kept (errno \(code))")
    }
    self.socket = socket
    self.port = Int(address[2]) << 8 | Int(address[3])
  }

  deinit { close(socket) }
}
