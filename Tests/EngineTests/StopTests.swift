import ConnectorKit
import Foundation
import Messages
import Store
import Synchronization
import Testing

@testable import Engine

/// A partner that never answers; its connection closes when that of the other lane closes too.
private struct TogetherDestination: DestinationConnector {
  struct Options: Settings { init() {} }
  static let name = "together"
  static let about = "Closes when two of them close."
  static let journal = Journal()

  init(_ options: Options, context: ConnectorContext) throws {}
  func send(_ delivery: Delivery, then: @escaping @Sendable (Result<Reply, DeliveryError>) -> Void) {}
  func ping() async -> PingReport { PingReport(reached: true, lines: []) }
  func close() async {
    Self.journal.note("close")
    await Self.journal.wait { $0.count >= 2 }
  }
}

/// The end of an engine.
@Suite struct StopTests {
  @Test(.timeLimit(.minutes(1)))
  func `lanes that must not wait any longer are given up at once, not one after the other`() async throws {
    let folder = try EngineBench.folder()
    defer { try? FileManager.default.removeItem(atPath: folder) }
    let bench = try await EngineBench(
      in: folder, channel: "stop-together", lanes: ["ehr", "archive"], destination: TogetherDestination.self)
    try await bench.arrive(1...1)
    await bench.engine.stop(within: 0)
    #expect(TogetherDestination.journal.lines.count >= 2)
    // Nobody has said what became of it.
    let again = try await EngineBench(in: folder, channel: "stop-together", lanes: ["ehr", "archive"])
    #expect(again.store.closedCleanly)
    let waiting = try await again.store.deliveries(DeliveryQuery(state: .waiting))
    #expect(waiting.map(\.possibleDuplicate) == [true, true])
    await again.engine.stop(within: 0)
  }
}
