import CSQLite
import Messages
import Testing

@testable import Store

@Suite struct FinishTests {
  @Test func `What was delivered waits no more, with its summary and the partner's answer`() async throws {
    let folder = TestFolder()
    let bench = try await Bench.open(folder)
    let taken = try await bench.take("abc")
    #expect(await bench.deliver(taken.deliveries[0], reply: "MSA|AA|1") == .done(1))
    #expect(try await bench.waiting(bench.ehr).isEmpty)
    let record = try #require(try await bench.store.delivery(taken.deliveries[0].id))
    #expect(record.state == .delivered && record.summary == "AA" && record.attempts == 1 && record.endedAt != nil)
    let sent = try #require(try await bench.store.sent(taken.deliveries[0].id))
    #expect(sent.payload?.byteCount == 3 && sent.reply == Payload(.hl7v2, Array("MSA|AA|1".utf8)))
    let lane = try await bench.ledger().lanes[0]
    #expect(lane.delivered == 1 && lane.waiting == 0 && lane.waitingBytes == 0 && lane.created == 1)
    #expect(try await bench.store.audit() == [])
    await bench.store.close()
  }

  @Test func `What an answer sends to other lanes is durable with the end of the delivery, once`() async throws {
    let folder = TestFolder()
    let bench = try await Bench.open(folder)
    let taken = try await bench.take("abc")
    let before = try await bench.store.deliveries(of: taken.id).count
    var attempt = bench.attempt(taken.deliveries[0], .delivered(summary: "AA", reply: nil))
    var follows = bench.arrival("", lanes: [], state: .routed)
    follows.id = taken.id
    follows.replaces = [.routed]
    follows.outputs = [Payload(.hl7v2, Array("MSH|answered".utf8))]
    follows.deliveries = [.init(id: bench.store.mint(), lane: bench.archive, output: 0)]
    follows.steps = [Step(.note, "the answer sends on")]
    attempt.follows = follows
    let last = try await bench.waiting(bench.archive).last?.sequence ?? 0
    #expect(await bench.finish(attempt) == .followed(sequences: [last + 1]))
    // Late, and from another life: nothing follows twice.
    #expect(await bench.finish(attempt) == .stale)
    await bench.store.close(orderly: false)

    let again = try await Bench.open(folder)
    let waiting = try await again.waiting(again.archive)
    #expect(waiting.last?.payload == Payload(.hl7v2, Array("MSH|answered".utf8)))
    #expect(waiting.last?.message == taken.id)
    #expect(try await again.store.deliveries(of: taken.id).count == before + 1)
    #expect(try await again.store.message(taken.id)?.steps.last?.text == "the answer sends on")
    #expect(try await again.store.message(taken.id)?.state == .routed)
    #expect(try await again.store.audit() == [])
    await again.store.close()
  }

  @Test func `What waits keeps its place, its due time and its attempts`() async throws {
    let folder = TestFolder()
    let bench = try await Bench.open(folder)
    let first = try await bench.take("1")
    try await bench.take("2")
    var attempt = bench.attempt(
      first.deliveries[0], .waits(dueAt: 5_000, delay: 3_000, reason: "no answer", reply: nil), attempts: 4)
    attempt.possiblySent = true
    #expect(await bench.finish(attempt) == .done(1))
    await bench.store.close(orderly: false)
    let again = try await Bench.open(folder)
    let waiting = try await again.waiting(again.ehr)
    #expect(waiting.map(\.sequence) == [1, 2])
    #expect(
      waiting[0].attempts == 4 && waiting[0].dueAt == 5_000 && waiting[0].delay == 3_000 && waiting[0].possiblySent)
    #expect(try await again.store.delivery(first.deliveries[0].id)?.summary == "no answer")
    #expect(try await again.store.delivery(first.deliveries[0].id)?.dueAt == 5_000)
    await again.store.close()
  }

  /// A full disk keeps it back for a second, and the lane goes on meanwhile.
  @Test func `The end of an attempt that is written late does not stand over a later one`() async throws {
    let folder = TestFolder()
    let bench = try await Bench.open(folder)
    let delivery = try await bench.take("1").deliveries[0]
    func waits(_ attempts: Int) -> Attempt {
      let end = Attempt.End.waits(dueAt: 1000 * Int64(attempts), delay: 1000, reason: "try \(attempts)", reply: nil)
      return bench.attempt(delivery, end, attempts: attempts)
    }
    #expect(await bench.finish(waits(2)) == .done(1))
    #expect(await bench.finish(waits(1)) == .stale)
    let waiting = try await bench.waiting(bench.ehr)
    #expect(waiting.map(\.attempts) == [2] && waiting[0].dueAt == 2000)
    #expect(try await bench.store.delivery(delivery.id)?.summary == "try 2")
    #expect(await bench.finish(waits(2)) == .done(1))  // Written twice, where the first was said to have failed.
    // What the partner has taken is taken, whatever the count says.
    #expect(await bench.finish(bench.attempt(delivery, .delivered(summary: "AA", reply: nil), attempts: 1)) == .done(1))
    #expect(try await bench.store.audit() == [])
    await bench.store.close()
  }

  @Test func `A finish of an older epoch, of another number or of what has ended is stale`() async throws {
    let folder = TestFolder()
    let bench = try await Bench.open(folder)
    let taken = try await bench.take("1")
    let delivery = taken.deliveries[0]
    let end = Attempt.End.delivered(summary: "AA", reply: nil)
    #expect(await bench.finish(bench.attempt(delivery, end, epoch: bench.store.epoch - 1)) == .stale)
    #expect(await bench.finish(bench.attempt((delivery.id, delivery.lane, 2), end)) == .stale)
    #expect(await bench.finish(bench.attempt((bench.store.mint(), delivery.lane, 1), end)) == .stale)
    #expect(try await bench.waiting(bench.ehr).count == 1)
    #expect(await bench.finish(bench.attempt(delivery, end)) == .done(1))
    #expect(await bench.finish(bench.attempt(delivery, end)) == .stale)
    #expect(await bench.kill(delivery) == .stale)
    #expect(try await bench.store.audit() == [])
    await bench.store.close()
  }

  /// Rule 3: the stale unit changes nothing, the rest of its group goes on.
  @Test func `Stale units of a group don't hold up the others`() async throws {
    let folder = TestFolder()
    let bench = try await Bench.open(folder)
    var deliveries: [(id: DeliveryID, lane: Int64, sequence: Int64)] = []
    for number in 0..<20 { deliveries.append(try await bench.take("\(number)").deliveries[0]) }
    let results = Collected<UnitResult>()
    for (number, delivery) in deliveries.enumerated() {
      let end = Attempt.End.delivered(summary: "AA", reply: nil)
      bench.store.finish(bench.attempt(delivery, end, epoch: number % 3 == 0 ? 0 : nil)) { results.add($0) }
    }
    #expect(await results.wait(20) == (0..<20).map { $0 % 3 == 0 ? .stale : .done(1) })
    #expect(try await bench.waiting(bench.ehr).count == 7)
    #expect(try await bench.store.audit() == [])
    await bench.store.close()
  }

  @Test func `A delivered that rides is written by itself where nothing else comes`() async throws {
    let folder = TestFolder()
    var settings = testSettings()
    settings.rideMilliseconds = 20
    let bench = try await Bench.open(folder, settings)
    let first = try await bench.take("1").deliveries[0]
    #expect(await bench.deliver(first) == .done(1))

    // One behind it that wakes the writer takes it along, in order.
    let second = try await bench.take("2").deliveries[0]
    let order = Collected<String>()
    bench.store.finish(bench.attempt(second, .delivered(summary: "AA", reply: nil))) { _ in order.add("finish") }
    bench.store.accept(bench.arrival("3")) { _ in order.add("accept") }
    #expect(await order.wait(2) == ["finish", "accept"])
    await bench.store.close()
  }

  @Test func `What still rides when the store closes is written`() async throws {
    let folder = TestFolder()
    var settings = testSettings()
    settings.rideMilliseconds = 60_000
    let bench = try await Bench.open(folder, settings)
    let delivery = try await bench.take("1").deliveries[0]
    let results = Collected<UnitResult>()
    bench.store.finish(bench.attempt(delivery, .delivered(summary: "AA", reply: nil))) { results.add($0) }
    await bench.store.close()
    #expect(results.values == [.done(1)])
    let again = try await Bench.open(folder)
    #expect(try await again.waiting(again.ehr).isEmpty)
    await again.store.close()
  }

  @Test(arguments: [SQLITE_FULL, SQLITE_CONSTRAINT]) func `A close that drops an end of an attempt isn't clean`(
    code: Int32
  ) async throws {
    let folder = TestFolder()
    let trouble = Trouble()
    var settings = testSettings()
    settings.failure = { trouble.at($0) }
    let bench = try await Bench.open(folder, settings)
    let delivery = try await bench.take("1").deliveries[0]
    trouble.set(code)
    let results = Collected<UnitResult>()
    bench.store.finish(bench.attempt(delivery, .delivered(summary: "AA", reply: nil))) { results.add($0) }
    await bench.store.close()
    #expect(results.values.map(\.isUnavailable) == [true])
    trouble.set(0)
    let again = try await Bench.open(folder, settings)
    #expect(!again.store.closedCleanly)

    // One that is written at a later try is no reason.
    trouble.set(SQLITE_CONSTRAINT)
    let waiting = (delivery.id, delivery.lane, try await again.waiting(again.ehr)[0].sequence)
    #expect(await again.deliver(waiting).isUnavailable)
    trouble.set(0)
    #expect(await again.deliver(waiting) == .done(1))
    await again.store.close()
    let last = try await Bench.open(folder, settings)
    #expect(last.store.closedCleanly)
    await last.store.close()
  }
}
