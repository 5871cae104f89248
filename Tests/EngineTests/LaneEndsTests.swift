import Store
import Testing

@testable import Engine

/// What a lane does with the ends of its sends: outages, refusals, lost connections.
@Suite struct LaneEndsTests {
  // MARK: A partner that is away

  @Test func `the head alone asks again, after delays that grow to the longest`() {
    var policy = LanePolicy.window(8)
    policy.retry.longestMilliseconds = 5000
    var lane = LaneBench(policy)
    lane.offer(1...1)
    for (failures, delay) in ([1000, 2000, 4000, 5000, 5000] as [Int64]).enumerated() {
      lane.unreachable(1)
      lane.offer(Int64(failures) + 2...Int64(failures) + 2)
      #expect(lane.machine.outage?.failures == failures + 1)
      #expect(lane.machine.nextTry == lane.now.steady + delay)
      _ = lane.sent()
      lane.pass(delay - 1)
      #expect(lane.sent() == [])
      lane.pass(1)
      #expect(lane.sent() == [1])
    }
    lane.taken(1)
    #expect(lane.machine.outage == nil)
    #expect(lane.sent() == [2, 3, 4, 5, 6])
    #expect(lane.ended() == ["1 delivered"])
  }

  @Test func `delays are drawn from a seed, between nothing and the whole`() {
    func delays(_ seed: UInt64) -> [Int64] {
      var lane = LaneBench(LanePolicy(), seed: seed)
      lane.offer(1...1)
      return (0..<40).map { _ in
        lane.unreachable(1)
        let delay = (lane.machine.nextTry ?? 0) - lane.now.steady
        lane.pass(delay)
        return delay
      }
    }
    #expect(delays(1) == delays(1))
    #expect(delays(1) != delays(2))
    let late = (0..<20).flatMap { delays($0).dropFirst(9) }
    #expect(late.allSatisfy { (1...300_000).contains($0) })
    let mean = late.reduce(0, +) / Int64(late.count)
    #expect((120_000...180_000).contains(mean))
    #expect((0..<20).allSatisfy { (1...1000).contains(delays($0)[0]) })
  }

  @Test func `several sends that fail with one connection are one failure`() {
    var lane = LaneBench(.window(8))
    lane.offer(1...8)
    for sequence in 1...4 as ClosedRange<Int64> { lane.unreachable(sequence, bytesSent: true) }
    lane.pass(30_000)  // The others find out much later.
    for sequence in 5...8 as ClosedRange<Int64> { lane.unreachable(sequence, bytesSent: true) }
    #expect(lane.machine.outage?.failures == 1)
    #expect(lane.ended() == (1...8).map { "\($0) waits" })
    lane.durable(8)
    #expect(lane.sent() == Array(1...8) + [1])
    lane.unreachable(1)
    #expect(lane.machine.outage?.failures == 2)
  }

  @Test func `nothing is tried while a send of the lost connection is still open`() {
    var lane = LaneBench(.window(2))
    lane.offer(1...2)
    lane.unreachable(1)
    lane.pass(60_000)
    #expect(lane.sent() == [1, 2])
    lane.taken(2)
    #expect(lane.sent() == [1])
  }

  @Test func `a partner that asks for time gets it, up to a day`() {
    var lane = LaneBench()
    lane.offer(1...1)
    lane.unreachable(1, retryAfter: 60_000)
    #expect(lane.machine.nextTry == lane.now.steady + 60_000)
    lane.pass(60_000)
    lane.unreachable(1, retryAfter: .max)
    #expect(lane.machine.nextTry == lane.now.steady + 86_400_000)
    lane.pass(86_400_000)
    lane.refused(1, retryAfter: 90_000)
    #expect(lane.finishes.last?.end.delay == 90_000)
  }

  @Test func `an outage uses up nobody's budget`() {
    var lane = LaneBench()
    lane.offer(1...1)
    for _ in 1...50 {
      lane.unreachable(1)
      lane.pass(300_000)
    }
    #expect(lane.finishes.isEmpty)
    #expect(lane.sends.count == 51)
  }

  @Test func `a message is given up when the partner was away for as long as it may be`() {
    var policy = LanePolicy.plain
    policy.retry.forMilliseconds = 10_000
    var lane = LaneBench(policy)
    lane.offer(1...3)
    for delay in [1000, 2000, 4000] as [Int64] {
      lane.unreachable(1)
      lane.pass(delay)
    }
    lane.event { machine, now in
      machine.offer(LaneBench.delivery(4, mintedAt: now.wall), now)  // Late into the outage.
    }
    lane.unreachable(1)
    #expect(lane.ended() == [])
    lane.pass(8000)
    #expect(lane.ended() == [])
    lane.unreachable(1)
    #expect(lane.ended() == ["1 dead", "2 dead", "3 dead"])
    #expect(lane.machine.held.count == 1)
    #expect(lane.finishes[0].end.reason == "not delivered for 10 s: refused the connection")
    // Its sender, if one waits, is told AE, and has it tried again when it sends it again.
    #expect(lane.finishes[0].isPassing)
    lane.pass(16_000)
    lane.unreachable(4)
    #expect(lane.ended() == ["4 dead"])
  }

  @Test func `what was there when the engine came up has the age of its message`() {
    var policy = LanePolicy.plain
    policy.retry.forMilliseconds = 2000
    var lane = LaneBench(policy, waiting: 1)
    lane.event { machine, now in
      machine.refilled([LaneBench.delivery(1, mintedAt: LaneBench.start - 1500)], all: true, now)
    }
    lane.unreachable(1)
    lane.pass(1000)
    lane.unreachable(1)
    #expect(lane.ended() == [])  // The partner was away for a second only, as far as this engine knows.
    lane.pass(2000)
    lane.unreachable(1)
    #expect(lane.ended() == ["1 dead"])
  }

  /// A lane whose only delivery died of an outage that goes on.
  private func died(after limit: Int64) -> LaneBench {
    var policy = LanePolicy.plain
    policy.retry.forMilliseconds = limit
    var lane = LaneBench(policy)
    lane.offer(1...1)
    while lane.finishes.isEmpty {
      lane.unreachable(1)
      lane.pass(limit / 2)
    }
    #expect(lane.ended() == ["1 dead"])
    lane.durable(1)
    return lane
  }

  @Test func `what a person sends again into an outage has its whole time again`() {
    var lane = died(after: 20_000)
    lane.pass(60_000)
    _ = lane.sent()
    lane.event { $0.grown($1) }  // The dead letter, minted long ago.
    lane.refilled([2], all: true)
    #expect(lane.sent() == [2])
    for _ in 0..<3 {
      lane.unreachable(2)
      lane.pass(5000)
      #expect(lane.ended() == [])
    }
    lane.pass(300_000)
    lane.unreachable(2)
    #expect(lane.ended() == ["2 dead"])
  }

  @Test func `what came into a long outage and was read from the store has its own age, by the steady clock`() {
    var lane = died(after: 20_000)
    lane.event { machine, _ in machine.letGo() }
    lane.offer(2...2)
    lane.pass(1000)
    lane.now.wall += 86_400_000
    lane.event { $0.changed($1) }
    lane.refilled([2], all: true)
    lane.unreachable(2)
    lane.pass(15_000)
    lane.unreachable(2)
    #expect(lane.ended() == [])
    lane.pass(300_000)
    lane.unreachable(2)
    #expect(lane.ended() == ["2 dead"])
  }

  @Test func `giving up many stays within what may be not yet durable`() {
    var policy = LanePolicy.plain
    policy.retry.forMilliseconds = 1000
    policy.unconfirmedMax = 4
    var lane = LaneBench(policy)
    lane.offer(1...10)
    lane.unreachable(1)
    lane.pass(1000)
    lane.unreachable(1)
    #expect(lane.ended().count == 4)
    lane.durable(3)
    #expect(lane.ended().count == 3)
    lane.durable(7)
    #expect(lane.machine.held.count == 0)
  }

  @Test func `a wall clock set forward gives nothing up before its time`() {
    var policy = LanePolicy.plain
    policy.retry.forMilliseconds = 3_600_000
    var lane = LaneBench(policy)
    lane.offer(1...1)
    lane.unreachable(1)
    lane.now.wall += 86_400_000
    lane.pass(1000)
    lane.unreachable(1)
    #expect(lane.finishes.isEmpty)
  }

  // MARK: Refusals

  @Test func `a refusal is tried again as often as its code says, then it is dead and the lane goes on`() {
    var policy = LanePolicy.plain
    policy.refused = ["AE": 2, "AR": 0, "422": 1]
    for (code, forever, tries) in [
      ("AE", false, 3), ("AR", true, 1), ("422", true, 2), ("CE", false, 3), ("CR", true, 1), (nil, false, 3),
    ] as [(String?, Bool, Int)] {
      var lane = LaneBench(policy)
      lane.offer(1...2)
      for attempt in 1...tries {
        #expect(lane.sends.count == attempt)
        lane.refused(1, code, forever: forever)
        lane.pass(300_000)
      }
      #expect(lane.ended() == Array(repeating: "1 waits", count: tries - 1) + ["1 dead"])
      #expect(lane.finishes.last?.attempts == tries)
      #expect(lane.sent().last == 2)
    }
  }

  @Test func `a refused head holds back what is behind it until it is tried again`() {
    var lane = LaneBench()
    lane.offer(1...2)
    lane.refused(1)
    #expect(lane.finishes.last?.end.delay == 1000)
    #expect(lane.wakes == [1000])
    lane.pass(999)
    #expect(lane.sent() == [1])
    lane.pass(1)
    #expect(lane.sent() == [1])
    lane.taken(1)
    #expect(lane.sent() == [2])
  }

  @Test func `a refusal shows that the partner is there`() {
    var lane = LaneBench()
    lane.offer(1...2)
    lane.unreachable(1)
    lane.pass(1000)
    lane.refused(1, "AR", forever: true)
    #expect(lane.machine.outage == nil)
    #expect(lane.machine.lastAnswer?.summary == "AR")
    #expect(lane.sent() == [1, 1, 2])
  }

  // MARK: Connections lost after bytes were sent

  @Test func `a lost connection flags the message once, durably`() {
    var lane = LaneBench()
    lane.offer(1...1)
    lane.unreachable(1, bytesSent: true)
    #expect(lane.ended() == ["1 waits"])
    #expect(lane.finishes[0].possiblySent)
    lane.pass(1000)
    #expect(lane.sends.map(\.possiblySent) == [false, true])
    lane.unreachable(1, bytesSent: true)
    #expect(lane.ended() == [])
  }

  @Test func `every third connection that a head takes with it counts as a refusal`() {
    var policy = LanePolicy.plain
    policy.refused = ["AE": 1]
    var lane = LaneBench(policy)
    lane.offer(1...2)
    for loss in 1...6 {
      #expect(lane.sends.count == loss)
      lane.unreachable(1, bytesSent: true)
      lane.pass(300_000)
    }
    #expect(lane.ended() == ["1 waits", "1 waits", "1 dead"])
    #expect(lane.finishes[2].end.reason?.hasPrefix("the connection was lost 3 times after it was sent") == true)
    #expect(lane.sent().last == 2)
  }

  /// A partner that hangs or crashes for a night can't bear any message; it is not for each of them to die of it.
  @Test func `an outage in which every connection is lost costs one message, until the partner has answered again`() {
    var policy = LanePolicy.plain
    policy.refused = ["AE": 1, "AR": 0]
    var lane = LaneBench(policy)
    lane.offer(1...6)
    func lose(_ sequence: Int64, times: Int) {
      for _ in 1...times {
        lane.unreachable(sequence, bytesSent: true)
        lane.pass(300_000)
      }
    }
    lose(1, times: 6)
    #expect(lane.ended() == ["1 waits", "1 waits", "1 dead"])
    lose(2, times: 50)
    #expect(lane.ended() == ["2 waits"])
    #expect(lane.finishes.last?.possiblySent == true)
    lane.taken(2)
    // What counted for nothing then doesn't count now.
    lose(3, times: 5)
    #expect(lane.ended() == ["2 delivered", "3 waits", "3 waits"])
    lose(3, times: 1)
    lose(4, times: 6)
    lane.refused(4, "AR", forever: true)
    lose(5, times: 6)
    #expect(lane.ended() == ["3 dead", "4 waits", "4 dead", "5 waits", "5 waits", "5 dead"])
  }

  @Test func `an answer in between begins the count of lost connections anew`() {
    var lane = LaneBench()
    lane.offer(1...1)
    lane.unreachable(1, bytesSent: true)
    lane.pass(300_000)
    lane.unreachable(1, bytesSent: true)
    lane.pass(300_000)
    lane.refused(1)
    lane.pass(300_000)
    lane.unreachable(1, bytesSent: true)
    #expect(lane.ended() == ["1 waits", "1 waits"])
  }

  @Test func `attempts are counted through everything`() {
    var lane = LaneBench()
    lane.offer(1...1)
    lane.unreachable(1)
    lane.pass(300_000)
    lane.refused(1)
    lane.pass(300_000)
    lane.taken(1)
    #expect(lane.finishes.last?.attempts == 3)
    #expect(lane.finishes.last?.epoch == 3 && lane.finishes.last?.lane == 7)
  }
}
