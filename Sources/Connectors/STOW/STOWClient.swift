import AsyncHTTPClient
import ConnectorKit
import DICOM
import Dispatch
import Logging
import Messages
import NIOCore
import NIOHTTP1
import NIOPosix
import NIOSSL
import Synchronization
import Text

/// Speaks with one server: a request for each object, on connections that are kept for the next.
final class STOWClient: Sendable {
  /// No answer about one object is larger.
  private static let answerBytesMax = 1 << 20

  /// The server, as it is pinged.
  let dial: Dial
  private let options: STOWSettings
  private let timeout: Duration
  private let answers: any AnswerGuard
  private let connectionsMax: Int
  private let http = Mutex(HTTP.notYet)

  private enum HTTP {
    case notYet
    case open(HTTPClient)
    case closed
  }

  init(_ options: STOWSettings, context: ConnectorContext) {
    self.options = options
    timeout = min(options.timeout, context.answerWithin ?? options.timeout)
    answers = context.answers
    connectionsMax = max(1, context.inFlight)
    dial = Dial(
      host: options.url.host, port: options.url.port, tls: Self.tls(options),
      within: TimeAmount(options.connectTimeout), logger: context.logger)
  }

  /// `https` verifies, also where nothing is said of TLS.
  private static func tls(_ options: STOWSettings) -> ClientTLSSettings? {
    options.url.isEncrypted ? options.tls?.options ?? ClientTLSSettings() : nil
  }

  // MARK: One object

  /// Sends an object once. Cancelled, it breaks off.
  func store(_ delivery: Delivery) async -> Result<Reply, DeliveryError> {
    // The connection has a time of its own.
    let patience = Patience(timeout, first: options.connectTimeout)
    let progress = STOWBody.Progress(patience)
    defer { progress.end() }
    let body: STOWBody
    do {
      body = try await opened(delivery, progress)
    } catch {
      let reason = (error as? ContentError)?.description ?? "this is not a DICOM object that can be sent: \(error)"
      return .failure(DeliveryError(.permanent, reason, bytesSent: false))
    }
    do {
      let answer = try await patience.run { [self] in try await post(body, progress, patience) }
      return answers.reading(answerTo: delivery.id) {
        answer.meaning(
          for: body.sopInstance, isPossibleDuplicate: delivery.possibleDuplicate, now: UnixTime.seconds())
      }
    } catch {
      return .failure(failure(error, bytesSent: progress.hasBegun))
    }
  }

  /// On a thread that may wait for the disk.
  private func opened(_ delivery: Delivery, _ progress: STOWBody.Progress) async throws -> STOWBody {
    let worker = DispatchQueue(label: "hilum.stow")
    return try await withCheckedThrowingContinuation { continuation in
      worker.async {
        continuation.resume(
          with: Result { try STOWBody(DICOMOutgoing(delivery), progress: progress, worker: worker) })
      }
    }
  }

  private func post(_ body: STOWBody, _ progress: STOWBody.Progress, _ patience: Patience) async throws -> STOWAnswer {
    var request = try await request("/studies")
    request.method = .POST
    request.headers.add(name: "content-type", value: body.contentType)
    request.body = .stream(body, length: .known(Int64(body.byteCount)))
    let response = try await open().execute(request, deadline: .distantFuture)
    var answer = STOWAnswer(status: response.status, target: dial.target)
    answer.retryAfter = response.headers.first(name: "retry-after")
    answer.isOfWhole = progress.isWhole
    patience.step()
    do {
      answer.body = Array(buffer: try await response.body.collect(upTo: Self.answerBytesMax))
    } catch is NIOTooManyBytesError {
      answer.body = nil
    } catch  where !(200..<300).contains(response.status.code) {
      // Its status is all that counts.
      answer.body = []
    }
    return answer
  }

  private func failure(_ error: any Error, bytesSent: Bool) -> DeliveryError {
    if Task.isCancelled { return DeliveryError(.cancelled, "the destination was closed", bytesSent: bytesSent) }
    switch error {
    case let error as ContentError:
      return DeliveryError(.permanent, error.description, bytesSent: bytesSent)
    case is CancellationError:
      return DeliveryError(.cancelled, "the destination is closed", bytesSent: bytesSent)
    case is Patience.Over:
      let reason = bytesSent ? "\(dial.target) did not answer in time" : "\(dial.target) did not answer the connection"
      return DeliveryError(.unreachable, reason, bytesSent: bytesSent)
    default:
      let reason = HTTPFailure.reason(error, target: dial.target, expectedName: expectedName)
      // Who refuses our certificate has read nothing of what follows it.
      return DeliveryError(
        .unreachable, reason, bytesSent: bytesSent && !TLSFailure.isRefusalOfOurCertificate(error))
    }
  }

  private var expectedName: String { dial.tls?.expectedName(host: dial.host) ?? dial.host }

  // MARK: A question

  /// Asks for one study, as a look whether the address and the login are right: what is found is not looked at.
  func ask() async -> (isReached: Bool, line: String) {
    let patience = Patience(timeout, first: options.connectTimeout)
    do {
      let status = try await patience.run { [self] in
        var request = try await request("/studies?limit=1")
        request.headers.replaceOrAdd(name: "connection", value: "close")
        let response = try await open().execute(request, deadline: .distantFuture)
        return response.status
      }
      // A server that only stores may refuse to search, and is the right one.
      let isReached = (200..<300).contains(status.code) || [400, 405, 406, 501].contains(status.code)
      return (isReached, "DICOMweb: a search for studies is answered \(STOWAnswer.words(status))")
    } catch {
      return (false, "DICOMweb: \(failure(error, bytesSent: true).reason)")
    }
  }

  // MARK: Requests

  /// The files of secrets and certificates are read anew each time: they may have been changed.
  private func request(_ path: String) async throws -> HTTPClientRequest {
    // A certificate that is for another name is asked for under that name, at the same place.
    var request = HTTPClientRequest(url: options.url.url(path, host: serverName))
    request.headers.add(name: "host", value: options.url.authority)
    request.headers.add(name: "accept", value: "application/dicom+json")
    if options.keepOpen <= .zero { request.headers.add(name: "connection", value: "close") }
    let (options, dial) = (options, dial)
    let (authorization, tls) = try await blockingThreads.runIfActive {
      (
        try Self.authorization(options),
        try dial.tls.map { try ClientContexts.shared.configuration($0, logger: dial.logger) }
      )
    }
    if let authorization { request.headers.add(name: "authorization", value: authorization) }
    request.tlsConfiguration = tls
    return request
  }

  private var serverName: String? { dial.tls?.serverName.flatMap { $0 == dial.host ? nil : $0 } }

  private static func authorization(_ options: STOWSettings) throws -> String? {
    if let token = options.token { return "Bearer " + (try TLSFiles.line(token, setting: "token")) }
    guard let user = options.user, let password = options.password else { return nil }
    let line = try TLSFiles.line(password, setting: "password")
    return "Basic " + String(decoding: Base64Text.text(Array("\(user):\(line)".utf8)), as: UTF8.self)
  }

  /// Made when it is first needed.
  ///
  /// - Throws: `CancellationError` where it is closed.
  private func open() throws -> HTTPClient {
    try http.withLock { http in
      switch http {
      case .open(let client): return client
      case .closed: throw CancellationError()
      case .notYet:
        let client = HTTPClient(eventLoopGroup: partnerLoops, configuration: configuration)
        http = .open(client)
        return client
      }
    }
  }

  private var configuration: HTTPClient.Configuration {
    var configuration = HTTPClient.Configuration(
      redirectConfiguration: .disallow, timeout: .init(connect: TimeAmount(options.connectTimeout)),
      decompression: .disabled)
    configuration.httpVersion = .http1Only
    // The lane tries again, in its own time.
    configuration.connectionPool.retryConnectionEstablishment = false
    configuration.connectionPool.idleTimeout = TimeAmount(options.keepOpen)
    // One more for a question, which must not wait for an object.
    configuration.connectionPool.concurrentHTTP1ConnectionsPerHostSoftLimit = connectionsMax + 1
    if let serverName { configuration.dnsOverride = [serverName: dial.host] }
    return configuration
  }

  func close() async {
    let open = http.withLock { http in
      defer { http = .closed }
      if case .open(let client) = http { return HTTPClient?.some(client) }
      return nil
    }
    try? await open?.shutdown()
  }
}
