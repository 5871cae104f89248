import ConnectorKit
import Definitions
import Logging
import Messages
import Store
import Synchronization
import Text

/// Lets a source that fetches work when its channel's schedule says so.
final class ScheduleRunner: Sendable {
  private struct State {
    var machine: ScheduleMachine
    /// It waits for its time, or looks.
    var isAtWork = false
    /// A planned run could not look, and is tried again.
    var hasFailed = false
    var runningSince: Int64?
    /// A person had stopped the source.
    var isResumed = false
    /// It failed, and waits before it is tried again.
    var pause: Task<Void, Never>?
  }

  let schedule: Schedule
  private let clock: any EngineClock
  private let log: Logger
  private let state: Mutex<State>
  private let bell: Bell

  init(_ schedule: Schedule, clock: any EngineClock, log: Logger) {
    self.schedule = schedule
    self.clock = clock
    self.log = log
    bell = Bell(clock)
    state = Mutex(State(machine: ScheduleMachine(schedule)))
  }

  /// A person starts the source again: what was planned while it was stopped was not missed.
  func resume() { state.withLock { ($0.isResumed, $0.hasFailed) = (true, false) } }

  /// Works until its task is cancelled; throws what the source throws.
  func run(_ source: any PollingSource, _ inbox: ChannelInbox) async throws {
    try await recall(inbox)
    state.withLock { $0.isAtWork = !$0.hasFailed }
    defer { state.withLock { $0.isAtWork = false } }
    if schedule.times == .always {
      try await workWhileOpen(source, inbox)
    } else {
      while !Task.isCancelled {
        switch state.withLock({ $0.machine.decide(clock.now().wall) }) {
        case .wait(let milliseconds): await bell.wait(milliseconds)
        case .run(let run): try await perform(run, source, inbox)
        }
      }
    }
    state.withLock { $0.machine.end(at: clock.now().wall) }
    await keep(inbox)
  }

  /// A person wants it to look now.
  func fetch(by: String) throws {
    let now = clock.now().wall
    try state.withLock { state in
      guard state.isAtWork || state.hasFailed else {
        throw OperationError("the source is not at work: hilum status says why")
      }
      if let since = state.runningSince {
        throw OperationError("it looks at this moment, since \(schedule.text(since))")
      }
      if schedule.times == .always, schedule.isOpen(at: now) {
        throw OperationError("it looks all the time at this moment (\(schedule.words))")
      }
      state.machine.asked = by
      state.pause?.cancel()
    }
    log.notice("A run of the source was asked for by hand.", metadata: ["by": "\(by)"])
    bell.ring()
  }

  /// Waits before a source that failed is tried again; not where a person asks for a run.
  func pause(_ seconds: Int) async {
    let pause = Task { _ = try? await Task.sleep(for: .seconds(seconds), clock: SuspendingClock()) }
    state.withLock { state in
      if state.machine.asked == nil { state.pause = pause } else { pause.cancel() }
    }
    await withTaskCancellationHandler {
      await pause.value
    } onCancel: {
      pause.cancel()
    }
    state.withLock { $0.pause = nil }
  }

  // MARK: Runs

  private func perform(
    _ run: ScheduleMachine.Run, _ source: any PollingSource, _ inbox: ChannelInbox
  ) async throws {
    let began = clock.now()
    let patience = state.withLock { state in
      state.runningSince = began.wall
      return state.machine.patience(began.wall)
    }
    defer { state.withLock { $0.runningSince = nil } }
    if let due = run.due, run.missed > 0 {
      log.notice(
        "A run of the source was missed and is made up for.",
        metadata: ["missed": "\(run.missed)", "due": "\(schedule.text(due))"])
    }
    let counting = ScheduledInbox(inbox, due: run.missed > 0 ? run.due.map(schedule.text) : nil)
    do {
      try await source.poll(counting, patience: .milliseconds(patience))
    } catch {
      if Task.isCancelled { return }
      state.withLock { state in
        if run.due != nil { state.hasFailed = true }
        state.machine.failed(at: clock.now().wall)
      }
      guard let by = run.by else { throw error }
      // Nothing that was planned was left out: who asked may ask again, and the next planned look says how it is.
      log.error(
        "A run of the source that was asked for by hand failed.", metadata: ["by": "\(by)", "reason": "\(error)"])
      return
    }
    // Broken off it is not done: what it left is taken by the next.
    if Task.isCancelled { return }
    let ended = clock.now()
    let skipped = state.withLock { state in
      (state.hasFailed, state.isAtWork) = (false, true)
      // How long it took is measured by the clock that nobody sets.
      let took = max(0, ended.steady - began.steady)
      return state.machine.ended(run, began: ended.wall - took, messages: counting.count, at: ended.wall)
    }
    if skipped > 0 {
      log.warning(
        "A run of the source took longer than to the next: what was due meanwhile was skipped.",
        metadata: ["skipped": "\(skipped)", "ms": "\(ended.steady - began.steady)"])
    }
    await keep(inbox)
  }

  /// All the time while the window is open, and not at all while it is closed.
  private func workWhileOpen(_ source: any PollingSource, _ inbox: ChannelInbox) async throws {
    while !Task.isCancelled {
      if isOpen {
        // It looks now, as somebody wanted.
        state.withLock { $0.machine.asked = nil }
        try await withThrowingTaskGroup(of: Void.self) { group in
          group.addTask {
            try await source.run(inbox)
            if !Task.isCancelled { throw OperationError("the source ended by itself") }
          }
          group.addTask { [self] in while !Task.isCancelled, isOpen { await bell.wait(ScheduleMachine.waitMax) } }
          try await group.next()
          group.cancelAll()
        }
      } else if let by = state.withLock({ state in state.machine.asked.take() }) {
        try await perform(ScheduleMachine.Run(by: by), source, inbox)
      } else {
        await bell.wait(ScheduleMachine.waitMax)
      }
    }
  }

  private var isOpen: Bool { schedule.isOpen(at: clock.now().wall) }

  // MARK: What is kept

  private func recall(_ inbox: ChannelInbox) async throws {
    let (isKnown, isResumed) = state.withLock { ($0.machine.kept != nil, $0.isResumed) }
    if isKnown, !isResumed { return }
    let memory = ScheduleMemory(try await read(inbox))
    state.withLock { state in
      state.machine.begin(memory, isResumed: isResumed, at: clock.now().wall)
      state.isResumed = false
    }
    // From now on it is known that a moment passed.
    if memory == nil || isResumed { await keep(inbox) }
  }

  private func read(_ inbox: ChannelInbox) async throws -> Value? {
    do {
      return try await inbox.progress(ScheduleMemory.key)
    } catch let error as StoreError where error.kind == .damaged {
      // A source that never looks again would be worse than a run that isn't made up for.
      log.error("What was kept of the last run of the source is damaged: whether one was missed is not known.")
      return nil
    }
  }

  /// Where that fails, a run is made once more after the next start, and flagged.
  private func keep(_ inbox: ChannelInbox) async {
    guard let memory = state.withLock({ $0.machine.kept }) else { return }
    do {
      try await inbox.keep(ScheduleMemory.key, memory.value)
    } catch {
      log.warning("The last run of the source could not be kept.", metadata: ["reason": "\(error)"])
    }
  }

  // MARK: Status

  /// The source works all the time at this moment, and says itself how it is.
  var leavesItToSource: Bool { schedule.times == .always && isOpen }

  /// It waits for its time, or looks, and did not fail the last time.
  var isAtWork: Bool { state.withLock { $0.isAtWork } }

  var status: ScheduleStatus {
    let now = clock.now().wall
    let isOpen = schedule.isOpen(at: now)
    return state.withLock { state in
      var next: Int64?
      // One that a person stopped looks at no time.
      if state.isAtWork || state.hasFailed {
        next = schedule.times != .always ? state.machine.nextAt(now) : isOpen ? nil : schedule.change(after: now)
      }
      return ScheduleStatus(
        words: schedule.words, zone: schedule.zone.name, isOpen: isOpen, nextAt: next,
        runningSince: state.runningSince, last: state.machine.kept?.last, missed: state.machine.kept?.missed ?? 0,
        skipped: state.machine.kept?.skipped ?? 0)
    }
  }
}

/// A schedule as an operator sees it. Moments are milliseconds since 1970.
package struct ScheduleStatus: Sendable, Codable, Equatable {
  /// `every 5m, 06:00-20:00 (Europe/London)`
  package var words: String
  /// By whose clock.
  package var zone: String
  /// In the part of the day, and on the days, on which it works.
  package var isOpen: Bool
  /// When it looks next, or opens; `nil` while it looks all the time.
  package var nextAt: Int64?
  /// It looks at this moment.
  package var runningSince: Int64?
  package var last: ScheduleMemory.Last?
  /// Planned moments that passed while the engine was down, or while the clock was set.
  package var missed: Int
  /// Planned moments that passed while a run was still under way.
  package var skipped: Int
}

/// Wakes one waiter: after a time, when somebody rings, or when its task is cancelled.
private final class Bell: Sendable {
  private struct State {
    var waiter: CheckedContinuation<Void, Never>?
    var number = 0
    /// Rung while nobody waited.
    var isRung = false
  }
  private let clock: any EngineClock
  private let state = Mutex(State())

  init(_ clock: any EngineClock) { self.clock = clock }

  func wait(_ milliseconds: Int64) async {
    await withTaskCancellationHandler {
      await withCheckedContinuation { continuation in
        let number: Int? = state.withLock { state in
          if state.isRung || Task.isCancelled {
            state.isRung = false
            return nil
          }
          state.waiter = continuation
          state.number += 1
          return state.number
        }
        guard let number else { return continuation.resume() }
        clock.wake(after: milliseconds) { [weak self] in self?.ring(number) }
      }
    } onCancel: {
      ring()
    }
  }

  func ring() { ring(nil) }

  /// - Parameter number: of the wait that is over; `nil` for any, and for the next where there is none.
  private func ring(_ number: Int?) {
    let waiter: CheckedContinuation<Void, Never>? = state.withLock { state in
      guard number == nil || number == state.number else { return nil }
      if state.waiter == nil { state.isRung = number == nil }
      defer { state.waiter = nil }
      return state.waiter
    }
    waiter?.resume()
  }
}
