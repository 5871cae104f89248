import Messages
import Testing

@testable import Store

@Suite struct PruneTests {
  private static let nothing = Retention(raw: nil, sent: nil, replies: nil, blobs: nil, record: nil)

  private func prune(_ bench: Bench, _ retention: Retention, now: Int64, rowsMax: Int = 100) async throws {
    var rounds = 0
    while try await bench.store.prune([bench.keys.channel: retention], now: now, rowsMax: rowsMax) {
      rounds += 1
      #expect(rounds < 1_000)
    }
  }

  /// A delivered message with an output and a reply.
  private func delivered(_ bench: Bench, _ text: String, large: Bool = false) async throws -> Acceptance {
    let tail = large ? [UInt8](repeating: 7, count: 300_000) : []
    var arrival = bench.arrival("", lanes: [bench.ehr, bench.archive], key: text, mrn: text)
    arrival.payload = Payload(.hl7v2, Array(text.utf8) + tail)
    arrival.outputs = [Payload(.text, Array("out \(text)".utf8) + tail)]
    arrival.deliveries[1].output = 0
    guard case .accepted(let sequences, _) = await bench.accept(arrival) else { throw Bench.Unexpected() }
    for (delivery, sequence) in zip(arrival.deliveries, sequences) {
      let reply = Payload(.hl7v2, Array("reply".utf8) + tail)
      let end = Attempt.End.delivered(summary: "AA", reply: reply)
      #expect(await bench.finish(bench.attempt((delivery.id, delivery.lane, sequence), end)) == .done(1))
    }
    return arrival
  }

  @Test func `Each kind goes by its own age, and the rest stays`() async throws {
    let folder = TestFolder()
    let clock = TestClock()
    let bench = try await Bench.open(folder, testSettings(clock))
    let old = try await delivered(bench, "old")
    clock.advance(10 * day)
    let young = try await delivered(bench, "young")
    let store = bench.store

    var retention = Self.nothing
    retention.raw = 5 * day
    try await prune(bench, retention, now: clock.now)
    #expect(try await store.raw(old.id) == nil)
    #expect(try await store.message(old.id)?.hasRaw == false)
    #expect(try await store.raw(young.id) != nil)
    #expect(try await store.sent(old.deliveries[1].id)?.payload != nil)

    retention.sent = 5 * day
    try await prune(bench, retention, now: clock.now)
    #expect(try await store.sent(old.deliveries[1].id)?.payload == nil)
    #expect(try await store.sent(young.deliveries[1].id)?.payload != nil)
    #expect(try await store.sent(old.deliveries[1].id)?.reply != nil)

    retention.replies = 5 * day
    try await prune(bench, retention, now: clock.now)
    #expect(try await store.sent(old.deliveries[0].id)?.reply == nil)
    #expect(try await store.delivery(old.deliveries[0].id)?.summary == "AA")
    #expect(try await store.sent(young.deliveries[0].id)?.reply != nil)
    #expect(await bench.change(.resend(old.deliveries[0].id, as: store.mint(), at: 1)) == .stale)

    retention.record = 5 * day
    try await prune(bench, retention, now: clock.now)
    #expect(try await store.message(old.id) == nil)
    #expect(try await store.delivery(old.deliveries[0].id) == nil)
    #expect(try await store.messages(MessageQuery(columns: ["mrn": "old"])).isEmpty)
    #expect(try await store.message(young.id) != nil)
    let ledger = try await bench.ledger()
    #expect(ledger.received == 2 && ledger.routed == 2 && ledger.lanes[0].delivered == 2 && ledger.problems == [])
    #expect(try await store.audit() == [])
    await store.close()
  }

  @Test func `What waits, is held, failed or dead stays, and goes when a person has decided`() async throws {
    let folder = TestFolder()
    let clock = TestClock()
    let bench = try await Bench.open(folder, testSettings(clock))
    let waiting = try await bench.take("waiting")
    let dead = try await bench.take("dead")
    _ = await bench.kill(dead.deliveries[0])
    let resent = try await bench.take("resent")
    _ = await bench.deliver(resent.deliveries[0])
    let again = bench.store.mint()
    #expect(await bench.change(.resend(resent.deliveries[0].id, as: again, at: 1)) == .done(1))
    let failed = bench.arrival("failed", state: .failed)
    let held = bench.arrival("held", state: .held)
    let dropped = bench.arrival("dropped", state: .dropped)
    for arrival in [failed, held, dropped] { _ = await bench.accept(arrival) }
    clock.advance(100 * day)
    let all = Retention(raw: day, sent: day, replies: day, blobs: day, record: day)
    try await prune(bench, all, now: clock.now)
    #expect(try await bench.store.message(dropped.id) == nil)
    for id in [waiting.id, dead.id, resent.id, failed.id, held.id] { #expect(try await bench.store.raw(id) != nil) }
    #expect(try await bench.waiting(bench.ehr).map(\.damaged) == [false, false])

    _ = await bench.deliver(waiting.deliveries[0])
    _ = await bench.change(.discardDead([dead.deliveries[0].id], reason: "no", at: 1))
    _ = await bench.change(.discardMessages([failed.id, held.id], reason: "no", at: 1))
    try await prune(bench, all, now: clock.now)
    for id in [waiting.id, dead.id, failed.id, held.id] { #expect(try await bench.store.message(id) == nil) }
    #expect(try await bench.store.message(resent.id) != nil)
    _ = await bench.deliver((again, bench.ehr, 4))
    try await prune(bench, all, now: clock.now)
    #expect(try Bench.number(folder, "SELECT count(*) FROM message") == 0)
    #expect(try Bench.number(folder, "SELECT count(*) FROM delivery") == 0)
    #expect(try Bench.number(folder, "SELECT count(*) FROM kept") == 0)
    #expect(try await bench.store.audit() == [])
    await bench.store.close()
  }

  @Test func `Retention goes in small steps and tells whether there is more`() async throws {
    let folder = TestFolder()
    let clock = TestClock()
    let bench = try await Bench.open(folder, testSettings(clock))
    for number in 0..<25 { _ = await bench.accept(bench.arrival("\(number)", state: .dropped)) }
    clock.advance(10 * day)
    let keeping = [bench.keys.channel: Retention(raw: nil, sent: nil, replies: nil, blobs: nil, record: day)]
    #expect(try await bench.store.prune(keeping, now: clock.now, rowsMax: 10) == true)
    #expect(try Bench.number(folder, "SELECT count(*) FROM message") == 15)
    #expect(try await bench.store.prune(keeping, now: clock.now, rowsMax: 10) == true)
    #expect(try await bench.store.prune(keeping, now: clock.now, rowsMax: 10) == false)
    #expect(try Bench.number(folder, "SELECT count(*) FROM message") == 0)
    #expect(try await bench.ledger().dropped == 25)
    await bench.store.close()
  }

  @Test func `Large payloads go by the age of blobs, with their files`() async throws {
    let folder = TestFolder()
    let clock = TestClock()
    let bench = try await Bench.open(folder, testSettings(clock))
    let arrival = try await delivered(bench, "large", large: true)
    #expect(TestFolder.files(folder.path + "/blobs").count == 4)
    clock.advance(10 * day)
    var retention = Self.nothing
    (retention.raw, retention.sent, retention.replies) = (day, day, day)
    try await prune(bench, retention, now: clock.now)
    #expect(TestFolder.files(folder.path + "/blobs").count == 4)
    retention.blobs = day
    try await prune(bench, retention, now: clock.now)
    #expect(TestFolder.files(folder.path + "/blobs").isEmpty)
    #expect(try await bench.store.raw(arrival.id) == nil)
    #expect(try Bench.number(folder, "SELECT (SELECT count(*) FROM blob) + (SELECT count(*) FROM trash)") == 0)
    #expect(try await bench.store.audit() == [])
    await bench.store.close()
  }

  @Test func `The index and old keys of messages that are gone go too`() async throws {
    let folder = TestFolder()
    let clock = TestClock()
    var settings = testSettings(clock)
    settings.runMessages = 10
    settings.duplicateKeysMax = 10
    let bench = try await Bench.open(folder, settings)
    for number in 0..<60 {
      var arrival = bench.arrival("\(number)", state: .dropped, mrn: "P\(number)")
      arrival.transportKey = "file \(number)"
      _ = await bench.accept(arrival)
    }
    await bench.store.drain()
    #expect(try Bench.number(folder, "SELECT count(*) FROM searched") == 60)
    #expect(try Bench.number(folder, "SELECT count(*) FROM old_key") ?? 0 >= 40)
    clock.advance(10 * day)
    let keeping = Retention(raw: nil, sent: nil, replies: nil, blobs: nil, record: day)
    for _ in 0..<20 { try await prune(bench, keeping, now: clock.now, rowsMax: 25) }
    #expect(try Bench.number(folder, "SELECT count(*) FROM searched") == 0)
    #expect(try Bench.number(folder, "SELECT count(*) FROM old_key") == 0)
    #expect(try Bench.number(folder, "SELECT count(*) FROM run") ?? 9 <= 1)
    #expect(await bench.accept(bench.arrival("1", key: "x")).isAccepted)
    await bench.store.close()
  }

  @Test func `An age of less than a day counts in a quiet channel too`() async throws {
    let folder = TestFolder()
    let clock = TestClock()
    let bench = try await Bench.open(folder, testSettings(clock))
    let arrival = try await delivered(bench, "old")
    clock.advance(2 * 3_600_000)
    let young = try await delivered(bench, "young")
    var retention = Self.nothing
    retention.raw = 3_600_000
    try await prune(bench, retention, now: clock.now)
    #expect(try await bench.store.raw(arrival.id) == nil)
    #expect(try await bench.store.raw(young.id) != nil)
    await bench.store.close()
  }

  @Test func `What is added to a message that retention has passed goes too`() async throws {
    let folder = TestFolder()
    let clock = TestClock()
    let bench = try await Bench.open(folder, testSettings(clock))
    let resent = try await bench.take("resent")
    _ = await bench.deliver(resent.deliveries[0])
    var again = bench.arrival("reprocessed", state: .dropped)
    #expect(await bench.accept(again).isAccepted)
    clock.advance(10 * day)
    var retention = Self.nothing
    (retention.sent, retention.replies, retention.blobs) = (day, day, day)
    try await prune(bench, retention, now: clock.now)

    let id = bench.store.mint()
    #expect(await bench.change(.resend(resent.deliveries[0].id, as: id, at: 1)) == .done(1))
    #expect(await bench.deliver((id, bench.ehr, 2), reply: "reply") == .done(1))
    (again.state, again.replaces) = (.routed, [.dropped])
    again.outputs = [Payload(.text, Array("out".utf8)), Payload(.text, [UInt8](repeating: 7, count: 300_000))]
    again.deliveries = [bench.ehr, bench.archive].enumerated().map {
      .init(id: bench.store.mint(), lane: $1, output: $0)
    }
    #expect(await bench.accept(again).isAccepted)
    #expect(await bench.deliver((again.deliveries[0].id, bench.ehr, 3)) == .done(1))
    try await prune(bench, retention, now: clock.now)
    #expect(try await bench.store.sent(id)?.reply == nil)
    // One delivery of it still waits.
    #expect(try Bench.number(folder, "SELECT count(*) FROM output") == 2)
    #expect(await bench.deliver((again.deliveries[1].id, bench.archive, 1)) == .done(1))
    try await prune(bench, retention, now: clock.now)
    #expect(try Bench.number(folder, "SELECT count(*) FROM output") == 0)
    #expect(TestFolder.files(folder.path + "/blobs").isEmpty)
    #expect(try Bench.number(folder, "SELECT count(*) FROM kept") == 0)
    #expect(try await bench.store.audit() == [])
    await bench.store.close()
  }
}
