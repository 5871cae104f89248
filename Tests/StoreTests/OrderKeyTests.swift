import Messages
import Testing

@testable import Store

/// What the store keeps so that a lane can order by key.
@Suite struct OrderKeyTests {
  private func registration(_ ordering: String?) -> ChannelRegistration {
    ChannelRegistration(
      name: ChannelName("adt"), lanes: ["ehr"], orderings: ordering.map { ["ehr": $0] } ?? [:], columns: [],
      sealed: false, revision: ([1], []))
  }

  private func accept(_ keys: [String], _ channel: ChannelKeys, in store: SQLiteStore) async throws {
    let lane = channel.lanes[0].key
    let arrival = Acceptance(
      id: store.mint(), channel: channel.channel, revision: channel.revision, receivedAt: 1_700_000_000_000,
      payload: Payload(.hl7v2, Array("in".utf8)), attributes: [:], state: .routed,
      deliveries: [
        Acceptance.Delivery(
          id: store.mint(), lane: lane, output: nil, orderKeys: keys.map { store.orderKey(lane: lane, $0) })
      ])
    let result = await withCheckedContinuation { continuation in
      store.accept(arrival) { continuation.resume(returning: $0) }
    }
    #expect(result.isAccepted)
  }

  private func waiting(_ lane: Int64, key: UInt64? = nil, in store: SQLiteStore) async throws -> [WaitingDelivery] {
    try await store.waiting(lane: lane, WaitingPart(after: 0, key: key, countMax: 100, bytesMax: .max)).deliveries
  }

  @Test func `what waits is found by its keys, and a key doesn't tell its value`() async throws {
    let folder = TestFolder()
    let store = try SQLiteStore.open(folder.path)
    let channel = try await store.register(registration("PID-3[1].1"))
    for keys in [["4711"], ["0815"], ["0815", "4711"], []] { try await accept(keys, channel, in: store) }
    let lane = channel.lanes[0].key
    let key = store.orderKey(lane: lane, "4711")
    #expect(try await waiting(lane, key: key, in: store).map(\.sequence) == [1, 3])
    #expect(try await waiting(lane, in: store).map(\.orderKeys.count) == [1, 1, 2, 0])
    #expect(store.orderKey(lane: lane + 1, "4711") != key)
    let part = WaitingPart(after: 0, through: 2, key: key, countMax: 100, bytesMax: .max)
    let read = try await store.waiting(lane: lane, part)
    #expect(read.deliveries.map(\.sequence) == [1] && read.isAll)
    await store.close()
  }

  @Test func `keys that other expressions made are not compared: what has them goes strictly`() async throws {
    let folder = TestFolder()
    let store = try SQLiteStore.open(folder.path)
    var channel = try await store.register(registration("PID-3[1].1"))
    try await accept(["4711"], channel, in: store)
    channel = try await store.register(registration("PID-18.1"))
    try await accept(["4711"], channel, in: store)
    let lane = channel.lanes[0].key
    #expect(try await waiting(lane, in: store).map(\.orderKeys.count) == [0, 1])
    let key = store.orderKey(lane: lane, "4711")
    #expect(try await waiting(lane, key: key, in: store).map(\.sequence) == [2])
    // The same expressions again change nothing.
    channel = try await store.register(registration("PID-18.1"))
    #expect(try await waiting(lane, in: store).map(\.orderKeys.count) == [0, 1])
    await store.close()
  }

  @Test func `a dead delivery keeps its keys when it is tried again`() async throws {
    let folder = TestFolder()
    let store = try SQLiteStore.open(folder.path)
    let channel = try await store.register(registration("PID-3[1].1"))
    try await accept(["4711"], channel, in: store)
    let lane = channel.lanes[0].key
    let first = try await waiting(lane, in: store)[0]
    let attempt = Attempt(
      delivery: first.id, lane: lane, sequence: first.sequence, epoch: store.epoch, attempts: 1,
      at: 1_700_000_000_000, possiblySent: false, end: .dead(reason: "AR", reply: nil))
    _ = await withCheckedContinuation { continuation in
      store.finish(attempt) { continuation.resume(returning: $0) }
    }
    _ = await withCheckedContinuation { continuation in
      store.change(.retryDead([first.id], at: 1_700_000_000_001)) { continuation.resume(returning: $0) }
    }
    let again = try await waiting(lane, in: store)
    #expect(again.map(\.sequence) == [2] && again[0].orderKeys == first.orderKeys)
    await store.close()
  }

  @Test func `a strict lane that is by key after a death has all that waited marked, too`() async throws {
    let folder = TestFolder()
    var store = try SQLiteStore.open(folder.path)
    let channel = try await store.register(registration(nil))
    try await accept([], channel, in: store)
    await store.close()
    try Bench.sql(folder, "DELETE FROM meta WHERE name = 'closed'")
    store = try SQLiteStore.open(folder.path)
    _ = try await store.register(registration("PID-3[1].1"))
    #expect(try await waiting(channel.lanes[0].key, in: store).map(\.possiblySent) == [true])
    await store.close()
  }

  @Test func `after a death all that waited in a lane that orders by key may have been sent`() async throws {
    let folder = TestFolder()
    var store = try SQLiteStore.open(folder.path)
    var channel = try await store.register(registration("PID-3[1].1"))
    try await accept(["4711"], channel, in: store)
    await store.close()
    store = try SQLiteStore.open(folder.path)
    #expect(try await waiting(channel.lanes[0].key, in: store).map(\.possiblySent) == [false])
    await store.close()
    try Bench.sql(folder, "DELETE FROM meta WHERE name = 'closed'")  // As a killed engine leaves it.
    store = try SQLiteStore.open(folder.path)
    channel = try await store.register(registration("PID-3[1].1"))
    try await accept(["4711"], channel, in: store)
    #expect(try await waiting(channel.lanes[0].key, in: store).map(\.possiblySent) == [true, false])
    // It stays so for the next owner, who finds the store closed in order.
    await store.close()
    store = try SQLiteStore.open(folder.path)
    #expect(try await waiting(channel.lanes[0].key, in: store).map(\.possiblySent) == [true, false])
    await store.close()
  }
}
