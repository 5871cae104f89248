import Messages
import Store
import Testing

@testable import Engine

/// A lane whose deliveries another channel takes.
@Suite struct LaneHandOverTests {
  @Test func `what was handed on is over, and no end of it is written once more`() {
    var lane = LaneBench(.window(3))
    lane.offer(1...4)
    lane.end(1, .handedOn(summary: "handed on to b"))
    lane.end(2, .gone)
    #expect(lane.sent() == [1, 2, 3, 4])
    #expect(lane.ended() == [] && lane.machine.unconfirmedCount == 0)
    lane.end(3, .handedOn(summary: ""))
    lane.end(4, .handedOn(summary: ""))
    #expect(lane.machine.held == (0, 0, 0))
  }

  @Test func `what was not tried behind a refused one goes again only when nothing is under way`() {
    var lane = LaneBench(.window(3))
    lane.offer(1...6)
    #expect(lane.sent() == [1, 2, 3])
    // The second comes back first: it must not be tried again before it is known what becomes of the first.
    lane.end(2, .notTried)
    #expect(lane.sent() == [])
    lane.end(1, .refused(reason: "no", code: "AR", forever: true, reply: nil, retryAfter: nil))
    #expect(lane.sent() == [] && lane.ended() == ["1 dead"])
    lane.end(3, .notTried)
    #expect(lane.sent() == [2, 3, 4])
    #expect(lane.sends.suffix(3).map(\.attempts) == [1, 1, 1])
  }

  @Test func `while the first waits for its retry nothing passes it`() {
    var lane = LaneBench(.window(3))
    lane.offer(1...4)
    lane.end(1, .refused(reason: "no", code: "AE", forever: false, reply: nil, retryAfter: nil))
    lane.end(2, .notTried)
    lane.end(3, .notTried)
    #expect(lane.sent() == [1, 2, 3])
    lane.pass(1000)
    #expect(lane.sent() == [1, 2, 3])
  }

  @Test func `a channel that is there again is tried at once`() {
    var lane = LaneBench(.window(3))
    lane.offer(1...2)
    lane.end(1, .unreachable(reason: "channel b is paused", bytesSent: false, retryAfter: nil))
    lane.end(2, .notTried)
    #expect(lane.sent() == [1, 2])
    lane.event { $0.partnerIsBack($1) }
    #expect(lane.sent() == [1])
    lane.end(1, .handedOn(summary: ""))
    #expect(lane.sent() == [2])
  }
}
