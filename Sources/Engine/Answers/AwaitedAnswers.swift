import ConnectorKit
import Messages
import Store
import Synchronization

/// The senders that wait for a partner's verdict, by the deliveries that they wait for.
///
/// Nothing of it is durable, and nothing has to be: a sender that gets no answer sends again, and is told then what its
/// delivery came to, or waits on for it.
package final class AwaitedAnswers: Sendable {
  /// Takes deliveries of a lane back that aren't at the partner; what can't be taken back is left.
  typealias Withdraw = @Sendable (LaneName, [DeliveryID]) async -> Void

  private struct State {
    var waiting: [DeliveryID: [AwaitedAnswer]] = [:]
    /// At the partner when their sender's time was over, by their lane: taken back when they come back undelivered.
    var givenUp: [DeliveryID: LaneName] = [:]
    /// Those of whose message no sender was told that it is accepted. No others are withdrawn: who repeats what was
    /// acknowledged before doesn't take it back.
    var unanswered: Set<DeliveryID> = []
    /// Not answered in time, and about to be withdrawn.
    var late: [AwaitedAnswer] = []
    var comeBack: [(lane: LaneName, delivery: DeliveryID)] = []
    var isWorking = false
    var withdraw: Withdraw?
  }
  private let state = Mutex(State())
  /// Of `waiting`, `givenUp` and `unanswered`: what every end of a delivery asks first.
  private let count = Atomic<Int>(0)
  private let store: any Store
  private let clock: any EngineClock

  init(_ store: any Store, _ clock: any EngineClock) {
    self.store = store
    self.clock = clock
  }

  func use(_ withdraw: @escaping Withdraw) { state.withLock { $0.withdraw = withdraw } }

  /// Deliveries that something is known of here.
  var remembered: Int { count.load(ordering: .relaxed) }

  /// How many senders wait for a lane.
  func count(of lane: LaneName) -> Int {
    if count.load(ordering: .relaxed) == 0 { return 0 }
    return state.withLock { state in
      Set(state.waiting.values.joined().lazy.filter { $0.lane == lane }.map(ObjectIdentifier.init)).count
    }
  }

  // MARK: Waiting

  /// Before its deliveries are known to their lanes: none of their ends is missed.
  ///
  /// - Parameter unanswered: the deliveries of which no sender was told yet that they are accepted.
  func expect(_ answer: AwaitedAnswer, unanswered: [DeliveryID]) {
    state.withLock { state in
      state.unanswered.formUnion(unanswered)
      for id in answer.deliveries {
        state.waiting[id, default: []].append(answer)
        state.givenUp[id] = nil
      }
      note(state)
    }
  }

  /// The sender's time begins.
  func begin(_ answer: AwaitedAnswer, within milliseconds: Int64) {
    clock.wake(after: milliseconds) { [weak answer] in answer?.expire() }
  }

  func forget(_ answer: AwaitedAnswer) {
    state.withLock { state in
      Self.remove(answer, &state)
      state.unanswered.subtract(answer.deliveries)
      note(state)
    }
  }

  /// Nobody hears the answer, and nobody has to.
  func drop(_ answer: AwaitedAnswer) {
    forget(answer)
    answer.end(.unavailable(reason: "its sender is gone"))
  }

  private static func remove(_ answer: AwaitedAnswer, _ state: inout State) {
    for id in answer.deliveries {
      state.waiting[id]?.removeAll { $0 === answer }
      if state.waiting[id]?.isEmpty == true { state.waiting[id] = nil }
    }
  }

  private func note(_ state: State) {
    count.store(state.waiting.count + state.givenUp.count + state.unanswered.count, ordering: .relaxed)
  }

  // MARK: What becomes of deliveries

  /// An attempt's end is durable.
  func ended(_ attempt: Attempt) {
    if count.load(ordering: .relaxed) == 0 { return }
    switch attempt.end {
    case .delivered(let summary, let reply):
      tell(attempt.delivery, DeliveryVerdict(.delivered, summary: summary, reply: reply, answer: attempt.answer))
    case .dead(let reason, let reply): tell(attempt.delivery, DeliveryVerdict(.dead, summary: reason, reply: reply))
    case .withdrawn(let reason, let reply):
      tell(attempt.delivery, DeliveryVerdict(.cancelled, summary: reason, reply: reply, isWithdrawn: true))
    // A person decides, and nobody takes it back any more.
    case .held:
      state.withLock { state in
        state.givenUp[attempt.delivery] = nil
        state.unanswered.remove(attempt.delivery)
        note(state)
      }
    case .waits: break
    }
  }

  func tell(_ delivery: DeliveryID, _ verdict: DeliveryVerdict) {
    if count.load(ordering: .relaxed) == 0 { return }
    let answers = state.withLock { state in
      state.givenUp[delivery] = nil
      state.unanswered.remove(delivery)
      let answers = state.waiting.removeValue(forKey: delivery) ?? []
      note(state)
      return answers
    }
    for answer in answers { answer.tell(delivery, verdict) }
  }

  /// The partner has not taken it, and it would be tried again; where nobody waits for it any more, it isn't.
  func cameBack(_ delivery: DeliveryID, _ lane: LaneName) {
    if count.load(ordering: .relaxed) == 0 { return }
    let starts = state.withLock { state in
      guard state.givenUp[delivery] != nil else { return false }
      state.comeBack.append((lane, delivery))
      return Self.starts(&state)
    }
    if starts { Task { await work() } }
  }

  /// A person, or a deployment, has changed what waits in a lane.
  func changed(_ lane: LaneName) {
    if count.load(ordering: .relaxed) == 0 { return }
    let (answers, givenUp) = state.withLock { state in
      (
        state.waiting.values.joined().filter { $0.lane == lane },
        state.givenUp.filter { $0.value == lane }.map(\.key)
      )
    }
    if answers.isEmpty, givenUp.isEmpty { return }
    Task {
      for answer in answers { await look(answer) }
      await forgetEnded(givenUp)
    }
  }

  /// Of what was given up only what still waits is to be taken back. It may be at the partner again by now, and come
  /// back once more.
  private func forgetEnded(_ givenUp: [DeliveryID]) async {
    for id in givenUp {
      guard let verdict = try? await store.verdict(id), verdict.state != .waiting else { continue }
      state.withLock { state in
        state.givenUp[id] = nil
        state.unanswered.remove(id)
        note(state)
      }
    }
  }

  /// Reads from the store which of its deliveries have ended.
  func look(_ answer: AwaitedAnswer) async {
    for id in answer.open {
      guard let verdict = try? await store.verdict(id), verdict.state != .waiting, verdict.state != .held else {
        continue
      }
      tell(id, verdict)
      answer.tell(id, verdict)
    }
  }

  // MARK: Time

  /// A message counts as accepted that its partner has not taken in time.
  func keep(_ answer: AwaitedAnswer) {
    forget(answer)
    answer.keep()
  }

  /// Senders that were not answered in time. What waits for them is withdrawn, all at once, before they are told; what
  /// has ended meanwhile still counts.
  func late(_ answers: [AwaitedAnswer]) {
    let starts = state.withLock { state in
      state.late += answers
      return Self.starts(&state)
    }
    if starts { Task { await work() } }
  }

  private static func starts(_ state: inout State) -> Bool {
    defer { state.isWorking = true }
    return !state.isWorking
  }

  /// Many are late at one moment where a partner is away: they are withdrawn together.
  private func work() async {
    while true {
      let (late, byLane, withdraw): ([AwaitedAnswer], [LaneName: [DeliveryID]], Withdraw?) = state.withLock { state in
        // Somebody may wait for one of them again by now.
        let comeBack = state.comeBack.filter { state.givenUp[$0.delivery] != nil }
        state.comeBack = []
        guard !state.late.isEmpty || !comeBack.isEmpty else {
          state.isWorking = false
          return ([], [:], nil)
        }
        // One that has its verdict, and only waits for its turn, has nothing to take back.
        let late = state.late.filter { !$0.isAnswered }
        state.late = []
        var byLane: [LaneName: [DeliveryID]] = [:]
        for (lane, delivery) in comeBack { byLane[lane, default: []].append(delivery) }
        for answer in late {
          Self.remove(answer, &state)
          let left = answer.deliveries.filter { state.waiting[$0] == nil && state.unanswered.contains($0) }
          // Before it is tried: what comes back from the partner meanwhile is not missed.
          for id in left { state.givenUp[id] = answer.lane }
          byLane[answer.lane, default: []] += left
        }
        note(state)
        return (late, byLane, state.withdraw)
      }
      guard let withdraw else { return }
      for (lane, deliveries) in byLane.sorted(by: { "\($0.key)" < "\($1.key)" }) { await withdraw(lane, deliveries) }
      for answer in late { await giveUp(answer) }
    }
  }

  private func giveUp(_ answer: AwaitedAnswer) async {
    await look(answer)
    if !answer.isAnswered { answer.giveUp() }
    await forgetEnded(answer.deliveries)
  }
}
