import ConnectorKit
import Foundation
import Messages
import Synchronization
import Testing

@testable import Engine

/// A source that can't listen the first time, and after that until a test ends it.
private struct ShakySource: SourceConnector {
  struct Options: Settings { init() {} }
  struct Lost: Error, CustomStringConvertible { var description: String { "the port is taken" } }
  static let name = "shaky"
  static let about = "Fails when a test wants it."
  static let format: Format? = .hl7v2
  static let journal = Journal()
  static let isListening = Mutex(false)
  static let (gate, open) = AsyncStream<Void>.makeStream()

  init(_ options: Options, context: ConnectorContext) throws {}
  func run(_ inbox: any Inbox) async throws {
    Self.journal.note("runs")
    if Self.journal.lines.count == 1 { throw Lost() }
    Self.isListening.withLock { $0 = true }
    Self.journal.note("listens")
    for await _ in Self.gate {}
    Self.isListening.withLock { $0 = false }
    throw Lost()
  }
  func status() -> SourceStatus { SourceStatus(listening: Self.isListening.withLock { $0 } ? "here" : nil) }
}

@Suite struct SourceRunTests {
  @Test func `a source that fails again after it ran well is told of again, and begins with a short pause`()
    async throws
  {
    let folder = try EngineBench.folder()
    defer { try? FileManager.default.removeItem(atPath: folder) }
    let (clock, said) = (ManualClock(), Journal())
    let bench = try await EngineBench(
      in: folder, channel: "shaky", lanes: ["ehr"], source: ShakySource.self, clock: clock, said: said)
    let channel = try #require(bench.engine.channel("shaky"))
    #expect(channel.status().trouble == "the port is taken")
    await ShakySource.journal.wait(for: "listens")
    clock.pass(1000)
    #expect(channel.sourceFailures == 0)
    ShakySource.open.finish()
    let line = "error The source is not running; it is started again. the port is taken"
    await said.wait { $0.filter { $0 == line }.count == 2 }
    #expect(channel.sourceFailures == 1)
    await bench.engine.stop(within: 0)
  }
}
