import Messages
import Store
import Testing

@testable import Engine

/// What a lane does with what keeps its place until a person decides.
@Suite struct LaneHeldTests {
  private static var holding: LanePolicy {
    var policy = LanePolicy.plain
    policy.refused = ["AE": 0, "AR": 0]
    policy.holdsRefused = true
    return policy
  }

  private func held(_ sequence: Int64, _ kind: WaitingDelivery.Held.Kind) -> WaitingDelivery {
    var delivery = LaneBench.delivery(sequence, bytes: 0)
    delivery.held = WaitingDelivery.Held(kind, "why")
    return delivery
  }

  @Test func `what is refused too often stands, is asked for no time, and is never given up for its age`() {
    var policy = Self.holding
    policy.retry.forMilliseconds = 1000
    var lane = LaneBench(policy)
    lane.offer(1...3)
    lane.refused(1)
    #expect(lane.ended() == ["1 held"])
    lane.durable(1)
    lane.pass(1_000_000)
    #expect(lane.sent() == [1] && lane.wakes.isEmpty && lane.machine.nextTry == nil)
    #expect(lane.machine.heldFirst?.delivery.sequence == 1 && lane.machine.held == (2, 20, 0))
    #expect(lane.ended() == [])
  }

  @Test func `released it is tried again in its place, with a fresh budget`() {
    var lane = LaneBench(Self.holding)
    lane.offer(1...3)
    lane.refused(1)
    lane.durable(1)
    lane.event { machine, _ in machine.letGo() }
    lane.event { $0.changed($1) }
    #expect(lane.refills.last?.after == 0)
    lane.refilled(1...3, all: true)
    #expect(lane.sent() == [1, 1])
    lane.taken(1)
    #expect(lane.sent() == [2] && lane.machine.heldFirst == nil)
  }

  @Test func `a hold that is not durable yet is not lost when the lane lets go`() {
    var lane = LaneBench(Self.holding)
    lane.offer(1...2)
    lane.refused(1)
    lane.event { machine, _ in machine.letGo() }
    lane.event { $0.changed($1) }
    // The store does not know of the hold yet.
    lane.refilled(1...2, all: true)
    lane.pass(10_000)
    #expect(lane.sent() == [1] && lane.machine.heldFirst?.delivery.sequence == 1)
    // When it does, a person can release it.
    lane.durable(1)
    lane.event { machine, _ in machine.letGo() }
    lane.event { $0.changed($1) }
    lane.refilled(1...2, all: true)
    #expect(lane.sent() == [1])
    lane.taken(1)
    #expect(lane.sent() == [2])
  }

  @Test func `what was sent ahead of it ends, and nothing more goes`() {
    var policy = Self.holding
    policy.window = 3
    var lane = LaneBench(policy)
    lane.offer(1...5)
    lane.refused(1)
    lane.taken(2)
    lane.taken(3)
    #expect(lane.sent() == [1, 2, 3])
    #expect(lane.ended() == ["1 held", "2 delivered", "3 delivered"])
  }

  @Test func `the place of a failed message is stood at, and what was put there goes before what came later`() {
    var lane = LaneBench(waiting: 1)
    lane.event { [held = held(1, .place)] in $0.refilled([held], all: true, $1) }
    lane.offer(9...10)
    lane.refilled([9, 10], all: true)
    #expect(lane.sent() == [] && lane.machine.heldFirst?.delivery.held?.kind == .place)
    lane.event { machine, _ in machine.letGo() }
    lane.offer(1...2)
    lane.event { $0.changed($1) }
    lane.refilled([1, 2, 9, 10], all: true)
    for sequence in [1, 2, 9, 10] as [Int64] { lane.taken(sequence) }
    #expect(lane.sent() == [1, 2, 9, 10])
  }

  @Test func `an answer that comes by itself to something behind it is not taken, and what was put there goes first`() {
    var lane = LaneBench(waiting: 3)
    var sentBefore = LaneBench.delivery(10)
    sentBefore.possiblySent = true
    lane.event { [held = held(1, .place)] in $0.refilled([held, LaneBench.delivery(9), sentBefore], all: true, $1) }
    lane.event { machine, _ in #expect(machine.claim { $0.sequence == 10 } == nil) }
    lane.event { machine, _ in machine.letGo() }
    lane.event { $0.changed($1) }
    #expect(lane.refills.last?.after == 0)
    lane.refilled([1, 2, 3, 9], all: true)
    for sequence in [1, 2, 3, 9] as [Int64] { lane.taken(sequence) }
    #expect(lane.sent() == [1, 2, 3, 9])
  }

  @Test func `what was put there goes before what waits behind something that can't be sent`() {
    var lane = LaneBench(waiting: 3)
    var damaged = LaneBench.delivery(10)
    damaged.damaged = true
    lane.event { [held = held(1, .place)] in $0.refilled([held, LaneBench.delivery(9), damaged], all: true, $1) }
    #expect(lane.ended() == ["10 dead"])
    lane.event { machine, _ in machine.letGo() }
    lane.durable(1)
    lane.event { $0.changed($1) }
    #expect(lane.refills.last?.after == 0)
    lane.refilled([1, 2, 9], all: true)
    for sequence in [1, 2, 9] as [Int64] { lane.taken(sequence) }
    #expect(lane.sent() == [1, 2, 9])
  }

  @Test(arguments: [KeyOrder.Rule.none, .keys])
  func `many that are released at once come into memory as there is room for them`(_ order: KeyOrder.Rule) {
    var policy = Self.holding
    policy.order = order
    policy.heldCountMax = 4
    policy.inFlight = 1
    policy.refused["AE"] = 3
    func delivery(_ sequence: Int64) -> WaitingDelivery {
      var delivery = LaneBench.delivery(sequence)
      delivery.orderKeys = [UInt64(sequence)]
      return delivery
    }
    var lane = LaneBench(policy, waiting: 100)
    lane.event { machine, now in
      let held = (1...99).map { (sequence: Int64) in
        var delivery = delivery(sequence)
        delivery.held = WaitingDelivery.Held(.delivery, "why")
        return delivery
      }
      machine.refilled(held + [delivery(100)], all: true, now)
    }
    // It rests when the others are released, and its count of refusals is kept.
    lane.refused(100)
    lane.durable(1)
    #expect(lane.sent() == [100])
    var reads = lane.refills.count
    lane.event { machine, _ in machine.letGo() }
    lane.event { $0.changed($1) }
    var over: Set<Int64> = []
    var most = 0
    for _ in 1...1000 {
      if reads < lane.refills.count, let part = lane.refills.last {
        reads += 1
        let rows = (1...100).filter { $0 > part.after && !over.contains($0) }
        let found = rows.prefix(part.countMax).map { delivery($0) }
        lane.event { $0.refilled(found, all: found.count == rows.count, $1) }
      }
      most = max(most, lane.machine.held.count)
      for sequence in lane.sent() {
        over.insert(sequence)
        lane.taken(sequence)
        lane.durable(1)
      }
      lane.pass(10)
    }
    #expect(over.count == 100 && most <= 4)
  }

  @Test func `what waits behind a held delivery that was kept when the lane let go stays in the store`() {
    var policy = Self.holding
    policy.order = .keys
    var lane = LaneBench(policy)
    lane.offer(1, keys: [7])
    lane.refused(1)
    // That it is held isn't durable yet, so it is kept.
    lane.event { machine, _ in machine.letGo() }
    lane.durable(1)
    lane.event { $0.changed($1) }
    var held = LaneBench.delivery(1, bytes: 0)
    held.held = WaitingDelivery.Held(.delivery, "why")
    held.orderKeys = [7]
    var behind = LaneBench.delivery(2)
    behind.orderKeys = [7]
    lane.event { [held, behind] in $0.refilled([held, behind], all: true, $1) }
    #expect(lane.sent() == [1] && lane.machine.held.count == 0 && lane.machine.heldFirst?.count == 1)
  }

  @Test func `a reply transform's verdicts end, hold and retry, and one that failed is flagged`() {
    var lane = LaneBench(Self.holding)
    lane.offer(1...4)
    let reply = Payload(.hl7v2, [])
    lane.end(1, .judged(.done(follows: nil), summary: "AE", reply: reply))
    lane.end(2, .judged(.dead(reason: "no"), summary: "AA", reply: reply))
    lane.end(3, .judged(.failed(reason: "a field is no date"), summary: "AA", reply: reply))
    #expect(lane.sent() == [1, 2, 3])
    #expect(lane.ended() == ["1 delivered", "2 dead", "3 held"])
    #expect(lane.finishes.last?.possiblySent == true)
    #expect(lane.finishes.last?.end.reason == "AA, and the reply transform failed: a field is no date")
  }

  @Test func `a retry that a reply transform wants has its own tries`() {
    var policy = LanePolicy.plain
    policy.refused["retry"] = 1
    var lane = LaneBench(policy)
    lane.offer(1...1)
    for _ in 1...2 {
      lane.end(1, .judged(.retry(reason: "later"), summary: "AA", reply: Payload(.hl7v2, [])))
      lane.pass(10_000)
    }
    #expect(lane.sent() == [1, 1] && lane.ended() == ["1 waits", "1 dead"])
  }
}
