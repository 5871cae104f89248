import ConnectorKit
import Definitions
import Foundation
import Messages
import Store
import Synchronization
import Testing

@testable import Engine

/// A source that brings a message each time it looks, or fails when a test wants it.
private struct PolledSource: PollingSource {
  struct Options: Settings { init() {} }
  struct Lost: Error, CustomStringConvertible { var description: String { "the folder is gone" } }
  static let name = "polled"
  static let about = "Brings a message each time."
  static let format: Format? = .hl7v2
  /// By channel: how often it looked.
  static let looks = Mutex<[String: Int]>([:])
  static let failing = Mutex<Set<String>>([])
  static let journal = Journal()

  let place = "here"
  private let channel: String

  init(_ options: Options, context: ConnectorContext) throws { channel = context.channel.text }
  func run(_ inbox: any Inbox) async throws {
    Self.journal.note("\(channel) works all the time")
    try await Task.sleep(for: .seconds(3600))
  }
  func poll(_ inbox: any Inbox, patience: Duration) async throws {
    if Self.failing.withLock({ $0.contains(channel) }) {
      Self.journal.note("\(channel) fails")
      throw Lost()
    }
    let number = Self.looks.withLock { looks in
      looks[channel, default: 0] += 1
      return looks[channel] ?? 0
    }
    _ = await inbox.accept(Arrival(Payload(.hl7v2, Array(EngineBench.message(number).utf8))))
    Self.journal.note("\(channel) \(number)")
  }
}

/// A schedule at work in an engine, under a test's clock, which begins at 2023-11-14 22:13:20 UTC.
@Suite struct ScheduleRunTests {
  private static func bench(
    _ channel: String, in folder: String, _ clock: ManualClock, _ said: Journal = Journal(),
    schedule: String = "{every: 5m}"
  ) async throws -> EngineBench {
    try await EngineBench(
      in: folder, channel: channel, lanes: ["ehr"], source: PolledSource.self, beside: "schedule: \(schedule)",
      clock: clock, said: said)
  }

  /// Until the run is over and what is known of it is kept.
  private static func settled(_ channel: ChannelRuntime, runs: Int, _ clock: ManualClock) async throws {
    await PolledSource.journal.wait(for: "\(channel.name) \(runs)")
    while channel.status().schedule?.runningSince != nil || channel.status().schedule?.nextAt ?? 0 <= clock.now().wall {
      try await Task.sleep(for: .milliseconds(2))
    }
  }

  @Test func `it looks at its time, and what it brought is counted`() async throws {
    let folder = try EngineBench.folder()
    defer { try? FileManager.default.removeItem(atPath: folder) }
    let clock = ManualClock()
    let bench = try await Self.bench("timely", in: folder, clock)
    let channel = try #require(bench.engine.channel("timely"))
    #expect(channel.status().source.listening == "here" && channel.status().trouble == nil)
    #expect(channel.status().schedule?.nextAt == 1_700_000_100_000)
    #expect(channel.status().schedule?.words == "every 5m (UTC)")
    clock.pass(99_000)
    clock.pass(1000)
    try await Self.settled(channel, runs: 1, clock)
    let status = try #require(channel.status().schedule)
    #expect(status.last?.messages == 1 && status.last?.missed == 0 && status.nextAt == 1_700_000_400_000)
    #expect(PolledSource.looks.withLock { $0["timely"] } == 1)
    await bench.engine.stop(within: 0)
  }

  @Test func `what was missed while the engine was down is made up for once, and its messages say so`() async throws {
    let folder = try EngineBench.folder()
    defer { try? FileManager.default.removeItem(atPath: folder) }
    let clock = ManualClock()
    let first = try await Self.bench("late", in: folder, clock)
    await first.engine.stop(within: 0)
    clock.pass(20 * 60_000)
    let said = Journal()
    let second = try await Self.bench("late", in: folder, clock, said)
    let channel = try #require(second.engine.channel("late"))
    try await Self.settled(channel, runs: 1, clock)
    let status = try #require(channel.status().schedule)
    #expect(status.missed == 4 && status.last?.missed == 4 && status.last?.dueAt == 1_700_001_000_000)
    let line = "notice A run of the source was missed and is made up for. 2023-11-14 22:30:00 +00:00 4"
    #expect(said.lines == [line])
    let record = try #require(try await second.store.messages(.init()).first)
    #expect(record.attributes["schedule"]?["due"]?.text == "2023-11-14 22:30:00 +00:00")
    #expect(record.attributes["schedule"]?["missed"]?.text == "true")
    await second.engine.stop(within: 0)
  }

  @Test func `what a person stopped has missed nothing, and looks when a person asks`() async throws {
    let folder = try EngineBench.folder()
    defer { try? FileManager.default.removeItem(atPath: folder) }
    let clock = ManualClock()
    let bench = try await Self.bench("paused", in: folder, clock)
    let channel = try #require(bench.engine.channel("paused"))
    try await bench.engine.set("paused", .paused)
    #expect(throws: OperationError.self) { try bench.engine.fetch("paused", by: "kim") }
    #expect(channel.status().schedule?.nextAt == nil)
    clock.pass(20 * 60_000)
    try await bench.engine.set("paused", .running)
    #expect(channel.status().schedule?.missed == 0)
    try bench.engine.fetch("paused", by: "kim")
    try await Self.settled(channel, runs: 1, clock)
    #expect(channel.status().schedule?.last?.by == "kim")
    await bench.engine.stop(within: 0)
  }

  @Test func `a look that fails is trouble until one succeeds, and is tried again`() async throws {
    let folder = try EngineBench.folder()
    defer { try? FileManager.default.removeItem(atPath: folder) }
    let clock = ManualClock()
    let bench = try await Self.bench("failing", in: folder, clock)
    let channel = try #require(bench.engine.channel("failing"))
    PolledSource.failing.withLock { _ = $0.insert("failing") }
    clock.pass(100_000)
    await PolledSource.journal.wait { $0.filter { $0 == "failing fails" }.count == 2 }
    #expect(channel.status().trouble == "the folder is gone")
    PolledSource.failing.withLock { _ = $0.remove("failing") }
    try await Self.settled(channel, runs: 1, clock)
    #expect(channel.status().trouble == nil && channel.status().schedule?.missed == 0)
    await bench.engine.stop(within: 0)
  }

  @Test(arguments: ["{every: 1d}", "{between: 22:15-22:20}"])
  func `a fetch that fails is told in the log and is no trouble of the source`(schedule: String) async throws {
    let folder = try EngineBench.folder()
    defer { try? FileManager.default.removeItem(atPath: folder) }
    let (clock, said, name) = (ManualClock(), Journal(), schedule.contains("every") ? "handy" : "handywindow")
    let bench = try await Self.bench(name, in: folder, clock, said, schedule: schedule)
    let channel = try #require(bench.engine.channel(name))
    PolledSource.failing.withLock { _ = $0.insert(name) }
    try bench.engine.fetch(name, by: "kim")
    await said.wait(for: "error A run of the source that was asked for by hand failed. kim the folder is gone")
    #expect(channel.status().trouble == nil && channel.status().source.listening == "here")
    PolledSource.failing.withLock { _ = $0.remove(name) }
    try await eventually { channel.status().schedule?.runningSince == nil }
    try bench.engine.fetch(name, by: "kim")
    try await Self.settled(channel, runs: 1, clock)
    #expect(channel.status().schedule?.last?.by == "kim" && channel.status().trouble == nil)
    await bench.engine.stop(within: 0)
  }

  @Test func `a source that a person starts again after a failure begins clean`() async throws {
    let folder = try EngineBench.folder()
    defer { try? FileManager.default.removeItem(atPath: folder) }
    let clock = ManualClock()
    let bench = try await Self.bench("clean", in: folder, clock)
    let channel = try #require(bench.engine.channel("clean"))
    PolledSource.failing.withLock { _ = $0.insert("clean") }
    clock.pass(100_000)
    await PolledSource.journal.wait(for: "clean fails")
    try await eventually { channel.status().trouble == "the folder is gone" }
    try await bench.engine.set("clean", .stopped)
    try await bench.engine.set("clean", .running)
    #expect(channel.status().trouble == nil && channel.status().source.listening == "here")
    await bench.engine.stop(within: 0)
  }

  @Test func `who asks a source that fails for a look does not wait for its next try`() async throws {
    let folder = try EngineBench.folder()
    defer { try? FileManager.default.removeItem(atPath: folder) }
    let clock = ManualClock()
    let bench = try await Self.bench("impatient", in: folder, clock)
    let channel = try #require(bench.engine.channel("impatient"))
    PolledSource.failing.withLock { _ = $0.insert("impatient") }
    clock.pass(100_000)
    let began = ContinuousClock.now
    // Its pauses are 1, 2, 4, 8 and 16 seconds, and 30 then.
    for failures in 1...5 {
      try await eventually { channel.sourceFailures >= failures && channel.status().schedule?.runningSince == nil }
      #expect(channel.trouble == "the folder is gone")
      try bench.engine.fetch("impatient", by: "kim")
    }
    try await eventually { channel.sourceFailures == 6 && channel.status().schedule?.runningSince == nil }
    PolledSource.failing.withLock { _ = $0.remove("impatient") }
    try bench.engine.fetch("impatient", by: "kim")
    try await Self.settled(channel, runs: 2, clock)
    #expect(channel.status().trouble == nil && channel.status().schedule?.last?.by == nil, "what was planned is done")
    #expect(ContinuousClock.now - began < .seconds(20))
    await bench.engine.stop(within: 0)
  }

  @Test func `what was taken out of the files and put back has missed nothing`() async throws {
    let folder = try EngineBench.folder()
    defer { try? FileManager.default.removeItem(atPath: folder) }
    let clock = ManualClock()
    let bench = try await Self.bench("back", in: folder, clock)
    let definition = try #require(bench.engine.channel("back")).definition
    func deploy(_ definitions: [ChannelDefinition]) async -> [DeploymentReport.Channel.Outcome] {
      await bench.engine.perform(.init(definitions: definitions), nil, by: "deploy", into: .init()).channels.map(
        \.outcome)
    }
    #expect(await deploy([]) == [.removed])
    clock.pass(20 * 60_000)
    #expect(await deploy([definition]) == [.started])
    #expect(bench.engine.channel("back")?.status().schedule?.nextAt == 1_700_001_300_000)
    #expect(bench.engine.channel("back")?.status().schedule?.missed == 0)

    let file = folder + "/channels/back.yaml"
    let text = try String(contentsOfFile: file, encoding: .utf8)
    try text.replacing(", schedule: {every: 5m}", with: "").write(toFile: file, atomically: true, encoding: .utf8)
    let registry = ConnectorRegistry(sources: [PolledSource.self], destinations: [StubConnector.self])
    let plain = ChannelLoader(registry: registry).load(folder: folder + "/channels").definitions
    #expect(plain.map { $0.source.schedule == nil } == [true])
    #expect(await deploy(plain) == [.changed])
    clock.pass(20 * 60_000)
    #expect(await deploy([definition]) == [.changed])
    #expect(bench.engine.channel("back")?.status().schedule?.missed == 0)
    #expect(PolledSource.looks.withLock { $0["back"] } == nil)
    await bench.engine.stop(within: 0)
  }

  @Test func `and neither has one whose file was away while another engine was started`() async throws {
    let folder = try EngineBench.folder()
    defer { try? FileManager.default.removeItem(atPath: folder) }
    let clock = ManualClock()
    let first = try await Self.bench("away", in: folder, clock)
    await first.engine.stop(within: 0)
    let without = try await EngineBench(in: folder, channel: "away", lanes: [], clock: clock)
    await without.engine.stop(within: 0)
    clock.pass(20 * 60_000)
    let second = try await Self.bench("away", in: folder, clock)
    #expect(second.engine.channel("away")?.status().schedule?.missed == 0)
    #expect(second.engine.channel("away")?.status().schedule?.nextAt == 1_700_001_300_000)
    await second.engine.stop(within: 0)
  }

  @Test func `with a window alone it works while that is open`() async throws {
    let folder = try EngineBench.folder()
    defer { try? FileManager.default.removeItem(atPath: folder) }
    let clock = ManualClock()
    let bench = try await Self.bench("window", in: folder, clock, schedule: "{between: 22:15-22:20}")
    let channel = try #require(bench.engine.channel("window"))
    #expect(channel.status().source.listening == "here")
    #expect(channel.status().schedule?.isOpen == false && channel.status().schedule?.nextAt == 1_700_000_100_000)
    #expect(!PolledSource.journal.lines.contains("window works all the time"))
    clock.pass(100_000)
    await PolledSource.journal.wait(for: "window works all the time")
    #expect(channel.status().schedule?.isOpen == true)
    #expect(throws: OperationError.self) { try bench.engine.fetch("window", by: "kim") }
    clock.pass(300_000)
    try await eventually { channel.status().schedule?.isOpen == false }
    try bench.engine.fetch("window", by: "kim")
    await PolledSource.journal.wait(for: "window 1")
    await bench.engine.stop(within: 0)
  }

  private func eventually(_ isSo: () -> Bool) async throws {
    while !isSo() { try await Task.sleep(for: .milliseconds(2)) }
  }
}
