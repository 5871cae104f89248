package import ConnectorKit
import DequeModule
package import Logging
package import Messages
package import Store
import Synchronization

/// One destination of one channel at work: drives a `LaneMachine` with the store, the connector and the clock.
///
/// There is no task and no thread per lane. Whoever brings an event (the writer after a commit, the connector with an
/// answer, a timer) runs the machine under a lock; one of them at a time performs its actions, so sends leave in the
/// machine's order even when several events come at once, and an answer's next send happens where the answer was
/// read.
package final class Lane: Sendable {
  package let name: LaneName
  package let key: Int64
  let connector: any DestinationConnector
  let store: any Store
  let clock: any EngineClock
  let log: Logger
  /// The answers to this delivery crashed the engine too often to ask for another.
  private let isStruck: @Sendable (DeliveryID) -> Bool
  /// Says what the partner's answers mean; `nil` where they mean what their code says.
  let replies: ReplyReader?
  /// Takes what this lane sends to another channel; `nil` where a connector sends it to a partner.
  let handOver: HandOver?
  /// Makes one message of many; the machine itself sends nothing then.
  let gatherer: Gatherer?
  /// Senders that wait for the ends of deliveries.
  let answers: AwaitedAnswers?
  /// Partners' answers that come as messages of their own.
  let laterAnswers: LaterAnswerBook?

  struct Holders: OptionSet {
    let rawValue: Int
    static let lane = Holders(rawValue: 1)
    static let channel = Holders(rawValue: 2)
    /// The whole store sends nothing until a person releases it (`OutgoingHold`).
    static let store = Holders(rawValue: 4)
    /// What waits is gathered.
    static let gatherer = Holders(rawValue: 8)

    init(rawValue: Int) { self.rawValue = rawValue }

    init(_ keys: ChannelKeys.Lane) {
      self = []
      if keys.paused { insert(.lane) }
      if keys.awaitsRelease { insert(.store) }
    }
  }

  struct State {
    var machine: LaneMachine
    /// Who wants that nothing is sent.
    var holders: Holders = []
    /// Someone performs actions at this moment.
    var performing = false
    /// Who waits to change the store, in the order in which they asked.
    var whenLetGo: Deque<CheckedContinuation<Set<DeliveryID>, Never>> = []
    var whenStopped: [@Sendable () -> Void] = []
    var stopped = false
    /// The last end that was written was not: said once.
    var saidNotDurable = false
    /// Why deliveries were refused, in our words: what is stored holds the partner's too, and is never logged.
    var refusals: [DeliveryID: String] = [:]
    var news = PartnerNews()
    /// How long the partner takes for a question, in milliseconds, smoothed over the last few.
    var answerTime: Double?
  }
  let state: Mutex<State>
  /// Of what an operator asks of this lane, so that store and memory say the same.
  let turns = Turns()
  /// What waits in this lane, in memory or not: created less ended.
  let backlog: Atomic<Int>
  let backlogBytes: Atomic<Int>

  /// - Parameter isFirst: this engine has not worked with the lane before.
  package init(
    _ name: LaneName, keys: ChannelKeys.Lane, connector: any DestinationConnector, store: any Store,
    policy: LanePolicy, clock: any EngineClock, isFirst: Bool = true, log: Logger, replies: ReplyReader? = nil,
    handOver: HandOver? = nil, gatherer: Gatherer? = nil, answers: AwaitedAnswers? = nil,
    laterAnswers: LaterAnswerBook? = nil,
    isStruck: @escaping @Sendable (DeliveryID) -> Bool = { _ in false }
  ) {
    self.name = name
    self.isStruck = isStruck
    self.replies = replies
    self.handOver = handOver
    self.gatherer = gatherer
    self.answers = answers
    self.laterAnswers = laterAnswers
    key = keys.key
    self.connector = connector
    self.store = store
    self.clock = clock
    self.log = log
    backlog = Atomic(keys.waiting)
    backlogBytes = Atomic(keys.waitingBytes)
    // What a former policy may have had under way is not known: a few more than this one's are taken for sent.
    // What is handed on within the engine is never half sent.
    let isExact = store.closedCleanly || !isFirst || handOver != nil
    let suspects = isExact ? 0 : max(64, policy.unconfirmedMax + policy.window)
    var first = State(
      machine: LaneMachine(
        keys, epoch: store.epoch, policy: policy, suspects: suspects, seed: store.mint().low, isFirst: isFirst),
      holders: Holders(keys))
    if gatherer != nil {
      first.holders.insert(.gatherer)
      first.machine.pause(clock.now())
    }
    state = Mutex(first)
  }

  /// A large content comes to it unread.
  private var takesAsKept: Bool { handOver != nil || type(of: connector).readsInPieces }

  // MARK: What brings work

  package func start() {
    run { $0.started($1) }
    connector.open { [weak self] in self?.run { $0.reachable($1) } }
    gatherer?.start(self)
  }

  /// A delivery of a commit, in the order of the commits.
  package func offer(_ delivery: WaitingDelivery) {
    // It is read with its numbers, or whole, when it is its turn.
    if delivery.awaitsNumbers || !takesAsKept && !delivery.payload.isInMemory {
      return grown(by: 1, bytes: delivery.byteCount)
    }
    backlog.wrappingAdd(1, ordering: .relaxed)
    backlogBytes.wrappingAdd(delivery.byteCount, ordering: .relaxed)
    run { $0.offer(delivery, $1) }
    gatherer?.nudge()
  }

  /// Deliveries were added at the lane's end in the store.
  package func grown(by count: Int, bytes: Int) {
    backlog.wrappingAdd(count, ordering: .relaxed)
    backlogBytes.wrappingAdd(bytes, ordering: .relaxed)
    run { $0.grown($1) }
    gatherer?.nudge()
  }

  /// An operator holds this lane.
  package func pause() { hold(.lane) }
  package func resume() { release(.lane) }
  /// The whole channel is stopped. A lane that an operator holds stays held when the channel goes on.
  package func stopWithChannel() { hold(.channel) }
  package func goOnWithChannel() { release(.channel) }

  /// A person released what the store held back.
  func releaseOutgoing() { release(.store) }

  private func hold(_ holder: Holders) {
    run { state, now in
      state.holders.insert(holder)
      state.machine.pause(now)
    }
  }

  private func release(_ holder: Holders) {
    run { state, now in
      state.holders.remove(holder)
      if state.holders.isEmpty { state.machine.resume(now) }
    }
    gatherer?.tryAgain()
  }

  /// Takes what waits out of memory, lets `change` work on it in the store, and reads it again.
  ///
  /// - Parameter change: gets what is at the partner and can't be changed; gives how much it took from the lane; less
  ///   than nothing where it gave something back.
  package func changing(_ change: (_ underWay: Set<DeliveryID>) async -> (count: Int, bytes: Int)) async {
    await lettingGo(change)
    gatherer?.changed()
  }

  /// The same for the lane's own gatherer, which knows what it took.
  func lettingGo(_ change: (_ underWay: Set<DeliveryID>) async -> (count: Int, bytes: Int)) async {
    let underWay = await withCheckedContinuation { continuation in
      run { state, _ in
        state.whenLetGo.append(continuation)
        state.machine.letGo()
      }
    }
    let gone = await change(underWay)
    backlog.wrappingSubtract(gone.count, ordering: .relaxed)
    backlogBytes.wrappingSubtract(gone.bytes, ordering: .relaxed)
    run { $0.changed($1) }
    answers?.changed(name)
  }

  /// Somebody wants that nothing is sent, and so nothing closed.
  var holdsGathering: Bool { state.withLock { !$0.holders.subtracting(.gatherer).isEmpty } }

  /// How many senders wait for the partner's verdict.
  var sendersWaiting: Int { answers?.count(of: name) ?? 0 }

  /// Sends nothing more; returns when what is under way has been answered and is durable. What the partner has
  /// accepted, and may take minutes to answer, is not waited for: it goes again, marked as a possible duplicate.
  package func stop() async {
    await gatherer?.stop()
    await withCheckedContinuation { continuation in
      let done = state.withLock { state in
        if state.stopped { return true }
        state.whenStopped.append { continuation.resume() }
        return false
      }
      if done { return continuation.resume() }
      run { $0.stop($1) }
      connector.stopAwaiting()
    }
    await connector.close()
  }

  /// Ends what is under way without its answer: for a stop that must not wait any longer.
  ///
  /// What isn't durable a second later, because the disk is full, is not waited for either: it goes again after the
  /// next start.
  package func abandon() async {
    run { $0.stop($1) }
    await connector.close()
    clock.wake(after: 1000) { [weak self] in
      self?.run { $0.abandoned($1) }
      self?.hasStopped()
    }
  }

  private func hasStopped() {
    sayHeldBack()
    let waiters = state.withLock { state in
      state.stopped = true
      defer { state.whenStopped = [] }
      return state.whenStopped
    }
    laterAnswers?.stopped(self)
    for waiter in waiters { waiter() }
  }

  /// The partner is known to be there again.
  func partnerIsBack() {
    run { $0.partnerIsBack($1) }
    gatherer?.tryAgain()
  }

  package func ping() async -> PingReport {
    if let handOver { return handOver.ping() }
    return await connector.ping()
  }
  var partner: DestinationStatus? { connector.status() }
  func certificates() async -> [CertificateStatus] { await connector.certificates() }

  // MARK: The machine

  func run(_ event: (inout LaneMachine, Moment) -> Void) {
    run { state, now in event(&state.machine, now) }
  }

  func run(_ event: (inout State, Moment) -> Void) {
    let now = clock.now()
    let (performs, said) = state.withLock { state in
      let before = state.machine.outage?.since
      event(&state, now)
      let news = PartnerNews.News(before, state.machine.outage, now)
      let said = news.map { state.news.note($0, now) }
      if state.performing || state.machine.actions.isEmpty { return (false, said) }
      state.performing = true
      return (true, said)
    }
    said?.line?.log(log)
    if let after = said?.askAfter { clock.wake(after: after) { [weak self] in self?.sayHeldBack() } }
    guard performs else { return }
    while true {
      let next: LaneMachine.Action? = state.withLock { state in
        let next = state.machine.actions.popFirst()
        if next == nil { state.performing = false }
        return next
      }
      guard let next else { return }
      perform(next)
    }
  }

  private func sayHeldBack() {
    let now = clock.now()
    state.withLock { $0.news.due(now) }?.log(log)
  }

  private func perform(_ action: LaneMachine.Action) {
    switch action {
    case .send(let waiting, let attempt, _) where isStruck(waiting.id):
      let reason = "the partner's answer crashed the engine twice; it was not sent again"
      run {
        $0.sent(
          waiting.id, attempt: attempt, .refused(reason: reason, code: nil, forever: true, reply: nil, retryAfter: nil),
          $1)
      }
    case .send(let waiting, let attempt, let followsOthers) where handOver != nil:
      handOver?.send(waiting, attempt: attempt, followsOthers: followsOthers) { [self] end, refusal in
        handedOn(waiting, attempt, end, refusal)
      }
    case .send(let waiting, let attempt, let followsOthers):
      let delivery = Delivery(
        id: waiting.id, message: waiting.message, lane: name, payload: waiting.payload, attempt: attempt,
        possibleDuplicate: waiting.possiblySent, followsOthers: followsOthers,
        rendered: waiting.rendered.mapValues(Self.pieces),
        open: { [store] payload throws(ContentError) in try store.open(payload, isTrusted: false) })
      let asked = clock.now().steady
      connector.send(delivery) { [self] result in
        noteTime(since: asked, result)
        ended(waiting, attempt, result)
      }
    case .finish(let attempt, let bytes):
      finish(attempt, bytes, refusal: refusal(attempt))
    case .refill(let part):
      Task { await refill(part) }
    case .wake(let after):
      clock.wake(after: after) { [weak self] in self?.run { $0.woken($1) } }
    case .letGo(let underWay):
      state.withLock { $0.whenLetGo.popFirst() }?.resume(returning: underWay)
    case .stopped: hasStopped()
    }
  }

  func ended(_ waiting: WaitingDelivery, _ attempt: Int, _ result: Result<Reply, DeliveryError>) {
    if let replies, let answer = ReplyReader.answer(result) {
      return replies.judge(answer, to: waiting) { [self] end in judged(waiting.id, attempt, end) }
    }
    let end = Self.end(result)
    run { state, now in
      if case .failure(let failure) = result, failure.kind != .unreachable, failure.kind != .cancelled {
        state.refusals[waiting.id] = failure.reason
      }
      state.machine.sent(waiting.id, attempt: attempt, end, now)
    }
    if case .failure = result { answers?.cameBack(waiting.id, name) }
  }

  private func handedOn(_ waiting: WaitingDelivery, _ attempt: Int, _ end: LaneMachine.End, _ refusal: String?) {
    if case .handedOn(let summary) = end {
      // It is durable already: who waits for it may be told.
      answers?.tell(waiting.id, DeliveryVerdict(.delivered, summary: summary))
      backlog.wrappingSubtract(1, ordering: .relaxed)
      backlogBytes.wrappingSubtract(waiting.byteCount, ordering: .relaxed)
    }
    run { state, now in
      // What the other channel's program says may quote the message, which is never logged.
      if let refusal { state.refusals[waiting.id] = refusal }
      state.machine.sent(waiting.id, attempt: attempt, end, now)
    }
    switch end {
    case .handedOn, .gone: break
    default: answers?.cameBack(waiting.id, name)
    }
  }

  private func judged(_ id: DeliveryID, _ attempt: Int, _ end: LaneMachine.End) {
    run { state, now in
      // The reason may quote the answer, which is never logged.
      if case .judged(let verdict, _, _) = end, let word = verdict.refusal { state.refusals[id] = word }
      state.machine.sent(id, attempt: attempt, end, now)
    }
    if case .judged(.retry, _, _) = end { answers?.cameBack(id, name) }
  }

  private func refill(_ part: WaitingPart) async {
    do throws(StoreError) {
      var part = part
      part.asKept = takesAsKept
      let found = try await store.waiting(lane: key, part)
      run { $0.refilled(found.deliveries, all: found.isAll, $1) }
    } catch {
      log.error("What waits could not be read.", metadata: ["reason": "\(error)"])
      run { $0.refillFailed($1) }
    }
  }
}
