package import NIOCore
internal import NIOPosix
internal import NIOSSL

/// A test sender: sends messages over MLLP and says what was answered, and how fast.
package struct MLLPSender: Sendable {
  package var plan: SendPlan

  package init(_ plan: SendPlan) { self.plan = plan }

  /// Sends messages, each once or, with `count`, in a circle until so many are sent.
  package func send(_ messages: [[UInt8]], count: Int? = nil) async throws -> SendReport {
    guard !messages.isEmpty else { return SendReport(outcomes: []) }
    return try await send(count: count ?? messages.count) { messages[$0 % messages.count] }
  }

  /// Sends `count` messages. Cancelling the task gives up what has no answer yet, and reports it so.
  /// - Parameters:
  ///   - message: the message of each number, without a frame; asked for when it is due, on the sender's thread.
  ///   - whenAnswered: called for each message that is through, on the sender's thread.
  /// - Throws: TLS files that can't be used. A partner that is away is no error here: the report says so.
  package func send(
    count: Int, on group: any EventLoopGroup = MultiThreadedEventLoopGroup.singleton,
    whenAnswered: (@Sendable (SendOutcome) -> Void)? = nil, message: @escaping @Sendable (Int) -> [UInt8]
  ) async throws -> SendReport {
    guard count > 0 else { return SendReport(outcomes: []) }
    let context = plan.endpoint.isTLS ? try plan.tls.senderContext() : nil
    let loop = group.next()
    let run = SenderRun(
      plan: plan, tls: context, count: count, loop: loop, whenAnswered: whenAnswered, message: message)
    return try await withTaskCancellationHandler {
      try await loop.flatSubmit { run.start() }.get()
    } onCancel: {
      loop.execute { run.abandon() }
    }
  }
}

/// One message that waits for its answer.
struct SenderFlight {
  let number: Int
  let bytes: [UInt8]
  let controlID: [UInt8]
  /// When latency begins to count.
  var countsFrom: UInt64
  var sentAt: UInt64 = 0
  var attempts = 0

  var key: String { controlID.isEmpty ? "#\(number)" : String(decoding: controlID, as: UTF8.self) }
}

/// One sending of many messages over several connections. Confined to its loop.
final class SenderRun: @unchecked Sendable {
  let plan: SendPlan
  let tls: NIOSSLContext?
  let loop: any EventLoop
  private let whenAnswered: (@Sendable (SendOutcome) -> Void)?
  private let message: @Sendable (Int) -> [UInt8]
  private let promise: EventLoopPromise<SendReport>
  private var report: SendReport
  private var connections: [SenderConnection] = []
  private var next = 0
  private var unfinished: Int
  private var startedAt: UInt64 = 0
  private var isOver = false
  private var wake: Scheduled<Void>?
  /// The connection that gets the next message that falls due.
  private var turn = 0

  init(
    plan: SendPlan, tls: NIOSSLContext?, count: Int, loop: any EventLoop,
    whenAnswered: (@Sendable (SendOutcome) -> Void)?, message: @escaping @Sendable (Int) -> [UInt8]
  ) {
    self.plan = plan
    self.tls = tls
    self.loop = loop
    self.whenAnswered = whenAnswered
    self.message = message
    promise = loop.makePromise(of: SendReport.self)
    report = SendReport(outcomes: (0..<count).map { SendOutcome(number: $0, controlID: "") })
    unfinished = count
  }

  func start() -> EventLoopFuture<SendReport> {
    guard !isOver else { return promise.futureResult }
    startedAt = MonotonicClock.nanoseconds()
    connections = (0..<max(1, plan.connections)).map { SenderConnection(index: $0, run: self) }
    for connection in connections { connection.open() }
    return promise.futureResult
  }

  /// Ends now; what has no answer was given up.
  func abandon() {
    guard !isOver else { return }
    for number in report.outcomes.indices where report.outcomes[number].code == nil {
      if report.outcomes[number].failure == nil { report.outcomes[number].failure = .abandoned }
    }
    end()
  }

  /// Gives every connection that has room a message, in turn, as long as there are messages that are due.
  func distribute() {
    var idle = 0
    while idle < connections.count, !isOver {
      let connection = connections[turn % connections.count]
      turn &+= 1
      if connection.hasRoom, let flight = take() {
        connection.send(flight)
        idle = 0
      } else {
        idle += 1
      }
    }
  }

  /// The next message, where one is due.
  private func take() -> SenderFlight? {
    guard !isOver, next < report.outcomes.count else { return nil }
    var countsFrom: UInt64 = 0
    if let rate = plan.rate, rate > 0 {
      countsFrom = startedAt &+ UInt64(Double(next) / rate * 1e9)
      let now = MonotonicClock.nanoseconds()
      guard countsFrom <= now else {
        wake(in: countsFrom - now)
        return nil
      }
    }
    let number = next
    next += 1
    var bytes = message(number)
    if case .fresh(let prefix) = plan.controlIDs, let old = HeaderScan.controlID(in: bytes.span) {
      bytes.replaceSubrange(old, with: (prefix + MessageGenerator.digits(number, width: 8)).utf8)
    }
    let id = HeaderScan.controlID(in: bytes.span).map { Array(bytes[$0]) } ?? []
    report.outcomes[number].controlID = String(decoding: id, as: UTF8.self)
    return SenderFlight(number: number, bytes: bytes, controlID: id, countsFrom: countsFrom)
  }

  private func wake(in nanoseconds: UInt64) {
    guard wake == nil else { return }
    wake = loop.scheduleTask(in: .nanoseconds(Int64(clamping: nanoseconds))) {
      self.wake = nil
      self.distribute()
    }
  }

  func answered(_ flight: SenderFlight, _ code: AcknowledgementCode, _ refusal: Refusal?, on connection: Int) {
    let now = MonotonicClock.nanoseconds()
    let since = plan.rate == nil ? flight.sentAt : flight.countsFrom
    report.latency.add(nanoseconds: now &- since)
    finish(flight, on: connection) {
      $0.code = code
      $0.refusal = refusal
      $0.nanoseconds = now &- since
    }
  }

  func failed(_ flight: SenderFlight, _ failure: SendOutcome.Failure, on connection: Int) {
    finish(flight, on: connection) { $0.failure = failure }
  }

  func extraAnswer() { report.extraAnswers += 1 }
  func lostConnection() { report.connectionsLost += 1 }

  /// A connection will not come back; the last one takes with it what is not sent.
  func closedForGood() {
    guard connections.allSatisfy({ $0.isGone }) else { return }
    while next < report.outcomes.count, !isOver {
      let number = next
      next += 1
      let unsent = SenderFlight(number: number, bytes: [], controlID: [], countsFrom: 0)
      finish(unsent, on: 0) { $0.failure = .notConnected }
    }
  }

  /// Whether there is, or will be, something to send that no connection has yet.
  var hasMore: Bool { !isOver && next < report.outcomes.count }

  private func finish(_ flight: SenderFlight, on connection: Int, _ change: (inout SendOutcome) -> Void) {
    guard !isOver else { return }
    change(&report.outcomes[flight.number])
    report.outcomes[flight.number].attempts = flight.attempts
    report.outcomes[flight.number].connection = connection
    whenAnswered?(report.outcomes[flight.number])
    unfinished -= 1
    if unfinished == 0 { end() }
  }

  private func end() {
    isOver = true
    wake?.cancel()
    report.seconds = Double(MonotonicClock.nanoseconds() &- startedAt) / 1e9
    for connection in connections { connection.end() }
    // They hold on to this run, for what their sockets still have to say.
    connections = []
    promise.succeed(report)
  }
}
