import Messages
import Testing

@testable import Store

/// A sender that waits for a lane is told what its message's delivery there came to.
@Suite struct AwaitedTests {
  private func again(_ bench: Bench, lane: Int64? = nil) async -> AcceptResult {
    var arrival = bench.arrival("A01", lanes: [bench.ehr, bench.archive], key: "K1")
    arrival.awaits = lane ?? bench.ehr
    return await bench.accept(arrival)
  }

  @Test func `A duplicate names the delivery of its original in the lane that its sender waits for`() async throws {
    let folder = TestFolder()
    let bench = try await Bench.open(folder)
    let first = try await bench.take("A01", lanes: [bench.ehr, bench.archive], key: "K1")
    guard case .awaited(let original, let awaited) = await again(bench) else { throw Bench.Unexpected() }
    #expect(original == first.id && awaited == [Awaited(first.deliveries[0].id, lane: bench.ehr)])
    #expect(try await bench.store.verdict(first.deliveries[0].id)?.state == .waiting)

    var attempt = bench.attempt(first.deliveries[0], .delivered(summary: "AA", reply: Payload(.hl7v2, [1, 2])))
    attempt.answer = Payload(.hl7v2, [3, 4])
    #expect(await bench.finish(attempt) == .done(1))
    let verdict = try #require(try await bench.store.verdict(first.deliveries[0].id))
    #expect(verdict.state == .delivered && verdict.summary == "AA" && !verdict.isWithdrawn)
    #expect(verdict.reply?.content == .bytes([1, 2]) && verdict.answer?.content == .bytes([3, 4]))
    guard case .awaited = await again(bench) else { throw Bench.Unexpected() }
    // Another message that goes nowhere is an ordinary duplicate.
    #expect(await bench.accept(bench.arrival("D", state: .dropped, key: "D")).isAccepted)
    var dropped = bench.arrival("D", state: .dropped, key: "D")
    dropped.awaits = bench.ehr
    #expect(await bench.accept(dropped).original != nil)
    await bench.store.close()
  }

  @Test func `What was withdrawn is sent anew in its lane, also where nobody waits for that any more`() async throws {
    let folder = TestFolder()
    let bench = try await Bench.open(folder)
    for (key, awaits) in [("K1", nil), ("K2", bench.archive)] as [(String, Int64?)] {
      let first = try await bench.take("A01", lanes: [bench.ehr], key: key)
      _ = await bench.change(.withdraw(lane: bench.ehr, [first.deliveries[0].id], reason: "late", at: 1))
      #expect(try await bench.waiting(bench.ehr).isEmpty)
      var second = bench.arrival("A01", key: key)
      second.awaits = awaits
      guard case .awaited(_, let awaited) = await bench.accept(second) else { throw Bench.Unexpected() }
      #expect(awaited.map(\.lane) == [bench.ehr] && awaited[0].newBytes == 3)
      let waiting = try await bench.waiting(bench.ehr)
      #expect(waiting.map(\.id) == awaited.map(\.delivery))
      _ = await bench.change(.cancelWaiting(lane: bench.ehr, waiting.map(\.id), reason: "no", at: 2))
    }
    await bench.store.close()
  }

  @Test func `What was withdrawn is sent anew, in that lane only, and once for each time that it was withdrawn`()
    async throws
  {
    let folder = TestFolder()
    let bench = try await Bench.open(folder)
    let first = try await bench.take("A01", lanes: [bench.ehr, bench.archive], key: "K1")
    let delivery = first.deliveries[0]
    var sent = bench.attempt(delivery, .waits(dueAt: 1, delay: 1, reason: "away", reply: nil))
    sent.possiblySent = true
    #expect(await bench.finish(sent) == .done(1))
    #expect(
      await bench.change(.withdraw(lane: bench.ehr, [delivery.id], reason: "late", at: 1))
        == .cancelled(count: 1, bytes: 3))
    #expect(try await bench.store.verdict(delivery.id)?.isWithdrawn == true)
    guard case .awaited(_, let awaited) = await again(bench), let anew = awaited.first else { throw Bench.Unexpected() }
    #expect(awaited.count == 1 && anew.delivery != delivery.id && anew.newBytes == 3)
    // Sent again while that waits, nothing more is made.
    guard case .awaited(_, let third) = await again(bench) else { throw Bench.Unexpected() }
    #expect(third == [Awaited(anew.delivery, lane: bench.ehr)])
    let waiting = try await bench.waiting(bench.ehr)
    #expect(waiting.map(\.id) == [anew.delivery] && waiting[0].possiblySent)
    #expect(try await bench.waiting(bench.archive).count == 1)

    #expect(await bench.change(.cancelWaiting(lane: bench.ehr, [anew.delivery], reason: "no", at: 2)) != .stale)
    guard case .awaited(_, let last) = await again(bench) else { throw Bench.Unexpected() }
    // What a person cancelled is not sent again by itself.
    #expect(last == [Awaited(anew.delivery, lane: bench.ehr)])
    #expect(try await bench.store.verdict(anew.delivery)?.isWithdrawn == false)
    let lanes = try await bench.ledger().lanes
    #expect(lanes[0].created == 2 && lanes[0].cancelled == 2 && lanes[1].created == 1)
    #expect(try await bench.store.audit() == [])
    await bench.store.close()
  }

  @Test(arguments: [true, false])
  func `What died while its sender waited is told or sent anew, also where nobody waits for its lane any more`(
    mayPass: Bool
  ) async throws {
    let folder = TestFolder()
    let bench = try await Bench.open(folder)
    for (key, wasAwaited) in [("K1", true), ("K2", false)] {
      let first = try await bench.take("A01", lanes: [bench.ehr], key: key)
      var died = bench.attempt(first.deliveries[0], .dead(reason: "AE", reply: nil))
      (died.isAwaited, died.isPassing) = (wasAwaited, mayPass)
      #expect(await bench.finish(died) == .done(1))
      let second = await bench.accept(bench.arrival("A01", key: key))
      guard wasAwaited else {
        // Its sender was told that it is accepted: a person decides.
        #expect(second.original == first.id)
        continue
      }
      guard case .awaited(_, let awaited) = second else { throw Bench.Unexpected() }
      #expect(awaited.map(\.lane) == [bench.ehr] && awaited.map(\.newBytes) == [mayPass ? 3 : nil])
      #expect((awaited[0].delivery == first.deliveries[0].id) != mayPass)
      #expect(try await bench.waiting(bench.ehr).map(\.id) == (mayPass ? awaited.map(\.delivery) : []))
      _ = await bench.change(.discardDead([first.deliveries[0].id], reason: "no", at: 2))
    }
    #expect(try await bench.store.audit() == [])
    await bench.store.close()
  }

  @Test func `What was withdrawn from a lane that is gone goes where a deployment moved what waited there`()
    async throws
  {
    let folder = TestFolder()
    let bench = try await Bench.open(folder)
    func withdrawn(_ key: String) async throws {
      let first = try await bench.take("A01", lanes: [bench.ehr], key: key)
      _ = await bench.change(.withdraw(lane: bench.ehr, [first.deliveries[0].id], reason: "late", at: 1))
    }
    func again(_ key: String) async throws -> [Int64] {
      guard case .awaited(_, let awaited) = await bench.accept(bench.arrival("A01", lanes: [bench.archive], key: key))
      else { throw Bench.Unexpected() }
      return awaited.map(\.lane)
    }
    for key in ["K1", "K2", "K3"] { try await withdrawn(key) }
    var renamed = Bench.registration
    (renamed.lanes, renamed.heirs) = (["archive"], ["ehr": "archive"])
    _ = try await bench.store.register(renamed)
    #expect(try await again("K1") == [bench.archive])
    #expect(try await bench.waiting(bench.archive).map(\.payload.content) == [.bytes(Array("A01".utf8))])
    // Renamed once more.
    (renamed.lanes, renamed.heirs) = (["new"], ["archive": "new"])
    let new = try await bench.store.register(renamed).lanes[0].key
    #expect(try await again("K2") == [new])
    #expect(try await bench.waiting(new).count == 1)
    // The name is back.
    _ = try await bench.store.register(Bench.registration)
    #expect(try await again("K3") == [bench.ehr])
    #expect(try await bench.store.audit() == [])
    await bench.store.close()
  }

  @Test func `What is dead from the start is told too`() async throws {
    let folder = TestFolder()
    let bench = try await Bench.open(folder)
    var first = bench.arrival("A01", key: "K1")
    first.awaits = bench.ehr
    first.deliveries[0].dead = "no name"
    #expect(await bench.accept(first).isAccepted)
    guard case .awaited(_, let awaited) = await bench.accept(bench.arrival("A01", key: "K1")) else {
      throw Bench.Unexpected()
    }
    #expect(awaited == [Awaited(first.deliveries[0].id, lane: bench.ehr)])
    await bench.store.close()
  }

  @Test func `What its sender was told of meanwhile is not withdrawn`() async throws {
    let folder = TestFolder()
    let bench = try await Bench.open(folder)
    for (key, waits) in [("K1", nil), ("K2", bench.archive)] as [(String, Int64?)] {
      let first = try await bench.take("A01", lanes: [bench.ehr], key: key).deliveries[0].id
      var second = bench.arrival("A01", key: key)
      second.awaits = waits
      // Nobody waits for its lane any more: that answer is an AA.
      let answer = await bench.accept(second)
      #expect(answer.original != nil)
      #expect(await bench.change(.withdraw(lane: bench.ehr, [first], reason: "late", at: 1)) == .stale)
      #expect(try await bench.store.verdict(first)?.state == .waiting)
    }
    // Who waits for its lane is told of the withdrawal.
    let third = try await bench.take("A01", lanes: [bench.ehr], key: "K3").deliveries[0].id
    var again = bench.arrival("A01", key: "K3")
    again.awaits = bench.ehr
    guard case .awaited = await bench.accept(again) else { throw Bench.Unexpected() }
    #expect(await bench.change(.withdraw(lane: bench.ehr, [third], reason: "late", at: 1)) != .stale)
    #expect(try await bench.store.audit() == [])
    await bench.store.close()
  }

  @Test func `The newest that a sender was told of are known`() {
    var messages = AcknowledgedMessages()
    let count = Int64(AcknowledgedMessages.countMax)
    for key in 0..<(count + count / 2) { messages.insert(key) }
    #expect(messages.contains(0) && messages.contains(count + 1) && !messages.contains(2 * count))
    for key in count..<(2 * count + 1) { messages.insert(key) }
    #expect(!messages.contains(0) && messages.contains(count))
  }

  @Test func `An attempt can end as withdrawn`() async throws {
    let folder = TestFolder()
    let bench = try await Bench.open(folder)
    let first = try await bench.take("A01", key: "K1")
    let attempt = bench.attempt(first.deliveries[0], .withdrawn(reason: "not asked again", reply: nil))
    #expect(await bench.finish(attempt) == .done(1))
    let verdict = try #require(try await bench.store.verdict(first.deliveries[0].id))
    #expect(verdict.state == .cancelled && verdict.isWithdrawn && verdict.summary == "not asked again")
    #expect(try await bench.store.audit() == [])
    await bench.store.close()
  }
}
