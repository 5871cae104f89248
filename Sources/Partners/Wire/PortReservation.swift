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
    var address = sockaddr_in()
    address.sin_family = sa_family_t(AF_INET)
    address.sin_port = in_port_t(truncatingIfNeeded: port).bigEndian
    address.sin_addr = in_addr(s_addr: in_addr_t(0x7F00_0001).bigEndian)
    var size = socklen_t(MemoryLayout<sockaddr_in>.size)
    let isBound = withUnsafeMutablePointer(to: &address) { pointer in
      pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
        bind(socket, $0, size) == 0 && getsockname(socket, $0, &size) == 0
      }
    }
    guard isBound else {
      let code = errno
      close(socket)
      throw PartnerError.file("port \(port) cannot be kept (errno \(code))")
    }
    self.socket = socket
    self.port = Int(in_port_t(bigEndian: address.sin_port))
  }

  deinit { close(socket) }
}
