import ConnectorKit
import Dispatch
import Engine
import Logging
import Messages
import Store
import Synchronization

/// What happened, in order, from any thread; a test waits for a line of it instead of for a time.
final class Journal: Sendable {
  private struct State {
    var lines: [String] = []
    var waiters: [(until: @Sendable ([String]) -> Bool, continuation: CheckedContinuation<Void, Never>)] = []
  }
  private let state = Mutex(State())

  var lines: [String] { state.withLock { $0.lines } }

  func note(_ line: String) {
    let ready = state.withLock { state in
      state.lines.append(line)
      let ready = state.waiters.filter { $0.until(state.lines) }
      state.waiters.removeAll { $0.until(state.lines) }
      return ready
    }
    for waiter in ready { waiter.continuation.resume() }
  }

  func wait(until condition: @escaping @Sendable ([String]) -> Bool) async {
    await withCheckedContinuation { continuation in
      let isThere = state.withLock { state in
        if condition(state.lines) { return true }
        state.waiters.append((condition, continuation))
        return false
      }
      if isThere { continuation.resume() }
    }
  }

  func wait(for line: String) async { await wait { $0.contains(line) } }
}

/// A clock that stands still until a test moves it.
final class ManualClock: EngineClock {
  private struct State {
    var moment = Moment(wall: 1_700_000_000_000, steady: 1000)
    var wakes: [(at: Int64, then: @Sendable () -> Void)] = []
  }
  private let state = Mutex(State())

  func now() -> Moment { state.withLock { $0.moment } }

  func wake(after milliseconds: Int64, _ then: @escaping @Sendable () -> Void) {
    state.withLock { $0.wakes.append(($0.moment.steady + milliseconds, then)) }
  }

  func pass(_ milliseconds: Int64) {
    let due = state.withLock { state in
      state.moment.wall += milliseconds
      state.moment.steady += milliseconds
      let now = state.moment.steady
      let due = state.wakes.filter { $0.at <= now }
      state.wakes.removeAll { $0.at <= now }
      return due
    }
    for wake in due { wake.then() }
  }
}

/// A partner that a test plays: it notes what it is given and answers as it was told.
final class StubConnector: DestinationConnector {
  struct Options: Settings { init() {} }
  typealias Answer = @Sendable (Result<Reply, DeliveryError>) -> Void
  static let name = "stub"
  static let about = "Answers as a test says."

  private let journal: Journal
  private let open = Mutex<[Int: [Answer]]>([:])
  /// What it does with a delivery; `nil` keeps it until `answer`.
  private let behaviour: (@Sendable (Delivery, @escaping Answer) -> Void)?

  init(_ journal: Journal, _ behaviour: (@Sendable (Delivery, @escaping Answer) -> Void)? = nil) {
    self.journal = journal
    self.behaviour = behaviour
  }

  init(_ options: Options, context: ConnectorContext) throws {
    journal = Journal()
    behaviour = nil
  }

  func send(_ delivery: Delivery, then: @escaping Answer) {
    let number = Int(truncatingIfNeeded: delivery.id.low)
    journal.note("send \(number)\(delivery.possibleDuplicate ? " again" : "")")
    if let behaviour { return behaviour(delivery, then) }
    open.withLock { $0[number, default: []].append(then) }
  }

  /// Answers the oldest unanswered send of this delivery.
  func answer(_ number: Int, _ result: Result<Reply, DeliveryError> = .success(Reply("AA"))) {
    let then = open.withLock { open in
      let first = open[number]?.first
      open[number]?.removeFirst()
      return first
    }
    journal.note("answer \(number)")
    then?(result)
  }

  func ping() async -> PingReport { PingReport(reached: true, lines: ["reached"]) }

  func close() async {
    let cancelled = open.withLock { open in
      defer { open = [:] }
      return open.values.flatMap(\.self)
    }
    for then in cancelled { then(.failure(DeliveryError(.cancelled, "closed", bytesSent: true))) }
    journal.note("close")
  }
}

/// A store that holds what a lane asks of it: reads from a list, and notes the ends of attempts.
final class StubStore: Store {
  let epoch: Int64 = 1
  let closedCleanly: Bool
  var condition: StoreCondition { .open }
  private let journal: Journal
  private let queue: DispatchQueue?
  private let rows = Mutex<[WaitingDelivery]>([])
  private let verdicts = Mutex<[DeliveryID: DeliveryVerdict]>([:])
  private let refusals = Mutex(0)
  private let readFailures = Mutex(0)

  /// - Parameter queue: where it answers; without one it answers at once, on the caller's thread.
  init(_ journal: Journal, queue: DispatchQueue? = nil, closedCleanly: Bool = true) {
    self.journal = journal
    self.queue = queue
    self.closedCleanly = closedCleanly
  }

  func keep(_ deliveries: [WaitingDelivery]) { rows.withLock { $0 = deliveries } }
  /// The next `count` ends can't be written.
  func refuse(_ count: Int) { refusals.withLock { $0 = count } }
  func failReads(_ count: Int) { readFailures.withLock { $0 = count } }

  func finish(_ attempt: Attempt, then: @escaping @Sendable (UnitResult) -> Void) {
    let refuses = refusals.withLock { count in
      count -= 1
      return count >= 0
    }
    let word = attempt.end.word + (attempt.possiblySent ? " flagged" : "")
    journal.note(refuses ? "refused \(attempt.delivery.low)" : "\(word) \(attempt.delivery.low)")
    let result = refuses ? UnitResult.unavailable(reason: "the disk is full") : .done(1)
    guard let queue else { return then(result) }
    queue.async { then(result) }
  }

  func waiting(
    lane: Int64, _ part: WaitingPart
  ) async throws(StoreError) -> (deliveries: [WaitingDelivery], isAll: Bool) {
    journal.note("read after \(part.after)")
    let fails = readFailures.withLock { count in
      count -= 1
      return count >= 0
    }
    if fails { throw StoreError(.io, "the disk is gone") }
    let found = rows.withLock { $0.filter { $0.sequence > part.after } }
    return (Array(found.prefix(part.countMax)), found.count <= part.countMax)
  }

  /// What has no other end waits.
  func end(_ id: DeliveryID, _ verdict: DeliveryVerdict) { verdicts.withLock { $0[id] = verdict } }
  func verdict(_ id: DeliveryID) async throws(StoreError) -> DeliveryVerdict? {
    verdicts.withLock { $0[id] ?? DeliveryVerdict(.waiting, summary: "") }
  }

  func orderKey(lane: Int64, _ text: String) -> UInt64 { UInt64(text.utf8.count) }
  func mint() -> Identifier { Identifier(high: 1, low: 1) }
  func observe(_ change: @escaping @Sendable (StoreCondition) -> Void) {}
  func close() async {}

  // What a lane never asks for.
  func register(_ channel: ChannelRegistration) async throws(StoreError) -> ChannelKeys { throw unasked }
  func accept(_ arrival: Acceptance, then: @escaping @Sendable (AcceptResult) -> Void) { then(.stale) }
  func handOver(_ attempts: [Attempt], _ arrival: Acceptance, then: @escaping @Sendable (AcceptResult) -> Void) {
    then(.stale)
  }
  func change(_ change: Change, then: @escaping @Sendable (UnitResult) -> Void) { then(.stale) }
  func prune(_ keeping: [Int64: Retention], now: Int64, rowsMax: Int) async throws(StoreError) -> Bool { throw unasked }
  func waitingLines(
    lane: Int64, after: Int64, countMax: Int
  ) async throws(StoreError) -> (lines: [WaitingLine], isAll: Bool) { throw unasked }
  func waiting(lane: Int64, _ lines: [WaitingLine]) async throws(StoreError) -> [WaitingDelivery] { throw unasked }
  func progress(channel: Int64, key: String) async throws(StoreError) -> Value? { throw unasked }
  func message(_ id: MessageID) async throws(StoreError) -> MessageRecord? { throw unasked }
  func raw(_ id: MessageID) async throws(StoreError) -> Payload? { throw unasked }
  func kept(sent id: DeliveryID) async throws(StoreError) -> Payload? { throw unasked }
  func kept(_ id: MessageID) async throws(StoreError) -> Payload? { throw unasked }
  func discard(_ payload: Payload) {}
  func stage(channel: Int64) throws(StagingError) -> any ContentWriter { throw StagingError("nobody asks for it") }
  func open(_ payload: Payload, isTrusted: Bool) throws(ContentError) -> any ContentReader {
    throw ContentError("nobody asks for it")
  }
  func sent(_ id: DeliveryID) async throws(StoreError) -> (payload: Payload?, reply: Payload?)? { throw unasked }
  func delivery(_ id: DeliveryID) async throws(StoreError) -> DeliveryRecord? { throw unasked }
  func placesKept(by message: MessageID) async throws(StoreError) -> [String] { throw unasked }
  func deliveries(of message: MessageID) async throws(StoreError) -> [DeliveryRecord] { throw unasked }
  func messages(_ query: MessageQuery) async throws(StoreError) -> [MessageRecord] { throw unasked }
  func deliveries(_ query: DeliveryQuery) async throws(StoreError) -> [DeliveryRecord] { throw unasked }
  func ledger() async throws(StoreError) -> [ChannelLedger] { throw unasked }
  func outgoing() async throws(StoreError) -> [Int64: OutgoingCount] { throw unasked }
  func sequences() async throws(StoreError) -> [NumberSequence] { throw unasked }
  func standsFor(_ text: String) async throws(StoreError) -> [KnownStandIn] { throw unasked }
  func laneKey(_ name: LaneName) async throws(StoreError) -> Int64? { throw unasked }
  func audit() async throws(StoreError) -> [String] { throw unasked }
  func revisions(of channel: String) async throws(StoreError) -> [RevisionRecord] { throw unasked }
  func files(
    of channel: String, revision hash: [UInt8]
  ) async throws(StoreError) -> [(path: String, content: [UInt8])] { throw unasked }
  func channelKey(_ name: ChannelName) async throws(StoreError) -> Int64? { throw unasked }
  func laneKeys(_ name: LaneName) async throws(StoreError) -> ChannelKeys.Lane? { throw unasked }
  func deployments() async throws(StoreError) -> [String: DeploymentNote] { throw unasked }
  func backUp(site: String, version: String, environment: String?) async throws(StoreError) -> Backup { throw unasked }
  private var unasked: StoreError { StoreError(.refused, "a lane doesn't ask for this") }
}

/// Notes each line that is logged: level, text, and what it says about, by name.
struct NotedLog: LogHandler {
  let journal: Journal
  var logLevel = Logger.Level.trace
  var metadata: Logger.Metadata = [:]

  subscript(metadataKey key: String) -> Logger.Metadata.Value? {
    get { metadata[key] }
    set { metadata[key] = newValue }
  }

  func log(event: LogEvent) {
    let about = (event.metadata ?? [:]).sorted { $0.key < $1.key }.map { "\($0.value)" }
    journal.note((["\(event.level)", "\(event.message)"] + about).joined(separator: " "))
  }
}
