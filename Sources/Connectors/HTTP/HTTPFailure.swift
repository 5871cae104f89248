import AsyncHTTPClient
import ConnectorKit
import NIOHTTP1

/// Says in a person's words why an exchange over HTTP did not come about.
enum HTTPFailure {
  /// - Parameters:
  ///   - target: the host and port as the channel file names them.
  ///   - expectedName: the name that the server's certificate had to hold.
  static func reason(_ error: any Error, target: String, expectedName: String) -> String {
    switch error {
    case let error as SettingError: return error.description
    case let error as HTTPClientError:
      switch error {
      case .connectTimeout, .getConnectionFromPoolTimeout: return "\(target) did not answer the connection"
      case .tlsHandshakeTimeout: return "\(target) did not complete the TLS handshake in time"
      case .remoteConnectionClosed: return "\(target) closed the connection"
      case .uncleanShutdown: return "\(target) broke off without closing TLS"
      default: return "\(target): \(error.shortDescription)"
      }
    case is HTTPParserError: return "\(target) does not speak HTTP as the standard has it"
    default:
      return TLSFailure.reason(error, certificate: nil, expectedName: expectedName, now: UnixTime.seconds())
        ?? ConnectFailure.reason(error, target: target)
    }
  }
}
