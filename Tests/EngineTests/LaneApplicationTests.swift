import Messages
import Store
import Testing

@testable import Engine

/// What a lane does with messages that its partner accepted without telling what came of them.
@Suite struct LaneApplicationTests {
  @Test func `unanswered it is dead, and its next attempt a possible duplicate`() {
    var policy = LanePolicy.plain
    policy.refused["unanswered"] = 1
    var lane = LaneBench(policy)
    lane.offer(1...2)
    lane.end(1, .unanswered(reason: "nothing came", code: "unanswered", reply: nil))
    #expect(lane.machine.outage == nil)
    #expect(lane.finishes.map(\.possiblySent) == [true])
    lane.pass(1000)
    #expect(lane.sends.map(\.sequence) == [1, 1])
    #expect(lane.sends.map(\.possiblySent) == [false, true])
    lane.end(1, .unanswered(reason: "nothing came", code: "unanswered", reply: nil))
    #expect(lane.ended() == ["1 waits", "1 dead"])
    #expect(lane.finishes.last?.possiblySent == true)
    #expect(lane.sends.last?.sequence == 2)
  }

  @Test func `or held, where the channel says so`() {
    var policy = LanePolicy.plain
    policy.holdsRefused = true
    var lane = LaneBench(policy)
    lane.offer(1...2)
    lane.end(1, .unanswered(reason: "nothing came", code: "unanswered", reply: nil))
    #expect(lane.ended() == ["1 held"])
    #expect(lane.sent() == [1])
  }

  private func claim(_ lane: inout LaneBench, _ sequence: Int64) -> WaitingDelivery? {
    var claimed: WaitingDelivery?
    lane.event { machine, _ in claimed = machine.claim { $0.sequence == sequence } }
    return claimed
  }

  @Test(arguments: [nil, KeyOrder.Rule.keys, KeyOrder.Rule.none] as [KeyOrder.Rule?])
  func `an answer that comes by itself ends what waits to be sent again, and nothing else`(_ order: KeyOrder.Rule?) {
    var policy = LanePolicy.plain
    policy.order = order
    var lane = LaneBench(policy)
    lane.offer(1...1)
    lane.unreachable(1, bytesSent: true)
    lane.offer(2...2)
    // It was never sent.
    #expect(claim(&lane, 2) == nil)
    let claimed = claim(&lane, 1)
    #expect(claimed?.sequence == 1)
    #expect(claim(&lane, 1) == nil)
    lane.event { $0.sent(LaneBench.delivery(1).id, attempt: 1, .taken(summary: "AA after CA", reply: nil), $1) }
    #expect(lane.ended().last == "1 delivered")
    // Without keys nothing comes into memory behind one that has none.
    #expect(lane.sent() == (order == .keys ? [1] : [1, 2]))
    #expect(claim(&lane, 1) == nil)
  }

  @Test func `while the store is changed, and while it stops, that is not known`() {
    var lane = LaneBench()
    lane.offer(1...1)
    lane.unreachable(1, bytesSent: true)
    lane.event { machine, _ in machine.letGo() }
    #expect(!lane.machine.canClaim && claim(&lane, 1) == nil)
    lane.event { $0.changed($1) }
    lane.refilled(1...1, all: true)
    #expect(lane.machine.canClaim)
    lane.event { $0.stop($1) }
    #expect(!lane.machine.canClaim)
  }
}
