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

  /// One unit of a million would hold everybody up.
  @Test func `a long lane is cancelled in steps`() async throws {
    let folder = try EngineBench.folder()
    defer { try? FileManager.default.removeItem(atPath: folder) }
    let bench = try await EngineBench(in: folder, channel: "cancel-steps", lanes: ["ehr"])
    let count = 2 * Engine.cancelStepMax + 100
    try await bench.arrive(1...count)
    let commits = bench.disk.commits
    let cancelled = try await bench.engine.cancelWaiting("cancel-steps/ehr", nil, reason: "not wanted")
    #expect(bench.disk.commits >= commits + 3)
    #expect(cancelled == count - 1)
    #expect(bench.engine.channel("cancel-steps")?.lanes[0].waiting.count == 1)
    let named = try await bench.store.deliveries(DeliveryQuery(state: .waiting)).compactMap { Identifier($0.id) }
    #expect(try await bench.engine.cancelWaiting("cancel-steps/ehr", named, reason: "at the partner") == 0)
    #expect(try await bench.store.audit() == [])
    await bench.engine.stop(within: 0)
  }

  @Test func `what nothing sends any more is cancelled, be it the destination or the whole channel that is gone`()
    async throws
  {
    let folder = try EngineBench.folder()
    defer { try? FileManager.default.removeItem(atPath: folder) }
    let first = try await EngineBench(in: folder, channel: "cancel-gone", lanes: ["ehr", "archive"])
    try await first.arrive(1...3)
    await first.engine.stop(within: 0)

    let second = try await EngineBench(in: folder, channel: "cancel-gone", lanes: ["ehr"])
    #expect(try await second.engine.cancelWaiting("cancel-gone/archive", nil, reason: "gone") == 3)
    await second.engine.stop(within: 0)

    let third = try await EngineBench(in: folder, channel: "cancel-gone", lanes: [])
    #expect(await third.engine.status().gone.map(\.waiting) == [3])
    for wrong in ["cancel-gone/nix", "nix/ehr", "ehr"] {
      await #expect(throws: OperationError.self) { try await third.engine.cancelWaiting(wrong, nil, reason: "no") }
    }
    #expect(try await third.engine.cancelWaiting("cancel-gone/ehr", nil, reason: "gone") == 3)
    #expect(await third.engine.status().gone == [])
    #expect(try await third.store.audit() == [])
    await third.engine.stop(within: 0)
  }

  @Test func `a cancel that the disk stops in between tells how far it came`() async throws {
    let folder = try EngineBench.folder()
    defer { try? FileManager.default.removeItem(atPath: folder) }
    let bench = try await EngineBench(in: folder, channel: "cancel-disk", lanes: ["ehr"])
    let count = Engine.cancelStepMax + 100
    try await bench.arrive(1...count)
    bench.disk.isFull(after: 1)
    let error = await #expect(throws: OperationError.self) {
      try await bench.engine.cancelWaiting("cancel-disk/ehr", nil, reason: "not wanted")
    }
    #expect(error?.description.hasPrefix("\(Engine.cancelStepMax) were cancelled, and the others not: ") == true)
    #expect(bench.engine.channel("cancel-disk")?.lanes[0].waiting.count == 100)
    #expect(try await bench.store.audit() == [])
    await bench.engine.stop(within: 0)
  }
}
