import Definitions
import Testing
import Text

@testable import Engine

/// A source with a schedule through random days: runs of any length, failures, kills in the middle, clocks that are
/// set a little. Every planned moment is accounted for, and none is done twice.
@Suite struct ScheduleModelTests {
  @Test(arguments: 0..<40) func `every planned moment ran, was missed or was skipped, and none ran twice`(
    seed: UInt64
  ) throws {
    var model = try ScheduleModel(seed: seed)
    for _ in 0..<400 { model.step() }
    model.settle()
    #expect(model.twice == [], "seed \(seed)")
    let planned = model.schedule.count(after: model.start, through: model.kept.settled, most: .max)
    #expect(
      planned == model.inTime + model.kept.missed + model.kept.skipped,
      "seed \(seed): \(model.inTime) in time, \(model.kept.missed) missed, \(model.kept.skipped) skipped")
    #expect(planned > 0, "seed \(seed)")
    // Nothing is forgotten: all but what comes next is done with.
    #expect(model.schedule.next(after: model.kept.settled) ?? 0 >= model.now, "seed \(seed)")
  }
}

private struct ScheduleModel {
  let schedule: Schedule
  let start: Int64
  private(set) var now: Int64
  /// What the store has.
  private(set) var kept: ScheduleMemory
  /// Runs that were done when they were due.
  private(set) var inTime = 0
  /// Planned moments that were done again.
  private(set) var twice: [Int64] = []
  private var machine: ScheduleMachine
  private var workingSince: Int64
  private var done: Set<Int64> = []
  /// Whether the run that is under way, or failed, was due when nobody was there.
  private var wasMissed = false
  private var random: SeededRandom

  init(seed: UInt64) throws {
    random = SeededRandom(seed)
    // Of one second more are missed at once than are counted.
    let period = [7, 20, 60, 300].randomElement(using: &random)!
    let window = Bool.random(using: &random) ? Schedule.Window(hours: DayHours(from: 600, to: 1200), days: nil) : nil
    // On the day on which summer time begins, at 10:00.
    start = 1_774_692_000_000
    now = start
    workingSince = start
    schedule = Schedule(.every(seconds: period), window: window, zone: try TimeZoneRules(named: "Europe/London"))
    kept = ScheduleMemory(settled: start)
    machine = ScheduleMachine(schedule)
    machine.begin(nil, isResumed: false, at: start)
  }

  mutating func step() {
    switch Int.random(in: 0..<20, using: &random) {
    case 0:
      now += Int64.random(in: 0...1_000_000, using: &random)
      restart()
    case 1: now += Int64.random(in: 0...300_000, using: &random)
    case 2: now -= Int64.random(in: 0...900, using: &random)
    default: work(fails: Int.random(in: 0..<10, using: &random) == 0, dies: Int.random(in: 0..<15, using: &random) == 0)
    }
  }

  /// Works on without anything going wrong, in the middle of the window.
  mutating func settle() {
    while !schedule.isOpen(at: now) { now += 60_000 }
    for _ in 0..<50 { work(fails: false, dies: false) }
  }

  private mutating func restart() {
    machine = ScheduleMachine(schedule)
    workingSince = now
    machine.begin(kept, isResumed: false, at: now)
  }

  private mutating func work(fails: Bool, dies: Bool) {
    let isNew = machine.current == nil
    // By a clock that was set back it is at work since now.
    workingSince = min(workingSince, now)
    switch machine.decide(now) {
    case .wait(let milliseconds): now += milliseconds
    case .run(let run):
      guard let due = run.due else { return }
      if isNew { wasMissed = due <= max(now - ScheduleMachine.lateMax, workingSince - 1) && run.missed > 0 }
      let began = now
      now += Int64.random(in: 0...(Bool.random(using: &random) ? 200 : 20_000), using: &random)
      if dies {
        now += Int64.random(in: 0...30_000, using: &random)
        return restart()
      }
      if fails { return machine.failed(at: now) }
      if !done.insert(due).inserted { twice.append(due) }
      _ = machine.ended(run, began: began, messages: 0, at: now)
      kept = machine.kept ?? kept
      if !wasMissed { inTime += 1 }
    }
  }
}
