import DequeModule
import Messages
import Store

/// What waits in a collecting lane, in groups, and which of them is to be closed: pure, with the time as parameter.
///
/// All of it is made of what stands in the store: forgotten, it is the same again when it is read anew.
struct Gathering: Sendable {
  /// When a group is closed.
  struct Rule: Sendable {
    /// Whether the lane groups by a key; otherwise all that waits is one group.
    var isKeyed: Bool
    /// Milliseconds since the newest of the group came.
    var idle: Int64?
    /// So many, and no more, are in one.
    var countMax: Int
    /// Every day at this time.
    var daily: DailyTime?
    /// About what each takes in the message; `nil` where it is in it as it is.
    var bytesEach: Int?
  }

  /// What belongs together. What has no value of the key goes by itself, at once.
  enum Key: Hashable, Sendable {
    case all
    case of(UInt64)
    case alone(Int64)
  }

  /// Those that become one message, in the lane's order.
  struct Group: Sendable {
    var key: Key
    var members: [WaitingLine]
    var byteCount: Int
    /// When the newest of them came, on the wall clock.
    var newest: Int64
    /// The first time of day since the oldest of them came.
    var dailyDue: Int64
    /// No more go into it.
    var isFull = false
  }

  /// What each takes in the message beside its own bytes, and what all take: line ends and an envelope.
  static let bytesBeside = 4
  static let envelopeBytes = 1 << 10

  var rule: Rule
  /// What the other channel takes as one message; groups that were begun keep what they have.
  var bytesMax: Int
  /// By key, the oldest first: only that one may be closed.
  private(set) var groups: [Key: Deque<Group>] = [:]
  /// Groups that were refused are left for a while.
  private var rests: [Key: Rest] = [:]

  private struct Rest {
    /// On the wall clock.
    var until: Int64
    var failures: Int
    /// May quote the message.
    var reason: String
  }
  /// The number of the last that was added.
  private(set) var through: Int64 = 0
  private(set) var count = 0

  init(_ rule: Rule, bytesMax: Int) {
    self.rule = rule
    self.bytesMax = bytesMax
  }

  var groupCount: Int { groups.values.reduce(0) { $0 + $1.count } }

  // MARK: Events

  /// The next that waits in the lane.
  mutating func add(_ line: WaitingLine) {
    guard line.sequence > through else { return }
    through = line.sequence
    count += 1
    let key = rule.isKeyed ? line.orderKeys.first.map { Key.of($0) } ?? .alone(line.sequence) : .all
    let size = rule.bytesEach ?? line.byteCount + Self.bytesBeside
    // Taken out, so that a long group is not copied.
    var queue = groups.removeValue(forKey: key) ?? []
    if let last = queue.last, !last.isFull, last.byteCount + size > bytesMax { queue[queue.count - 1].isFull = true }
    if queue.last?.isFull != false {
      queue.append(
        Group(key: key, members: [], byteCount: Self.envelopeBytes, newest: line.createdAt, dailyDue: .max))
    }
    let index = queue.count - 1
    queue[index].members.append(line)
    queue[index].byteCount += size
    if let daily = rule.daily {
      queue[index].dailyDue = min(queue[index].dailyDue, daily.next(after: line.createdAt))
    }
    queue[index].newest = max(queue[index].newest, line.createdAt)
    if queue[index].members.count >= rule.countMax { queue[index].isFull = true }
    if case .alone = key { queue[index].isFull = true }
    groups[key] = queue
  }

  /// A group has become a message. Where only its first have, the others are read anew.
  mutating func closed(_ key: Key) {
    guard let group = groups[key]?.popFirst() else { return }
    if groups[key]?.isEmpty == true { groups[key] = nil }
    count -= group.members.count
    rests[key] = nil
  }

  /// A group was refused: it is tried again in a while, and those of other keys go on.
  mutating func refused(_ key: Key, _ reason: String, now: Int64) {
    let failures = (rests[key]?.failures ?? 0) + 1
    rests[key] = Rest(
      until: now + min(600_000, 1000 << Int64(min(failures - 1, 10))), failures: failures, reason: reason)
  }

  /// Whether a group that was refused still waits.
  mutating func hasRefused() -> Bool {
    if !rests.isEmpty { rests = rests.filter { groups[$0.key] != nil } }
    return !rests.isEmpty
  }

  /// Everything is tried at once again.
  mutating func tryAgain() { for key in rests.keys { rests[key]?.until = 0 } }

  /// What waits was changed: it is read anew. What was refused is remembered.
  mutating func forget() {
    groups = [:]
    (through, count) = (0, 0)
  }

  // MARK: Decisions

  /// The group that is to be closed now: of those that are due the one whose first came first.
  func next(now: Int64) -> Group? {
    var best: Group?
    for queue in groups.values {
      guard let group = queue.first, due(group, now: now) <= now else { continue }
      if let known = best, known.members[0].sequence < group.members[0].sequence { continue }
      best = group
    }
    return best
  }

  /// When the next group is closed; `nil` where none waits for a time.
  func nextDue(now: Int64) -> Int64? {
    groups.values.lazy.compactMap { $0.first.map { due($0, now: now) } }.min()
  }

  /// When a group is closed. A clock that was set back makes none wait longer than `idle`.
  private func due(_ group: Group, now: Int64) -> Int64 {
    var due: Int64 = .max
    if group.isFull { due = min(group.newest, now) }
    if let idle = rule.idle { due = min(due, min(group.newest, now) + idle) }
    due = min(due, group.dailyDue)
    return max(due, rests[group.key]?.until ?? 0)
  }

  // MARK: What people see

  /// What some of those that wait are in, by their numbers.
  ///
  /// - Parameter isHeld: nothing is closed, whatever its time.
  func waits(of sequences: Set<Int64>, now: Int64, isHeld: Bool = false) -> [Int64: DeliveryRecord.Gathered] {
    var found: [Int64: DeliveryRecord.Gathered] = [:]
    for (key, queue) in groups {
      for (index, group) in queue.enumerated() {
        let rest = index == 0 ? rests[key] : nil
        // Those behind it are closed when it is.
        let due = index == 0 && !isHeld ? due(group, now: now) : .max
        for member in group.members where sequences.contains(member.sequence) {
          found[member.sequence] = DeliveryRecord.Gathered(
            others: group.members.count - 1, closedAt: due == .max ? nil : due, refusals: rest?.failures ?? 0,
            refusal: rest?.reason)
        }
      }
    }
    return found
  }
}
