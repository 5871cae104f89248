import Messages
import Testing

@testable import Store

@Suite struct QueryTests {
  @Test func `Messages are listed newest first, narrowed by channel, state, time and page`() async throws {
    let folder = TestFolder()
    let clock = TestClock()
    let bench = try await Bench.open(folder, testSettings(clock))
    var registration = Bench.registration
    registration.name = ChannelName("lab")
    let lab = try await bench.store.register(registration)
    var ids: [String] = []
    for number in 0..<30 {
      var arrival = bench.arrival(
        "\(number)", state: number % 3 == 0 ? .dropped : number % 3 == 1 ? .failed : .rejected)
      if number % 2 == 1 { arrival.channel = lab.channel }
      _ = await bench.accept(arrival)
      ids.append(arrival.id.description)
      clock.advance(1_000)
    }
    func list(_ query: MessageQuery) async throws -> [Int] {
      try await bench.store.messages(query).compactMap { record in ids.firstIndex(of: record.id) }
    }
    #expect(try await list(MessageQuery(limit: 4)) == [29, 28, 27, 26])
    #expect(try await list(MessageQuery(channel: "lab", limit: 3)) == [29, 27, 25])
    #expect(try await list(MessageQuery(states: [.failed], limit: 3)) == [28, 25, 22])
    #expect(try await list(MessageQuery(channel: "adt", states: [.failed, .dropped], limit: 3)) == [28, 24, 22])
    #expect(try await list(MessageQuery(before: ids[10], limit: 2)) == [9, 8])
    let start = clock.now - 30_000
    #expect(try await list(MessageQuery(from: start + 5_000, to: start + 7_000)) == [7, 6, 5])
    #expect(try await list(MessageQuery(channel: "none")).isEmpty)
    await bench.store.close()
  }

  @Test func `A column is found by its exact value, in runs and behind them`() async throws {
    let folder = TestFolder()
    var settings = testSettings()
    settings.runMessages = 16
    let bench = try await Bench.open(folder, settings)
    var ids: [[String]] = [[], [], []]
    for number in 0..<100 {
      ids[number % 3].append(try await bench.take("\(number)", mrn: "P\(number % 3)").id.description)
    }
    for number in 0..<3 {
      let found = try await bench.store.messages(MessageQuery(columns: ["mrn": "P\(number)"], limit: 100))
      #expect(found.map(\.id) == ids[number].reversed())
      #expect(found.allSatisfy { $0.columns == ["mrn": "P\(number)"] })
    }
    #expect(try await bench.store.messages(MessageQuery(columns: ["mrn": "P"])).isEmpty)
    #expect(try await bench.store.messages(MessageQuery(columns: ["other": "P1"])).isEmpty)
    #expect(try await bench.store.messages(MessageQuery(columns: ["mrn": "P1", "other": "x"])).isEmpty)
    await bench.store.close()
  }

  @Test func `A value that very many messages hold is looked for in the newest of them, and goes on behind those`()
    async throws
  {
    let folder = TestFolder()
    var settings = testSettings()
    settings.runMessages = 16
    settings.listRowsMax = 20
    let bench = try await Bench.open(folder, settings)
    var ids: [String] = []
    for number in 0..<100 {
      let arrival = bench.arrival("\(number)", state: number < 5 ? .failed : .routed, mrn: "P")
      #expect(await bench.accept(arrival).isAccepted)
      ids.append(arrival.id.description)
    }
    func found(_ query: MessageQuery) async throws -> [Int] {
      try await bench.store.messages(query).compactMap { ids.firstIndex(of: $0.id) }
    }
    #expect(try await found(MessageQuery(columns: ["mrn": "P"], limit: 3)) == [99, 98, 97])
    #expect(try await found(MessageQuery(columns: ["mrn": "P"], limit: 100)) == (80...99).reversed())
    #expect(try await found(MessageQuery(states: [.failed], columns: ["mrn": "P"])) == [])
    let older = MessageQuery(states: [.failed], columns: ["mrn": "P"], before: ids[20])
    #expect(try await found(older) == [4, 3, 2, 1, 0])
    await bench.store.close()
  }

  @Test func `Deliveries are listed in the order of their lanes`() async throws {
    let folder = TestFolder()
    let bench = try await Bench.open(folder)
    for number in 0..<4 { try await bench.take("\(number)", lanes: [bench.ehr, bench.archive]) }
    let archive = try await bench.store.deliveries(
      DeliveryQuery(channel: "adt", destination: "archive", state: .waiting))
    #expect(archive.map(\.sequence) == [1, 2, 3, 4] && archive.allSatisfy { $0.destination == "archive" })
    let all = try await bench.store.deliveries(DeliveryQuery(state: .waiting, limit: 6))
    #expect(all.map(\.sequence) == [1, 2, 3, 4, 1, 2])
    #expect(try await bench.store.deliveries(DeliveryQuery(state: .delivered)).isEmpty)
    await bench.store.close()
  }

  @Test func `What isn't there is nil, also where only the random half of the id differs`() async throws {
    let folder = TestFolder()
    let bench = try await Bench.open(folder)
    let taken = try await bench.take("a")
    let twin = MessageID(high: taken.id.high, low: taken.id.low ^ 1)
    #expect(try await bench.store.message(twin) == nil)
    #expect(try await bench.store.raw(twin) == nil)
    #expect(try await bench.store.deliveries(of: twin).isEmpty)
    let delivery = taken.deliveries[0].id
    #expect(try await bench.store.delivery(DeliveryID(high: delivery.high, low: 0)) == nil)
    #expect(try await bench.store.sent(DeliveryID(high: delivery.high, low: 0)) == nil)
    #expect(try await bench.store.message(MessageID(high: .max, low: .max)) == nil)
    await bench.store.close()
  }
}

/// A store of millions is opened, read and written in steps that don't grow with it.
@Suite struct ScanTests {
  private static let messages = 3_000

  private func fill(_ bench: Bench) async throws {
    let answers = Collected<Bool>()
    for number in 0..<Self.messages {
      let arrival = bench.arrival("m \(number)", key: "k \(number)", mrn: "P\(number % 100)")
      bench.store.accept(arrival) { answers.add($0.isAccepted) }
    }
    let seen = await answers.wait(Self.messages)
    #expect(seen.allSatisfy { $0 })
  }

  @Test func `Nothing but the audit walks over a whole table`() async throws {
    let folder = TestFolder()
    var settings = testSettings()
    settings.runMessages = 100
    settings.duplicateKeysMax = 500
    let first = try await Bench.open(folder, settings)
    try await fill(first)
    await first.store.close(orderly: false)

    let bench = try await Bench.open(folder, settings)
    let taken = try await bench.take("one more", key: "new")
    #expect(await bench.deliver(taken.deliveries[0]) == .done(1))
    #expect(await bench.accept(bench.arrival("m 7", key: "k 7")).original != nil)
    _ = await bench.change(
      .cancelAllWaiting(
        lane: bench.ehr, through: bench.store.mint(), except: [], countMax: 100, reason: "r", at: 1))
    _ = try await bench.store.prune(
      [bench.keys.channel: Retention(raw: 1, sent: 1, replies: 1, blobs: 1, record: 1)],
      now: bench.store.settings.clock.wall() + 3 * day, rowsMax: 20)
    let written = Collected<Int>()
    bench.store.inspect { written.add($0.rowsScanned) }
    // Runs, names and counters are walked over; there are some dozen of them.
    #expect(await written.wait(1)[0] < 1_000)

    _ = try await bench.store.messages(MessageQuery(columns: ["mrn": "P5"], limit: 10))
    _ = try await bench.store.messages(MessageQuery(channel: "adt", limit: 10))
    _ = try await bench.store.messages(MessageQuery(states: [.failed], limit: 10))
    _ = try await bench.store.messages(MessageQuery(limit: 10))
    _ = try await bench.store.deliveries(DeliveryQuery(state: .waiting, limit: 10))
    _ = try await bench.store.deliveries(DeliveryQuery(state: .dead, limit: 10))
    _ = try await bench.store.deliveries(of: taken.id)
    _ = try await bench.store.waiting(lane: bench.ehr, WaitingPart(after: 0, countMax: 10, bytesMax: .max))
    _ = try await bench.store.ledger()
    let read = try await bench.store.read { $0.connection.rowsScanned }
    #expect(read < 1_000)
    await bench.store.close()
  }
}
