import Messages
import Testing

@testable import Store

/// Rule 4: duplicates are decided by the writer, by key and bytes, against messages that were routed, dropped or held.
@Suite struct DuplicateTests {
  @Test func `The same key with the same bytes is a duplicate, and a line of it is kept`() async throws {
    let folder = TestFolder()
    let bench = try await Bench.open(folder)
    let first = bench.arrival("A01", key: "K1")
    #expect(await bench.accept(first).isAccepted)
    let second = bench.arrival("A01", key: "K1")
    #expect(await bench.accept(second).original == first.id)
    let record = try #require(try await bench.store.message(second.id))
    #expect(record.state == .duplicate && record.duplicateOf == first.id.description && !record.hasRaw)
    #expect(try await bench.waiting(bench.ehr).count == 1)
    let ledger = try await bench.ledger()
    #expect(ledger.duplicate == 1 && ledger.received == 2 && ledger.accepted == 1)
    #expect(try await bench.store.audit() == [])
    await bench.store.close()
  }

  @Test func `The same key with other bytes is accepted and flagged, and both stay known`() async throws {
    let folder = TestFolder()
    let bench = try await Bench.open(folder)
    let a = bench.arrival("A", key: "1")
    let b = bench.arrival("B", key: "1")
    #expect(await bench.accept(a).keyReused == false)
    #expect(await bench.accept(b).keyReused == true)
    #expect(
      try await bench.store.message(b.id)?.steps.contains {
        $0.kind == .flagged && $0.text.contains("control-id-reused")
      } == true)
    #expect(await bench.accept(bench.arrival("A", key: "1")).original == a.id)
    #expect(await bench.accept(bench.arrival("B", key: "1")).original == b.id)
    #expect(await bench.accept(bench.arrival("C", key: "2")).keyReused == false)
    await bench.store.close()
  }

  @Test func `The resend of one that was rejected or failed is processed`() async throws {
    let folder = TestFolder()
    let bench = try await Bench.open(folder)
    for state in [MessageState.rejected, .failed] {
      #expect(await bench.accept(bench.arrival("\(state)", state: state, key: "\(state)")).isAccepted)
      let again = await bench.accept(bench.arrival("\(state)", state: .routed, key: "\(state)"))
      #expect(again.isAccepted && !again.keyReused)
    }
    for state in [MessageState.dropped, .held] {
      let first = bench.arrival("\(state)", state: state, key: "\(state)")
      #expect(await bench.accept(first).isAccepted)
      #expect(await bench.accept(bench.arrival("\(state)", state: .routed, key: "\(state)")).original == first.id)
    }
    await bench.store.close()
  }

  @Test func `What failed and was reprocessed makes a duplicate; what was discarded doesn't`() async throws {
    let folder = TestFolder()
    let bench = try await Bench.open(folder)
    var failed = bench.arrival("x", state: .failed, key: "x")
    #expect(await bench.accept(failed).isAccepted)
    failed.state = .routed
    failed.replaces = [.failed]
    failed.deliveries = [.init(id: bench.store.mint(), lane: bench.ehr, output: nil)]
    #expect(await bench.accept(failed).isAccepted)
    #expect(await bench.accept(bench.arrival("x", key: "x")).original == failed.id)
    let held = bench.arrival("h", state: .held, key: "h")
    #expect(await bench.accept(held).isAccepted)
    #expect(await bench.change(.discardMessages([held.id], reason: "no", at: 1)) == .done(1))
    #expect(await bench.accept(bench.arrival("h", key: "h")).isAccepted)
    await bench.store.close()
  }

  @Test func `After the window a key is free again; a clock that was set back doesn't free it`() async throws {
    let folder = TestFolder()
    let clock = TestClock()
    let bench = try await Bench.open(folder, testSettings(clock))
    let first = bench.arrival("A", key: "K", within: 1_000)
    #expect(await bench.accept(first).isAccepted)
    clock.advance(1_000)
    #expect(await bench.accept(bench.arrival("A", key: "K", within: 1_000)).original == first.id)
    clock.advance(1)
    let later = bench.arrival("A", key: "K", within: 1_000)
    #expect(await bench.accept(later).isAccepted)
    clock.advance(-100_000)
    #expect(await bench.accept(bench.arrival("A", key: "K", within: 1_000)).original == later.id)
    await bench.store.close()
  }

  @Test func `The same key of another channel is another key`() async throws {
    let folder = TestFolder()
    let bench = try await Bench.open(folder)
    var registration = Bench.registration
    registration.name = ChannelName("other")
    let other = try await bench.store.register(registration)
    #expect(await bench.accept(bench.arrival("A", key: "K")).isAccepted)
    var arrival = bench.arrival("A", lanes: [other.lanes[0].key], key: "K")
    arrival.channel = other.channel
    let result = await bench.accept(arrival)
    #expect(result.isAccepted && !result.keyReused)
    await bench.store.close()
  }

  @Test func `Two of one group: the second is a duplicate of the first`() async throws {
    let folder = TestFolder()
    let bench = try await Bench.open(folder)
    let results = Collected<AcceptResult>()
    let arrivals = (0..<8).map { _ in bench.arrival("same", key: "K") }
    for arrival in arrivals { bench.store.accept(arrival) { results.add($0) } }
    let seen = await results.wait(8)
    #expect(seen[0].isAccepted)
    #expect(seen.dropFirst().map(\.original) == Array(repeating: arrivals[0].id, count: 7))
    await bench.store.close()
  }

  /// Rule 10: a file that was taken is known by its identity, whatever `duplicates` says.
  @Test func `A transport identity is known without a key and without a window`() async throws {
    let folder = TestFolder()
    let clock = TestClock()
    let bench = try await Bench.open(folder, testSettings(clock))
    var first = bench.arrival("content", state: .failed)
    first.transportKey = "dev 1 inode 2 size 7 time 3"
    #expect(await bench.accept(first).isAccepted)
    clock.advance(400 * day)
    var again = bench.arrival("content")
    again.transportKey = first.transportKey
    again.progress = ("file", .text("taken"))
    #expect(await bench.accept(again).original == first.id)
    #expect(try await bench.store.progress(channel: bench.keys.channel, key: "file") == .text("taken"))
    var other = bench.arrival("other bytes")
    other.transportKey = first.transportKey
    #expect(await bench.accept(other).isAccepted)
    await bench.store.close()
  }

  /// Keys are in memory, in runs and in the old table: wherever they are, and after every kind of end, they are found.
  @Test(arguments: [true, false]) func `Keys are found again after many more, and after a restart`(
    orderly: Bool
  ) async throws {
    let folder = TestFolder()
    var settings = testSettings()
    settings.runMessages = 50
    settings.duplicateKeysMax = 120
    var bench = try await Bench.open(folder, settings)
    var ids: [MessageID] = []
    for number in 0..<400 { ids.append(try await bench.take("m \(number)", key: "k \(number)").id) }
    #expect(try Bench.number(folder, "SELECT count(*) FROM old_key") ?? 0 > 200)
    #expect(try Bench.number(folder, "SELECT count(*) FROM key_run") ?? 0 >= 2)
    for _ in 0..<2 {
      for number in stride(from: 0, to: 400, by: 7) {
        #expect(await bench.accept(bench.arrival("m \(number)", key: "k \(number)")).original == ids[number])
      }
      await bench.store.close(orderly: orderly)
      bench = try await Bench.open(folder, settings)
    }
    let reused = bench.arrival("other bytes", key: "k 3")
    #expect(await bench.accept(reused).keyReused)
    #expect(await bench.accept(bench.arrival("m 3", key: "k 3")).original == ids[3])
    #expect(try await bench.store.audit() == [])
    await bench.store.close()
  }

  @Test func `An arrival whose id is older than the last run is found by key and column`() async throws {
    let folder = TestFolder()
    var settings = testSettings()
    settings.runMessages = 20
    let bench = try await Bench.open(folder, settings)
    let slow = bench.arrival("slow", key: "slow", mrn: "SLOW")
    for number in 0..<60 { try await bench.take("m \(number)", key: "k \(number)") }
    #expect(await bench.accept(slow).isAccepted)
    #expect(try await bench.store.messages(MessageQuery(columns: ["mrn": "SLOW"])).map(\.id) == [slow.id.description])
    await bench.store.close(orderly: false)
    let again = try await Bench.open(folder, settings)
    #expect(await again.accept(again.arrival("slow", key: "slow")).original == slow.id)
    await again.store.close()
  }

  /// Its key stands in memory, or in the file already.
  @Test(arguments: [400_000, 10]) func `A reprocessed message doesn't hide a newer one with its key after a restart`(
    keysMax: Int
  ) async throws {
    let folder = TestFolder()
    var settings = testSettings()
    settings.runMessages = 20
    settings.duplicateKeysMax = keysMax
    let bench = try await Bench.open(folder, settings)
    var older = bench.arrival("A", state: .failed, key: "K", mrn: "P")
    #expect(await bench.accept(older).isAccepted)
    let newer = bench.arrival("B", key: "K")
    #expect(await bench.accept(newer).isAccepted)
    for number in 0..<60 { try await bench.take("m \(number)", key: "k \(number)") }
    (older.state, older.replaces) = (.routed, [.failed])
    #expect(await bench.accept(older).isAccepted)
    await bench.store.close(orderly: false)
    let again = try await Bench.open(folder, settings)
    #expect(await again.accept(again.arrival("B", key: "K")).original == newer.id)
    #expect(await again.accept(again.arrival("A", key: "K")).original == older.id)
    #expect(try await again.store.audit() == [])
    await again.store.close()
  }

  @Test func `Keys that ran out are forgotten`() async throws {
    let folder = TestFolder()
    let clock = TestClock()
    var settings = testSettings(clock)
    settings.runMessages = 20
    let bench = try await Bench.open(folder, settings)
    for number in 0..<20 { _ = await bench.accept(bench.arrival("m \(number)", key: "k \(number)", within: 1_000)) }
    await bench.store.drain()
    #expect(try Bench.number(folder, "SELECT count(*) FROM key_run") == 1)
    clock.advance(5_000)
    for number in 20..<60 { _ = await bench.accept(bench.arrival("m \(number)", key: "k \(number)", within: 1_000)) }
    await bench.store.drain()
    #expect(try Bench.number(folder, "SELECT count(*) FROM old_key") == 0)
    #expect(try Bench.number(folder, "SELECT min(id) FROM key_run") == 2)
    await bench.store.close()
  }
}
