import DequeModule
import Messages
import Store

@testable import Engine

/// What a model test found; the text says what rule was broken.
struct ModelFailure: Error, CustomStringConvertible {
  var description: String
  init(_ description: String) { self.description = description }
}

/// Numbers that come again from the same seed (splitmix64).
struct SeededRandom: RandomNumberGenerator {
  private var state: UInt64
  init(_ seed: UInt64) { state = seed }

  mutating func next() -> UInt64 {
    state &+= 0x9E37_79B9_7F4A_7C15
    var z = state
    z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
    z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
    return z ^ (z >> 31)
  }

  mutating func chance(_ probability: Double) -> Bool { Double.random(in: 0..<1, using: &self) < probability }
}

/// A store of one lane, as the machine must be able to rely on it: commits in groups, answers late and in order,
/// reads that see one moment. Memory that a crash forgets (what was handed over and not committed) is apart from
/// rows, which stay.
final class ModelStore {
  struct Row {
    enum State { case waiting, delivered, dead, cancelled, moved }
    var state = State.waiting
    var delivery: WaitingDelivery
  }

  enum Unit {
    case accept(count: Int)
    case finish(Attempt)
    /// Cancels these, or all that wait, but for what is at the partner.
    case cancel(Set<DeliveryID>?, except: Set<DeliveryID>)
    /// What is held is tried again, or given up.
    case release(Set<DeliveryID>)
    case discard(Set<DeliveryID>)
    /// A failed message keeps its place; what it keeps goes to deliveries, as many as there is room for, or to none.
    case place
    case fill(Int64)
    case retryDead(countMax: Int)
    case resend
  }

  /// What the store calls after a commit, in order.
  enum Callback {
    case offer(WaitingDelivery)
    case finished(Attempt)
    case changed
    case grown
  }

  private(set) var rows: [Row] = []
  /// Sequence numbers that wait, in order. A row's sequence number is its index plus 1.
  private(set) var waiting: Deque<Int64> = []
  /// Arrivals and everything else come from different callers: each keeps its own order.
  var arrivals: Deque<Unit> = []
  var units: Deque<Unit> = []
  var callbacks: Deque<Callback> = []
  /// Who awaited a change was told, in order, and acts any time after.
  var answers: [Callback] = []
  var epoch: Int64 = 1
  /// Up to here what waits may have been sent by an owner that died; only where the lane isn't strict.
  var suspectThrough: Int64 = 0
  /// How many different keys its deliveries have.
  var keyCount: UInt64 = 0
  private var minted: UInt64 = 0

  func row(_ sequence: Int64) -> Row { rows[Int(sequence) - 1] }

  var keys: ChannelKeys.Lane {
    let last = Int64(rows.count)
    return ChannelKeys.Lane(
      name: "ehr", key: 7, waiting: waiting.count, waitingBytes: 0, doneThrough: waiting.first.map { $0 - 1 } ?? last,
      lastSequence: last, paused: false)
  }

  /// Commits some of what was handed over, as one group.
  func commit(now: Moment, using random: inout SeededRandom) throws {
    for _ in 0..<Int.random(in: 0...arrivals.count, using: &random) {
      if let unit = arrivals.popFirst() { try apply(unit, now, &random) }
    }
    for _ in 0..<Int.random(in: 0...units.count, using: &random) {
      if let unit = units.popFirst() { try apply(unit, now, &random) }
    }
  }

  private func apply(_ unit: Unit, _ now: Moment, _ random: inout SeededRandom) throws {
    switch unit {
    case .accept(let count):
      for _ in 0..<count {
        callbacks.append(.offer(add(now, bytes: Int.random(in: 1...120, using: &random), keys(&random))))
      }
    case .finish(let attempt):
      try finish(attempt)
      callbacks.append(.finished(attempt))
    case .cancel(let ids, let except):
      for sequence in waiting {
        let id = row(sequence).delivery.id
        if row(sequence).delivery.held != nil { continue }
        if !except.contains(id), ids?.contains(id) ?? true { leave(sequence, as: .cancelled) }
      }
      callbacks.append(.changed)
    case .release(let ids):
      for sequence in held(.delivery) where ids.contains(row(sequence).delivery.id) {
        rows[Int(sequence) - 1].delivery.held = nil
        rows[Int(sequence) - 1].delivery.dueAt = 0
      }
      callbacks.append(.changed)
    case .discard(let ids):
      for sequence in held(.delivery) where ids.contains(row(sequence).delivery.id) { leave(sequence, as: .cancelled) }
      callbacks.append(.changed)
    case .place:
      rows[Int(add(now, bytes: 0, []).sequence) - 1].delivery.held = .init(.place, "failed")
      for _ in 1..<Self.placeRoom {
        let room = add(now, bytes: 0, [])
        leave(room.sequence, as: .moved)
      }
      callbacks.append(.grown)
    case .fill(let sequence):
      fill(sequence, now, &random)
      callbacks.append(.changed)
    case .retryDead(let countMax):
      let dead = rows.filter { $0.state == .dead && !$0.delivery.damaged }.prefix(countMax)
      for row in dead {
        rows[Int(row.delivery.sequence) - 1].state = .moved
        add(row.delivery)
      }
      callbacks.append(.grown)
    case .resend:
      _ = add(now, bytes: 10, keys(&random))
      callbacks.append(.grown)
    }
  }

  static let placeRoom = 3

  /// The message was processed: its deliveries stand in its place.
  private func fill(_ sequence: Int64, _ now: Moment, _ random: inout SeededRandom) {
    guard row(sequence).delivery.held?.kind == .place else { return }
    leave(sequence, as: .moved)
    for next in sequence..<(sequence + Int64.random(in: 0...Int64(Self.placeRoom), using: &random)) {
      var delivery = add(now, bytes: Int.random(in: 1...120, using: &random), keys(&random))
      rows.removeLast()
      waiting.removeLast()
      delivery.sequence = next
      rows[Int(next) - 1] = Row(delivery: delivery)
      waiting.insert(next, at: waiting.firstIndex { $0 > next } ?? waiting.endIndex)
      callbacks.append(.offer(delivery))
    }
  }

  /// Mostly one key, sometimes two (a merge), seldom none.
  private func keys(_ random: inout SeededRandom) -> [UInt64] {
    guard keyCount > 0 else { return [] }
    let count = random.chance(0.03) ? 0 : random.chance(0.2) ? Int.random(in: 2...3, using: &random) : 1
    return Set((0..<count).map { _ in UInt64.random(in: 1...keyCount, using: &random) }).sorted()
  }

  private func add(_ now: Moment, bytes: Int, _ keys: [UInt64]) -> WaitingDelivery {
    minted = max(minted + 1, UInt64(max(0, now.wall)) << 15)
    let id = Identifier(high: minted, low: 0)
    add(
      WaitingDelivery(
        id: id, message: id, sequence: 0, payload: Payload(.hl7v2, [UInt8](repeating: 65, count: bytes)), rendered: [:],
        attempts: 0, dueAt: 0, delay: 0, possiblySent: false, damaged: false, orderKeys: keys))
    return rows[rows.count - 1].delivery
  }

  private func add(_ delivery: WaitingDelivery) {
    var delivery = delivery
    delivery.sequence = Int64(rows.count) + 1
    delivery.dueAt = 0
    delivery.delay = 0
    delivery.attempts = 0
    rows.append(Row(delivery: delivery))
    waiting.append(delivery.sequence)
  }

  private func finish(_ attempt: Attempt) throws {
    guard attempt.epoch == epoch else { throw ModelFailure("a finish of an older epoch") }
    let row = row(attempt.sequence)
    guard row.state == .waiting, row.delivery.id == attempt.delivery, row.delivery.held == nil else {
      throw ModelFailure("\(attempt.sequence) ended as \(attempt.end.word), and the store has it as \(row.state)")
    }
    switch attempt.end {
    case .delivered: leave(attempt.sequence, as: .delivered)
    case .dead: leave(attempt.sequence, as: .dead)
    case .withdrawn: leave(attempt.sequence, as: .cancelled)
    case .held(let reason, _): rows[Int(attempt.sequence) - 1].delivery.held = .init(.delivery, reason)
    case .waits(let dueAt, let delay, _, _):
      rows[Int(attempt.sequence) - 1].delivery.dueAt = dueAt
      rows[Int(attempt.sequence) - 1].delivery.delay = delay
    }
    rows[Int(attempt.sequence) - 1].delivery.attempts = attempt.attempts
    rows[Int(attempt.sequence) - 1].delivery.possiblySent = attempt.possiblySent
  }

  private func leave(_ sequence: Int64, as state: Row.State) {
    rows[Int(sequence) - 1].state = state
    if let index = waiting.firstIndex(of: sequence) { waiting.remove(at: index) }
  }

  func damage(_ sequence: Int64) {
    if row(sequence).delivery.held == nil { rows[Int(sequence) - 1].delivery.damaged = true }
  }

  /// What waits at this moment; may bring a little more than was asked for, as the protocol says.
  func read(_ part: WaitingPart) -> (deliveries: [WaitingDelivery], isAll: Bool) {
    var found: [WaitingDelivery] = []
    var bytes = 0
    for sequence in waiting where sequence > part.after && sequence <= part.through {
      if let key = part.key, !row(sequence).delivery.orderKeys.contains(key) { continue }
      if found.count == part.countMax || bytes >= part.bytesMax && !found.isEmpty { return (found, false) }
      found.append(row(sequence).delivery)
      if sequence <= suspectThrough { found[found.count - 1].possiblySent = true }
      if row(sequence).delivery.held != nil {
        // What is held comes without its payload: that it is damaged is seen when somebody lets it go.
        found[found.count - 1].payload = Payload(.hl7v2, [])
        found[found.count - 1].damaged = false
      }
      bytes += row(sequence).delivery.payload.byteCount
    }
    return (found, true)
  }

  /// The process died: what was not committed is gone, and nobody is called.
  func forget() {
    arrivals = []
    units = []
    callbacks = []
    answers = []
    epoch += 1
  }
}
