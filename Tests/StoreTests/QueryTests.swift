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
