import Foundation
import Messages
import Store
import Testing

@testable import Engine

/// What a person moves from one lane at work to another.
@Suite struct MoveTests {
  private func bench(_ name: String, _ lanes: [String] = ["ehr", "standby"]) async throws -> EngineBench {
    try await EngineBench(in: try EngineBench.folder(), channel: name, lanes: lanes)
  }

  private func end(_ bench: EngineBench) async throws {
    #expect(try await bench.store.audit() == [])
    #expect(try await bench.store.ledger().flatMap(\.problems) == [])
    await bench.engine.stop(within: 0)
    try? FileManager.default.removeItem(atPath: bench.folder)
  }

  private func waiting(_ bench: EngineBench, _ lane: String) async throws -> [DeliveryRecord] {
    try await bench.store.deliveries(DeliveryQuery(destination: lane, state: .waiting, limit: .max))
  }

  @Test func `a lane is moved behind what waits in the other, in its order; what is at the partner stays`() async throws
  {
    let bench = try await bench("move-all")
    try await bench.arrive(1...10)
    let messages = try await waiting(bench, "ehr").map(\.message)

    #expect(try await bench.engine.moveWaiting("move-all/ehr", nil, to: "standby") == 9)

    #expect(try await waiting(bench, "ehr").map(\.message) == Array(messages.prefix(1)))
    #expect(try await waiting(bench, "standby").map(\.message) == messages + messages.dropFirst())
    let lanes = try #require(bench.engine.channel("move-all")?.lanes)
    let size = EngineBench.message(1).utf8.count
    #expect(lanes.map { $0.waiting.count } == [1, 19])
    #expect(lanes[0].waiting.bytes == size && lanes[1].waiting.bytes == 19 * size + 2)
    try await end(bench)
  }

  @Test func `what comes while a long lane is moved stays or goes, and all adds up`() async throws {
    let bench = try await bench("move-long")
    let count = Engine.cancelStepMax + 100
    try await bench.arrive(1...count)
    async let crossing: Void = bench.arrive(2001...2050)
    let moved = try await bench.engine.moveWaiting("move-long/ehr", nil, to: "standby")
    try await crossing
    #expect(moved >= count - 1)
    let lanes = try #require(bench.engine.channel("move-long")?.lanes)
    #expect(lanes.map { $0.waiting.count } == [count + 50 - moved, count + 50 + moved])
    try await end(bench)
  }

  @Test func `those that are named are moved, and each message's story says so`() async throws {
    let bench = try await bench("move-some")
    try await bench.arrive(1...5)
    let records = try await waiting(bench, "ehr")
    let ids = [records[3], records[1]].compactMap { Identifier($0.id) }
    #expect(try await bench.engine.moveWaiting("move-some/ehr", ids, to: "standby") == 2)
    #expect(try await waiting(bench, "ehr").map(\.id) == [0, 2, 4].map { records[$0].id })
    #expect(try await waiting(bench, "standby").suffix(2).map(\.id) == [records[3].id, records[1].id])
    let message = try #require(Identifier(records[1].message))
    let story = try await bench.store.message(message)?.steps.map(\.text) ?? []
    #expect(story.contains("moved by hand from ehr to standby"))
    #expect(try await bench.engine.moveWaiting("move-some/ehr", ids, to: "standby") == 0, "they are not there")
    try await end(bench)
  }

  @Test func `a lane that isn't there, or the same, is refused by name`() async throws {
    let bench = try await bench("move-wrong")
    try await bench.arrive(1...2)
    for (lane, target) in [
      ("move-wrong/ehr", "ehr"), ("move-wrong/ehr", "nix"), ("nix/ehr", "ehr"), ("ehr", "standby"),
    ] {
      await #expect(throws: OperationError.self, "\(lane) to \(target)") {
        try await bench.engine.moveWaiting(lane, nil, to: target)
      }
    }
    try await end(bench)
  }
}
