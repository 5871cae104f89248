import Messages
import Store
import Testing

@testable import Engine

/// A lane of questions: each is asked once, several at once.
@Suite struct LaneQuestionTests {
  private static func policy(isAsked: Bool = true, inFlight: Int = 3) -> LanePolicy {
    var policy = LanePolicy.plain
    policy.order = KeyOrder.Rule.none
    policy.inFlight = inFlight
    policy.question = LanePolicy.Question(isAsked: isAsked)
    return policy
  }

  @Test func `so many are under way as it may ask, and each answer makes room for the next`() {
    var lane = LaneBench(Self.policy())
    lane.offer(1...5)
    #expect(lane.sent() == [1, 2, 3])
    lane.taken(2)
    #expect(lane.sent() == [4])
    lane.taken(4)
    lane.taken(1)
    #expect(lane.sent() == [5])
    #expect(lane.ended() == ["2 delivered", "4 delivered", "1 delivered"])
    #expect(lane.machine.answeredCount == 3)
  }

  @Test(arguments: [(true, "withdrawn"), (false, "dead")])
  func `whatever is no answer ends it, where its asker waits for that one to ask again`(isAsked: Bool, word: String) {
    var lane = LaneBench(Self.policy(isAsked: isAsked, inFlight: 8))
    lane.offer(1...6)
    lane.unreachable(1)
    lane.unreachable(2, bytesSent: true)
    lane.refused(3)
    lane.end(4, .judged(.retry(reason: "later"), summary: "AE", reply: Payload(.hl7v2, [65])))
    lane.end(5, .judged(.failed(reason: "no"), summary: "AA", reply: Payload(.hl7v2, [65])))
    lane.end(6, .cancelled(reason: "closed", bytesSent: true))
    #expect(lane.ended() == (1...6).map { "\($0) \(word)" })
    #expect(lane.finishes.map(\.possiblySent) == [false, true, false, false, false, true])
    #expect(lane.finishes[3].end.reason == "AE: later")
    lane.pass(3_600_000)
    #expect(lane.sent() == [1, 2, 3, 4, 5, 6])
    #expect(lane.machine.unansweredCount == 6)
  }

  @Test func `a partner that is away holds up no question behind the one that found out`() {
    var lane = LaneBench(Self.policy())
    lane.offer(1...2)
    lane.unreachable(1)
    lane.unreachable(2)
    #expect(lane.machine.outage?.failures == 2)
    lane.offer(3...5)
    #expect(lane.sent() == [1, 2, 3, 4, 5])
    lane.taken(3)
    #expect(lane.machine.outage == nil)
  }

  @Test func `what an earlier engine left is not asked again`() {
    var lane = LaneBench(Self.policy(), waiting: 2)
    lane.refilled([1, 2], all: true)
    lane.offer(3...3)
    #expect(lane.ended() == ["1 withdrawn", "2 withdrawn"])
    #expect(lane.sent() == [3])

    // A lane of another revision of the same engine: their askers still wait.
    var swapped = LaneBench(Self.policy(), waiting: 2, isFirst: false)
    swapped.refilled([1, 2], all: true)
    #expect(swapped.sent() == [1, 2] && swapped.ended() == [])

    // Where nobody waits, what may have been asked needs a person; the rest is asked.
    var lookups = LaneBench(Self.policy(isAsked: false), waiting: 2)
    var first = LaneBench.delivery(1)
    first.possiblySent = true
    lookups.event { $0.refilled([first, LaneBench.delivery(2)], all: true, $1) }
    #expect(lookups.ended() == ["1 dead"])
    #expect(lookups.sent() == [2])
  }

  @Test func `what waited there as a delivery is not taken for a question: it is sent, and dead where that fails`() {
    var lane = LaneBench(Self.policy(), waiting: 2, orderedAfter: 2)
    lane.refilled([1, 2], all: true)
    #expect(lane.sent() == [1, 2])
    lane.unreachable(1)
    lane.taken(2)
    #expect(lane.ended() == ["1 dead", "2 delivered"])
  }
}
