import ConnectorKit
package import Definitions
import Logging
package import Messages
package import Store
import Synchronization

/// One channel at work: its source, its pipeline and its lanes.
package final class ChannelRuntime: Sendable {
  package let name: ChannelName
  let store: any Store
  let meter = Meter()
  private let sequences = SequenceWatch()
  let passage: Passage
  let shared: EngineShared
  let log: Logger

  struct State {
    var work: Work
    var source: SourceAtWork
    /// Runs the source; `nil` while it is paused.
    var running: Task<Void, Never>?
    /// Why the source isn't there although it should be.
    var trouble: String?
    var failures = 0
    /// How often the source was started.
    var runs = 0
  }
  let state: Mutex<State>
  /// A stop waits for what is under way: a start that comes meanwhile must not pass it.
  private let turns = Turns()

  /// What an operator wants of a channel.
  package enum Work: String, Sendable, Codable, CaseIterable {
    case running
    /// The source is stopped; what was accepted is delivered.
    case paused
    /// Source and lanes are stopped.
    case stopped
  }

  init(_ version: ChannelVersion, source: SourceAtWork, shared: EngineShared, log: Logger) {
    name = version.definition.name
    passage = Passage(version)
    self.shared = shared
    store = shared.store
    self.log = log
    state = Mutex(State(work: Work(rawValue: version.keys.state) ?? .running, source: source))
  }

  // What runs at this moment.
  package var definition: ChannelDefinition { passage.version.definition }
  package var keys: ChannelKeys { passage.version.keys }
  var lanes: [Lane] { passage.version.lanes }

  // MARK: What arrives

  /// Why nothing can be taken at this moment; the sender should try again later.
  func reasonToTurnAway(bytes: Int, _ version: ChannelVersion) -> String? {
    if case .low(let reason) = store.condition { return reason }
    if case .lost(let reason) = store.condition { return reason }
    if shared.arrivingBytes.load(ordering: .relaxed) + bytes > EngineShared.arrivingBytesMax {
      return "too much is arriving at once"
    }
    let limits = version.definition.limits
    var count = 0
    var size = 0
    for lane in version.lanes {
      let waiting = lane.waiting
      count += waiting.count
      size += waiting.bytes
    }
    if let most = limits.waitingMax, count >= most {
      return "\(count) deliveries of this channel wait; its limit is \(most)"
    }
    if let most = limits.waitingBytesMax ?? shared.waitingBytesMax, size >= most {
      return "\(size >> 20) MiB of this channel wait; its limit is \(most >> 20) MiB"
    }
    return nil
  }

  func arriving(_ bytes: Int) { shared.arrivingBytes.wrappingAdd(bytes, ordering: .relaxed) }

  /// Runs the pipeline and makes message and outcome durable; then the lanes learn of their deliveries, in the order
  /// of the commits, and the sender gets its receipt.
  ///
  /// - Parameter version: which it has entered; it has left when it is durable.
  func take(_ arrival: Arrival, _ version: ChannelVersion, _ turn: SenderTurn) {
    var arrival = arrival
    // A source like a folder can't know what it brings; the channel does.
    arrival.payload.format = version.definition.format
    if takesAsAnswer(arrival.payload, version, turn) { return passage.leave() }
    let id = store.mint()
    let receivedAt = shared.clock.now().wall
    var decided = decide(arrival.payload, arrival.attributes, version, id: id, receivedAt: receivedAt)
    if let step = decided.sequence.flatMap({ sequences.note($0) }) { decided.steps.append(step) }
    if let prepared = decided.prepared { arrival.whenPrepared?(prepared) }
    var acceptance = self.acceptance(
      decided, version, id: id, arrival.payload, arrival.attributes, receivedAt: receivedAt)
    acceptance.duplicateKey = decided.duplicateKey
    acceptance.transportKey = arrival.transportKey
    acceptance.progress = arrival.progress.map { ($0.key, $0.value) }
    acceptance.gate = turn.gate
    acceptance.awaits = version.awaited.map { version.lanes[$0.lane].key }
    let whenDurable = version.awaited == nil ? nil : arrival.whenDurable
    let awaited = awaited(by: turn, of: acceptance, version, isPromised: whenDurable != nil)
    submit(acceptance, decided, version, turn, isPromised: whenDurable != nil) { [self, decided] result in
      turn.durable()
      // While those before it wait for a partner, its sender knows that it is safe.
      if let whenDurable, let isRejected = result.isRejected(decided.state) { whenDurable(isRejected) }
      if let awaited {
        if case .accepted = result { return shared.answers.begin(awaited, within: version.awaited) }
        shared.answers.forget(awaited)
      }
      answer(result, decided, id, turn.then)
    }
  }

  private func answer(
    _ result: AcceptResult, _ decided: Decided, _ id: MessageID, _ then: @Sendable (Receipt) -> Void
  ) {
    switch result {
    case .accepted:
      switch decided.state {
      case .rejected:
        var rejection = decided.rejection ?? Rejection(.reject, 207, "not accepted")
        rejection.message = id
        then(.rejected(rejection))
      case .failed: then(.failed(id))
      default: then(.accepted(id, reply: nil))
      }
    case .duplicate(let original): then(.duplicate(of: original))
    case .awaited: break  // Answered when it is known what became of the original.
    case .conflict:
      var rejection = Rejection(.reject, 205, Pipeline.conflict)
      rejection.message = id
      then(.rejected(rejection))
    case .stale:
      meter.turnedAway()
      then(.unavailable(reason: "the message changed while it was stored"))
    case .unavailable(let reason):
      meter.turnedAway()
      if let number = decided.sequence { sequences.forget(number) }
      then(.unavailable(reason: reason))
    }
  }

  /// Runs the newest pipeline over a stored message and makes its new outcome durable.
  ///
  /// - Parameter isReleased: a person releases it: `hold` is passed over.
  func process(
    again id: MessageID, _ payload: Payload, _ attributes: [String: Value], receivedAt: Int64, from: Set<MessageState>,
    isReleased: Bool = false
  ) async -> (result: AcceptResult, state: MessageState, summary: String) {
    shared.strikes.pardon(payload)
    let version = await passage.enter()
    let decided = decide(payload, attributes, version, id: id, receivedAt: receivedAt, isReleased: isReleased)
    var acceptance = self.acceptance(decided, version, id: id, payload, attributes, receivedAt: receivedAt)
    acceptance.replaces = from
    let now = shared.clock.now().wall
    let what = isReleased ? "was released by hand and ran through" : "ran through"
    acceptance.steps = [Step(.reprocessed, "\(what) the newest revision", at: now)] + acceptance.steps
    let unit = acceptance
    let result = await withCheckedContinuation { continuation in
      submit(unit, decided, version) { continuation.resume(returning: $0) }
    }
    return (result, decided.state, decided.summary(version))
  }

  func decide(
    _ payload: Payload, _ attributes: [String: Value], _ version: ChannelVersion, id: MessageID, receivedAt: Int64,
    isReleased: Bool = false
  ) -> Decided {
    shared.strikes.guarding(payload) {
      version.pipeline.run(
        payload, attributes, id: id, receivedAt: receivedAt, isReleased: isReleased, open: open(isTrusted: true))
    }
  }

  /// How what is kept in the store is read.
  func open(isTrusted: Bool) -> Pipeline.Open {
    { [store] payload throws(ContentError) in try store.open(payload, isTrusted: isTrusted) }
  }

  func acceptance(
    _ decided: Decided, _ version: ChannelVersion, id: MessageID, _ payload: Payload, _ attributes: [String: Value],
    receivedAt: Int64
  ) -> Acceptance {
    let (keys, lanes) = (version.keys, version.lanes)
    var acceptance = Acceptance(
      id: id, channel: keys.channel, revision: keys.revision, receivedAt: receivedAt, payload: payload,
      attributes: attributes, state: decided.state, reason: decided.reason,
      columns: decided.columns.map { Acceptance.Column(key: keys.columns[$0.column], text: $0.text) },
      outputs: decided.outputs,
      deliveries: decided.deliveries.map { delivery in
        Acceptance.Delivery(
          id: store.mint(), lane: lanes[delivery.lane].key, output: delivery.output, rendered: delivery.rendered,
          dead: delivery.dead, orderKeys: orderKeys(delivery, lanes))
      },
      passedBy: decided.passedBy.map { lanes[$0].key }, steps: decided.steps)
    if decided.state == .failed { acceptance.places = places(version) }
    if decided.state == .routed { acceptance.standIns = decided.standIns }
    return acceptance
  }

  private func orderKeys(_ delivery: Decided.Delivery, _ lanes: [Lane]) -> [UInt64] {
    delivery.orderKeys.map { store.orderKey(lane: lanes[delivery.lane].key, $0) }
  }

  func submit(
    _ acceptance: Acceptance, _ decided: Decided, _ version: ChannelVersion, _ turn: SenderTurn? = nil,
    isPromised: Bool = false, then: @escaping @Sendable (AcceptResult) -> Void
  ) {
    store.accept(acceptance) { [self] result in
      if case .awaited(let original, let deliveries) = result, let turn {
        wait(turn, for: deliveries, of: original, version, isPromised: isPromised)
      }
      settle(acceptance, decided, version, result)
      then(result)
    }
  }

  /// The store has answered: the lanes learn of their deliveries, in the order of the commits, and the passage is left.
  func settle(_ acceptance: Acceptance, _ decided: Decided, _ version: ChannelVersion, _ result: AcceptResult) {
    defer { passage.leave() }
    if case .awaited(_, let awaited) = result {
      // What was withdrawn goes anew.
      for one in awaited {
        guard let bytes = one.newBytes else { continue }
        version.lanes.first { $0.key == one.lane }?.grown(by: 1, bytes: bytes)
      }
    }
    guard case .accepted(let sequences, _) = result else { return }
    version.lookAt(acceptance.places)
    for (index, delivery) in acceptance.deliveries.enumerated() {
      let lane = version.lanes[decided.deliveries[index].lane]
      if delivery.dead != nil {
        // Its own reason may quote the message.
        lane.wasBornDead(delivery.id)
        continue
      }
      let payload = delivery.output.map { acceptance.outputs[$0] } ?? acceptance.payload
      lane.offer(
        WaitingDelivery(
          id: delivery.id, message: acceptance.id, sequence: sequences[index], payload: payload,
          rendered: delivery.rendered, attempts: 0, dueAt: 0, delay: 0, possiblySent: false, damaged: false,
          orderKeys: delivery.orderKeys))
    }
  }

  // MARK: Work

  package var work: Work { state.withLock { $0.work } }

  /// Starts what the channel's state says shall run.
  func start() {
    for lane in lanes {
      if work == .stopped { lane.stopWithChannel() }
      lane.start()
    }
    if work == .running, !isOpen { startSource() }
  }

  /// When the source works; `nil` for all the time.
  var schedule: ScheduleRunner? { state.withLock { $0.source.schedule } }

  /// The source is at work, or about to be.
  var isOpen: Bool { state.withLock { $0.running != nil } }

  /// Changes what runs, durably; after the changes that were asked for before it.
  func change(to work: Work) async throws { try await turns.take { [self] in try await perform(work) } }

  private func perform(_ work: Work) async throws {
    try await shared.change(.channelState(channel: keys.channel, state: work.rawValue, at: shared.clock.now().wall))
    let before = state.withLock { state in
      defer { state.work = work }
      return state.work
    }
    if work == .running, before != .running {
      schedule?.resume()
      startSource()
      await cameUp()
    }
    if work != .running { await stopSource() }
    for lane in lanes { if work == .stopped { lane.stopWithChannel() } else { lane.goOnWithChannel() } }
  }

  func startSource() {
    if sourceAwaitsRelease { return }
    state.withLock { state in state.running = Task { [source = state.source] in await keepRunning(source) } }
    if takesFromChannels { shared.lanesInto(name).forEach { $0.partnerIsBack() } }
  }

  /// Returns when the source listens, or has said why it doesn't; after three seconds at the latest. Who is told
  /// that a channel works may then send to it.
  func cameUp() async {
    for _ in 0..<300 {
      let (work, trouble, source) = state.withLock { ($0.work, $0.trouble, $0.source) }
      let seen = source.status()
      if work != .running || trouble != nil || sourceAwaitsRelease { return }
      if seen.listening != nil || seen.trouble != nil { return }
      try? await Task.sleep(for: .milliseconds(10), clock: SuspendingClock())
    }
  }

  func stopSource() async {
    let task = state.withLock { state in
      defer { state.running = nil }
      return state.running
    }
    task?.cancel()
    await task?.value
    // What another channel hands on comes in without the source's task.
    if takesFromChannels { await passage.emptied() }
    state.withLock { ($0.failures, $0.trouble) = (0, nil) }
  }

  /// A source that stops by mistake is started again, with a growing pause: a port that is taken, a folder that is
  /// gone.
  private func keepRunning(_ source: SourceAtWork) async {
    while !Task.isCancelled {
      let run = state.withLock { state in
        state.runs += 1
        return state.runs
      }
      look(at: run, of: source, after: 1000)
      do {
        try await source.run(ChannelInbox(self))
        if Task.isCancelled { return }
        trouble("the source ended by itself")
      } catch is CancellationError {
        return
      } catch {
        trouble("\(error)")
      }
      // A second, then twice as long each time.
      let seconds = state.withLock { min(30, 1 << min(max(0, $0.failures - 1), 5)) }
      await source.pause(seconds)
    }
  }

  /// When a source has listened for a second, its former failures are over: the next one is told anew, and tried again
  /// soon. One that fails as soon as it listens is not asked in a circle.
  private func look(at run: Int, of source: SourceAtWork, after milliseconds: Int64) {
    shared.clock.wake(after: milliseconds) { [weak self] in
      guard let self else { return }
      let isUp = source.status().listening != nil
      let looksAgain = state.withLock { state in
        guard state.runs == run, state.failures > 0 else { return false }
        if isUp { (state.failures, state.trouble) = (0, nil) }
        return !isUp
      }
      if looksAgain { look(at: run, of: source, after: min(2 * milliseconds, 60_000)) }
    }
  }

  private func trouble(_ reason: String) {
    let isNew = state.withLock { state in
      defer { state.trouble = reason }
      state.failures += 1
      return state.trouble != reason
    }
    if isNew { log.error("The source is not running; it is started again.", metadata: ["reason": "\(reason)"]) }
  }

  /// Of the source and of the lanes.
  func certificates() async -> [CertificateStatus] {
    var found = await state.withLock { $0.source }.connector.certificates()
    for lane in lanes { found += await lane.certificates() }
    return found
  }

  func pingSource() async -> PingReport? { await state.withLock { $0.source }.connector.ping() }

  /// How often the source has failed since it last ran well.
  var sourceFailures: Int { state.withLock { $0.failures } }

  package func status() -> ChannelStatus {
    let (work, trouble, source) = state.withLock { ($0.work, $0.trouble, $0.source) }
    let version = passage.version
    let seen = source.status()
    var status = ChannelStatus(
      name: name.text, about: version.definition.about, state: work.rawValue,
      trouble: seen.listening == nil && work == .running ? seen.trouble ?? trouble ?? waitsFor : nil, source: seen,
      perMinute: meter.perMinute, lanes: version.lanes.map { $0.status() },
      revision: version.definition.revision.id, sequence: sequences.status)
    status.schedule = source.schedule?.status
    return status
  }
}
