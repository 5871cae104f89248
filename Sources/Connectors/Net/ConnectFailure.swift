import NIOCore
import NIOPosix

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#else
  import Darwin
#endif

/// Says in a person's words why a connection didn't come about, broke, or why a port can't be listened on.
enum ConnectFailure {
  /// - Parameter target: the host and port as the channel file names them.
  static func reason(_ error: any Error, target: String) -> String {
    switch error {
    case let failure as NIOConnectionError:
      if let lookup = (failure.dnsAError ?? failure.dnsAAAAError) as? NameLookupError { return lookup.description }
      guard let first = failure.connectionErrors.first else { return "the name \(failure.host) has no address" }
      return reason(first.error, target: target)
    case let failure as ChannelError:
      if case .connectTimeout = failure { return "\(target) did not answer the connection" }
      return "the connection to \(target) broke"
    case let failure as IOError:
      return "\(target): \(text(failure.errnoCode))"
    case let failure as NameLookupError:
      return failure.description
    default:
      return "the connection to \(target) broke"
    }
  }

  /// The system's errors that a person can act on, in words; the rest as the system names them.
  static func text(_ code: CInt) -> String {
    switch code {
    case ECONNREFUSED: "connection refused: nothing listens there"
    case ECONNRESET, EPIPE: "the partner reset the connection"
    case ETIMEDOUT: "the partner no longer acknowledges what is sent"
    case EHOSTUNREACH, ENETUNREACH: "there is no route to it"
    case EADDRINUSE: "the port is taken by another program"
    case EACCES, EPERM: "the system does not permit it"
    case EADDRNOTAVAIL: "the address is not one of this machine's"
    case EMFILE, ENFILE: "too many open files"
    default: String(cString: strerror(code))
    }
  }
}
