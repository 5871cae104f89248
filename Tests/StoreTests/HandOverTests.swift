import Messages
import Testing

@testable import Store

/// One channel's delivery becomes another's message: both, or neither.
@Suite struct HandOverTests {
  private static let other = ChannelRegistration(
    name: ChannelName("ehr"), lanes: ["out"], columns: [],
    revision: (hash: [4], files: [(path: "Channels/ehr.yaml", content: Array("channel: ehr".utf8))]))

  private func arrival(_ bench: Bench, _ keys: ChannelKeys, _ text: String, key: String? = nil) -> Acceptance {
    var arrival = bench.arrival(text, lanes: [keys.lanes[0].key], key: key)
    arrival.channel = keys.channel
    arrival.revision = keys.revision
    return arrival
  }

  private func handOver(_ bench: Bench, _ attempt: Attempt, _ arrival: Acceptance) async -> AcceptResult {
    await withCheckedContinuation { continuation in
      bench.store.handOver(attempt, arrival) { continuation.resume(returning: $0) }
    }
  }

  @Test func `The delivery has ended and the message is there, once, also after a crash`() async throws {
    let folder = TestFolder()
    let bench = try await Bench.open(folder)
    let keys = try await bench.store.register(Self.other)
    let taken = try await bench.take("abc")
    let attempt = bench.attempt(taken.deliveries[0], .delivered(summary: "handed on", reply: nil))
    let there = arrival(bench, keys, "abc")
    guard case .accepted([1], _) = await handOver(bench, attempt, there) else { throw Unexpected() }
    // From another life, or tried once more: nothing comes twice.
    guard case .stale = await handOver(bench, attempt, arrival(bench, keys, "abc")) else { throw Unexpected() }
    await bench.store.close(orderly: false)

    let again = try await Bench.open(folder)
    _ = try await again.store.register(Self.other)
    #expect(try await again.store.delivery(taken.deliveries[0].id)?.state == .delivered)
    #expect(try await again.waiting(keys.lanes[0].key).map(\.message) == [there.id])
    let ledger = try #require(try await again.store.ledger().first { $0.channel == "ehr" })
    #expect(ledger.received == 1 && ledger.routed == 1)
    #expect(try await again.store.audit() == [])
    await again.store.close()
  }

  @Test func `A duplicate there ends the delivery; a key that is refused there does not, and nothing passes it`()
    async throws
  {
    let folder = TestFolder()
    let bench = try await Bench.open(folder)
    let keys = try await bench.store.register(Self.other)
    let gate = OriginGate()
    var results: [String] = []
    var ids: [DeliveryID] = []
    for (text, rejects) in [("abc", false), ("abc", false), ("xyz", true), ("abc", false)] {
      let taken = try await bench.take(text)
      var there = arrival(bench, keys, text, key: "K")
      if rejects { there.duplicateKey?.othersRejected = "AR 205" }
      there.gate = gate
      let attempt = bench.attempt(taken.deliveries[0], .delivered(summary: "handed on", reply: nil))
      ids.append(taken.deliveries[0].id)
      switch await handOver(bench, attempt, there) {
      case .accepted: results.append("accepted")
      case .duplicate: results.append("duplicate")
      case .awaited: results.append("awaited")
      case .conflict: results.append("conflict")
      case .stale: results.append("stale")
      case .unavailable: results.append("unavailable")
      }
    }
    #expect(results == ["accepted", "duplicate", "conflict", "unavailable"])
    var states: [DeliveryState?] = []
    for id in ids { states.append(try await bench.store.delivery(id)?.state) }
    #expect(states == [.delivered, .delivered, .waiting, .waiting])
    let ledger = try #require(try await bench.store.ledger().first { $0.channel == "ehr" })
    #expect(ledger.received == 3 && ledger.duplicate == 1 && ledger.rejected == 1 && ledger.problems == [])
    #expect(try await bench.store.audit() == [])
    await bench.store.close()
  }

  @Test func `The file of a large one goes where the delivery had ended before`() async throws {
    let folder = TestFolder()
    let bench = try await Bench.open(folder)
    let keys = try await bench.store.register(Self.other)
    let taken = try await bench.take("abc")
    let attempt = bench.attempt(taken.deliveries[0], .delivered(summary: "handed on", reply: nil))
    let large = String(repeating: "x", count: 300 << 10)
    guard case .accepted = await handOver(bench, attempt, arrival(bench, keys, large)) else { throw Unexpected() }
    guard case .stale = await handOver(bench, attempt, arrival(bench, keys, large)) else { throw Unexpected() }
    #expect(TestFolder.files(folder.path + "/blobs").count == 1)
    await bench.store.close()
  }

  private struct Unexpected: Error {}
}
