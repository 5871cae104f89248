import NIOCore
import NIOPosix

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#else
  import Darwin
#endif

/// Turns a host name into addresses with the system's own look-up, on threads that may block: a name server that
/// doesn't answer for one partner holds up no other.
final class NameLookup: Resolver, Sendable {
  private let v4: EventLoopPromise<[SocketAddress]>
  private let v6: EventLoopPromise<[SocketAddress]>

  init(on loop: any EventLoop) {
    v4 = loop.makePromise()
    v6 = loop.makePromise()
  }

  func initiateAQuery(host: String, port: Int) -> EventLoopFuture<[SocketAddress]> { v4.futureResult }

  /// Asks once for both kinds: `getaddrinfo` gives them together.
  func initiateAAAAQuery(host: String, port: Int) -> EventLoopFuture<[SocketAddress]> {
    let (v4, v6) = (v4, v6)
    blockingThreads.submit { state in
      guard case .active = state else { return }
      do {
        let found = try Self.addresses(host: host, port: port)
        v6.succeed(found.filter { $0.protocol == .inet6 })
        v4.succeed(found.filter { $0.protocol == .inet })
      } catch {
        v6.fail(error)
        v4.fail(error)
      }
    }
    return v6.futureResult
  }

  func cancelQueries() {}

  /// Blocks for as long as the system's look-up takes.
  static func addresses(host: String, port: Int) throws -> [SocketAddress] {
    var hints = addrinfo()
    hints.ai_socktype = CInt(SOCK_STREAM.rawValue)
    hints.ai_protocol = CInt(IPPROTO_TCP)
    var list: UnsafeMutablePointer<addrinfo>?
    let code = getaddrinfo(host, String(port), &hints, &list)
    guard code == 0 else { throw NameLookupError(host: host, detail: String(cString: gai_strerror(code))) }
    defer { freeaddrinfo(list) }
    var found: [SocketAddress] = []
    var next = list
    while let entry = next {
      if let address = address(entry.pointee, host: host) { found.append(address) }
      next = entry.pointee.ai_next
    }
    return found
  }

  private static func address(_ entry: addrinfo, host: String) -> SocketAddress? {
    switch entry.ai_family {
    case AF_INET:
      entry.ai_addr?.withMemoryRebound(to: sockaddr_in.self, capacity: 1) { SocketAddress($0.pointee, host: host) }
    case AF_INET6:
      entry.ai_addr?.withMemoryRebound(to: sockaddr_in6.self, capacity: 1) { SocketAddress($0.pointee, host: host) }
    default: nil
    }
  }
}

/// A host name has no address, or the name server didn't say.
struct NameLookupError: Error, CustomStringConvertible {
  let host: String
  let detail: String
  var description: String { "the name \(host) could not be looked up: \(detail)" }
}
