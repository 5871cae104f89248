import AsyncHTTPClient
package import ConnectorKit
import Glibc
import NIOCore
import NIOHTTP1
import NIOPosix
import NIOSSL

/// Posts one body to one address and says whether it was taken. Neither the address nor the header's value, which may
/// be secrets, are in what it says.
package struct Webhook: Sendable {
  private let url: String
  private let header: String
  private let secret: Secret?
  private let ca: FilePath?
  private let timeout: TimeAmount

  package init(url: String, header: String, secret: Secret?, ca: FilePath?, timeout: Duration) {
    self.url = url
    self.header = header
    self.secret = secret
    self.ca = ca
    self.timeout = TimeAmount(timeout)
  }

  /// The secret and the authorities are read anew each time: they may have been changed.
  ///
  /// - Returns: why it was not taken; `nil` where the answer was 2xx.
  package func post(_ body: [UInt8]) async -> String? {
    do {
      var request = HTTPClientRequest(url: url)
      request.method = .POST
      request.headers.add(name: "content-type", value: "application/json; charset=utf-8")
      if let secret {
        let value = try await blockingThreads.runIfActive {
          try TLSFiles.line(secret, setting: "notify.webhook.secret")
        }
        request.headers.add(name: header, value: value)
      }
      request.body = .bytes(ByteBuffer(bytes: body))
      let (timeout, post) = (timeout, request)
      let status = try await HTTPClient.withHTTPClient(configuration: try await configuration()) { client in
        let answer = try await client.execute(post, timeout: timeout)
        // What it says is nothing to us; a small answer is read so that the connection ends well.
        _ = try? await answer.body.collect(upTo: 64 << 10)
        return answer.status
      }
      return (200..<300).contains(status.code) ? nil : "the web hook answered \(status.code)"
    } catch let error as SettingError {
      return "\(error)"
    } catch let error as HTTPClientError {
      return "the web hook: \(error.shortDescription)"
    } catch {
      return TLSFailure.reason(error, certificate: nil, expectedName: nil, now: Int64(time(nil)))
        ?? "the web hook can't be reached"
    }
  }

  private func configuration() async throws -> HTTPClient.Configuration {
    var tls = TLSConfiguration.makeClientConfiguration()
    tls.minimumTLSVersion = .tlsv12
    if let ca {
      tls.trustRoots = .certificates(
        try await blockingThreads.runIfActive { try TLSFiles.certificates(ca, setting: "notify.webhook.ca") })
    }
    // The secret goes to the address that was named, and is never carried on to another.
    var configuration = HTTPClient.Configuration(
      tlsConfiguration: tls, redirectConfiguration: .disallow, timeout: .init(connect: timeout, read: timeout))
    configuration.connectionPool.retryConnectionEstablishment = false
    return configuration
  }
}
