import CSQLite
import Messages
import Synchronization
import Testing

@testable import Store

/// Numbers that a commit gives.
@Suite struct SequenceTests {
  private func numbered(_ bench: Bench, _ text: String, _ names: [String] = ["lab"], key: String? = nil) -> Acceptance {
    var arrival = bench.arrival(text, key: key)
    arrival.deliveries[0].rendered = [
      "name": [TemplateValue(text: "n-", isValue: false)] + names.map { TemplateValue(numberOf: $0, width: 3) }
    ]
    return arrival
  }

  private func names(_ bench: Bench) async throws -> [String] {
    try await bench.waiting(bench.ehr).map { ($0.rendered["name"] ?? []).map(\.text).joined() }
  }

  @Test func `A person sets numbers forward, never back, and sees where they stand`() async throws {
    let folder = TestFolder()
    let bench = try await Bench.open(folder)
    let channel = bench.keys.channel
    #expect(await bench.accept(numbered(bench, "1")).isAccepted)
    #expect(await bench.change(.sequence(channel: channel, name: "lab", last: 40)) == .done(1))
    for last in [40, 1] as [Int64] {
      #expect(await bench.change(.sequence(channel: channel, name: "lab", last: last)) == .stale)
    }
    #expect(await bench.change(.sequence(channel: channel, name: "ward", last: 7)) == .done(1))
    #expect(await bench.accept(numbered(bench, "2", ["lab", "ward"])).isAccepted)
    #expect(try await names(bench) == ["n-001", "n-041008"])
    #expect(
      try await bench.store.sequences() == [
        NumberSequence(channel: "adt", name: "lab", last: 41), NumberSequence(channel: "adt", name: "ward", last: 8),
      ])
    #expect(try await bench.store.audit() == [])
    await bench.store.close()
  }

  @Test func `A number is the next of its name, and nothing that isn't stored takes one`() async throws {
    let folder = TestFolder()
    let bench = try await Bench.open(folder)
    #expect(await bench.accept(numbered(bench, "1", key: "K")).isAccepted)
    #expect(await bench.accept(numbered(bench, "1", key: "K")).original != nil)
    var dead = numbered(bench, "2")
    dead.deliveries[0].dead = "a value is absent"
    #expect(await bench.accept(dead).isAccepted)
    var gone = numbered(bench, "3")
    gone.replaces = [.failed]
    #expect(await bench.accept(gone).isStale)
    #expect(await bench.accept(numbered(bench, "4", ["ward", "lab", "lab"])).isAccepted)
    #expect(await bench.accept(bench.arrival("5")).isAccepted)
    #expect(await bench.accept(numbered(bench, "6")).isAccepted)
    #expect(try await names(bench) == ["n-001", "n-001002002", "", "n-003"])
    #expect(try await bench.store.audit() == [])
    await bench.store.close()
  }

  @Test func `Another channel has numbers of its own, and after a crash they go on where they were`() async throws {
    let folder = TestFolder()
    let other = ChannelRegistration(
      name: ChannelName("other"), lanes: ["ehr", "archive"], columns: ["mrn"],
      revision: Bench.registration.revision)
    var first = try await Bench.open(folder)
    #expect(await first.accept(numbered(first, "1")).isAccepted)
    var second = Bench(store: first.store, keys: try await first.store.register(other))
    #expect(await second.accept(numbered(second, "1")).isAccepted)
    await first.store.close(orderly: false)

    first = try await Bench.open(folder)
    second = Bench(store: first.store, keys: try await first.store.register(other))
    #expect(await first.accept(numbered(first, "2")).isAccepted)
    #expect(await second.accept(numbered(second, "2")).isAccepted)
    #expect(try await names(first) == ["n-001", "n-002"])
    #expect(try await names(second) == ["n-001", "n-002"])
    await first.store.close()
  }

  @Test func `A retry, a resend and a move keep the number; what is processed again gets a new one`() async throws {
    let folder = TestFolder()
    let bench = try await Bench.open(folder)
    let arrival = numbered(bench, "1")
    #expect(await bench.accept(arrival).isAccepted)
    let id = arrival.deliveries[0].id
    _ = await bench.kill((id, bench.ehr, 1))
    #expect(await bench.change(.retryDead([id], at: 9)) == .done(1))
    #expect(try await names(bench) == ["n-001"])
    #expect(await bench.deliver((id, bench.ehr, 2)) == .done(1))
    #expect(await bench.change(.resend(id, as: bench.store.mint(), at: 9)) == .done(1))
    #expect(try await names(bench) == ["n-001"])

    var again = numbered(bench, "1")
    again.id = arrival.id
    again.replaces = [.routed]
    #expect(await bench.accept(again).isAccepted)
    #expect(try await names(bench) == ["n-001", "n-002"])
    let waiting = try await bench.waiting(bench.ehr).map(\.id)
    let move = Change.moveChosen(lane: bench.ehr, to: bench.archive, waiting, at: 9)
    #expect(await bench.change(move) == .cancelled(count: 2, bytes: 2))
    let moved = try await bench.waiting(bench.archive).map { ($0.rendered["name"] ?? []).map(\.text).joined() }
    #expect(moved == ["n-001", "n-002"])
    #expect(try await bench.store.audit() == [])
    await bench.store.close()
  }

  @Test func `What follows an answer, and what another channel takes, is numbered with it`() async throws {
    let folder = TestFolder()
    let bench = try await Bench.open(folder)
    let taken = try await bench.take("1")
    var follows = numbered(bench, "")
    follows.id = taken.id
    follows.replaces = [.routed]
    follows.outputs = [Payload(.text, Array("out".utf8))]
    follows.deliveries[0].output = 0
    var attempt = bench.attempt(taken.deliveries[0], .delivered(summary: "AA", reply: nil))
    attempt.follows = follows
    #expect(await bench.finish(attempt) == .followed(sequences: [2]))
    #expect(await bench.finish(attempt) == .stale)

    let handed = try await bench.take("2")
    let end = bench.attempt(handed.deliveries[0], .delivered(summary: "handed on", reply: nil))
    for expected in [true, false] {
      let there = numbered(bench, "2")
      let result = await withCheckedContinuation { continuation in
        bench.store.handOver([end], there) { continuation.resume(returning: $0) }
      }
      #expect(result.isAccepted == expected)
    }
    #expect(try await names(bench) == ["n-001", "n-002"])
    await bench.store.close()
  }

  @Test func `Whatever fails, none is left out and none comes twice, in the order of the lane`() async throws {
    let seed = UInt64.random(in: 0...UInt64.max)
    var random = Seeded(seed)
    let folder = TestFolder()
    let trouble = Mutex(Int32(0))
    var settings = testSettings()
    settings.failure = { point in
      trouble.withLock { code in
        guard point == .beforeCommit else { return 0 }
        defer { code = 0 }
        return code
      }
    }
    var bench = try await Bench.open(folder, settings)
    var accepted = 0
    for number in 0..<150 {
      switch Int.random(in: 0..<10, using: &random) {
      case 0:
        await bench.store.close(orderly: false)
        bench = try await Bench.open(folder, settings)
      case 1...3: trouble.withLock { $0 = [SQLITE_BUSY, SQLITE_CONSTRAINT].randomElement(using: &random) ?? 0 }
      default: break
      }
      // Several at once share a group, and its fate.
      let results = await withTaskGroup(of: Bool.self) { group in
        for part in 0..<Int.random(in: 1...4, using: &random) {
          let arrival = numbered(bench, "\(number)-\(part)", key: part == 3 ? "K" : nil)
          group.addTask { [bench] in await bench.accept(arrival).isAccepted }
        }
        return await group.reduce(into: 0) { $0 += $1 ? 1 : 0 }
      }
      accepted += results
    }
    let got = try await names(bench)
    let expected = (1...max(1, accepted)).map { number in
      "n-" + String(repeating: "0", count: max(0, 3 - String(number).count)) + String(number)
    }
    let isDense = got == expected
    #expect(isDense, "seed \(seed): \(accepted) accepted, \(got.count) there, \(got.suffix(3))")
    #expect(try await bench.store.audit() == [], "seed \(seed)")
    await bench.store.close()
  }

  @Test func `A restored store goes on where its backup was, and what waits in it has its number`() async throws {
    let (folder, aside) = (TestFolder(), TestFolder())
    let bench = try await Bench.open(folder)
    #expect(await bench.accept(numbered(bench, "1")).isAccepted)
    try await bench.backUp(to: aside.path + "/backup.tar")
    await bench.store.close()
    _ = try restore(aside.path + "/backup.tar", into: aside.path + "/restored")

    let store = try SQLiteStore.open(aside.path + "/restored", settings: testSettings())
    let again = Bench(store: store, keys: try await store.register(Bench.registration))
    #expect(await again.accept(numbered(again, "2")).isAccepted)
    #expect(try await names(again) == ["n-001", "n-002"])
    #expect(try await store.audit() == [])
    await store.close()
  }

  @Test func `An audit finds a number that stands twice, and one that is still to be given`() async throws {
    let folder = TestFolder()
    let bench = try await Bench.open(folder)
    for text in ["1", "2"] { _ = await bench.accept(numbered(bench, text)) }
    try Bench.sql(folder, "UPDATE delivery SET numbers = '{\"lab\":2}'")
    #expect(
      try await bench.store.audit() == ["adt: the number 2 of the sequence `lab` was given to 2 deliveries"])
    try Bench.sql(folder, "UPDATE delivery SET numbers = '{\"lab\":' || (6 + sequence) || '}'")
    #expect(try await bench.store.audit().count == 2)
    await bench.store.close()
  }
}
