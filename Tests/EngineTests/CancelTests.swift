import Foundation
import Messages
import Store
import Testing

@testable import Engine

/// What a person cancels, in lanes at work and in those that nothing sends from any more.
@Suite struct CancelTests {
  @Test func `what is cancelled is gone from what the channel's limits count, to the byte`() async throws {
    let folder = try EngineBench.folder()
    defer { try? FileManager.default.removeItem(atPath: folder) }
    let bench = try await EngineBench(in: folder, channel: "cancel-bytes", lanes: ["ehr"])
    let lane = try #require(bench.engine.channel("cancel-bytes")?.lanes.first)
    try await bench.arrive(100...119)
    // Half of it comes while the other is cancelled.
    async let crossing: Void = bench.arrive(200...219)
    let cancelled = try await bench.engine.cancelWaiting("cancel-bytes/ehr", nil, reason: "not wanted")
    try await crossing
    let size = EngineBench.message(100).utf8.count
    #expect(lane.waiting == (40 - cancelled, (40 - cancelled) * size))
    #expect(cancelled >= 19)
    await bench.engine.stop(within: 0)
  }
}
