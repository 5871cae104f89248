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
      bench.store.handOver([attempt], arrival) { continuation.resume(returning: $0) }
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

  @Test func `Many deliveries become one message, all of them or none, also after a crash`() async throws {
    let folder = TestFolder()
    let bench = try await Bench.open(folder)
    let keys = try await bench.store.register(Self.other)
    var attempts: [Attempt] = []
    for number in 0..<300 {
      let taken = try await bench.take("\(number)")
      attempts.append(bench.attempt(taken.deliveries[0], .delivered(summary: "gathered", reply: nil)))
    }
    #expect(try await bench.store.waitingLines(lane: bench.ehr, after: 0, countMax: 1000).lines.count == 300)
    // One was cancelled meanwhile: nothing of the others changes.
    let gone = attempts[150].delivery
    let cancel = Change.cancelWaiting(lane: bench.ehr, [gone], reason: "x", at: 1)
    #expect(await bench.change(cancel) == .cancelled(count: 1, bytes: 3))
    guard case .stale = await gather(bench, attempts, arrival(bench, keys, "all")) else { throw Unexpected() }
    let lines = try await bench.store.waitingLines(lane: bench.ehr, after: 0, countMax: 100)
    #expect(lines.lines.map(\.sequence) == Array(1...100) && !lines.isAll)
    #expect(try await bench.waiting(keys.lanes[0].key).isEmpty)

    attempts.remove(at: 150)
    let there = arrival(bench, keys, "all")
    guard case .accepted([1], _) = await gather(bench, attempts, there) else { throw Unexpected() }
    guard case .stale = await gather(bench, attempts, arrival(bench, keys, "all")) else { throw Unexpected() }
    await bench.store.close(orderly: false)

    let again = try await Bench.open(folder)
    _ = try await again.store.register(Self.other)
    #expect(try await again.waiting(keys.lanes[0].key).map(\.message) == [there.id])
    let lane = try #require(try await again.store.ledger().first { $0.channel == "adt" }?.lanes[0])
    #expect(lane.delivered == 299 && lane.cancelled == 1 && lane.waiting == 0 && lane.waitingBytes == 0)
    #expect(try await again.store.audit() == [])
    await again.store.close()
  }

  @Test func `Lines of what waits end before what is held`() async throws {
    let folder = TestFolder()
    let bench = try await Bench.open(folder)
    for text in ["1", "2"] { try await bench.take(text) }
    let held = try await bench.take("3").deliveries[0]
    try await bench.take("4")
    #expect(await bench.finish(bench.attempt(held, .held(reason: "AE", reply: nil))) == .done(1))
    let (lines, isAll) = try await bench.store.waitingLines(lane: bench.ehr, after: 0, countMax: 10)
    #expect(lines.map(\.sequence) == [1, 2] && lines.map(\.byteCount) == [1, 1] && isAll)
    await bench.store.close()
  }

  @Test func `What is processed again came into its lane when it was`() async throws {
    let folder = TestFolder()
    let clock = TestClock()
    let bench = try await Bench.open(folder, testSettings(clock))
    let came = clock.now
    var arrival = bench.arrival("1", state: .failed)
    #expect(await bench.accept(arrival).isAccepted)
    try await bench.take("2")
    clock.advance(day)
    arrival.replaces = [.failed]
    arrival.state = .routed
    arrival.deliveries = [.init(id: bench.store.mint(), lane: bench.ehr, output: nil)]
    #expect(await bench.accept(arrival).isAccepted)
    let lines = try await bench.store.waitingLines(lane: bench.ehr, after: 0, countMax: 10).lines
    #expect(lines.map(\.createdAt) == [came, came + day])
    await bench.store.close()
  }

  private func gather(_ bench: Bench, _ attempts: [Attempt], _ arrival: Acceptance) async -> AcceptResult {
    await withCheckedContinuation { continuation in
      bench.store.handOver(attempts, arrival) { continuation.resume(returning: $0) }
    }
  }

  private struct Unexpected: Error {}
}
