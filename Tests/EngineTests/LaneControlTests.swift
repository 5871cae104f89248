import Messages
import Store
import Testing

@testable import Engine

/// What people, clocks and odd settings do to a lane: pause, changes of the store under it, stop.
@Suite struct LaneControlTests {
  @Test func `a paused lane keeps what it has and reads what it may hold`() {
    var lane = LaneBench(waiting: 2, paused: true)
    lane.refilled(1...2, all: true)
    lane.offer(3...3)
    #expect(lane.sent() == [])
    #expect(lane.machine.held.count == 3)
    lane.event { $0.resume($1) }
    #expect(lane.sent() == [1])
    lane.event { $0.pause($1) }
    lane.taken(1)
    #expect(lane.sent() == [])
  }

  @Test func `resuming tries a partner that was away at once`() {
    var lane = LaneBench()
    lane.offer(1...1)
    lane.unreachable(1)
    #expect(lane.sent() == [1])
    lane.event { $0.resume($1) }
    #expect(lane.sent() == [1])
  }

  @Test func `what was let go of is read again as the store has it then`() {
    var lane = LaneBench()
    lane.offer(1...5)
    lane.event { machine, _ in machine.letGo() }
    #expect(lane.underWay == [LaneBench.delivery(1).id])
    #expect(lane.machine.held.count == 1)
    lane.taken(1)
    lane.offer(6...6)
    lane.event { $0.grown($1) }
    #expect(lane.sent() == [1])
    #expect(lane.refills.isEmpty)
    lane.event { $0.changed($1) }
    #expect(lane.refills.count == 1 && lane.refills[0].after == 1)
    lane.refilled([3, 6], all: true)  // 2, 4 and 5 were cancelled.
    lane.taken(3)
    #expect(lane.sent() == [3, 6])
    lane.offer(7...7)
    lane.taken(6)
    #expect(lane.sent() == [7])
  }

  @Test func `what waits for its retry among what is under way is let go of too`() {
    var lane = LaneBench(.window(3))
    lane.offer(1...5)
    lane.refused(1)
    lane.event { machine, _ in machine.letGo() }
    #expect(lane.underWay == Set([2, 3].map { LaneBench.delivery($0).id }))
    lane.taken(2)
    lane.pass(1000)
    lane.event { $0.changed($1) }
    #expect(lane.sent() == [1, 2, 3])
    #expect(lane.refills.last?.after == 0)
    lane.refilled([3, 5], all: true)  // 1 and 4 were cancelled; the third is still at the partner.
    #expect(lane.sent() == [5])
    lane.taken(3)
    lane.taken(5)
    #expect(lane.ended() == ["1 waits", "2 delivered", "3 delivered", "5 delivered"])
    #expect(lane.machine.held == (0, 0, 0))
  }

  @Test func `a delivery that was let go of keeps the count of its refusals`() {
    var lane = LaneBench()
    lane.offer(1...2)
    for _ in 1...3 {
      lane.refused(1)
      lane.pass(10_000)
    }
    lane.refused(1, retryAfter: 0)
    #expect(lane.ended() == ["1 waits", "1 waits", "1 waits", "1 dead"])
    var other = LaneBench()
    other.offer(1...2)
    for _ in 1...3 {
      other.refused(1)
      other.event { machine, _ in machine.letGo() }
      other.event { $0.changed($1) }
      other.refilled(1...2, all: true)
      other.pass(10_000)
    }
    other.refused(1)
    #expect(other.ended() == ["1 waits", "1 waits", "1 waits", "1 dead"])
  }

  @Test func `what a refill brings that was under way when the lane let go is read again`() {
    var lane = LaneBench(waiting: 2)
    lane.event { machine, _ in machine.letGo() }
    lane.event { $0.changed($1) }
    #expect(lane.refills.count == 1)
    lane.refilled(1...2, all: true)
    #expect(lane.sent() == [])
    #expect(lane.refills.count == 2)
    lane.refilled([2], all: true)
    #expect(lane.sent() == [2])
  }

  @Test func `two changes that overlap both end before anything is sent`() {
    var lane = LaneBench()
    lane.event { machine, _ in machine.letGo() }
    lane.event { machine, _ in machine.letGo() }
    lane.event { $0.changed($1) }
    lane.offer(1...1)
    #expect(lane.refills.isEmpty)
    lane.event { $0.changed($1) }
    #expect(lane.refills.count == 1)
  }

  @Test func `a lane stops, once, when what is under way was answered and is durable`() {
    var lane = LaneBench()
    lane.offer(1...3)
    lane.event { $0.stop($1) }
    #expect(lane.stops == 0)
    lane.taken(1)
    #expect(lane.stops == 0)
    lane.durable(1)
    #expect(lane.stops == 1)
    lane.offer(4...4)
    #expect(lane.sent() == [1])
    #expect(lane.stops == 1)
  }

  @Test func `a lane that reads the store stops when the read has come back`() {
    for fails in [false, true] {
      var lane = LaneBench(waiting: 2)
      lane.event { $0.stop($1) }
      #expect(lane.stops == 0)
      if fails { lane.event { $0.refillFailed($1) } } else { lane.refilled(1...2, all: true) }
      #expect(lane.stops == 1)
      #expect(lane.sent() == [])
    }
  }

  @Test func `a lane that stops and can't read its suspects gives up after three tries`() {
    var lane = LaneBench(waiting: 2, suspects: 2)
    lane.event { $0.stop($1) }
    for read in 1...3 {
      #expect(lane.stops == 0)
      #expect(lane.refills.count == read)
      lane.event { $0.refillFailed($1) }
      lane.pass(1000)
    }
    #expect(lane.stops == 1)
  }

  @Test func `what is cancelled after its bytes left is flagged, also when stopping`() {
    var lane = LaneBench()
    lane.offer(1...1)
    lane.event { $0.stop($1) }
    lane.end(1, .cancelled(reason: "stopping", bytesSent: true))
    #expect(lane.ended() == ["1 waits"])
    #expect(lane.finishes[0].possiblySent)
    #expect(lane.stops == 0)
    lane.durable(1)
    #expect(lane.stops == 1)
  }

  @Test func `what has no answer when the lane is given up is flagged, and a late answer counts for nothing`() {
    var lane = LaneBench(.window(2))
    lane.offer(1...3)
    lane.event { $0.stop($1) }
    lane.event { $0.abandoned($1) }
    #expect(lane.ended() == ["1 waits", "2 waits"])
    #expect(lane.finishes.allSatisfy { $0.possiblySent })
    lane.taken(1)
    #expect(lane.ended() == [])
    lane.durable(2)
    #expect(lane.sent() == [1, 2])
  }

  @Test func `a connector that cancels everything is not asked in a circle`() {
    var lane = LaneBench()
    lane.offer(1...1)
    lane.end(1, .cancelled(reason: "closed", bytesSent: false))
    #expect(lane.sent() == [1])
    #expect(lane.wakes == [1000])
    #expect(lane.ended() == [])
    lane.pass(1000)
    #expect(lane.sent() == [1])
  }

  // MARK: Clocks

  @Test func `a due time in the store is kept, but for no longer than its delay`() {
    for (jump, wait) in [(0, 4000), (-86_400_000, 5000), (86_400_000, 0)] as [(Int64, Int64)] {
      var lane = LaneBench(waiting: 1)
      var delivery = LaneBench.delivery(1)
      delivery.dueAt = lane.now.wall + 4000
      delivery.delay = 5000
      lane.now.wall += jump
      lane.event { $0.refilled([delivery], all: true, $1) }
      #expect(lane.wakes == (wait > 0 ? [wait] : []))
      lane.pass(max(0, wait - 1))
      #expect(lane.sent() == (wait > 0 ? [] : [1]))
      lane.pass(1)
      #expect(lane.sent() == (wait > 0 ? [1] : []))
    }
  }

  @Test func `a wall clock that is set moves no retry of a running lane`() {
    for jump in [-86_400_000, 7_200_000] as [Int64] {
      var lane = LaneBench()
      lane.offer(1...1)
      lane.unreachable(1)
      lane.now.wall += jump
      lane.pass(999)
      #expect(lane.sent() == [1])
      lane.pass(1)
      #expect(lane.sent() == [1])
    }
  }

  @Test func `a wake-up is asked for once`() {
    var lane = LaneBench()
    lane.offer(1...1)
    lane.unreachable(1)
    #expect(lane.wakes == [1000])
    lane.offer(2...50)
    lane.event { $0.grown($1) }
    lane.refilled([], all: true)
    #expect(lane.wakes == [1000])
  }

  @Test func `due times from the edge of time do not trap`() {
    let dueAts: [Int64] = [.min, .max, -1, 1]
    let delays: [Int64] = [.min, -1, 0, 365 * 86_400_000]
    for dueAt in dueAts {
      for delay in delays {
        var lane = LaneBench(waiting: 1)
        var delivery = LaneBench.delivery(1)
        delivery.dueAt = dueAt
        delivery.delay = delay
        lane.event { $0.refilled([delivery], all: true, $1) }
        lane.pass(366 * 86_400_000)
        #expect(lane.sent() == [1])
      }
    }
  }

  @Test func `a policy of nonsense still delivers`() {
    var policy = LanePolicy()
    policy.window = 0
    policy.unconfirmedMax = -1
    policy.heldCountMax = 0
    policy.heldBytesMax = 0
    policy.retry.firstMilliseconds = .max
    policy.retry.longestMilliseconds = .max
    policy.retry.factor = .nan
    var lane = LaneBench(policy)
    lane.offer(1...2)
    lane.unreachable(1, bytesSent: true, retryAfter: .max)
    lane.durable(1)
    lane.pass(366 * 86_400_000)
    lane.taken(1)
    lane.durable(1)
    lane.refilled([2], all: true)
    #expect(lane.sent() == [1, 1, 2])
  }
}
