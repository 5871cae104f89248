import Definitions
import Dispatch
import Logging
import Messages
import Store
import Synchronization

// From channel files to running channels, without a restart. docs/decisions/0008 says why it is done this way.

extension Engine {
  /// How long a lane that changes waits for its partner's answer, in seconds; what has none by then goes again.
  static let answerSecondsMax = 8
  private static let reading = DispatchQueue(label: "hilum.deployment")

  /// Reads all channel files anew, checks them, and puts to work what differs. Where anything is wrong with them,
  /// nothing is changed at all.
  ///
  /// Deployments that are asked for at once run one after the other.
  ///
  /// - Parameters:
  ///   - waiting: what becomes of deliveries that wait where no destination is any more; without it such a deployment
  ///     is refused.
  ///   - wanted: the environment that whoever deploys believes this engine to be in; `nil` asks for none.
  ///   - changes: whether another one than the engine's shall be its environment from now on, and is not refused.
  package func deploy(
    waiting: LeavingChoice?, environment wanted: String? = nil, changesEnvironment changes: Bool = false
  ) async throws -> DeploymentReport {
    let report = try await gate.alone {
      let former = environment
      let environment = wanted ?? former
      guard environment == former || changes else { throw otherEnvironment(wanted) }
      let (loaded, problems) = try await loadFiles(environment)
      guard problems.isGood else { return problems }
      // Killed on the way, the engine does not start again by itself as what it was before.
      if environment != former { try enter(environment) }
      let report = await perform(
        self.wanted(loaded, in: environment, from: former), waiting, by: "deploy", into: problems)
      if environment != former, !report.refusals.isEmpty { try enter(former) }
      return report
    }
    say(report)
    return report
  }

  private func otherEnvironment(_ wanted: String?) -> OperationError {
    let own = environment.map { "the environment \($0)" } ?? "no environment"
    let other = wanted ?? ""
    return OperationError(
      "this engine is in \(own), not in \(other); nothing was changed. hilum diff --env \(other) shows what would be "
        + "another there, and hilum deploy --env \(other) --change-env makes it so")
  }

  private func enter(_ environment: String?) throws {
    do {
      try files?.remember(environment)
    } catch {
      throw OperationError("the environment can't be written down: \(error)")
    }
    state.withLock { $0.environment = environment }
  }

  /// What a deployment would do, in the engine's environment or in another.
  package func difference(environment: String? = nil) async throws -> DeploymentReport {
    try await gate.beside {
      var (loaded, report) = try await loadFiles(environment ?? self.environment)
      guard report.isGood else { return report }
      let wanted = wanted(loaded, in: environment ?? self.environment, from: self.environment)
      let plan = DeploymentPlan(channels, wanted: wanted.definitions)
      report.refusals = plan.refusals(nil)
      report.refusals += HandOnPlan.refusals(channels.map(\.definition), wanted: wanted.definitions)
      for change in plan.changes {
        var shown = Self.shown(change.definition, .changed, change.difference.lines(waiting: nil))
        shown.files = TextChanges.between(change.channel.definition.revision, change.definition.revision)
        report.channels.append(shown)
      }
      report.channels += plan.added.map { Self.shown($0, .started, []) }
      report.channels += plan.removed.map { Self.shown($0.definition, .removed, []) }
      report.channels += unchanged(plan, wanted)
      return report
    }
  }

  /// Reads all files away from the threads on which messages run.
  func loadFiles(_ environment: String?) async throws -> (LoadedChannels, DeploymentReport) {
    guard let files else { throw OperationError("this engine was not started from channel files") }
    return await withCheckedContinuation { continuation in
      Self.reading.async {
        let loaded = files.load(environment)
        var report = DeploymentReport()
        report.problems = loaded.rendered()
        report.errorCount = loaded.problems.count { $0.severity == .error }
        report.warningCount = loaded.problems.count - report.errorCount
        if report.errorCount == 0, let path = files.changedSince(loaded) {
          report.refusals = ["\(path) was written while it was read; deploy again when it is whole"]
        }
        continuation.resume(returning: (loaded, report))
      }
    }
  }

  /// What shall run, and which of it because a person rolled it back.
  struct Wanted {
    var definitions: [ChannelDefinition]
    /// By channel: the hash of the files on disk, which are not what runs.
    var rolledBackOver: [String: String] = [:]
  }

  /// The channels of the files; where one was rolled back, what runs as long as its files are the same. What was made
  /// in one environment never goes on in another: its partners are those of the first.
  private func wanted(_ loaded: LoadedChannels, in environment: String?, from former: String?) -> Wanted {
    var wanted = Wanted(definitions: [])
    let notes = environment == former ? state.withLock { $0.notes } : [:]
    for definition in loaded.definitions {
      let over = notes[definition.name.text]?.rolledBackOver
      if over == definition.revision.hex, let channel = channel(definition.name.text) {
        wanted.definitions.append(channel.definition)
        wanted.rolledBackOver[definition.name.text] = over
      } else {
        wanted.definitions.append(definition)
      }
    }
    return wanted
  }

  // MARK: Doing it

  /// One channel's change on its way.
  private struct Step {
    let change: DeploymentPlan.Change
    var prepared: PreparedConnectors
    let former: ChannelVersion
    let formerSource: Bool
  }

  func perform(
    _ wanted: Wanted, _ waiting: LeavingChoice?, by: String, into report: DeploymentReport
  ) async -> DeploymentReport {
    var report = report
    let plan = DeploymentPlan(channels, wanted: wanted.definitions)
    report.refusals = plan.refusals(waiting)
    report.refusals += HandOnPlan.refusals(channels.map(\.definition), wanted: wanted.definitions)
    if case .low(let reason) = store.condition { report.refusals.append("nothing can be written: \(reason)") }
    var steps: [Step] = []
    var added: [(ChannelDefinition, PreparedConnectors)] = []
    var name = ""
    do {
      for change in plan.changes {
        name = change.definition.name.text
        steps.append(
          Step(
            change: change, prepared: try prepare(change.definition), former: change.channel.passage.version,
            formerSource: change.channel.isListening))
      }
      for definition in plan.added {
        name = definition.name.text
        added.append((definition, try prepare(definition)))
      }
    } catch {
      report.refusals.append("\(name): \(error)")
    }
    guard report.refusals.isEmpty else { return report }

    // All ports are let go before one is taken: two channels may change theirs with each other.
    await withTaskGroup(of: Void.self) { group in
      for step in steps where step.change.difference.source {
        group.addTask { await step.change.channel.stopSource() }
      }
      for channel in plan.removed { group.addTask { await channel.stopSource() } }
    }
    // A rollback mends no file that has an error.
    if by == "deploy" { state.withLock { $0.broken = [] } }
    for channel in plan.removed { report.channels.append(await remove(channel, waiting)) }
    let over = wanted.rolledBackOver
    let changed = await withTaskGroup(of: DeploymentReport.Channel.self) { group in
      for step in steps {
        group.addTask { [self] in
          await change(step, waiting, by: by, over: over[step.change.definition.name.text])
        }
      }
      return await group.reduce(into: []) { $0.append($1) }
    }
    report.channels += changed.sorted { $0.name < $1.name }
    let order = StartOrder.levels(wanted.definitions.map { ($0.name, $0.dependsOn) }).flatMap(\.self)
    added.sort { (order.firstIndex(of: $0.0.name) ?? 0) < (order.firstIndex(of: $1.0.name) ?? 0) }
    for (definition, prepared) in added {
      let channel = await add(definition, prepared, by: by, over: over[definition.name.text])
      report.channels.append(channel)
    }
    state.withLock { state in
      let order = wanted.definitions.map(\.name)
      state.channels.sort { (order.firstIndex(of: $0.name) ?? 0) < (order.firstIndex(of: $1.name) ?? 0) }
    }
    await settleLeaving()
    await forgetSchedules()
    watch?.channelsCameUp()
    report.channels += unchanged(plan, wanted)
    return report
  }

  private func unchanged(_ plan: DeploymentPlan, _ wanted: Wanted) -> [DeploymentReport.Channel] {
    plan.unchanged.map { channel in
      guard wanted.rolledBackOver[channel.name.text] != nil else {
        return Self.shown(channel.definition, .unchanged, [])
      }
      return Self.shown(
        channel.definition, .kept,
        [
          "it was rolled back, and its files are still those of then: what runs stays until they change "
            + "(or hilum rollback \(channel.name) REVISION)"
        ])
    }
  }

  static func shown(
    _ definition: ChannelDefinition, _ outcome: DeploymentReport.Channel.Outcome, _ lines: [String]
  ) -> DeploymentReport.Channel {
    DeploymentReport.Channel(
      name: definition.name.text, outcome: outcome, revision: definition.revision.id, lines: lines)
  }

  /// A channel that wasn't there.
  private func add(
    _ definition: ChannelDefinition, _ prepared: PreparedConnectors, by: String, over: String?
  ) async -> DeploymentReport.Channel {
    let channel: ChannelRuntime
    do {
      await stopLeaving(of: definition)
      channel = try await laneSwaps.take { [self] in
        let channel = try await make(definition, prepared, by: by, over: over)
        state.withLock { $0.channels.append(channel) }
        channel.start()
        return channel
      }
    } catch {
      state.withLock { $0.broken.append(BrokenChannel(name: definition.name.text, reason: "\(error)")) }
      return Self.shown(definition, .failed, ["it could not be started: \(error)"])
    }
    await channel.cameUp()
    guard let trouble = channel.trouble else { return Self.shown(definition, .started, []) }
    return Self.shown(definition, .failed, ["its source does not run: \(trouble) (the engine tries again)"])
  }

  private func change(
    _ step: Step, _ waiting: LeavingChoice?, by: String, over: String?
  ) async -> DeploymentReport.Channel {
    let (channel, definition) = (step.change.channel, step.change.definition)
    guard await swap(step.change, step.prepared, waiting, by: by, over: over) else {
      return Self.shown(step.former.definition, .failed, ["the engine is stopping: it was not changed"])
    }
    var lines = step.change.difference.lines(waiting: waiting)
    guard step.change.difference.source, !gate.isClosed else { return Self.shown(definition, .changed, lines) }
    channel.replace(step.prepared.source)
    await channel.resumeSource()
    guard let trouble = channel.trouble else { return Self.shown(definition, .changed, lines) }
    guard step.formerSource, let prepared = try? prepare(step.former.definition) else {
      lines.append("its source does not run: \(trouble) (the engine tries again)")
      return Self.shown(definition, .failed, lines)
    }
    return await restore(step, prepared, because: trouble)
  }

  /// The new revision's source did not come up: the former one runs again.
  private func restore(
    _ step: Step, _ prepared: PreparedConnectors, because trouble: String
  ) async -> DeploymentReport.Channel {
    let (channel, former) = (step.change.channel, step.former.definition)
    await channel.stopSource()
    let back = DeploymentPlan.Change(
      channel: channel, definition: former, difference: ChannelDifference(step.change.definition, former))
    let over = state.withLock { $0.notes[former.name.text]?.rolledBackOver }
    guard await swap(back, prepared, nil, by: "restored", over: over) else {
      return Self.shown(step.change.definition, .failed, ["its source does not run: \(trouble)"])
    }
    channel.replace(prepared.source)
    await channel.resumeSource()
    var lines = ["the new revision did not start: \(trouble)"]
    if let still = channel.trouble {
      lines.append("and the former does not start again: \(still) (the engine tries again)")
      return Self.shown(former, .failed, lines)
    }
    lines.append("the former revision runs again")
    return Self.shown(former, .restored, lines)
  }

  /// Puts a revision in another's place, between two messages. Lanes that are to be made anew end in order before, and
  /// what comes meanwhile is accepted and waits for the new one.
  ///
  /// - Returns: `false` where the engine is stopping: the former version stays.
  private func swap(
    _ change: DeploymentPlan.Change, _ prepared: PreparedConnectors, _ waiting: LeavingChoice?, by: String,
    over: String?
  ) async -> Bool {
    let (channel, difference) = (change.channel, change.difference)
    let former = channel.passage.version
    let goes = { (lane: Lane) in difference.removed.contains(lane.name.destination) }
    let drains = waiting == nil || waiting == .drain
    let renewed = former.lanes.filter { difference.changed.contains($0.name.destination) || goes($0) && !drains }
    await Lane.stop(renewed, within: Self.answerSecondsMax)
    await stopLeaving(of: change.definition)
    let gone = former.lanes.filter(goes)
    var heirs: [String: String] = [:]
    if case .move(let target) = waiting {
      for name in gone.map(\.name.destination) where change.reasonNotToMove(name, to: target) == nil {
        heirs[name] = target
      }
    }
    let kept = former.lanes.filter { lane in !renewed.contains { $0 === lane } && !goes(lane) }
    while true {
      do {
        try await laneSwaps.take { [self, heirs] in
          if difference.touchesLanes { await channel.passage.hold() }
          let left = gone.filter { $0.waiting.count > 0 }
          let note = noteOfRun(
            change.definition, by: by, over: over,
            leaving: left.map {
              DeploymentNote.Leaving(
                lane: $0.name.destination, waiting: (waiting ?? .drain).text, revision: former.definition.revision.hex)
            })
          let keys = try await register(change.definition, note, heirs: heirs)
          let lanes = makeLanes(change.definition, keys, prepared, keeping: kept)
          channel.passage.open(ChannelVersion(change.definition, keys: keys, lanes: lanes))
          for lane in lanes where !kept.contains(where: { $0 === lane }) {
            if channel.work == .stopped { lane.stopWithChannel() }
            lane.start()
          }
          leave(left, waiting ?? .drain)
          tellLeaving(of: channel.name, lanes)
        }
        if drains { await Lane.stop(gone.filter { $0.waiting.count == 0 }, within: 1) }
        return true
      } catch {
        channel.passage.open()
        if gate.isClosed { return false }
        log(of: channel.name).error(
          "A revision can't be registered; it is tried again.", metadata: ["reason": "\(error)"])
        try? await Task.sleep(for: .seconds(1), clock: SuspendingClock())
      }
    }
  }

  private func say(_ report: DeploymentReport) {
    let count = { (outcome: DeploymentReport.Channel.Outcome) in report.channels.count { $0.outcome == outcome } }
    if report.errorCount > 0 || !report.refusals.isEmpty {
      let why = report.refusals.first ?? "\(report.errorCount) errors in the channel files; hilum check shows them"
      return log.warning("Nothing was deployed.", metadata: ["reason": "\(why)"])
    }
    log.notice(
      "Deployed.",
      metadata: [
        "changed": "\(count(.changed))", "started": "\(count(.started))", "removed": "\(count(.removed))",
        "unchanged": "\(count(.unchanged) + count(.kept))",
      ])
    for channel in report.channels where channel.outcome == .failed || channel.outcome == .restored {
      log.error(
        "A channel does not run as its files say.",
        metadata: ["channel": "\(channel.name)", "reason": "\(channel.lines.joined(separator: "; "))"])
    }
  }
}
