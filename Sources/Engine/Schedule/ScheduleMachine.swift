import Definitions
import Messages

/// When a source looks, as its schedule says and as what was done so far leaves it: what is planned, missed, skipped.
/// Pure: moments come in, in milliseconds since 1970 by the wall clock, and decisions go out.
struct ScheduleMachine: Sendable {
  /// One look that is to be made, or under way.
  struct Run: Sendable, Equatable {
    /// The planned moment; `nil` where a person asked for it.
    var due: Int64?
    /// So many planned moments had passed while nobody could look; this one may be the last of them.
    var missed = 0
    /// Who asked for it.
    var by: String?
  }

  enum Decision: Sendable, Equatable {
    case run(Run)
    /// Asks again after so many milliseconds, or sooner.
    case wait(Int64)
  }

  /// A wall clock may be set at any time: it is looked at again after this long.
  static let waitMax: Int64 = 1000
  /// A planned moment that is noticed later than this was missed: the clock was set forward, or the machine slept.
  static let lateMax: Int64 = 10_000
  /// As in crontab(5): a clock that goes back by more was wrong before, and the new time holds at once.
  static let backMax: Int64 = 3 * 3_600_000

  let schedule: Schedule
  /// What is kept beyond the end of the process; `nil` before it was read.
  private(set) var kept: ScheduleMemory?
  /// Begun, and not yet done: its planned moment is not over.
  private(set) var current: Run?
  /// Who asked for a run.
  var asked: String?
  /// Since when it works, in this process and without having been stopped by a person.
  private var workingSince: Int64 = 0
  /// Until when something kept it from looking that is told in another way: a run, a failure.
  private var busyUntil: Int64 = .min
  /// The next planned moment behind `kept.settled`.
  private var next: Int64?
  /// When the window opens, where something waits for that.
  private var opening: Int64?

  init(_ schedule: Schedule) { self.schedule = schedule }

  /// Goes to work.
  ///
  /// - Parameters:
  ///   - memory: of the engine before this one; `nil` where there was none.
  ///   - isResumed: a person had stopped it: what was planned meanwhile was not missed, and what was asked for before
  ///     is asked for no more.
  mutating func begin(_ memory: ScheduleMemory?, isResumed: Bool, at now: Int64) {
    var memory = memory ?? ScheduleMemory(settled: now)
    if isResumed { (memory.settled, current, asked) = (now, nil, nil) }
    kept = memory
    workingSince = now
    settle(memory.settled)
  }

  /// The next planned moment, for people.
  func nextAt(_ now: Int64) -> Int64? {
    guard let next, next <= now else { return next }
    return schedule.isOpen(at: now) ? now : opening ?? next
  }

  mutating func decide(_ now: Int64) -> Decision {
    followClock(now)
    if let asked {
      self.asked = nil
      return .run(Run(by: asked))
    }
    guard let kept, let next else { return .wait(Self.waitMax) }
    guard next <= now else { return .wait(min(Self.waitMax, next - now)) }
    guard schedule.isOpen(at: now) else {
      if opening ?? .min <= now { opening = schedule.change(after: now) }
      return .wait(min(Self.waitMax, max(1, (opening ?? .max) - now)))
    }
    let latest = schedule.latest(after: kept.settled, through: now) ?? next
    if var run = current, let due = run.due {
      // It failed before: later ones are made up for with it.
      if latest > due { self.kept?.skipped += schedule.count(after: due, through: latest) }
      run.due = max(due, latest)
      current = run
      return .run(run)
    }
    let planned = schedule.count(after: kept.settled, through: latest)
    let absent = min(latest, max(now - Self.lateMax, workingSince - 1))
    let missed = schedule.count(after: max(kept.settled, busyUntil), through: absent)
    let run = Run(due: latest, missed: missed)
    self.kept?.missed += missed
    self.kept?.skipped += max(0, planned - missed - (absent < latest || missed == 0 ? 1 : 0))
    current = run
    return .run(run)
  }

  /// A run has taken all there was.
  ///
  /// - Returns: how many planned moments passed meanwhile: they are skipped.
  mutating func ended(_ run: Run, began: Int64, messages: Int, at now: Int64) -> Int {
    kept?.last = ScheduleMemory.Last(
      dueAt: run.due, beganAt: began, milliseconds: max(0, now - began), messages: messages, missed: run.missed,
      by: run.by)
    busyUntil = now
    guard let due = run.due else { return 0 }
    current = nil
    let skipped = schedule.count(after: due, through: now)
    kept?.skipped += skipped
    settle(skipped == 0 ? due : schedule.latest(after: due, through: now) ?? due)
    return skipped
  }

  /// A run could not look, or not to the end.
  mutating func failed(at now: Int64) { busyUntil = now }

  /// It is stopped in order: what is planned from now on is missed.
  mutating func end(at now: Int64) {
    guard current == nil, let kept, next.map({ $0 > now }) ?? true else { return }
    settle(max(kept.settled, now))
  }

  /// How long a run that begins now may wait for what is not ready.
  func patience(_ now: Int64) -> Int64 {
    guard let next = schedule.next(after: now) else { return 3_600_000 }
    let left = next - now
    return max(0, min(86_400_000, left - min(1000, left / 10)))
  }

  private mutating func followClock(_ now: Int64) {
    // By a clock that was set back it is at work, and was busy, since now: what is planned later was not passed over.
    (workingSince, busyUntil) = (min(workingSince, now), min(busyUntil, now))
    guard let kept else { return }
    var most = Self.backMax
    if case .every(let seconds) = schedule.times { most = min(most, Int64(seconds) * 1000) }
    if kept.settled - now > most { settle(now) }
  }

  private mutating func settle(_ moment: Int64) {
    kept?.settled = moment
    next = schedule.next(after: moment)
    opening = nil
  }
}

/// What is known of a schedule beyond the end of the process.
package struct ScheduleMemory: Sendable, Equatable {
  /// A look that is over.
  package struct Last: Sendable, Codable, Equatable {
    /// The planned moment; `nil` where a person asked for it.
    package var dueAt: Int64?
    package var beganAt: Int64
    /// How long it took.
    package var milliseconds: Int64
    /// New messages that are kept.
    package var messages: Int
    /// So many planned moments before it, it among them, had passed while nobody could look.
    package var missed: Int
    /// Who asked for it.
    package var by: String?
  }

  /// Everything planned up to this moment is done with.
  var settled: Int64
  /// Since the schedule was first at work.
  var missed = 0
  var skipped = 0
  var last: Last?

  init(settled: Int64) { self.settled = settled }
}

extension ScheduleMemory {
  /// The key of a channel's progress under which it is kept.
  static let key = "hilum:schedule"

  var value: Value {
    var fields: [String: Value] = [
      "settled": .integer(settled), "missed": .integer(Int64(missed)), "skipped": .integer(Int64(skipped)),
    ]
    if let last {
      var run: [String: Value] = [
        "began": .integer(last.beganAt), "took": .integer(last.milliseconds),
        "messages": .integer(Int64(last.messages)), "missed": .integer(Int64(last.missed)),
      ]
      run["due"] = last.dueAt.map { .integer($0) }
      run["by"] = last.by.map { .text($0) }
      fields["last"] = .record(run)
    }
    return .record(fields)
  }

  init?(_ value: Value?) {
    func number(_ path: String) -> Int64? {
      if case .integer(let number)? = value?[path] { number } else { nil }
    }
    guard let settled = number("settled") else { return nil }
    self.settled = settled
    missed = Int(clamping: number("missed") ?? 0)
    skipped = Int(clamping: number("skipped") ?? 0)
    guard let began = number("last.began") else { return }
    last = Last(
      dueAt: number("last.due"), beganAt: began, milliseconds: number("last.took") ?? 0,
      messages: Int(clamping: number("last.messages") ?? 0), missed: Int(clamping: number("last.missed") ?? 0),
      by: value?["last.by"]?.text)
  }
}
