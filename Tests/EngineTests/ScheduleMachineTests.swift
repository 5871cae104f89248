import Definitions
import Messages
import Testing
import Text

@testable import Engine

/// What a schedule decides, moment by moment.
@Suite struct ScheduleMachineTests {
  /// 2023-11-14 10:00 UTC.
  private static let ten: Int64 = 1_699_956_000_000
  private static let minute: Int64 = 60_000
  private static let hour: Int64 = 3_600_000

  private static func machine(
    _ seconds: Int = 300, between: DayHours? = nil, settled: Int64? = nil, at now: Int64 = ten
  ) throws -> ScheduleMachine {
    let window = between.map { Schedule.Window(hours: $0, days: nil) }
    var machine = ScheduleMachine(
      Schedule(.every(seconds: seconds), window: window, zone: try TimeZoneRules(named: "UTC")))
    machine.begin(settled.map { ScheduleMemory(settled: $0) }, isResumed: false, at: now)
    return machine
  }

  /// Runs what is to be run at a moment, for so long.
  private static func run(
    _ machine: inout ScheduleMachine, at now: Int64, takes: Int64 = 10, messages: Int = 0
  ) -> ScheduleMachine.Run? {
    guard case .run(let run) = machine.decide(now) else { return nil }
    _ = machine.ended(run, began: now, messages: messages, at: now + takes)
    return run
  }

  @Test func `it waits for its time in short steps, runs once, and waits for the next`() throws {
    var machine = try Self.machine(at: Self.ten + 1)
    #expect(machine.decide(Self.ten + 1) == .wait(1000))
    #expect(machine.nextAt(Self.ten + 1) == Self.ten + 5 * Self.minute)
    #expect(machine.decide(Self.ten + 5 * Self.minute - 3) == .wait(3))
    #expect(Self.run(&machine, at: Self.ten + 5 * Self.minute) == .init(due: Self.ten + 5 * Self.minute))
    #expect(machine.decide(Self.ten + 5 * Self.minute + 10) == .wait(1000))
    #expect(machine.kept?.missed == 0 && machine.kept?.skipped == 0)
    #expect(machine.kept?.settled == Self.ten + 5 * Self.minute)
  }

  @Test func `what was planned while nobody worked runs once, and is flagged`() throws {
    var machine = try Self.machine(settled: Self.ten, at: Self.ten + 17 * Self.minute)
    #expect(
      Self.run(&machine, at: Self.ten + 17 * Self.minute) == .init(due: Self.ten + 15 * Self.minute, missed: 3))
    #expect(machine.kept?.missed == 3 && machine.kept?.skipped == 0)
    #expect(machine.decide(Self.ten + 18 * Self.minute) == .wait(1000))
    #expect(Self.run(&machine, at: Self.ten + 20 * Self.minute)?.missed == 0)
  }

  @Test func `the first start has missed nothing, and neither has one that a person stopped`() throws {
    var machine = try Self.machine(at: Self.ten)
    #expect(machine.decide(Self.ten) == .wait(1000))
    var resumed = ScheduleMachine(machine.schedule)
    resumed.begin(ScheduleMemory(settled: Self.ten - 9 * Self.hour), isResumed: true, at: Self.ten + 1)
    #expect(resumed.decide(Self.ten + 1) == .wait(1000))
    #expect(resumed.kept?.missed == 0)
  }

  @Test func `a run that takes longer than to the next has that one skipped, not queued`() throws {
    var machine = try Self.machine()
    let due = Self.ten + 5 * Self.minute
    #expect(Self.run(&machine, at: due, takes: 12 * Self.minute, messages: 7) == .init(due: due))
    #expect(machine.kept?.skipped == 2 && machine.kept?.missed == 0)
    #expect(machine.kept?.last?.messages == 7 && machine.kept?.last?.milliseconds == 12 * Self.minute)
    #expect(machine.decide(due + 12 * Self.minute) == .wait(1000))
    #expect(machine.nextAt(due + 12 * Self.minute) == Self.ten + 20 * Self.minute)
  }

  @Test func `set forward by hours what was passed over runs once and is flagged`() throws {
    var machine = try Self.machine(3600)
    #expect(machine.decide(Self.ten + Self.minute) == .wait(1000))
    #expect(Self.run(&machine, at: Self.ten + 210 * Self.minute) == .init(due: Self.ten + 3 * Self.hour, missed: 3))
    #expect(machine.decide(Self.ten + 211 * Self.minute) == .wait(1000))
  }

  @Test func `set back a little nothing runs twice, set back by more than a period the new time holds`() throws {
    var machine = try Self.machine()
    let due = Self.ten + 5 * Self.minute
    _ = Self.run(&machine, at: due)
    #expect(machine.decide(due - Self.minute) == .wait(1000))
    #expect(machine.nextAt(due - Self.minute) == due + 5 * Self.minute)
    #expect(machine.decide(due) == .wait(1000), "it ran at this moment")
    #expect(machine.decide(due - 9 * Self.hour) == .wait(1000))
    #expect(machine.nextAt(due - 9 * Self.hour) == due - 9 * Self.hour + 5 * Self.minute)

    var daily = try Self.machine(86_400)
    _ = Self.run(&daily, at: Self.ten + 14 * Self.hour)
    // The hour before midnight comes again, and midnight too.
    #expect(daily.decide(Self.ten + 14 * Self.hour - Self.hour) == .wait(1000))
    #expect(daily.decide(Self.ten + 14 * Self.hour) == .wait(1000))
  }

  @Test func `after a start by a clock that was ahead nothing is missed once that is set right`() throws {
    var machine = try Self.machine(at: Self.ten + 5 * Self.hour)
    #expect(machine.decide(Self.ten) == .wait(1000))
    for number in 1...20 {
      let due = Self.ten + Int64(number) * 5 * Self.minute
      #expect(Self.run(&machine, at: due) == .init(due: due))
    }
    #expect(machine.kept?.missed == 0 && machine.kept?.skipped == 0)
  }

  @Test func `what was passed over after the clock was far ahead is missed and not skipped`() throws {
    var machine = try Self.machine()
    #expect(Self.run(&machine, at: Self.ten + 12 * Self.hour)?.missed == 143)
    #expect(machine.decide(Self.ten - 12 * Self.hour) == .wait(1000))
    #expect(Self.run(&machine, at: Self.ten)?.missed == 143)
    #expect(machine.kept?.missed == 286 && machine.kept?.skipped == 0)
  }

  @Test func `what was missed is made up for when the window opens`() throws {
    let window = DayHours(from: 8 * 60, to: 20 * 60)
    let night = Self.ten + 13 * Self.hour
    var machine = try Self.machine(3600, between: window, settled: Self.ten, at: night)
    #expect(machine.decide(night) == .wait(1000))
    let morning = Self.ten + 22 * Self.hour
    #expect(machine.nextAt(night) == morning)
    #expect(machine.decide(morning - 20) == .wait(20))
    #expect(Self.run(&machine, at: morning) == .init(due: morning, missed: 9))
  }

  @Test func `a run that failed is due until it is done, and counts neither as missed nor twice`() throws {
    var machine = try Self.machine()
    let due = Self.ten + 5 * Self.minute
    #expect(machine.decide(due) == .run(.init(due: due)))
    machine.failed(at: due + 10)
    #expect(machine.decide(due + 30_000) == .run(.init(due: due)))
    machine.failed(at: due + 30_000)
    let later = due + 11 * Self.minute
    #expect(Self.run(&machine, at: later) == .init(due: due + 10 * Self.minute))
    #expect(machine.kept?.missed == 0 && machine.kept?.skipped == 2)
    #expect(machine.decide(later + 10) == .wait(1000))
  }

  @Test func `a run that a person asks for moves no planned one`() throws {
    var machine = try Self.machine()
    machine.asked = "kim"
    let due = Self.ten + 5 * Self.minute
    #expect(Self.run(&machine, at: due - 20_000, takes: 50_000) == .init(by: "kim"))
    #expect(machine.kept?.last?.by == "kim" && machine.kept?.last?.dueAt == nil)
    #expect(Self.run(&machine, at: due + 30_000) == .init(due: due), "it waited for the other and was not missed")
    #expect(machine.kept?.skipped == 0 && machine.kept?.missed == 0)
  }

  @Test func `what was asked for before a person stopped it is asked for no more`() throws {
    var machine = try Self.machine()
    machine.asked = "kim"
    machine.begin(machine.kept, isResumed: true, at: Self.ten + Self.minute)
    #expect(machine.decide(Self.ten + Self.minute) == .wait(1000))
  }

  @Test func `one that is stopped in order has done all that was planned, but for a run that is not over`() throws {
    var machine = try Self.machine()
    machine.end(at: Self.ten + Self.minute)
    #expect(machine.kept?.settled == Self.ten + Self.minute)
    _ = machine.decide(Self.ten + 5 * Self.minute)
    machine.end(at: Self.ten + 6 * Self.minute)
    #expect(machine.kept?.settled == Self.ten + Self.minute)
  }

  @Test func `a run waits for what isn't ready until shortly before the next`() throws {
    let machine = try Self.machine()
    #expect(machine.patience(Self.ten) == 5 * Self.minute - 1000)
    #expect(machine.patience(Self.ten + 5 * Self.minute - 100) == 90)
  }

  @Test func `what is kept is read as it was written, and anything else is nothing`() {
    var memory = ScheduleMemory(settled: 5)
    #expect(ScheduleMemory(memory.value) == memory)
    (memory.missed, memory.skipped) = (1, 2)
    memory.last = .init(dueAt: 3, beganAt: 4, milliseconds: 6, messages: 7, missed: 8, by: "kim")
    #expect(ScheduleMemory(memory.value) == memory)
    memory.last?.dueAt = nil
    memory.last?.by = nil
    #expect(ScheduleMemory(memory.value) == memory)
    #expect(ScheduleMemory(.text("?")) == nil && ScheduleMemory(nil) == nil)
  }
}
