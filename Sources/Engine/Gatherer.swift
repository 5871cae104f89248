import Definitions
import Dispatch
import Hilt
import Logging
import Messages
import Store
import Synchronization

/// Gathers what waits in one lane into messages of another channel.
///
/// The lane's machine sends none of it: it is held, as by a pause. What is in which group is never stored: the
/// gatherer reads what waits, closes a group when its time has come, and the ends of all that was gathered and the
/// arrival in the other channel are one unit of the store. Killed at any moment, what waits is read again and nothing
/// is lost or there twice.
package final class Gatherer: Sendable {
  /// Between a delivery's coming and the next look: many are read at once.
  private static let pauseMilliseconds: Int64 = 20
  private static let readMax = 5_000
  /// So many groups are closed while the lane has let go; between them others change what waits.
  private static let closeMax = 32
  /// The wall clock may be set: it is looked at again after this time.
  private static let sleepMaxMilliseconds: Int64 = 30_000

  private struct State {
    var gathering: Gathering
    var isAwake = false
    var isWorking = false
    /// The moment of the steady clock for which a wake-up was asked.
    var wakeAt: Int64?
    /// Something has come, or was changed, since the work began.
    var hasNews = false
    var mustForget = false
    var isStopped = false
    var whenStopped: [CheckedContinuation<Void, Never>] = []
    /// Why the other channel takes nothing, and why it last rejected a group that still waits.
    var trouble: Trouble?
    var refusal: Trouble?
    weak var lane: Lane?
  }

  struct Trouble: Sendable {
    var reason: String
    var failures: Int
    var since: Moment
    /// Nothing is tried before, on the steady clock.
    var nextTry: Int64
  }

  let target: ChannelName
  let lane: LaneName
  private let key: Int64
  /// Of the lines that are gathered, where what makes them says; else the other channel's program does.
  private let layout: DelimitedLayout?
  private let shared: EngineShared
  private let log: Logger
  private let queue = DispatchQueue(label: "hilum.gather")
  private let state: Mutex<State>

  init(
    _ rule: Gathering.Rule, of layout: DelimitedLayout?, to target: ChannelName, from lane: LaneName, lane key: Int64,
    _ shared: EngineShared, log: Logger
  ) {
    self.layout = layout
    self.target = target
    self.lane = lane
    self.key = key
    self.shared = shared
    self.log = log
    state = Mutex(State(gathering: Gathering(rule, bytesMax: ChannelLimits().messageBytesMax)))
  }

  // MARK: What brings work

  func start(_ lane: Lane) {
    state.withLock { $0.lane = lane }
    nudge()
  }

  /// Something came into the lane, or its time may have come.
  func nudge() {
    let wakes = state.withLock { state in
      state.hasNews = true
      if state.isAwake || state.isWorking || state.isStopped { return false }
      state.isAwake = true
      return true
    }
    if wakes { shared.clock.wake(after: Self.pauseMilliseconds) { [weak self] in self?.begin() } }
  }

  /// What waits was changed by others.
  func changed() {
    state.withLock { $0.mustForget = true }
    nudge()
  }

  /// The other channel is there again, or a person lets the lane go on: nothing rests any more.
  func tryAgain() {
    state.withLock { state in
      state.gathering.tryAgain()
      state.trouble?.nextTry = 0
    }
    nudge()
  }

  /// Closes nothing more; returns when what is under way is durable.
  func stop() async {
    await withCheckedContinuation { continuation in
      let isIdle = state.withLock { state in
        state.isStopped = true
        if state.isWorking { state.whenStopped.append(continuation) }
        return !state.isWorking
      }
      if isIdle { continuation.resume() }
    }
  }

  private func begin() {
    let begins = state.withLock { state in
      state.isAwake = false
      guard !state.isWorking, !state.isStopped else { return false }
      state.isWorking = true
      return true
    }
    if begins { Task { await work() } }
  }

  // MARK: Work

  private func work() async {
    while await step() {}
    let isHeld = state.withLock { $0.lane }?.holdsGathering != false
    let now = shared.clock.now()
    let (waiters, goesOn, sleep) = state.withLock { state in
      state.isWorking = false
      defer { state.whenStopped = [] }
      let goesOn = state.hasNews && !state.isStopped
      return (state.whenStopped, goesOn, isHeld || state.isStopped ? nil : Self.sleep(state, now))
    }
    for waiter in waiters { waiter.resume() }
    if goesOn { nudge() } else if let sleep { wake(after: sleep, now) }
  }

  /// One wake-up is asked for at a time, but for an earlier one: each would ask for its own successor.
  private func wake(after milliseconds: Int64, _ now: Moment) {
    let isFirst = state.withLock { state in
      if let wakeAt = state.wakeAt, wakeAt > now.steady, wakeAt <= now.steady + milliseconds { return false }
      state.wakeAt = now.steady + milliseconds
      return true
    }
    if isFirst { shared.clock.wake(after: milliseconds) { [weak self] in self?.nudge() } }
  }

  /// For how long nothing is to be done; `nil` where nothing waits for a time.
  private static func sleep(_ state: State, _ now: Moment) -> Int64? {
    guard let due = state.gathering.nextDue(now: now.wall) else { return nil }
    let rests = state.trouble.map { $0.nextTry - now.steady } ?? 0
    return max(pauseMilliseconds, min(max(due - now.wall, rests), sleepMaxMilliseconds))
  }

  /// - Returns: whether there may be more to do at once.
  private func step() async -> Bool {
    let bytesMax = shared.channel(target)?.definition.limits.messageBytesMax
    let lane: Lane? = state.withLock { state in
      guard !state.isStopped else { return nil }
      state.hasNews = false
      if state.mustForget || bytesMax.map({ $0 != state.gathering.bytesMax }) == true {
        state.gathering.bytesMax = bytesMax ?? state.gathering.bytesMax
        state.gathering.forget()
        state.mustForget = false
      }
      return state.lane
    }
    guard let lane, await read() else { return false }
    let now = shared.clock.now()
    let isHeld = lane.holdsGathering
    let closes = state.withLock { state in
      if isHeld || state.mustForget { return false }
      if let trouble = state.trouble, trouble.nextTry > now.steady { return false }
      return state.gathering.next(now: now.wall) != nil
    }
    guard closes else { return state.withLock { $0.mustForget } }
    var goesOn = true
    await lane.lettingGo { [self] _ in
      var taken = (count: 0, bytes: 0)
      for _ in 0..<Self.closeMax where goesOn {
        guard let group = nextGroup(lane) else { break }
        let result = await close(group)
        taken.count += result.count
        taken.bytes += result.bytes
        goesOn = result.goesOn
      }
      return taken
    }
    return goesOn
  }

  private func nextGroup(_ lane: Lane) -> Gathering.Group? {
    let now = shared.clock.now()
    let isHeld = lane.holdsGathering
    return state.withLock { state in
      state.isStopped || state.mustForget || isHeld ? nil : state.gathering.next(now: now.wall)
    }
  }

  /// Reads on; `false` where the store can't be read.
  private func read() async -> Bool {
    while true {
      let after = state.withLock { $0.gathering.through }
      do throws(StoreError) {
        let found = try await shared.store.waitingLines(lane: key, after: after, countMax: Self.readMax)
        let isAll = state.withLock { state in
          // What was changed meanwhile is read anew.
          if !state.mustForget { for line in found.lines { state.gathering.add(line) } }
          return state.mustForget || found.isAll || found.lines.isEmpty
        }
        guard isAll else { continue }
        state.withLock { if !$0.gathering.hasRefused() { $0.refusal = nil } }
        return true
      } catch {
        away("what waits can't be read: \(error.reason)")
        wake(after: 1000, shared.clock.now())
        return false
      }
    }
  }

  // MARK: Closing

  private struct Closed {
    var count = 0
    var bytes = 0
    var goesOn = true
    static let not = Closed(goesOn: false)
  }

  /// Makes one message of a group, while the lane has let go of what waits.
  private func close(_ group: Gathering.Group) async -> Closed {
    guard let channel = shared.channel(target) else { return away("there is no channel \(target)") }
    let found: [WaitingDelivery]
    do throws(StoreError) {
      found = try await shared.store.waiting(lane: key, group.members)
    } catch {
      return away("what waits can't be read: \(error.reason)")
    }
    // Cancelled, moved, held: what waits is read anew.
    guard found.count == group.members.count else { return anew(Closed()) }
    let damaged = found.filter(\.damaged)
    if !damaged.isEmpty { return await bury(damaged) }
    guard let version = channel.passage.enter(orWhenOpen: { [weak self] in self?.nudge() }) else { return .not }
    let (payload, parts): (Payload, [WaitingDelivery])
    do throws(JoinedStudy.Unreadable) {
      (payload, parts) = try await joined(found, for: version)
    } catch {
      channel.passage.leave()
      return await bury([error.delivery], error.reason)
    }
    let hops = (parts.map(\.hops).max() ?? 0) + 1
    if let reason = channel.reasonNotToTake(bytes: payload.byteCount, version) {
      channel.passage.leave()
      return away(reason)
    }
    if hops > HandOver.hopsMax {
      channel.passage.leave()
      let reason = "it has come through \(HandOver.hopsMax) channels already: do they go round in a circle?"
      return refused(group, reason, said: reason)
    }
    let now = shared.clock.now().wall
    let attempts = parts.map { one in
      Attempt(
        delivery: one.id, lane: key, sequence: one.sequence, epoch: shared.store.epoch, attempts: one.attempts + 1,
        at: now, possiblySent: one.possiblySent, end: .delivered(summary: "", reply: nil))
    }
    let handed = Handed(payload: payload, messages: parts.map(\.message), hops: hops, isGathered: true)
    let result = await withCheckedContinuation { continuation in
      // A program may take a while, and a large message is written before it is handed over.
      queue.async { [lane] in
        _ = channel.take(handed, from: lane, attempts, version, gate: OriginGate()) {
          continuation.resume(returning: $0)
        }
      }
    }
    return ended(group, parts, result)
  }

  private func ended(_ group: Gathering.Group, _ parts: [WaitingDelivery], _ result: HandedOver) -> Closed {
    switch result {
    case .taken:
      let closed = Closed(count: parts.count, bytes: parts.reduce(0) { $0 + $1.byteCount })
      state.withLock { state in
        state.trouble = nil
        state.gathering.closed(group.key)
        if !state.gathering.hasRefused() { state.refusal = nil }
      }
      return parts.count < group.members.count ? anew(closed) : closed
    case .gone: return anew(Closed())
    case .refused(_, let reason, let said): return refused(group, reason, said: said)
    case .unavailable(let reason): return away(reason)
    }
  }

  private func joined(
    _ parts: [WaitingDelivery], for version: ChannelVersion
  ) async throws(JoinedStudy.Unreadable) -> (payload: Payload, parts: [WaitingDelivery]) {
    // Of one format each: one that came of another revision's transform begins the next message.
    let format = parts[0].payload.format
    let same = parts.prefix { $0.payload.format == format }
    if format == .dicom {
      // A thousand files are opened: that is no work for a thread that others wait for.
      let joined = await withCheckedContinuation { continuation in
        queue.async { [store = shared.store] in continuation.resume(returning: JoinedStudy.join(same, in: store)) }
      }
      return try joined.get()
    }
    let contents = same.map { part -> [UInt8] in
      if case .bytes(let bytes) = part.payload.content { bytes } else { [] }
    }
    let layout = self.layout ?? version.definition.transform?.input.delimited
    let joined = JoinedContent.join(
      contents, as: format, hasHeader: layout?.hasHeader == true, separator: layout?.separator ?? UInt8(ascii: ","))
    return (Payload(format, joined.bytes), Array(same.prefix(joined.count)))
  }

  /// Stored bytes that don't fit their hash are never sent.
  private func bury(
    _ damaged: [WaitingDelivery], _ reason: String = "the stored bytes don't fit their SHA-256; they were not sent"
  ) async -> Closed {
    var closed = Closed()
    for one in damaged {
      let attempt = Attempt(
        delivery: one.id, lane: key, sequence: one.sequence, epoch: shared.store.epoch, attempts: one.attempts,
        at: shared.clock.now().wall, possiblySent: one.possiblySent, end: .dead(reason: reason, reply: nil))
      let result = await withCheckedContinuation { continuation in
        shared.store.finish(attempt) { continuation.resume(returning: $0) }
      }
      guard case .done = result else { continue }
      closed.count += 1
      closed.bytes += one.byteCount
      log.warning(
        "A delivery is dead. It waits for a person: hilum dead list.",
        metadata: ["delivery": "\(one.id)", "reason": "\(reason)"])
    }
    if closed.count == 0 { return away("what is damaged could not be put aside") }
    return anew(closed)
  }

  // MARK: What came of it

  private func anew(_ closed: Closed) -> Closed {
    state.withLock { $0.mustForget = true }
    // Its payloads are read with the next look, outside of this one.
    return Closed(count: closed.count, bytes: closed.bytes, goesOn: true)
  }

  @discardableResult
  private func away(_ reason: String) -> Closed {
    let now = shared.clock.now()
    let isNews = state.withLock { state in
      let failures = (state.trouble?.failures ?? 0) + 1
      let wait = min(HandOver.waitMaxMilliseconds, 1000 << Int64(min(failures - 1, 4)))
      defer {
        state.trouble = Trouble(
          reason: reason, failures: failures, since: state.trouble?.since ?? now, nextTry: now.steady + wait)
      }
      return state.trouble?.reason != reason
    }
    if isNews { log.warning("What is gathered waits.", metadata: ["reason": "\(reason)"]) }
    return .not
  }

  /// - Parameter said: what the log may say.
  private func refused(_ group: Gathering.Group, _ reason: String, said: String) -> Closed {
    let now = shared.clock.now()
    state.withLock { state in
      state.gathering.refused(group.key, reason, now: now.wall)
      state.trouble = nil
      state.refusal = Trouble(
        reason: said, failures: (state.refusal?.failures ?? 0) + 1, since: state.refusal?.since ?? now, nextTry: 0)
    }
    log.warning(
      "What was gathered is refused; it is tried again.",
      metadata: ["reason": "\(said)", "count": "\(group.members.count)"])
    return Closed()
  }

  // MARK: Status

  /// What an operator sees of the lane.
  func add(to status: inout LaneStatus, isHeld: Bool) {
    let now = shared.clock.now()
    state.withLock { state in
      let gathering = state.gathering
      let trouble = gathering.count > 0 ? state.trouble ?? state.refusal : nil
      let due = gathering.nextDue(now: now.wall).map { max(0, $0 - now.wall) }
      status.gathering = LaneStatus.Gathering(groups: gathering.groupCount, nextIn: isHeld ? nil : due)
      status.unreachable = trouble?.reason
      status.failures = trouble?.failures ?? 0
      // Before a group is due there is nothing to try.
      let next = state.trouble.flatMap { trouble in due.map { max($0, trouble.nextTry - now.steady) } }
      status.nextTryIn = isHeld || trouble == nil ? nil : next
      status.downFor = trouble.map { max(0, now.steady - $0.since.steady) }
      // What waits for its group is not late.
      if trouble == nil { status.oldestFor = nil }
    }
  }

  /// What deliveries of the lane wait for, by their numbers.
  func waits(of sequences: Set<Int64>, isHeld: Bool) -> [Int64: DeliveryRecord.Gathered] {
    let now = shared.clock.now()
    return state.withLock { $0.gathering.waits(of: sequences, now: now.wall, isHeld: isHeld) }
  }
}
