import DequeModule

/// Which deliveries of a lane may go past others: those that share no key with an earlier one that isn't over. A
/// delivery without a key waits for all before it and holds all behind it.
///
/// What is in memory is known by its sequence number. What waits behind a key that doesn't get on (its first delivery
/// rests until its next try, or it has very many) is not kept in memory, or it would crowd out everybody else: its keys
/// are *parked*, and read from the store when their turn comes.
///
/// Invariants:
/// - Of a parked key, what is in memory lies before `from`, and everything that waits from there on is in the store
///   only.
/// - A delivery that is left in the store parks all its keys: what comes behind it must not pass it.
/// - Behind a delivery without a key nothing is taken into memory.
package struct KeyOrder: Sendable {
  package enum Rule: Sendable, Equatable { case keys, none }

  private struct Parked {
    /// The first that is in the store only, or may be.
    var from: Int64
    /// How many are.
    var count = 0
    /// What comes first has this key too, and that one isn't as far.
    var behind: UInt64?
  }

  let rule: Rule
  /// So many deliveries of one key are kept in memory; the rest is parked.
  private let shareMax: Int
  /// So many keys may be parked before the lane reads no further.
  static let parkedMax = 65_536

  private var count = 0
  /// In memory, by key, in order.
  private var queues: [UInt64: Deque<Int64>] = [:]
  /// How many keys of a delivery have another one in front of it; not there where none has.
  private var blockers: [Int64: Int] = [:]
  /// What may be sent, in order.
  private var free: Deque<Int64> = []
  /// Not before these moments of the steady clock.
  private var resting: [Int64: Int64] = [:]
  private var barrier: Int64?
  /// A delivery without a key comes next, and waits until nothing is parked.
  private var barrierComes = false
  /// Deliveries that are in the store only, counted with each of their keys.
  private var parkedCount = 0
  private var parked: [UInt64: Parked] = [:]
  /// Parked keys that may have come to their turn.
  private var candidates: Deque<UInt64> = []
  /// Parked keys that wait for another key to be read first.
  private var followers: [UInt64: [UInt64]] = [:]

  init(_ rule: Rule, heldCountMax: Int) {
    self.rule = rule
    shareMax = max(1, heldCountMax / 16)
  }

  // MARK: What is asked

  /// Nothing more may come into memory from the lane's end.
  var isClosed: Bool { barrier != nil || parked.count >= Self.parkedMax || barrierComes && parkedCount > 0 }
  var freeCount: Int { free.count }
  /// The next moment at which something that rests may go.
  var earliestDue: Int64? { resting.values.min().flatMap { $0 == .max ? nil : $0 } }
  /// A delivery without a key is all that is in memory, and waits for what is parked.
  var isBarrierAlone: Bool { barrier != nil && count == 1 && parkedCount > 0 }
  /// Before this number nothing that waits is in the store only.
  var firstParked: Int64? { parked.values.lazy.filter { $0.count > 0 }.map(\.from).min() }
  /// How many keys have deliveries in the store only.
  var parkedKeyCount: Int { parked.values.lazy.filter { $0.count > 0 }.count }

  // MARK: Deliveries in memory

  /// A delivery came into memory, behind all others of its keys.
  mutating func add(_ sequence: Int64, _ keys: [UInt64], due: Int64) {
    count += 1
    if due > 0 { resting[sequence] = due }
    if rule == .keys, keys.isEmpty {
      (barrier, barrierComes) = (sequence, false)
      blockers[sequence] = 1
      return freeBarrier()
    }
    var blocked = 0
    if rule == .keys {
      for key in keys {
        if queues[key] != nil { blocked += 1 }
        queues[key, default: []].append(sequence)
      }
    }
    if blocked > 0 { blockers[sequence] = blocked } else { becomeFree(sequence) }
  }

  /// The first that may be sent; it stays in front of its keys until it is removed.
  mutating func take() -> Int64? { free.popFirst() }

  /// Takes a certain one, which rests or may be sent; `false` where something is in front of it.
  mutating func take(_ sequence: Int64) -> Bool {
    guard blockers[sequence] == nil else { return false }
    resting[sequence] = nil
    removeFree(sequence)
    return true
  }

  /// What was taken may go again.
  mutating func giveBack(_ sequence: Int64) { becomeFree(sequence) }

  /// What is free rests until `due`.
  mutating func rest(_ sequence: Int64, until due: Int64) {
    removeFree(sequence)
    resting[sequence] = due
  }

  /// What has rested long enough may go.
  mutating func wake(_ now: Int64) {
    guard !resting.isEmpty else { return }
    for sequence in resting.filter({ $0.value <= now }).keys.sorted() {
      resting[sequence] = nil
      if blockers[sequence] == nil { becomeFree(sequence) }
    }
  }

  /// What rests may go at once.
  mutating func wake(only sequence: Int64) {
    guard resting.removeValue(forKey: sequence) != nil, blockers[sequence] == nil else { return }
    becomeFree(sequence)
  }

  /// A delivery is over, or leaves memory.
  mutating func remove(_ sequence: Int64, _ keys: [UInt64]) {
    count -= 1
    resting[sequence] = nil
    if barrier == sequence { barrier = nil }
    if blockers.removeValue(forKey: sequence) == nil { removeFree(sequence) }
    if rule == .keys { for key in keys { leave(sequence, key) } }
    freeBarrier()
  }

  private mutating func leave(_ sequence: Int64, _ key: UInt64) {
    guard var queue = queues.removeValue(forKey: key) else { return }
    let wasFirst = queue.first == sequence
    if wasFirst { queue.removeFirst() } else { queue.removeAll { $0 == sequence } }
    guard let next = queue.first else {
      guard let waits = parked[key] else { return }
      if waits.count == 0 { return unpark(key) }
      candidates.append(key)
      return advance(key)
    }
    queues[key] = queue
    guard wasFirst, let blocked = blockers[next] else { return }
    blockers[next] = blocked > 1 ? blocked - 1 : nil
    if blocked == 1 { becomeFree(next) }
  }

  private mutating func becomeFree(_ sequence: Int64) {
    guard resting[sequence] == nil else { return }
    let index = free.firstIndex(notBefore: sequence) { $0 }
    if index == free.endIndex || free[index] != sequence { free.insert(sequence, at: index) }
  }

  private mutating func removeFree(_ sequence: Int64) {
    let index = free.firstIndex(notBefore: sequence) { $0 }
    if index < free.endIndex, free[index] == sequence { free.remove(at: index) }
  }

  /// Nothing is in front of it any more, neither in memory nor in the store.
  private mutating func freeBarrier() {
    guard let barrier, count == 1, parkedCount == 0, blockers.removeValue(forKey: barrier) != nil else { return }
    becomeFree(barrier)
  }

  // MARK: Parked keys

  /// What comes behind this delivery, which rests, is left in the store.
  mutating func park(behind sequence: Int64, _ keys: [UInt64]) {
    guard rule == .keys else { return }
    for key in keys where parked[key] == nil { parked[key] = Parked(from: sequence + 1) }
  }

  /// Whether a delivery in memory must leave it, because it stands behind one that rests.
  ///
  /// - Parameter stuck: the keys of what rests, and of what left so far. Asked in the order of the lane.
  mutating func evicts(_ sequence: Int64, _ keys: [UInt64], _ stuck: inout Set<UInt64>) -> Bool {
    guard rule == .keys, let first = keys.first(where: { stuck.contains($0) }) else { return false }
    for key in keys {
      var waits = parked[key] ?? Parked(from: sequence)
      if waits.count == 0 || sequence < waits.from {
        waits.from = sequence
        waits.behind = key == first ? nil : first
        advance(key)
      }
      waits.count += 1
      parkedCount += 1
      parked[key] = waits
      stuck.insert(key)
    }
    return true
  }

  /// Whether a delivery that comes from the lane's end may come into memory, where it isn't parked.
  mutating func isOpen(to keys: [UInt64]) -> Bool {
    if rule == .keys, keys.isEmpty { barrierComes = true }
    return !isClosed
  }

  /// Whether a delivery that comes from the lane's end is left in the store.
  mutating func parks(_ sequence: Int64, _ keys: [UInt64]) -> Bool {
    guard rule == .keys else { return false }
    guard let first = keys.first(where: { parked[$0] != nil || (queues[$0]?.count ?? 0) >= shareMax }) else {
      return false
    }
    for key in keys {
      if parked[key] == nil {
        parked[key] = Parked(from: sequence, behind: key == first ? nil : first)
        if queues[key] == nil { candidates.append(key) }
      }
      if parked[key]?.count == 0 {
        parked[key]?.from = sequence
        parked[key]?.behind = key == first ? nil : first
        advance(key)
      }
      parked[key]?.count += 1
      parkedCount += 1
    }
    return true
  }

  /// Some parked keys may have come to their turn.
  var hasCandidates: Bool { !candidates.isEmpty }

  /// A parked key of which nothing is in memory, the number from which on it is read, and how many there are.
  mutating func nextToRead() -> (key: UInt64, from: Int64, count: Int)? {
    while let key = candidates.popFirst() {
      guard let waits = parked[key], queues[key] == nil else { continue }
      if waits.count == 0 {
        unpark(key)
        continue
      }
      if let behind = waits.behind, isBlocked(waits, by: behind) {
        followers[behind, default: []].append(key)
        continue
      }
      return (key, waits.from, waits.count)
    }
    return nil
  }

  /// The first of the other key comes before what waits here; or it is the same one, and the other key isn't through
  /// with what it has in memory.
  private func isBlocked(_ waits: Parked, by key: UInt64) -> Bool {
    guard let other = parked[key], other.count > 0 else { return false }
    return other.from < waits.from || other.from == waits.from && queues[key] != nil
  }

  /// Whether a delivery that was read for `key` may come into memory; where not, it has another key that isn't as far.
  mutating func unparks(_ sequence: Int64, _ keys: [UInt64], readFor key: UInt64) -> Bool {
    let ahead = keys.first { other in
      guard other != key, let waits = parked[other], waits.count > 0 else { return false }
      // In memory behind what the other key has there, it would only take up room: that one may be held for days.
      return waits.from < sequence || waits.from == sequence && queues[other] != nil
    }
    if let ahead {
      parked[key]?.from = sequence
      parked[key]?.behind = ahead
      candidates.append(key)
      advance(key)
      return false
    }
    for key in keys {
      guard let waits = parked[key] else { continue }
      parked[key]?.from = sequence + 1
      // It was this delivery that stood behind the other key; what comes next may have nothing to do with that one.
      parked[key]?.behind = nil
      if waits.count > 0 {
        parked[key]?.count = waits.count - 1
        parkedCount -= 1
      }
      advance(key)
    }
    return true
  }

  /// A parked key was read.
  ///
  /// - Parameter all: nothing more of it waits in the store.
  mutating func haveRead(_ key: UInt64, all: Bool) {
    if all || parked[key]?.count == 0 {
      unpark(key)
    } else if queues[key] == nil {
      candidates.append(key)
    }
    freeBarrier()
  }

  /// Nothing is parked any more: what waits is read from the store again.
  mutating func forgetParked() {
    parked = [:]
    parkedCount = 0
    candidates = []
    followers = [:]
    barrierComes = false
  }

  private mutating func unpark(_ key: UInt64) {
    parkedCount -= parked.removeValue(forKey: key)?.count ?? 0
    advance(key)
  }

  private mutating func advance(_ key: UInt64) {
    if let waiting = followers.removeValue(forKey: key) { candidates.append(contentsOf: waiting) }
  }
}

extension Deque {
  /// Where the element with a sequence number stands, or would stand, in this row whose numbers grow.
  func firstIndex(notBefore sequence: Int64, by number: (Element) -> Int64) -> Int {
    var (low, high) = (startIndex, endIndex)
    while low < high {
      let middle = low + (high - low) / 2
      if number(self[middle]) < sequence { low = middle + 1 } else { high = middle }
    }
    return low
  }
}
