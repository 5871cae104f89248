import ConnectorKit
import Definitions
import Foundation
import Logging
import Messages
import Store
import Testing

@testable import Engine

@Suite struct TurnsTests {
  @Test func `a turn begins when the one before has ended, also where that failed`() async throws {
    struct Failed: Error {}
    let turns = Turns()
    let journal = Journal()
    let (gate, open) = AsyncStream<Void>.makeStream()
    let first = Task {
      try await turns.take {
        journal.note("first begins")
        for await _ in gate {}
        journal.note("first ends")
        throw Failed()
      }
    }
    await journal.wait(for: "first begins")
    let second = Task { try await turns.take { journal.note("second") } }
    open.finish()
    await #expect(throws: Failed.self) { try await first.value }
    try await second.value
    #expect(journal.lines == ["first begins", "first ends", "second"])
  }
}

/// A source that ends when a test lets it.
private struct GateSource: SourceConnector {
  struct Options: Settings { init() {} }
  static let name = "gate"
  static let about = "Ends when a test lets it."
  static let format: Format? = .hl7v2
  static let journal = Journal()
  static let (gate, open) = AsyncStream<Void>.makeStream()

  init(_ options: Options, context: ConnectorContext) throws {}
  func run(_ inbox: any Inbox) async throws {
    Self.journal.note("runs")
    let (never, end) = AsyncStream<Void>.makeStream()
    for await _ in never {}
    Self.journal.note("drains")
    await Task { for await _ in Self.gate {} }.value
    Self.journal.note("ended")
    end.finish()
  }
  func status() -> SourceStatus { SourceStatus(listening: "here") }
}

@Suite struct ChannelChangeTests {
  @Test func `a start that comes while the source still drains runs it after that`() async throws {
    let folder = FileManager.default.temporaryDirectory.path + "/hilum-turns-\(UUID().uuidString)"
    try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(atPath: folder) }
    try Data("channel: adt\nsource: {gate: {}}\ndestinations: {out: {stub: {}}}\n".utf8)
      .write(to: URL(fileURLWithPath: folder + "/adt.yaml"))
    let registry = ConnectorRegistry(sources: [GateSource.self], destinations: [StubConnector.self])
    let loaded = ChannelLoader(registry: registry).load(folder: folder)
    let definition = try #require(loaded.definitions.first, "\(loaded.problems)")
    let context = ConnectorContext(
      channel: definition.name, logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }, hl7: definition.hl7,
      messageBytesMax: 1 << 20)
    let journal = GateSource.journal
    let channel = ChannelRuntime(
      ChannelVersion(
        definition, keys: ChannelKeys(channel: 1, revision: 1, state: "running", lanes: [], columns: []), lanes: []),
      source: SourceAtWork(connector: try GateSource(.init(), context: context)),
      shared: EngineShared(
        store: StubStore(journal), clock: ManualClock(), strikes: Strikes(try StrikeBoard.open(folder + "/strikes")),
        waitingBytesMax: nil, zone: nil),
      log: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() })
    channel.start()
    await journal.wait(for: "runs")
    let stop = Task { try await channel.change(to: .stopped) }
    await journal.wait(for: "drains")
    let start = Task.immediate { try await channel.change(to: .running) }
    GateSource.open.finish()
    try await stop.value
    try await start.value
    await journal.wait { $0.count == 4 }
    #expect(journal.lines == ["runs", "drains", "ended", "runs"] && channel.work == .running)
    await channel.stopSource()
  }
}
