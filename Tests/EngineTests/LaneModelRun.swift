import DequeModule
import Messages
import Store

@testable import Engine

/// One lane with a model store, a model partner and people, one random step after another. Throws at the first rule
/// that is broken.
final class LaneModelRun {
  private enum Life { case running, stopping, down }

  private struct Send {
    var delivery: WaitingDelivery
    var attempt: Int
  }

  private var random: SeededRandom
  private var world: LaneModelWorld
  private let store = ModelStore()
  private var machine: LaneMachine
  private var life = Life.running
  private var now = Moment(wall: 1_700_000_000_000, steady: 100)
  private var timers: [Int64] = []
  /// A read that was asked for, and what it brought when it is done.
  private var reading: WaitingPart?
  private var read: (deliveries: [WaitingDelivery], isAll: Bool)?
  /// What the machine wants done and the driver hasn't come to yet.
  private var actions: Deque<LaneMachine.Action> = []
  private var changesWaiting: Deque<ModelStore.Wish> = []
  private var frozen = 0
  private var isBusy = true

  /// At the partner, in the order in which it was sent.
  private var atPartner: [Send] = []
  /// Ends of sends, on their way back.
  private var ends: Deque<(Send, LaneMachine.End)> = []
  /// Sends that were decided and whose end the machine hasn't heard of: sequence numbers.
  private var open: Set<Int64> = []
  /// Sequence numbers whose end the machine has decided since it began.
  private var concluded: Set<Int64> = []
  /// What the partner has, and the greatest sequence number of it.
  private var taken: Set<DeliveryID> = []
  private var takenThrough: Int64 = 0
  /// The same for each key, and for what has none.
  private var takenThroughKey: [UInt64: Int64] = [:]
  private var takenKeyless: Int64 = 0
  /// What the machine knows that the partner has, and the store doesn't know yet: sequence numbers.
  private var answered: Set<Int64> = []
  /// How many died of lost connections since the partner last answered.
  private var blamed = 0
  private(set) var duplicates = 0
  private(set) var crashes = 0

  init(seed: UInt64) {
    random = SeededRandom(seed)
    world = LaneModelWorld(&random)
    store.keyCount = world.policy.order == .keys ? world.keyCount : 0
    machine = LaneMachine(store.keys, epoch: store.epoch, policy: world.policy, suspects: 0, seed: seed)
    begin(cleanly: true)
  }

  /// Random steps, then a good partner and nobody who interferes: at the end everything is where it belongs.
  func run(steps: Int) throws {
    for _ in 0..<steps {
      try step()
      try hold()
    }
    world.calm()
    try settle()
    store.units.append(.retryDead(countMax: .max))
    try settle()
    for row in store.rows where row.state == .dead && !row.delivery.damaged {
      throw ModelFailure("\(row.delivery.sequence) died of a good partner")
    }
  }

  private func settle() throws {
    try on { $0.resume($1) }
    for _ in 0..<200_000 {
      try step()
      try hold()
      if isIdle, frozen == 0, life == .running, store.waiting.isEmpty { return }
      if isIdle, frozen == 0, !(store.held(.delivery) + store.held(.place)).isEmpty { try decideHeld(1) }
      if isIdle, !timers.isEmpty { try pass(0...5000) }
    }
    throw ModelFailure("the lane didn't come to its end: \(store.waiting.count) wait")
  }

  // MARK: Steps

  private func step() throws {
    if random.chance(world.crash) { return try crash() }
    if life == .down { return begin(cleanly: true) }
    if random.chance(world.restart), life == .running, frozen == 0 {
      life = .stopping
      return try on { $0.stop($1) }
    }
    // Work comes in bursts: in between, everything that was begun comes to its end.
    if isBusy, random.chance(world.burstEnds) { isBusy = false } else if !isBusy, isIdle { isBusy = true }
    if isBusy, random.chance(world.arrival), store.waiting.count < world.waitingMax {
      store.arrivals.append(.accept(count: Int.random(in: 1...5, using: &random)))
    }
    if isBusy, random.chance(world.people) { try interfere() }
    switch world.turn(&random) {
    case .commit: try commit()
    case .call: for _ in 0...Int.random(in: 0...store.callbacks.count, using: &random) { try call() }
    case .perform: for _ in 0...Int.random(in: 0...actions.count, using: &random) { try perform() }
    case .partner: try partner()
    case .refill: try refill()
    case .hear: if let (send, end) = ends.popFirst() { try hear(send, end) }
    case .time: try pass(0...world.tick)
    }
  }

  private func commit() throws {
    try store.commit(now: now, using: &random)
    answered = answered.filter { store.row($0).state == .waiting }
  }

  private func begin(cleanly: Bool) {
    life = .running
    blamed = 0
    machine = LaneMachine(
      store.keys, epoch: store.epoch, policy: world.policy,
      suspects: cleanly ? 0 : world.policy.unconfirmedMax + world.policy.window, seed: random.next())
    machine.started(now)
    // A lane that has just begun decides nothing that the checks of `on` could miss but its first read.
    while let action = machine.actions.popFirst() { actions.append(action) }
  }

  /// The process dies: some of what was handed over may have been committed, and of what left some may have reached
  /// the partner.
  private func crash() throws {
    crashes += 1
    try commit()
    for send in atPartner.prefix(Int.random(in: 0...atPartner.count, using: &random)) { try take(send.delivery) }
    guard answered.count <= world.policy.unconfirmedMax else {
      throw ModelFailure("\(answered.count) go twice after a crash, and \(world.policy.unconfirmedMax) may")
    }
    answered = []
    // A death that was not durable is undone as well: what came after it may have been taken before.
    let undone = (store.waiting.first ?? .max) - 1
    takenThrough = min(takenThrough, undone)
    takenThroughKey = takenThroughKey.mapValues { min($0, undone) }
    takenKeyless = min(takenKeyless, undone)
    if world.policy.order != nil { store.suspectThrough = Int64(store.rows.count) }
    forget()
    begin(cleanly: false)
  }

  private func forget() {
    store.forget()
    actions = []
    timers = []
    reading = nil
    read = nil
    changesWaiting = []
    frozen = 0
    atPartner = []
    ends = []
    open = []
    concluded = []
  }

  private func pass(_ range: ClosedRange<Int64>) throws {
    var passed = Int64.random(in: range, using: &random)
    if isIdle, let next = timers.min() { passed = max(passed, next - now.steady) }
    now.steady += passed
    now.wall += passed
    if random.chance(0.01) { now.wall += Int64.random(in: -100_000_000...100_000_000, using: &random) }
    let due = timers.filter { $0 <= now.steady }.count
    timers.removeAll { $0 <= now.steady }
    for _ in 0..<due { try on { $0.woken($1) } }
  }

  private func call() throws {
    if let index = store.answers.indices.randomElement(using: &random), random.chance(0.5) {
      if case .changed = store.answers.remove(at: index) {
        frozen -= 1
        return try on { $0.changed($1) }
      }
      return try on { $0.grown($1) }
    }
    switch store.callbacks.popFirst() {
    case .offer(let delivery): try on { $0.offer(delivery, $1) }
    case .finished(let attempt): try on { $0.finished(attempt, $1) }
    case .some(let answer): store.answers.append(answer)
    case nil: break
    }
  }

  private func refill() throws {
    if let found = read {
      read = nil
      return try on { $0.refilled(found.deliveries, all: found.isAll, $1) }
    }
    guard let asked = reading else { return }
    reading = nil
    // A lane that stops gives its suspects up when reads fail three times in a row; that is not tried here.
    if random.chance(world.refillFails), life == .running { return try on { $0.refillFailed($1) } }
    if random.chance(world.damages), let sequence = store.waiting.randomElement(using: &random) {
      store.damage(sequence)
    }
    read = store.read(asked)
  }

  private func interfere() throws {
    switch Int.random(in: 0..<9, using: &random) {
    case 0: try on { $0.pause($1) }
    case 1, 2: try on { $0.resume($1) }
    case 3: store.units.append(.retryDead(countMax: Int.random(in: 1...3, using: &random)))
    case 4: store.units.append(.resend)
    case 5, 6: try decideHeld(0.5)
    case 7 where world.policy.order != .some(.none): if world.fails { store.arrivals.append(.place) }
    default:
      guard life == .running else { return }
      var ids: Set<DeliveryID>?
      if random.chance(0.9) {
        ids = Set(store.waiting.filter { _ in random.chance(0.1) }.map { store.row($0).delivery.id })
      }
      try change(.cancel(ids))
    }
  }

  private func change(_ wish: ModelStore.Wish) throws {
    changesWaiting.append(wish)
    frozen += 1
    try on { machine, _ in machine.letGo() }
  }

  /// A person decides about some of what is held, and some failed messages are processed.
  private func decideHeld(_ share: Double) throws {
    guard life == .running else { return }
    let ids = Set(
      store.held(.delivery).filter { _ in random.chance(share) }.map { store.row($0).delivery.id })
    if !ids.isEmpty { try change(random.chance(0.3) ? .discard(ids) : .release(ids)) }
    if let place = store.held(.place).first, random.chance(share) { try change(.fill(place)) }
  }

  // MARK: The driver

  /// One event, and the checks of what the machine decides at it.
  private func on(_ event: (inout LaneMachine, Moment) -> Void) throws {
    guard life != .down else { return }
    event(&machine, now)
    while let action = machine.actions.popFirst() {
      switch action {
      case .send(let delivery, _, _): try decide(delivery)
      case .finish(let attempt, _): try conclude(attempt)
      case .refill: if reading != nil || read != nil { throw ModelFailure("two reads at once") }
      case .wake(let after): if after <= 0 { throw ModelFailure("a wake-up that lies \(after) ms ahead") }
      case .letGo, .stopped: break
      }
      actions.append(action)
    }
  }

  private func conclude(_ attempt: Attempt) throws {
    guard attempt.isEnd else { return }
    concluded.insert(attempt.sequence)
    guard case .dead(let reason, _) = attempt.end, reason.hasPrefix("the connection was lost") else { return }
    blamed += 1
    if blamed > 1 { throw ModelFailure("\(attempt.sequence) died of an outage that another had died of") }
  }

  private func decide(_ delivery: WaitingDelivery) throws {
    guard store.row(delivery.sequence).state == .waiting, store.row(delivery.sequence).delivery.id == delivery.id else {
      throw ModelFailure("\(delivery.sequence) is sent though it doesn't wait")
    }
    if answered.contains(delivery.sequence) {
      throw ModelFailure("\(delivery.sequence) is sent again though it was taken")
    }
    if store.row(delivery.sequence).delivery.held != nil || delivery.held != nil {
      throw ModelFailure("\(delivery.sequence) is sent though it is held")
    }
    if delivery.damaged { throw ModelFailure("\(delivery.sequence) is sent though its bytes are damaged") }
    if machine.paused || frozen > 0 || life != .running { throw ModelFailure("sent while nothing may be") }
    if world.policy.order != nil {
      try decideByKey(delivery)
    } else {
      try decideInOrder(delivery)
    }
    guard open.insert(delivery.sequence).inserted else {
      throw ModelFailure("\(delivery.sequence) is sent twice at once")
    }
  }

  /// Nothing that shares a key, and nothing without one, waits in front of it or is under way.
  private func decideByKey(_ delivery: WaitingDelivery) throws {
    if open.count >= world.policy.inFlight { throw ModelFailure("\(open.count) are under way already") }
    guard world.policy.order == .keys else { return }
    let keys = Set(delivery.orderKeys)
    for sequence in store.waiting.prefix(while: { $0 < delivery.sequence }) where !concluded.contains(sequence) {
      let earlier = store.row(sequence).delivery.orderKeys
      guard !keys.isEmpty, !earlier.isEmpty, keys.isDisjoint(with: earlier) else {
        throw ModelFailure("\(delivery.sequence) is sent before \(sequence), which it must not pass")
      }
    }
  }

  private func decideInOrder(_ delivery: WaitingDelivery) throws {
    var ahead = 0
    for sequence in store.waiting.prefix(while: { $0 < delivery.sequence }) where !concluded.contains(sequence) {
      guard open.contains(sequence) else {
        throw ModelFailure("\(delivery.sequence) is sent before \(sequence), which waits")
      }
      ahead += 1
    }
    if ahead >= world.policy.window { throw ModelFailure("\(delivery.sequence) is sent with \(ahead) ahead of it") }
  }

  private func perform() throws {
    guard let action = actions.popFirst() else { return }
    switch action {
    case .send(let delivery, let attempt, _):
      if taken.contains(delivery.id) {
        duplicates += 1
        if !delivery.possiblySent { throw ModelFailure("\(delivery.sequence) goes twice and isn't flagged") }
      }
      atPartner.append(Send(delivery: delivery, attempt: attempt))
    case .finish(let attempt, _):
      if case .delivered = attempt.end, !taken.contains(attempt.delivery) {
        throw ModelFailure("\(attempt.sequence) counts as delivered and the partner doesn't have it")
      }
      store.units.append(.finish(attempt))
    case .refill(let part): reading = part
    case .wake(let after): timers.append(now.steady + after)
    case .letGo(let underWay):
      store.units.append(changesWaiting.removeFirst().unit(except: underWay))
    case .stopped:
      guard open.isEmpty, !store.units.contains(where: { if case .finish = $0 { true } else { false } }) else {
        throw ModelFailure("stopped with work under way")
      }
      forget()
      life = .down
    }
  }

  // MARK: The partner

  private func take(_ delivery: WaitingDelivery) throws {
    if !taken.contains(delivery.id) { try comesInOrder(delivery) }
    for key in delivery.orderKeys { takenThroughKey[key] = max(takenThroughKey[key] ?? 0, delivery.sequence) }
    if delivery.orderKeys.isEmpty { takenKeyless = max(takenKeyless, delivery.sequence) }
    taken.insert(delivery.id)
    takenThrough = max(takenThrough, delivery.sequence)
  }

  private func comesInOrder(_ delivery: WaitingDelivery) throws {
    let before: Int64
    switch world.policy.order {
    case nil where world.policy.window == 1: before = takenThrough
    case .keys where delivery.orderKeys.isEmpty: before = takenThrough
    case .keys: before = delivery.orderKeys.reduce(takenKeyless) { max($0, takenThroughKey[$1] ?? 0) }
    default: return
    }
    if delivery.sequence < before { throw ModelFailure("\(delivery.sequence) came after \(before)") }
  }

  /// The partner's answer to what it has comes by itself, as after a restart.
  private func answerLater() throws {
    guard life == .running, let claimed = machine.claim(where: { taken.contains($0.id) }) else { return }
    if store.row(claimed.sequence).state != .waiting { throw ModelFailure("\(claimed.sequence) has ended already") }
    answered.insert(claimed.sequence)
    blamed = 0
    try on { $0.sent(claimed.id, attempt: claimed.attempts, .taken(summary: "AA after CA", reply: nil), $1) }
  }

  private func partner() throws {
    if random.chance(world.answersLater) { return try answerLater() }
    guard !atPartner.isEmpty else { return }
    if random.chance(world.losesConnection) {
      return try fail { .unreachable(reason: "lost", bytesSent: $0, retryAfter: nil) }
    }
    if random.chance(world.cancels) { return try fail { .cancelled(reason: "closed", bytesSent: $0) } }
    let index = world.answersInOrder ? 0 : Int.random(in: 0..<atPartner.count, using: &random)
    let send = atPartner.remove(at: index)
    if random.chance(world.refusesConnection) {
      ends.append((send, .unreachable(reason: "refused the connection", bytesSent: false, retryAfter: nil)))
    } else if random.chance(world.refuses), random.chance(world.isSilent) {
      try take(send.delivery)
      ends.append((send, .unanswered(reason: "nothing", code: "unanswered", reply: nil)))
    } else if random.chance(world.refuses), world.judges {
      try judge(send)
    } else if random.chance(world.refuses) {
      let forever = random.chance(0.3)
      ends.append(
        (send, .refused(reason: "no", code: forever ? "AR" : "AE", forever: forever, reply: nil, retryAfter: nil)))
    } else {
      try take(send.delivery)
      let reply = Payload(.hl7v2, [])
      ends.append(
        (
          send,
          world.judges ? .judged(.done(follows: nil), summary: "AA", reply: reply) : .taken(summary: "AA", reply: nil)
        ))
    }
  }

  /// A reply transform says no, or nothing: then the partner may have it.
  private func judge(_ send: Send) throws {
    let verdict: LaneMachine.Verdict
    switch Int.random(in: 0..<4, using: &random) {
    case 0: verdict = .retry(reason: "no")
    case 1: verdict = .dead(reason: "no")
    case 2: verdict = .hold(reason: "no")
    default:
      try take(send.delivery)
      verdict = .failed(reason: "no")
    }
    ends.append((send, .judged(verdict, summary: "AE", reply: Payload(.hl7v2, []))))
  }

  /// The connection goes, and everything on it: the partner has the first of it, and some more has left.
  private func fail(_ end: (_ bytesSent: Bool) -> LaneMachine.End) throws {
    let reached = Int.random(in: 0...atPartner.count, using: &random)
    let left = Int.random(in: reached...atPartner.count, using: &random)
    for (index, send) in atPartner.enumerated() {
      if index < reached { try take(send.delivery) }
      ends.append((send, end(index < left)))
    }
    atPartner = []
  }

  private func hear(_ send: Send, _ end: LaneMachine.End) throws {
    guard open.remove(send.delivery.sequence) != nil else { throw ModelFailure("an end without a send") }
    switch end {
    case .taken:
      answered.insert(send.delivery.sequence)
      blamed = 0
    case .judged(.done, _, _):
      answered.insert(send.delivery.sequence)
      blamed = 0
    case .refused, .judged, .unanswered: blamed = 0
    case .unreachable, .cancelled, .handedOn, .notTried, .gone: break
    }
    try on { $0.sent(send.delivery.id, attempt: send.attempt, end, $1) }
  }

  // MARK: What always holds

  private var isIdle: Bool {
    actions.isEmpty && atPartner.isEmpty && ends.isEmpty && reading == nil && read == nil && store.units.isEmpty
      && store.arrivals.isEmpty && store.callbacks.isEmpty && store.answers.isEmpty
  }

  private func hold() throws {
    let (count, bytes, sending) = machine.held
    if life == .down { return }
    // By key, what waits for a parked one may have it beside it. In a strict lane what is released goes before what was
    // kept behind it, and comes in beside it.
    let besides = world.policy.order == nil ? world.policy.window : 1
    if count > world.policy.heldCountMax + besides { throw ModelFailure("\(count) are in memory") }
    let bytesMax = world.policy.heldBytesMax + 120 * (besides + 1)
    if bytes > bytesMax { throw ModelFailure("\(bytes) bytes are in memory") }
    if sending != open.count || sending > world.atOnceMax { throw ModelFailure("\(sending) are under way") }
    if answered.count + sending > world.policy.unconfirmedMax {
      throw ModelFailure("\(answered.count) and \(sending) could go twice after a crash")
    }
    let isStuck = isIdle && timers.isEmpty && life == .running && !machine.paused && frozen == 0
    if isStuck, !store.waiting.allSatisfy(store.standsBehindHeld(world.policy.order)) {
      throw ModelFailure("\(store.waiting.count) wait and nothing will happen")
    }
    if isIdle, timers.isEmpty, life == .stopping { throw ModelFailure("it was told to stop and nothing will happen") }
  }
}
