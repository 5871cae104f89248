package import DICOM
internal import NIOCore
internal import NIOPosix
internal import NIOSSL

/// A test sender of DICOM: C-STORE of files as they are, and C-ECHO.
package struct DICOMSender: Sendable {
  package var plan: DICOMSendPlan

  package init(_ plan: DICOMSendPlan) { self.plan = plan }

  /// Sends each once or, with `count`, in a circle until so many are sent. Cancelling the task gives up what has no
  /// answer yet.
  ///
  /// - Parameter whenAnswered: called for each that is through, on the sender's thread.
  /// - Throws: TLS files that can't be used. A partner that is away is no error here: the report says so.
  package func send(
    _ sendings: [DICOMSending], count: Int? = nil, whenAnswered: (@Sendable (DICOMSendOutcome) -> Void)? = nil
  ) async throws -> DICOMSendReport {
    let count = count ?? sendings.count
    guard !sendings.isEmpty, count > 0 else { return DICOMSendReport(outcomes: []) }
    let context = plan.endpoint.isTLS ? try plan.tls.senderContext() : nil
    let loop = MultiThreadedEventLoopGroup.singleton.next()
    let run = DICOMSenderRun(plan, context, sendings, count: count, loop: loop, whenAnswered: whenAnswered)
    return try await withTaskCancellationHandler {
      try await loop.flatSubmit { run.start() }.get()
    } onCancel: {
      loop.execute { run.abandon() }
    }
  }
}

/// One sending of many objects over several associations. Confined to its loop.
final class DICOMSenderRun: @unchecked Sendable {
  /// An association offers this many contexts at most: their numbers are odd and have one byte.
  private static let contextsMax = 128

  let plan: DICOMSendPlan
  let tls: NIOSSLContext?
  let loop: any EventLoop
  private let sendings: [DICOMSending]
  private let whenAnswered: (@Sendable (DICOMSendOutcome) -> Void)?
  private let promise: EventLoopPromise<DICOMSendReport>
  private var report: DICOMSendReport
  private var connections: [DICOMSenderConnection] = []
  private var next = 0
  private var startedAt: UInt64 = 0
  private var endedAt: UInt64 = 0
  private var isOver = false
  private var wake: Scheduled<Void>?

  init(
    _ plan: DICOMSendPlan, _ tls: NIOSSLContext?, _ sendings: [DICOMSending], count: Int, loop: any EventLoop,
    whenAnswered: (@Sendable (DICOMSendOutcome) -> Void)?
  ) {
    self.plan = plan
    self.tls = tls
    self.loop = loop
    self.sendings = sendings
    self.whenAnswered = whenAnswered
    promise = loop.makePromise(of: DICOMSendReport.self)
    report = DICOMSendReport(
      outcomes: (0..<count).map { DICOMSendOutcome(number: $0, sending: sendings[$0 % sendings.count]) })
  }

  func start() -> EventLoopFuture<DICOMSendReport> {
    startedAt = MonotonicClock.nanoseconds()
    endedAt = startedAt
    // An association without anything to send would only be made and released.
    let count = min(max(1, plan.connections), report.outcomes.count)
    connections = (0..<count).map { DICOMSenderConnection(index: $0, run: self) }
    for connection in connections { connection.open() }
    return promise.futureResult
  }

  /// Ends now; what has no answer was given up.
  func abandon() {
    guard !isOver else { return }
    next = report.outcomes.count
    for connection in connections { connection.abandon() }
    for number in report.outcomes.indices where report.outcomes[number].status == nil {
      if report.outcomes[number].failure == nil { report.outcomes[number].failure = .abandoned }
    }
    end()
  }

  /// What an association that is made now offers: what the next sendings need, as far as there is room.
  func offers() -> [DICOMOffer] {
    var offers: [DICOMOffer] = []
    var seen: Set<DICOMOffer> = []
    for number in next..<min(report.outcomes.count, next + sendings.count) where offers.count < Self.contextsMax {
      let offer = report.outcomes[number].sending.offer
      if seen.insert(offer).inserted { offers.append(offer) }
    }
    return offers
  }

  var hasMore: Bool { !isOver && next < report.outcomes.count }

  enum Turn {
    case send(number: Int, DICOMSending, countsFrom: UInt64)
    /// Nothing is due yet.
    case wait
    /// What is next was not offered in this association.
    case another
    case done
  }

  /// What a connection that is free does next.
  func turn(_ offered: Set<DICOMOffer>) -> Turn {
    guard hasMore else { return .done }
    let sending = report.outcomes[next].sending
    guard offered.contains(sending.offer) else { return .another }
    var countsFrom = MonotonicClock.nanoseconds()
    if let rate = plan.rate, rate > 0 {
      let due = startedAt &+ UInt64(Double(next) / rate * 1e9)
      guard due <= countsFrom else {
        wakeUp(in: due - countsFrom)
        return .wait
      }
      countsFrom = due
    }
    next += 1
    return .send(number: next - 1, sending, countsFrom: countsFrom)
  }

  private func wakeUp(in nanoseconds: UInt64) {
    guard wake == nil else { return }
    wake = loop.scheduleTask(in: .nanoseconds(Int64(clamping: nanoseconds))) {
      self.wake = nil
      for connection in self.connections { connection.goOn() }
    }
  }

  func made() { report.associationCount += 1 }

  func answered(_ number: Int, _ answer: CommandSet, since: UInt64, on connection: Int) {
    let nanoseconds = MonotonicClock.nanoseconds() &- since
    report.latency.add(nanoseconds: nanoseconds)
    if case .file(let file) = report.outcomes[number].sending { report.byteCount += file.range.count }
    finish(number, on: connection) {
      $0.status = DIMSEStatus(answer[number: .status] ?? DIMSEStatus.processingFailure.code)
      $0.comment = answer[text: .errorComment]
      $0.nanoseconds = nanoseconds
    }
  }

  func failed(_ number: Int, _ failure: DICOMSendOutcome.Failure, _ reason: String? = nil, on connection: Int) {
    finish(number, on: connection) {
      $0.failure = failure
      $0.reason = reason
    }
  }

  private func finish(_ number: Int, on connection: Int, _ change: (inout DICOMSendOutcome) -> Void) {
    guard !isOver else { return }
    change(&report.outcomes[number])
    report.outcomes[number].connection = connection
    endedAt = MonotonicClock.nanoseconds()
    whenAnswered?(report.outcomes[number])
  }

  /// A connection has ended and won't come back; the last one takes with it what is not sent.
  func gone(_ failure: DICOMSendOutcome.Failure = .notConnected, _ reason: String? = nil) {
    guard !isOver, connections.allSatisfy({ $0.isGone }) else { return }
    while next < report.outcomes.count {
      next += 1
      failed(next - 1, failure, reason, on: 0)
    }
    end()
  }

  private func end() {
    isOver = true
    wake?.cancel()
    report.seconds = Double(endedAt &- startedAt) / 1e9
    connections = []
    promise.succeed(report)
  }
}
