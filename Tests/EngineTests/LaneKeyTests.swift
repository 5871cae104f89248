import Messages
import Store
import Testing

@testable import Engine

/// Lanes that order by key, or not at all: what may go past what, and what a key that doesn't get on costs the others.
@Suite struct LaneKeyTests {
  private static func policy(
    inFlight: Int = 8, held: Int = 512, _ order: KeyOrder.Rule = .keys
  ) -> LanePolicy {
    var policy = LanePolicy.plain
    policy.order = order
    policy.inFlight = inFlight
    policy.heldCountMax = held
    return policy
  }

  @Test func `messages of one key go one after the other, those of others at once`() {
    var lane = LaneBench(Self.policy())
    lane.offer(1, keys: [7])
    lane.offer(2, keys: [7])
    lane.offer(3, keys: [8])
    #expect(lane.sent() == [1, 3])
    lane.taken(3)
    #expect(lane.sent() == [])
    lane.taken(1)
    #expect(lane.sent() == [2])
  }

  @Test func `no more are under way at once than may be`() {
    var lane = LaneBench(Self.policy(inFlight: 2))
    for sequence in 1...4 { lane.offer(Int64(sequence), keys: [UInt64(sequence)]) }
    #expect(lane.sent() == [1, 2])
    lane.taken(2)
    #expect(lane.sent() == [3])
  }

  @Test func `a merge waits for both of its numbers, and holds back what comes behind it with either`() {
    var lane = LaneBench(Self.policy())
    lane.offer(1, keys: [7])
    lane.offer(2, keys: [8])
    lane.offer(3, keys: [7, 8])
    lane.offer(4, keys: [8])
    lane.offer(5, keys: [9])
    #expect(lane.sent() == [1, 2, 5])
    lane.taken(2)
    #expect(lane.sent() == [])
    lane.taken(1)
    #expect(lane.sent() == [3])
    lane.taken(3)
    #expect(lane.sent() == [4])
  }

  @Test func `what has no key waits for all before it and holds all behind it`() {
    var lane = LaneBench(Self.policy())
    lane.offer(1, keys: [7])
    lane.offer(2, keys: [])
    lane.offer(3, keys: [8])
    #expect(lane.sent() == [1])
    lane.taken(1)
    #expect(lane.sent() == [2])
    lane.taken(2)
    // It stayed in the store behind the one without a key.
    lane.refilledKeyed([(3, [8])], all: true)
    #expect(lane.sent() == [3])
  }

  @Test func `without an order what is refused waits alone`() {
    var lane = LaneBench(Self.policy(inFlight: 1, KeyOrder.Rule.none))
    for sequence in 1...3 { lane.offer(Int64(sequence), keys: []) }
    lane.refused(1)
    #expect(lane.sent() == [1, 2])
    lane.taken(2)
    #expect(lane.sent() == [3])
    lane.taken(3)
    lane.pass(1000)
    #expect(lane.sent() == [1])
  }

  @Test func `a key that doesn't get on takes no room from the others`() {
    var lane = LaneBench(Self.policy(held: 32))
    lane.offer(1, keys: [7])
    lane.refused(1)
    #expect(lane.sent() == [1])
    // A thousand behind it, and one of another key after each.
    for sequence in stride(from: Int64(2), through: 2000, by: 2) {
      lane.offer(sequence, keys: [7])
      lane.offer(sequence + 1, keys: [8])
      #expect(lane.sent() == [sequence + 1])
      lane.taken(sequence + 1)
      lane.durable(1)
    }
    lane.durable(1)
    #expect(lane.machine.held.count == 1)
    #expect(lane.refills.isEmpty && !lane.machine.isBehind)
    // Its turn comes: what waits behind it is read from the store, a little at a time.
    lane.pass(1000)
    #expect(lane.sent() == [1])
    lane.taken(1)
    #expect(lane.refills.count == 1)
    #expect(lane.refills[0] == WaitingPart(after: 1, through: 2001, key: 7, countMax: 2, bytesMax: 4 << 20))
    lane.refilledKeyed([(2, [7]), (4, [7])], all: false)
    #expect(lane.sent() == [2])
    lane.taken(2)
    lane.taken(4)
    #expect(lane.sent() == [4])
    #expect(lane.refills.count == 2 && lane.refills[1].after == 4)
  }

  @Test func `what leaves memory behind a refused message takes what comes behind its other keys with it`() {
    var lane = LaneBench(Self.policy(inFlight: 1))
    lane.offer(1, keys: [7])
    lane.offer(2, keys: [7, 8])
    lane.offer(3, keys: [8])
    lane.offer(4, keys: [9])
    lane.refused(1)
    #expect(lane.sent() == [1, 4])
    #expect(lane.machine.held.count == 2)
    lane.taken(4)
    lane.pass(1000)
    lane.taken(1)
    // The merge is read for its first key; what stands behind it with the other when it is over.
    #expect(lane.refills.map(\.key) == [7])
    lane.refilledKeyed([(2, [7, 8])], all: true)
    #expect(lane.sent() == [1, 2])
    lane.taken(2)
    #expect(lane.refills.map(\.key) == [7, 8])
    lane.refilledKeyed([(3, [8])], all: true)
    #expect(lane.sent() == [3])
  }

  @Test func `after a merge its keys have nothing to do with each other any more`() {
    var policy = Self.policy(held: 16)
    policy.refused = ["AE": 0]
    policy.holdsRefused = true
    var lane = LaneBench(policy)
    for (sequence, keys) in [(1, [7]), (2, [7, 8]), (3, [7]), (4, [8]), (5, [8]), (6, [7])] {
      lane.offer(Int64(sequence), keys: keys.map { UInt64($0) })
    }
    lane.taken(1)
    lane.refilledKeyed([(2, [7, 8])], all: false)
    lane.taken(2)
    lane.refilledKeyed([(3, [7])], all: false)
    lane.refilledKeyed([(4, [8])], all: false)
    #expect(lane.sent() == [1, 2, 3, 4])
    // The first key is held until a person decides; the other goes on.
    lane.refused(3)
    lane.taken(4)
    #expect(lane.refills.map(\.key) == [7, 7, 8, 8])
    lane.refilledKeyed([(5, [8])], all: true)
    #expect(lane.sent() == [5] && lane.machine.heldFirst?.delivery.sequence == 3)
  }

  @Test func `a merge behind a held message stays in the store, and takes no room`() {
    var policy = Self.policy(held: 16)
    policy.refused = ["AE": 0]
    policy.holdsRefused = true
    var lane = LaneBench(policy)
    for (sequence, keys) in [(1, [7]), (2, [8]), (3, [8]), (4, [7, 8])] {
      lane.offer(Int64(sequence), keys: keys.map { UInt64($0) })
    }
    lane.refused(1)
    lane.taken(2)
    lane.refilledKeyed([(3, [8])], all: false)
    lane.taken(3)
    lane.refilledKeyed([(4, [7, 8])], all: true)
    #expect(lane.sent() == [1, 2, 3])
    #expect(lane.machine.held.count == 0 && lane.machine.heldFirst?.delivery.sequence == 1)
  }

  @Test func `one connection that is refused doesn't stop what the others carry, and isn't tried in a circle`() {
    var lane = LaneBench(Self.policy(inFlight: 2))
    for sequence in 1...3 { lane.offer(Int64(sequence), keys: [UInt64(sequence)]) }
    #expect(lane.sent() == [1, 2])
    lane.unreachable(1)
    #expect(lane.machine.outage != nil)
    lane.taken(2)
    #expect(lane.machine.outage == nil)
    #expect(lane.sent() == [3])
    lane.taken(3)
    #expect(lane.sent() == [])
    lane.pass(1000)
    #expect(lane.sent() == [1])
  }

  @Test func `a partner that is away is tried with one message, at once when the lane is resumed`() {
    var lane = LaneBench(Self.policy())
    for sequence in 1...3 { lane.offer(Int64(sequence), keys: [UInt64(sequence)]) }
    for sequence in 1...3 { lane.unreachable(Int64(sequence)) }
    #expect(lane.sent() == [1, 2, 3])
    lane.event { $0.resume($1) }
    #expect(lane.sent() == [1])
    lane.taken(1)
    #expect(lane.sent() == [2, 3])
  }

  @Test func `a partner that serves fewer connections is not called in a circle with one message after the other`() {
    var lane = LaneBench(Self.policy(inFlight: 4))
    for sequence in 1...20 { lane.offer(Int64(sequence), keys: [UInt64(sequence)]) }
    #expect(lane.sent() == [1, 2, 3, 4])
    // It serves two.
    lane.unreachable(3)
    lane.unreachable(4)
    lane.taken(1)
    #expect(lane.sent() == [5])
    lane.taken(2)
    #expect(lane.sent() == [6])
    // A second later one more is tried, and no more than one.
    lane.pass(1000)
    lane.taken(5)
    #expect(lane.sent().count == 2)
  }

  @Test func `what is larger than a lane may hold doesn't keep what is parked out of memory`() {
    var policy = Self.policy()
    policy.heldBytesMax = 100
    var lane = LaneBench(policy, waiting: 3)
    lane.refilledKeyed([(1, [7]), (2, [7])], all: false)
    #expect(lane.sent() == [1])
    lane.refilledKeyed([(3, [])], bytes: 500, all: true)
    lane.refused(1)
    lane.pass(1000)
    lane.taken(1)
    #expect(lane.refills.last?.key == 7)
    lane.refilledKeyed([(2, [7])], all: true)
    #expect(lane.sent() == [1, 2])
    lane.taken(2)
    #expect(lane.sent() == [3])
  }

  @Test func `what rested when the engine stopped keeps what stands behind it out of memory too`() {
    var lane = LaneBench(Self.policy(held: 32), waiting: 3)
    var rests = LaneBench.delivery(1)
    rests.orderKeys = [7]
    (rests.dueAt, rests.delay) = (LaneBench.start + 500, 500)
    lane.event { $0.refilled([rests], all: false, $1) }
    lane.refilledKeyed([(2, [7]), (3, [8])], all: true)
    #expect(lane.sent() == [3])
    #expect(lane.machine.held.count == 2)
    #expect(lane.machine.resting(lane.now) == (1, 1))
    lane.pass(500)
    #expect(lane.sent() == [1])
  }

  @Test func `deliveries without a key are read few at a time, as each keeps the next out of memory`() {
    var lane = LaneBench(Self.policy(), waiting: 100)
    lane.refilledKeyed((1...100).map { (Int64($0), []) }, all: true)
    #expect(lane.sent() == [1])
    lane.taken(1)
    #expect(lane.refills.last?.countMax == 2)
  }

  @Test func `resuming doesn't bring what was refused forward`() {
    var lane = LaneBench(Self.policy())
    for sequence in 1...2 { lane.offer(Int64(sequence), keys: [UInt64(sequence)]) }
    lane.refused(1, retryAfter: 60_000)
    lane.unreachable(2)
    #expect(lane.sent() == [1, 2])
    lane.event { $0.resume($1) }
    #expect(lane.sent() == [2])
  }

  @Test func `an end that isn't durable yet is not sent again when the store was changed meanwhile`() {
    var lane = LaneBench(Self.policy())
    lane.offer(1, keys: [7])
    lane.offer(2, keys: [7])
    lane.offer(3, keys: [8])
    lane.taken(3)
    lane.event { machine, _ in machine.letGo() }
    lane.event { $0.changed($1) }
    #expect(lane.sent() == [1, 3])
    // The store still shows what the partner has taken.
    lane.refilledKeyed([(2, [7]), (3, [8])], all: true)
    lane.taken(1)
    #expect(lane.sent() == [2])
  }
}

extension LaneBench {
  mutating func offer(_ sequence: Int64, keys: [UInt64]) {
    event { $0.offer(Self.keyed(sequence, keys), $1) }
  }

  mutating func refilledKeyed(_ deliveries: [(Int64, [UInt64])], bytes: Int = 10, all: Bool) {
    event { $0.refilled(deliveries.map { Self.keyed($0.0, $0.1, bytes: bytes) }, all: all, $1) }
  }

  private static func keyed(_ sequence: Int64, _ keys: [UInt64], bytes: Int = 10) -> WaitingDelivery {
    var delivery = delivery(sequence, bytes: bytes)
    delivery.orderKeys = keys
    return delivery
  }
}
