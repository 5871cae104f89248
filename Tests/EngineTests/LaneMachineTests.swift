import Messages
import Store
import Testing

@testable import Engine

@Suite struct LaneMachineTests {
  // MARK: Order

  @Test func `with a window of one, each waits for the answer to the one before`() {
    var lane = LaneBench()
    lane.offer(1...3)
    #expect(lane.sent() == [1])
    lane.taken(1)
    #expect(lane.sent() == [2])
    lane.taken(2)
    lane.taken(3)
    #expect(lane.sent() == [3])
    #expect(lane.ended() == ["1 delivered", "2 delivered", "3 delivered"])
    #expect(lane.machine.held == (0, 0, 0))
  }

  @Test func `the next send waits for the answer, not for the commit`() {
    var lane = LaneBench()
    lane.offer(1...2)
    lane.taken(1)
    #expect(lane.sent() == [1, 2])
    #expect(lane.machine.unconfirmedCount == 1)
  }

  @Test func `with a window of eight, eight are under way in order`() {
    var lane = LaneBench(.window(8))
    lane.offer(1...20)
    #expect(lane.sent() == Array(1...8))
    lane.taken(1)
    #expect(lane.sent() == [9])
    lane.taken(2)
    lane.taken(3)
    #expect(lane.sent() == [10, 11])
  }

  @Test func `a window is counted from the oldest that is not over`() {
    var lane = LaneBench(.window(3))
    lane.offer(1...6)
    #expect(lane.sent() == [1, 2, 3])
    lane.taken(2)
    lane.taken(3)
    #expect(lane.sent() == [])
    lane.taken(1)
    #expect(lane.sent() == [4, 5, 6])
  }

  @Test func `what waits for its retry is overtaken by nothing that was not under way`() {
    var lane = LaneBench(.window(3))
    lane.offer(1...6)
    lane.refused(1)
    lane.taken(2)
    lane.taken(3)
    #expect(lane.sent() == [1, 2, 3])
    lane.pass(1000)
    #expect(lane.sent() == [1])
    lane.taken(1)
    #expect(lane.sent() == [4, 5, 6])
  }

  @Test func `an answer to an earlier attempt counts for nothing`() {
    var lane = LaneBench()
    lane.offer(1...1)
    lane.unreachable(1)
    lane.pass(1000)
    #expect(lane.sent() == [1, 1])
    let first = lane.sends[0]
    lane.event { $0.sent(first.id, attempt: first.attempts, .taken(summary: "AA", reply: nil), $1) }
    #expect(lane.ended() == [])
    #expect(lane.machine.held.sending == 1)
  }

  @Test func `no more are sent than may be taken without being durable`() {
    var policy = LanePolicy.plain
    policy.unconfirmedMax = 4
    var lane = LaneBench(policy)
    lane.offer(1...10)
    for sequence in 1...4 as ClosedRange<Int64> { lane.taken(sequence) }
    #expect(lane.sent() == [1, 2, 3, 4])
    lane.durable(1)
    #expect(lane.sent() == [5])
    lane.durable(2)
    #expect(lane.sent() == [])
    lane.taken(5)
    #expect(lane.sent() == [6])
  }

  // MARK: Memory

  @Test func `a full lane drops what is offered and reads it when half of it is gone`() {
    var policy = LanePolicy.plain
    policy.heldCountMax = 4
    var lane = LaneBench(policy)
    lane.offer(1...9)
    #expect(lane.machine.held.count == 4)
    #expect(lane.machine.isBehind)
    lane.taken(1)
    #expect(lane.refills.isEmpty)
    lane.taken(2)
    #expect(lane.refills.count == 1)
    #expect(lane.refills[0].after == 4 && lane.refills[0].countMax == 2)
    lane.refilled(5...6, all: false)
    for sequence in 3...6 as ClosedRange<Int64> { lane.taken(sequence) }
    #expect(lane.refills.count == 2 && lane.refills[1].after == 6)
    lane.refilled(7...9, all: true)
    #expect(!lane.machine.isBehind)
    for sequence in 7...9 as ClosedRange<Int64> { lane.taken(sequence) }
    #expect(lane.sent() == Array(1...9))
    lane.offer(10...10)
    #expect(lane.sent() == [10])
    #expect(lane.refills.count == 2)
  }

  @Test func `bytes are bounded as well as the count`() {
    var policy = LanePolicy.plain
    policy.heldBytesMax = 100
    var lane = LaneBench(policy)
    lane.offer(1...5, bytes: 40)
    #expect(lane.machine.held.bytes == 80)
    lane.taken(1)
    #expect(lane.refills.count == 1 && lane.refills[0].bytesMax == 60)
    lane.refilled(3...5, all: true, bytes: 40)
    #expect(lane.machine.held.bytes == 80)
    #expect(lane.machine.isBehind)
    lane.taken(2)
    lane.refilled(4...5, all: true, bytes: 40)
    for sequence in 3...5 as ClosedRange<Int64> {
      lane.taken(sequence)
      if lane.refills.count > 2 { lane.refilled([5], all: true, bytes: 40) }
    }
    #expect(lane.sent() == [1, 2, 3, 4, 5])
  }

  @Test func `a delivery larger than the whole bound is held alone`() {
    var policy = LanePolicy.plain
    policy.heldBytesMax = 100
    var lane = LaneBench(policy)
    lane.offer(1...2, bytes: 500)
    #expect(lane.machine.held == (1, 500, 1))
    lane.taken(1)
    lane.refilled([2], all: true, bytes: 500)
    #expect(lane.sent() == [1, 2])
  }

  @Test func `a blob takes no memory`() {
    var policy = LanePolicy.plain
    policy.heldBytesMax = 100
    var lane = LaneBench(policy)
    for sequence in 1...3 as ClosedRange<Int64> {
      var delivery = LaneBench.delivery(sequence)
      let blob = BlobReference(id: delivery.id, byteCount: 5_000_000, sha256: [])
      delivery.payload = Payload(format: .dicom, content: .blob(blob))
      lane.event { $0.offer(delivery, $1) }
    }
    #expect(lane.machine.held == (3, 0, 1))
  }

  @Test func `a lane with a backlog reads it before it takes what is offered`() {
    var lane = LaneBench(waiting: 3)
    #expect(lane.refills.count == 1 && lane.refills[0].after == 0)
    lane.offer(4...4)
    #expect(lane.sent() == [])
    lane.refilled(1...3, all: true)  // Read before the fourth was committed.
    #expect(lane.refills.count == 2 && lane.refills[1].after == 3)
    lane.refilled([4], all: true)
    for sequence in 1...4 as ClosedRange<Int64> { lane.taken(sequence) }
    #expect(lane.sent() == [1, 2, 3, 4])
    #expect(!lane.machine.isBehind)
  }

  @Test func `what a refill saw before it was offered is not taken twice`() {
    var lane = LaneBench(waiting: 2)
    lane.refilled(1...4, all: true)
    lane.offer(3...5)
    for sequence in 1...5 as ClosedRange<Int64> { lane.taken(sequence) }
    #expect(lane.sent() == [1, 2, 3, 4, 5])
  }

  @Test func `a gap in what is offered sends the lane to the store`() {
    var lane = LaneBench()
    lane.offer(1...1)
    lane.offer(3...3)
    #expect(lane.machine.isBehind)
    #expect(lane.refills.count == 1 && lane.refills[0].after == 1)
    lane.refilled(2...3, all: true)
    lane.taken(1)
    lane.taken(2)
    #expect(lane.sent() == [1, 2, 3])
  }

  @Test func `a lane that grew looks once more, even while it is reading`() {
    var lane = LaneBench(waiting: 1)
    lane.event { $0.grown($1) }
    #expect(lane.refills.count == 1)
    lane.refilled([1], all: true)
    #expect(lane.refills.count == 2)
    lane.refilled([2], all: true)
    #expect(!lane.machine.isBehind)
    lane.offer(3...3)
    lane.taken(1)
    lane.taken(2)
    #expect(lane.sent() == [1, 2, 3])
  }

  @Test func `a store that can't be read is asked again in a second, and not sooner`() {
    var lane = LaneBench(waiting: 2)
    lane.event { $0.refillFailed($1) }
    #expect(lane.wakes == [1000])
    lane.offer(3...5)
    #expect(lane.refills.count == 1)
    lane.pass(1000)
    #expect(lane.refills.count == 2)
  }

  @Test func `a store that says more and brings nothing is not asked in a circle`() {
    var lane = LaneBench(waiting: 2)
    lane.refilled([], all: false)
    #expect(lane.refills.count == 1)
    lane.pass(1000)
    #expect(lane.refills.count == 2)
  }

  // MARK: What can't be sent as it is

  @Test func `a payload that does not fit its hash is dead and never sent`() {
    var lane = LaneBench()
    var damaged = LaneBench.delivery(1)
    damaged.damaged = true
    lane.event { $0.offer(damaged, $1) }
    lane.offer(2...2)
    #expect(lane.sent() == [2])
    #expect(lane.ended() == ["1 dead"])
  }

  @Test func `after an unclean stop the first deliveries count as possibly sent, durably`() {
    var lane = LaneBench(.window(8), waiting: 3, suspects: 2)
    lane.refilled(1...3, all: true)
    #expect(lane.sends.map(\.possiblySent) == [true, true, false])
    #expect(lane.ended() == ["1 waits", "2 waits"])
    #expect(lane.finishes.allSatisfy { $0.possiblySent && $0.attempts == 0 })
  }

  @Test func `a lane that stops before it has read them hands its suspects down`() {
    var lane = LaneBench(waiting: 3, suspects: 2)
    lane.event { $0.stop($1) }
    lane.refilled(1...3, all: true)  // Asked for by the start: good enough.
    #expect(lane.ended() == ["1 waits", "2 waits"])
    #expect(lane.finishes.allSatisfy { $0.possiblySent })
    lane.durable(2)
    #expect(lane.stops == 1)
    #expect(lane.sent() == [])
  }

  @Test func `what came after the restart is under no suspicion`() {
    var lane = LaneBench(.window(8), suspects: 40)
    lane.offer(1...3)
    #expect(lane.sends.map(\.possiblySent) == [false, false, false])
  }
}
