import Admin
import Engine
import Foundation
import Partners
import Store
import Synchronization

/// A hospital for a while: channels of one template, each with a lane of every order, senders that never stop, partners
/// that fall ill and recover, people that pause and release, and an engine that is deployed to and killed.
///
/// Whoever sends and whoever receives notes all of it; the engine has no hand in the notes. At the end they are laid
/// side by side.
final class Soak: Sendable {
  let project: Project
  let lanes: [SoakLane]
  private let ports: [Int]
  private let sent: [HistoryLog]
  private let seed: UInt64
  /// Each time the engine was killed or deployed to, and what it used the most memory.
  private let counts = Mutex(Counts())

  struct Counts: Sendable {
    var kills = 0, stops = 0, deployments = 0, refusedDeployments = 0, looks = 0, byPeople = 0
    /// How often the machine stood still, and until when that counts.
    var standstills = 0
    var unsettledUntil = ContinuousClock.now
    var memoryBytesMax = 0
    /// What was wrong when somebody looked.
    var problems: [String] = []
  }

  init(channels: Int, seed: UInt64) async throws {
    self.seed = seed
    project = try Project()
    var lanes: [SoakLane] = []
    for number in 0..<channels {
      for kind in SoakLane.Kind.allCases { lanes.append(try await SoakLane(Self.name(number), kind)) }
    }
    self.lanes = lanes
    try project.makeFolder("Channels/templates")
    let project = project
    ports = try (0..<channels).map { _ in try project.port() }
    sent = (0..<channels).map { _ in HistoryLog() }
    try write(revision: 0)
  }

  private static func name(_ number: Int) -> String { "site-\(number + 1)" }

  // MARK: What is deployed

  /// Writes the template, its transform and the table of the sites.
  func write(revision: Int, isBroken: Bool = false) throws {
    let end = isBroken ? "emit nothing.like this" : "emit msg"
    try project.write(
      "Transforms/pass.hilt", "transform pass\n  in  hl7\n  out hl7\n\nnote \"revision \(revision)\"\n\(end)\n")
    let destinations = SoakLane.Kind.allCases.map { kind in
      """
        \(kind.rawValue):
          mllp: {host: 127.0.0.1, port: "${\(kind.rawValue)}", timeout: 5s}
          \(kind.order)
          refused: {AE: "${tries}", then: "${then}"}
          retry: {first: 50ms, factor: 2, longest: \(500 + revision % 7)ms}
      """
    }
    try project.write(
      "Channels/templates/site.yaml",
      """
      parameters:
        port: port
        tries: number
        then: [dead, hold]
      \(SoakLane.Kind.allCases.map { "  \($0.rawValue): port" }.joined(separator: "\n"))
      source:
        mllp: {port: "${port}"}
      transform: ../../Transforms/pass.hilt
      destinations:
      \(destinations.joined(separator: "\n"))
      """)
    try project.write("Channels/sites.yaml", "template: templates/site.yaml\ninstances: sites.csv\n")
    // What a partner that refuses comes to differs from site to site.
    let rules = ["3,dead", "3,hold", "1000,dead"]
    let rows = ports.enumerated().map { number, port in
      let partners = lanes.filter { $0.channel == Self.name(number) }.map { "\($0.partner.port)" }
      return ([Self.name(number), "\(port)", rules[number % 3]] + partners).joined(separator: ",")
    }
    let kinds = SoakLane.Kind.allCases.map(\.rawValue).joined(separator: ",")
    try project.write(
      "Channels/sites.csv", (["channel,port,tries,then,\(kinds)"] + rows).joined(separator: "\n") + "\n")
  }

  /// Deploys a new revision to the engine that runs, one in four with an error in it, which must change nothing.
  func deploy(_ revision: Int) async throws {
    let isBroken = revision % 4 == 3
    try write(revision: revision, isBroken: isBroken)
    let result = try await project.hilum("deploy", within: 120)
    if isBroken {
      guard result.status == 1, result.errors.contains("pass.hilt") || result.output.contains("pass.hilt") else {
        throw WayError("a broken transform was deployed: \(result)")
      }
      try write(revision: revision)
    } else if result.status != 0 {
      throw WayError("the deployment of revision \(revision) was refused: \(result)")
    }
    counts.withLock { counts in
      if isBroken { counts.refusedDeployments += 1 } else { counts.deployments += 1 }
    }
  }

  // MARK: What happens to the engine

  /// Ends it without a word, or in order, and starts it again.
  func breakEngine(inOrder: Bool) async throws {
    guard let engine = project.running else { throw WayError("no engine runs") }
    note(engine.memoryBytes)
    if inOrder {
      // Partners that don't answer hold the stop up; then the engine lets go of them.
      let ending = await engine.stop(within: 60)
      guard ending == .exited(0) else {
        throw WayError("asked to stop, it ended with \(String(describing: ending)): \(engine.launch.errors)")
      }
    } else {
      await engine.kill()
    }
    incident("the engine is gone")
    // On a busy machine a partner comes late to what the kernel still holds for it.
    try await Task.sleep(for: .milliseconds(500))
    incident("the engine is gone, and its sockets are read")
    counts.withLock { counts in if inOrder { counts.stops += 1 } else { counts.kills += 1 } }
    try await project.start()
  }

  private func incident(_ what: String) { for lane in lanes { lane.incident(what) } }

  private func note(_ memoryBytes: Int) {
    counts.withLock { $0.memoryBytesMax = max($0.memoryBytesMax, memoryBytes) }
  }

  /// Notes when the machine stands still for seconds: who waited for an answer meanwhile gave up, though it was given,
  /// and what lay in a socket is read after that.
  func watchMachine() async {
    var last = ContinuousClock.now
    while !Task.isCancelled {
      try? await Task.sleep(for: .milliseconds(100))
      let now = ContinuousClock.now
      let stood = now - last
      let isUnsettled = counts.withLock { counts in
        if stood > .seconds(2) {
          counts.standstills += 1
          counts.unsettledUntil = now + max(stood, .seconds(5))
        }
        return now < counts.unsettledUntil
      }
      if isUnsettled { incident("the machine stood still") }
      last = now
    }
  }

  // MARK: Load

  /// Sends to one channel for so long, or until it is cancelled; what gets no answer goes again on a new connection.
  func load(_ number: Int, rate: Double, seconds: Int) async throws {
    var plan = SendPlan(PartnerEndpoint(port: ports[number]))
    plan.connections = 2
    plan.rate = rate
    plan.timeout = .seconds(20)
    plan.resend = SendPlan.Resend(giveUpAfter: .seconds(300))
    plan.history = sent[number]
    let generator = MessageGenerator(seed: seed &+ UInt64(number), prefix: "S\(number + 1)X")
    _ = try await MLLPSender(plan).send(count: Int(rate * Double(seconds))) { generator.message($0) }
  }

  var acknowledgedCount: Int {
    sent.reduce(0) { count, log in
      count
        + Set(
          log.events.lazy.filter {
            $0.kind == .answered && AcknowledgementCode(rawValue: $0.value)?.isAcceptance == true
          }.map(\.key)
        ).count
    }
  }

  // MARK: What people do and see

  /// One thing that an operator does now and then; it must be understood, whatever the engine is at.
  func operate(_ random: inout SeededRandom) async {
    let lane = lanes[Int.random(in: 0..<lanes.count, using: &random)]
    let done: Project.CommandResult?
    switch Int.random(in: 0..<5, using: &random) {
    case 0:
      done = try? await project.hilum("lane", "pause", lane.name)
      try? await Task.sleep(for: .seconds(1))
      _ = try? await project.hilum("lane", "resume", lane.name)
    case 1: done = try? await project.hilum("held", "release", "--channel", lane.channel)
    case 2: done = try? await project.hilum("dead", "retry", "--channel", lane.channel)
    case 3:
      done = try? await project.hilum("pause", lane.channel)
      try? await Task.sleep(for: .seconds(1))
      _ = try? await project.hilum("start", lane.channel)
    default:
      done = try? await project.hilum("stop", lane.channel)
      try? await Task.sleep(for: .seconds(1))
      _ = try? await project.hilum("start", lane.channel)
    }
    if done?.status == 0 { counts.withLock { $0.byPeople += 1 } }
  }

  /// What each lane's partner had got, and since when that has not changed.
  struct Look {
    var received: [String: (count: Int, since: ContinuousClock.Instant)] = [:]
  }

  /// Looks at the status and at the ledger as an operator does: each sum comes out, and a lane in which something waits
  /// and nothing has moved for some seconds says why.
  ///
  /// Nothing is looked at where the engine is down at this moment.
  func look(_ before: inout Look, quietSecondsMax: Double = 10) async {
    guard let engine = project.running, engine.launch.isRunning, let status = try? await project.status(),
      let ledger = try? await project.problemsOfTheLedger(), engine.launch.isRunning
    else { return }
    note(engine.memoryBytes)
    var problems = ledger
    let now = ContinuousClock.now
    let unsettledUntil = counts.withLock { $0.unsettledUntil } + .seconds(quietSecondsMax)
    let started = Date(timeIntervalSince1970: Double(status.startedAt) / 1000)
    for lane in lanes {
      let count = lane.partner.receiver.receptionCount
      if before.received[lane.name]?.count != count { before.received[lane.name] = (count, now) }
      guard let since = before.received[lane.name]?.since, now - since > .seconds(quietSecondsMax),
        Date.now.timeIntervalSince(started) > quietSecondsMax, now > unsettledUntil,
        let channel = status.channels.first(where: { $0.name == lane.channel }), channel.state != "stopped",
        let shown = channel.lanes.first(where: { $0.name == lane.kind.rawValue }),
        Double(shown.oldestFor ?? 0) > quietSecondsMax * 1000
      else { continue }
      if !shown.saysWhy { problems.append("\(lane.name) stands still and does not say why: \(shown)") }
    }
    counts.withLock { [problems] counts in
      counts.looks += 1
      counts.problems += problems
    }
  }

  /// What was wrong at any look.
  var seen: [String] { counts.withLock { $0.problems } }

  // MARK: The end

  /// All partners are well and nobody sends: releases, tries again and waits until all is delivered, and lays the notes
  /// side by side.
  func finish(within seconds: Double) async throws -> [String] {
    let deadline = ContinuousClock.now + .seconds(seconds)
    for channel in Set(lanes.map(\.channel)) { _ = try await project.hilum("start", channel) }
    for lane in lanes { _ = try await project.hilum("lane", "resume", lane.name) }
    while true {
      for channel in Set(lanes.map(\.channel)) {
        _ = try await project.hilum("held", "release", "--channel", channel)
        _ = try await project.hilum("dead", "retry", "--channel", channel)
      }
      let status = try await project.status()
      let open = status.channels.flatMap { channel in
        channel.lanes.filter { $0.waiting + ($0.dead ?? 0) + ($0.held ?? 0) > 0 }.map { "\(channel.name)/\($0.name)" }
      }
      if open.isEmpty { break }
      guard ContinuousClock.now < deadline else { return ["not everything was delivered in \(seconds) s: \(open)"] }
      try await Task.sleep(for: .milliseconds(500))
    }
    var problems = try await project.problemsOfTheLedger()
    for (number, log) in sent.enumerated() {
      let events = log.events
      for lane in lanes where lane.channel == Self.name(number) {
        problems += lane.problems(events)
      }
    }
    if let ending = await project.running?.stop(), ending != .exited(0) {
      problems.append("the engine ended with \(ending)")
    }
    return problems
  }

  /// What happened, in a few lines.
  var story: String {
    let counts = counts.withLock { $0 }
    let moods = lanes.reduce(into: [SoakLane.Mood: Int]()) { $0.merge($1.moodCounts, uniquingKeysWith: +) }
    let received = lanes.reduce(0) { $0 + $1.partner.receiver.receptionCount }
    return """
      \(ports.count) channels, \(lanes.count) lanes; \(acknowledgedCount) messages acknowledged, \(received) received
      \(counts.kills) kills, \(counts.stops) stops, \(counts.deployments) deployments and \
      \(counts.refusedDeployments) refused, \(counts.byPeople) times operated, \(counts.looks) looks
      partners: \(SoakLane.Mood.allCases.map { "\($0.rawValue) \(moods[$0] ?? 0)" }.joined(separator: ", "))
      memory at most \(counts.memoryBytesMax >> 20) MiB; the machine stood still \(counts.standstills) times
      """
  }
}

extension LaneStatus {
  /// Whether somebody who looks sees what a lane that doesn't move waits for.
  fileprivate var saysWhy: Bool {
    paused || unreachable != nil || lastFailure != nil || standsAt != nil || (resting > 0 && lastRefusal != nil)
  }
}
