import Testing

@testable import Engine

/// For how long the oldest has waited, as a person is told.
@Suite struct LaneAgeTests {
  private func age(_ lane: inout LaneBench) -> Int64? {
    var age: Int64?
    lane.event { machine, now in age = machine.oldestFor(now) }
    return age
  }

  @Test func `the age of the oldest counts from when it came, and ends when it is over`() {
    var lane = LaneBench()
    #expect(age(&lane) == nil)
    lane.offer(1...1)
    lane.pass(400)
    lane.offer(2...2)
    lane.pass(500)
    #expect(age(&lane) == 900)
    lane.taken(1)
    #expect(age(&lane) == 500)
    lane.taken(2)
    #expect(age(&lane) == nil)
  }

  @Test func `what was there when the engine came up is as old as it is`() {
    var lane = LaneBench(waiting: 1)
    lane.event { machine, now in
      machine.refilled([LaneBench.delivery(1, mintedAt: LaneBench.start - 5000)], all: true, now)
    }
    lane.pass(1000)
    #expect(age(&lane) == 6000)
  }

  @Test func `what was left in the store has its age to within four minutes, and is never taken for older`() {
    var policy = LanePolicy.plain
    policy.heldCountMax = 2
    var lane = LaneBench(policy)
    for sequence in 1...20 as ClosedRange<Int64> {
      lane.offer(sequence...sequence)
      lane.pass(600_000)
    }
    lane.taken(1)
    lane.taken(2)
    lane.refilled(3...4, all: false)
    let known = age(&lane) ?? 0
    // It came after twice ten minutes.
    let exact = Int64(18 * 600_000)
    #expect((exact - 240_000...exact).contains(known), "\(known)")
  }
}
