import Messages
import Testing

@testable import Store

@Suite struct ChangeTests {
  @Test func `A dead letter that is retried goes to the tail with a fresh budget`() async throws {
    let folder = TestFolder()
    let bench = try await Bench.open(folder)
    let first = try await bench.take("1")
    try await bench.take("2")
    let dead = first.deliveries[0]
    #expect(await bench.kill(dead, reason: "AR: no such patient") == .done(1))
    #expect(try await bench.store.deliveries(DeliveryQuery(state: .dead)).map(\.summary) == ["AR: no such patient"])
    #expect(await bench.change(.retryDead([dead.id, bench.store.mint()], at: 9)) == .done(1))
    #expect(await bench.change(.retryDead([dead.id], at: 9)) == .stale)
    let waiting = try await bench.waiting(bench.ehr)
    #expect(waiting.map(\.sequence) == [2, 3] && waiting[1].id == dead.id && waiting[1].attempts == 0)
    // A late finish of the attempt before it is stale.
    #expect(await bench.deliver(dead) == .stale)
    #expect(await bench.deliver((dead.id, dead.lane, 3)) == .done(1))
    #expect(try await bench.store.message(first.id)?.steps.map(\.kind) == [.received, .retried])
    #expect(try await bench.store.audit() == [])
    await bench.store.close()
  }

  @Test func `How far a source has come is kept without an arrival, over a restart, and of known channels only`()
    async throws
  {
    let folder = TestFolder()
    var bench = try await Bench.open(folder)
    let channel = bench.keys.channel
    #expect(try await bench.store.progress(channel: channel, key: "run") == nil)
    #expect(await bench.change(.progress(channel: channel, key: "run", .integer(1))) == .done(1))
    #expect(await bench.change(.progress(channel: channel, key: "run", .record(["at": .integer(2)]))) == .done(1))
    #expect(await bench.change(.progress(channel: channel + 99, key: "run", .integer(3))) == .stale)
    await bench.store.close()
    bench = try await Bench.open(folder)
    #expect(try await bench.store.progress(channel: channel, key: "run") == .record(["at": .integer(2)]))
    #expect(try await bench.store.progress(channel: channel, key: "other") == nil)
    #expect(try await bench.store.audit() == [])
    await bench.store.close()
  }

  @Test func `A dead letter that is discarded keeps its first reason beside the second`() async throws {
    let folder = TestFolder()
    let bench = try await Bench.open(folder)
    let delivery = try await bench.take("1").deliveries[0]
    #expect(await bench.change(.discardDead([delivery.id], reason: "not needed", at: 9)) == .stale)
    _ = await bench.kill(delivery, reason: "AR")
    #expect(await bench.change(.discardDead([delivery.id], reason: "not needed", at: 9)) == .done(1))
    let record = try await bench.store.delivery(delivery.id)
    #expect(record?.state == .discarded && record?.summary == "not needed (before: AR)" && record?.endedAt == 9)
    let lane = try await bench.ledger().lanes[0]
    #expect(lane.discarded == 1 && lane.dead == 0)
    #expect(try await bench.store.audit() == [])
    await bench.store.close()
  }

  @Test func `What waits is cancelled by name, or all but what is at the partner`() async throws {
    let folder = TestFolder()
    let bench = try await Bench.open(folder)
    var deliveries: [DeliveryID] = []
    for number in 0..<6 { deliveries.append(try await bench.take("\(number)").deliveries[0].id) }
    let other = try await bench.take("other", lanes: [bench.archive]).deliveries[0].id
    let named = Change.cancelWaiting(
      lane: bench.ehr, [deliveries[1], other], reason: "wrong patient", at: 5)
    #expect(await bench.change(named) == .cancelled(count: 1, bytes: 1))
    #expect(try await bench.waiting(bench.ehr).map(\.sequence) == [1, 3, 4, 5, 6])
    let through = bench.store.mint()
    let late = try await bench.take("late").deliveries[0].id
    let all = Change.cancelAllWaiting(
      lane: bench.ehr, through: through, except: [deliveries[0]], countMax: 3, reason: "lane removed", at: 6)
    #expect(await bench.change(all) == .cancelled(count: 3, bytes: 3))
    #expect(try await bench.waiting(bench.ehr).map(\.id) == [deliveries[0], deliveries[5], late])
    #expect(await bench.change(all) == .cancelled(count: 1, bytes: 1))
    #expect(await bench.change(all) == .stale)
    #expect(try await bench.waiting(bench.ehr).map(\.id) == [deliveries[0], late])
    #expect(try await bench.waiting(bench.archive).count == 1)
    #expect(try await bench.store.delivery(deliveries[5])?.summary == "lane removed")
    let lane = try await bench.ledger().lanes[0]
    #expect(lane.cancelled == 5 && lane.waiting == 2 && lane.waitingBytes == 5)
    #expect(try await bench.store.audit() == [])
    await bench.store.close()
  }

  @Test func `A resend sends the stored bytes once more, at the tail, and says of what`() async throws {
    let folder = TestFolder()
    let bench = try await Bench.open(folder)
    var arrival = bench.arrival("in", lanes: [])
    arrival.outputs = [Payload(.text, Array("out".utf8))]
    arrival.deliveries = [
      .init(
        id: bench.store.mint(), lane: bench.ehr, output: 0,
        rendered: ["name": [TemplateValue(text: "n", isValue: true)]])
    ]
    #expect(await bench.accept(arrival).isAccepted)
    let original = arrival.deliveries[0].id
    let again = bench.store.mint()
    #expect(await bench.change(.resend(original, as: again, at: 3)) == .stale)
    #expect(await bench.deliver((original, bench.ehr, 1)) == .done(1))
    #expect(await bench.change(.resend(original, as: again, at: 3)) == .done(1))
    let waiting = try await bench.waiting(bench.ehr)
    #expect(waiting.map(\.id) == [again] && waiting[0].bytes == Array("out".utf8) && waiting[0].sequence == 2)
    #expect(waiting[0].rendered == ["name": [TemplateValue(text: "n", isValue: true)]])
    let deliveries = try await bench.store.deliveries(of: arrival.id)
    #expect(deliveries.map(\.resendOf) == [nil, original.description])
    #expect(try await bench.ledger().lanes[0].created == 2)
    #expect(try await bench.store.audit() == [])
    await bench.store.close()
  }

  @Test func `A reprocessed message is a new generation with its old story before the new one`() async throws {
    let folder = TestFolder()
    let bench = try await Bench.open(folder)
    var arrival = bench.arrival("in", state: .failed, mrn: "1")
    arrival.reason = "PID-3 is absent"
    #expect(await bench.accept(arrival).isAccepted)
    arrival.replaces = [.failed, .held]
    arrival.state = .routed
    arrival.reason = nil
    arrival.revision = 77
    arrival.steps = [Step(.reprocessed, "again")]
    arrival.columns = [.init(key: bench.keys.columns[0], text: "2")]
    arrival.deliveries = [.init(id: bench.store.mint(), lane: bench.ehr, output: nil)]
    #expect(await bench.accept(arrival).isAccepted)
    #expect(await bench.accept(arrival).isStale)
    let record = try #require(try await bench.store.message(arrival.id))
    #expect(record.state == .routed && record.generation == 2 && record.reason == nil)
    #expect(record.steps.map(\.kind) == [.received, .reprocessed] && record.columns == ["mrn": "2"])
    #expect(try await bench.store.raw(arrival.id)?.byteCount == 2)
    #expect(try await bench.store.messages(MessageQuery(columns: ["mrn": "2"])).count == 1)
    #expect(try await bench.waiting(bench.ehr).map(\.bytes) == [Array("in".utf8)])

    // From routed to dropped: its old delivery stays what it is.
    arrival.replaces = [.routed]
    arrival.state = .dropped
    arrival.deliveries = []
    #expect(await bench.accept(arrival).isAccepted)
    let ledger = try await bench.ledger()
    #expect(
      ledger.problems == [] && ledger.dropped == 1 && ledger.failed == 0 && ledger.routed == 0 && ledger.received == 1)
    #expect(try await bench.store.deliveries(of: arrival.id).count == 1)
    #expect(try await bench.store.audit() == [])
    await bench.store.close()
  }

  @Test func `Failed and held messages are discarded with a reason, others not`() async throws {
    let folder = TestFolder()
    let bench = try await Bench.open(folder)
    var ids: [MessageID] = []
    for state in [MessageState.failed, .held, .dropped] {
      let arrival = bench.arrival("\(state)", state: state)
      _ = await bench.accept(arrival)
      ids.append(arrival.id)
    }
    #expect(try await bench.store.messages(MessageQuery(states: [.failed, .held])).count == 2)
    #expect(await bench.change(.discardMessages(ids, reason: "test data", at: 4)) == .done(2))
    let ledger = try await bench.ledger()
    #expect(
      ledger.discarded == 2 && ledger.failed == 0 && ledger.held == 0 && ledger.accepted == 3 && ledger.problems == [])
    #expect(try await bench.store.message(ids[0])?.steps.last == Step(.discarded, "test data", at: 4))
    #expect(try await bench.store.messages(MessageQuery(states: [.failed, .held])).isEmpty)
    await bench.store.close()
  }

  /// It is stored without the value that was absent, and would go out under a wrong name.
  @Test func `What was dead from the start is neither retried nor sent once more`() async throws {
    let folder = TestFolder()
    let bench = try await Bench.open(folder)
    var arrival = bench.arrival("1")
    arrival.deliveries[0].dead = "the file's name needs PID-3, and it is absent"
    #expect(await bench.accept(arrival).isAccepted)
    let id = arrival.deliveries[0].id
    #expect(await bench.change(.retryDead([id], at: 9)) == .stale)
    #expect(await bench.change(.resend(id, as: bench.store.mint(), at: 9)) == .stale)
    #expect(await bench.change(.discardDead([id], reason: "reprocessed", at: 9)) == .done(1))
    #expect(await bench.change(.resend(id, as: bench.store.mint(), at: 9)) == .stale)
    #expect(try await bench.waiting(bench.ehr).isEmpty)
    #expect(try await bench.store.audit() == [])
    await bench.store.close()
  }
}
