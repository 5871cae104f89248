import ConnectorKit
import Logging
import Messages
import Testing

@testable import Connectors

/// A source that runs while a test needs it.
struct RunningSource: Sendable {
  let source: MLLPSource
  let inbox: ScriptedInbox
  let log: LogLines
  let port: Int
  private let task: Task<Void, any Error>

  static func start(
    _ inbox: ScriptedInbox = ScriptedInbox(), messageBytesMax: Int = 1 << 20, logLevel: Logger.Level = .info,
    _ set: (MLLPSourceSettings) -> Void = { _ in }
  ) async throws -> RunningSource {
    let settings = MLLPSourceSettings()
    settings.port = Port(0)
    set(settings)
    let log = LogLines()
    var logger = log.logger
    logger.logLevel = logLevel
    let context = ConnectorContext(
      channel: ChannelName("test"), logger: logger, messageBytesMax: messageBytesMax)
    let source = try MLLPSource(settings, context: context)
    let hasEnded = Box(false)
    let task = Task {
      defer { hasEnded.value = true }
      try await source.run(inbox)
    }
    while source.status().listening == nil {
      if hasEnded.value { try await task.value }
      await Task.yield()
    }
    let port = source.status().listening?.split(separator: ":").last.flatMap { Int($0) }
    return RunningSource(source: source, inbox: inbox, log: log, port: try #require(port), task: task)
  }

  /// Cancels it and waits until it has returned.
  func stop() async throws {
    task.cancel()
    try await task.value
  }

  func cancel() { task.cancel() }
  func ended() async throws { try await task.value }
}

/// A destination with what it was asked to send.
struct TestDestination: Sendable {
  let destination: MLLPDestination
  let results = Collected<Result<Reply, DeliveryError>>()

  init(
    port: Int, host: String = "127.0.0.1", log: LogLines = LogLines(),
    _ set: (MLLPDestinationSettings) -> Void = { _ in }
  )
    throws
  {
    let settings = MLLPDestinationSettings()
    settings.host = host
    settings.port = Port(port)
    settings.timeout = .seconds(20)
    set(settings)
    destination = try MLLPDestination(
      settings, context: ConnectorContext(channel: ChannelName("test"), destination: "ehr", logger: log.logger))
  }

  /// One that its partner connects to.
  init(
    listening listen: MLLPListenSettings, inFlight: Int = 1, log: LogLines = LogLines(),
    timeout: Duration = .seconds(20)
  ) throws {
    let settings = MLLPDestinationSettings()
    settings.listen = listen
    settings.timeout = timeout
    destination = try MLLPDestination(
      settings,
      context: ConnectorContext(
        channel: ChannelName("test"), destination: "ehr", logger: log.logger, inFlight: inFlight))
  }

  static func delivery(_ message: String, followsOthers: Bool = false) -> Delivery {
    Delivery(
      id: ScriptedInbox.id, message: ScriptedInbox.id, lane: LaneName(channel: ChannelName("test"), destination: "ehr"),
      payload: Payload(.hl7v2, Array(message.utf8)), attempt: 1, possibleDuplicate: false,
      followsOthers: followsOthers)
  }

  /// Sends and goes on; the result is collected.
  func begin(_ message: String) {
    destination.send(Self.delivery(message)) { [results] in results.add($0) }
  }

  func send(_ message: String, followsOthers: Bool = false) async -> Result<Reply, DeliveryError> {
    await withCheckedContinuation { continuation in
      destination.send(Self.delivery(message, followsOthers: followsOthers)) { continuation.resume(returning: $0) }
    }
  }
}

extension Result<Reply, DeliveryError> {
  /// `AA`, or `unreachable sent` and the like, for tests that compare.
  var short: String {
    switch self {
    case .success(let reply): reply.summary
    case .failure(let error): "\(error.kind.rawValue)\(error.bytesSent ? " sent" : "")"
    }
  }
  var error: DeliveryError? {
    if case .failure(let error) = self { error } else { nil }
  }
}
