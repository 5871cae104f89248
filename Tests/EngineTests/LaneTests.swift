import ConnectorKit
import Dispatch
import Engine
import Logging
import Messages
import Store
import Synchronization
import Testing

/// The driver of a lane's machine: threads, callbacks, and the ends of a lane's life.
@Suite struct LaneTests {
  private let journal = Journal()
  private let clock = ManualClock()
  /// What is logged.
  private let said = Journal()

  private func lane(
    _ connector: StubConnector, _ store: StubStore, _ policy: LanePolicy = .plain, waiting: Int = 0
  ) -> Lane {
    let name = LaneName(channel: ChannelName("adt"), destination: "ehr")
    let keys = ChannelKeys.Lane(
      name: "ehr", key: 7, waiting: waiting, waitingBytes: waiting * 10, doneThrough: 0, lastSequence: Int64(waiting),
      paused: false)
    let log = Logger(label: "test") { [said] _ in NotedLog(journal: said) }
    let lane = Lane(name, keys: keys, connector: connector, store: store, policy: policy, clock: clock, log: log)
    lane.start()
    return lane
  }

  @Test func `a partner that goes and comes back is logged once, and a dead delivery without the partner's words`()
    async
  {
    let connector = StubConnector(journal)
    let lane = lane(connector, StubStore(journal))
    for number in 1...2 as ClosedRange<Int64> { lane.offer(LaneBench.delivery(number)) }
    for _ in 1...2 {
      connector.answer(1, .failure(DeliveryError(.unreachable, "refused the connection", bytesSent: false)))
      clock.pass(5000)
    }
    let away = lane.status()
    #expect(away.unreachable == "refused the connection" && away.failures == 2 && away.nextTryIn == 0)
    connector.answer(1)
    let refused = DeliveryError(.permanent, "refused it", code: "AR", partnerText: "Miller is unknown", bytesSent: true)
    connector.answer(2, .failure(refused))
    #expect(
      said.lines == [
        "warning The partner can't be reached; its messages wait. refused the connection",
        "info The partner is back. 10 s",
        "warning A delivery is dead. It waits for a person: hilum dead list. \(LaneBench.delivery(2).id) refused it",
      ])
    await lane.stop()
  }

  @Test func `a partner that comes and goes is told of once a minute, and the last state is never left out`() async {
    let connector = StubConnector(journal)
    let lane = lane(connector, StubStore(journal))
    func flap(_ number: Int, isBack: Bool = true) {
      lane.offer(LaneBench.delivery(Int64(number)))
      connector.answer(number, .failure(DeliveryError(.unreachable, "reset", bytesSent: false)))
      clock.pass(1000)
      if isBack { connector.answer(number) }
    }
    let away = "warning The partner can't be reached; its messages wait."
    flap(1)
    #expect(said.lines == ["\(away) reset", "info The partner is back. 1 s"])
    for number in 2...20 { flap(number) }
    #expect(said.lines.count == 2)
    clock.pass(60_000)
    #expect(said.lines.dropFirst(2) == ["info The partner is back. 1 s 37"])
    // It went again within a minute of that, and stayed away.
    flap(21)
    flap(22, isBack: false)
    #expect(said.lines.count == 3)
    clock.pass(60_000)
    #expect(said.lines.dropFirst(3) == ["\(away) 2 reset"])
    connector.answer(22)
    #expect(said.lines.dropFirst(4) == ["info The partner is back. 61 s"])
    // What is held back when the lane stops is said then.
    flap(23)
    #expect(said.lines.count == 5)
    await lane.stop()
    #expect(said.lines.dropFirst(5) == ["info The partner is back. 1 s 1"])
  }

  @Test func `a lane with nothing waiting says when it failed last, and tries nothing`() async {
    var policy = LanePolicy.plain
    policy.retry.forMilliseconds = 1000
    let connector = StubConnector(journal)
    let lane = lane(connector, StubStore(journal), policy)
    lane.offer(LaneBench.delivery(1))
    for _ in 1...2 {
      connector.answer(1, .failure(DeliveryError(.unreachable, "refused the connection", bytesSent: false)))
      clock.pass(1200)
    }
    #expect(journal.lines.last == "dead 1")
    let status = lane.status()
    #expect(status.waiting == 0 && status.unreachable == nil && status.nextTryIn == nil)
    #expect(status.lastFailure == "refused the connection")
    #expect(status.lastFailureAt == clock.now().wall - 1200)
    await lane.stop()
  }

  @Test func `sends leave in order though answers and commits come on threads of their own`() async {
    let count = 5000
    let answers = (0..<3).map { DispatchQueue(label: "answers \($0)") }
    let connector = StubConnector(journal) { delivery, then in
      answers[Int(delivery.id.low) % 3].async { then(.success(Reply("AA"))) }
    }
    var policy = LanePolicy.window(8)
    policy.heldCountMax = count
    let lane = lane(connector, StubStore(journal, queue: DispatchQueue(label: "store")), policy)
    DispatchQueue(label: "offers").async {
      for number in 1...count { lane.offer(LaneBench.delivery(Int64(number))) }
    }
    await journal.wait { $0.count == 2 * count }
    #expect(journal.lines.filter { $0.hasPrefix("send") } == (1...count).map { "send \($0)" })
    await lane.stop()
  }

  @Test func `a partner that answers at once does not grow the stack`() async {
    let connector = StubConnector(journal) { _, then in then(.success(Reply("AA"))) }
    let lane = lane(connector, StubStore(journal))
    for number in 1...20_000 as ClosedRange<Int64> { lane.offer(LaneBench.delivery(number)) }
    #expect(journal.lines.count == 40_000)
    #expect(lane.waiting == (0, 0))
    await lane.stop()
  }

  @Test func `what is dead because its bytes are damaged takes from what waits what the store had counted`() async {
    let connector = StubConnector(journal)
    let lane = lane(connector, StubStore(journal))
    var damaged = LaneBench.delivery(1)
    damaged.payload = Payload(.hl7v2, [])
    damaged.damaged = true
    lane.offer(damaged)
    #expect(journal.lines == ["dead 1"])
    #expect(lane.waiting == (0, 0))
    lane.offer(LaneBench.delivery(2))
    #expect(lane.waiting == (1, 10))
    connector.answer(2)
    await lane.stop()
  }

  @Test func `what waits is sent one by one when it is offered while another thread is sending`() async {
    let isHeld = DispatchSemaphore(value: 0)
    let connector = StubConnector(journal) { [journal] delivery, then in
      if delivery.id.low == 1 { isHeld.wait() }
      then(.success(Reply("AA")))
      journal.note("sent \(delivery.id.low)")
    }
    let lane = lane(connector, StubStore(journal))
    DispatchQueue(label: "first").async { lane.offer(LaneBench.delivery(1)) }
    await journal.wait(for: "send 1")
    for number in 2...50 as ClosedRange<Int64> { lane.offer(LaneBench.delivery(number)) }
    #expect(journal.lines == ["send 1"])
    isHeld.signal()
    await journal.wait(for: "sent 50")
    #expect(journal.lines.filter { $0.hasPrefix("send ") } == (1...50).map { "send \($0)" })
  }

  @Test func `stopping waits for the answer to what is under way, and closes the connector then`() async {
    let connector = StubConnector(journal)
    let lane = lane(connector, StubStore(journal, queue: DispatchQueue(label: "store")))
    lane.offer(LaneBench.delivery(1))
    lane.offer(LaneBench.delivery(2))
    async let stopped: Void = lane.stop()
    connector.answer(1)
    // Whether the stop or the answer was first, what has begun is answered before the end.
    await journal.wait(for: "delivered 1")
    connector.answer(2)
    await stopped
    #expect(journal.lines.last == "close")
    #expect(journal.lines.contains("delivered 1"))
    lane.offer(LaneBench.delivery(3))
    #expect(!journal.lines.contains("send 3"))
  }

  @Test func `two who stop a lane both return`() async {
    let lane = lane(StubConnector(journal), StubStore(journal))
    async let first: Void = lane.stop()
    async let second: Void = lane.stop()
    await first
    await second
    await lane.stop()
    #expect(journal.lines == ["close", "close", "close"])
  }

  @Test func `what is abandoned is flagged in the store before the stop returns`() async {
    let connector = StubConnector(journal)
    let lane = lane(connector, StubStore(journal, queue: DispatchQueue(label: "store")))
    lane.offer(LaneBench.delivery(1))
    async let stopped: Void = lane.stop()
    await lane.abandon()
    await stopped
    #expect(journal.lines.contains("waits flagged 1"))
    #expect(lane.waiting.count == 1)
  }

  @Test func `a second answer to one send counts for nothing`() async {
    let kept = Mutex<[StubConnector.Answer]>([])
    let connector = StubConnector(journal) { _, then in kept.withLock { $0.append(then) } }
    let lane = lane(connector, StubStore(journal))
    lane.offer(LaneBench.delivery(1))
    let first = kept.withLock { $0[0] }
    first(.failure(DeliveryError(.unreachable, "lost", bytesSent: false)))
    clock.pass(1000)
    #expect(journal.lines == ["send 1", "send 1"])
    first(.success(Reply("AA")))
    #expect(journal.lines == ["send 1", "send 1"])
    kept.withLock { $0[1] }(.success(Reply("AA")))
    #expect(journal.lines.last == "delivered 1")
  }

  @Test func `what waits is counted in memory and beyond it`() async {
    let connector = StubConnector(journal)
    let lane = lane(connector, StubStore(journal), waiting: 3)
    #expect(lane.waiting == (3, 30))
    lane.offer(LaneBench.delivery(4))
    lane.grown(by: 2, bytes: 7)
    #expect(lane.waiting == (6, 47))
    await lane.changing { _ in (5, 37) }
    #expect(lane.waiting == (1, 10))
  }

  @Test func `a change waits until every end that was decided before it is with the store`() async {
    let isHeld = DispatchSemaphore(value: 0)
    let answers = Mutex<[StubConnector.Answer]>([])
    let connector = StubConnector(journal) { delivery, then in
      answers.withLock { $0.append(then) }
      if delivery.id.low == 2 { isHeld.wait() }
    }
    let lane = lane(connector, StubStore(journal), .window(2))
    DispatchQueue(label: "first").async {
      lane.offer(LaneBench.delivery(1))
      lane.offer(LaneBench.delivery(2))
    }
    await journal.wait(for: "send 2")
    // The thread that performs is held in the second send; the end of the first has to wait for it.
    answers.withLock { $0[0] }(.success(Reply("AA")))
    async let changed: Void = lane.changing { [journal] underWay in
      journal.note("change but for \(underWay.map(\.low))")
      return (0, 0)
    }
    isHeld.signal()
    await changed
    #expect(journal.lines.prefix(4) == ["send 1", "send 2", "delivered 1", "change but for [2]"])
  }

  @Test func `an end that can't be written is written again, and holds back what would go twice`() async {
    var policy = LanePolicy.plain
    policy.unconfirmedMax = 2
    let store = StubStore(journal)
    let connector = StubConnector(journal) { _, then in then(.success(Reply("AA"))) }
    let lane = lane(connector, store, policy)
    store.refuse(2)
    for number in 1...3 as ClosedRange<Int64> { lane.offer(LaneBench.delivery(number)) }
    #expect(journal.lines == ["send 1", "refused 1", "send 2", "refused 2"])
    #expect(lane.waiting.count == 3)
    clock.pass(1000)
    #expect(journal.lines.suffix(4) == ["delivered 1", "send 3", "delivered 3", "delivered 2"])
    #expect(lane.waiting.count == 0)
  }

  @Test func `a lane that stops lets go of an end that can't be written`() async {
    let store = StubStore(journal)
    let connector = StubConnector(journal) { _, then in then(.success(Reply("AA"))) }
    let lane = lane(connector, store)
    store.refuse(.max)
    lane.offer(LaneBench.delivery(1))
    async let stopped: Void = lane.stop()
    await journal.wait(for: "refused 1")
    let ticker = Task { [clock] in
      while !Task.isCancelled {
        clock.pass(1000)
        await Task.yield()
      }
    }
    await stopped
    ticker.cancel()
    #expect(lane.waiting.count == 1)
  }

  @Test func `a backlog is read, and read again where the store failed`() async {
    let store = StubStore(journal)
    store.keep((1...3).map { LaneBench.delivery($0) })
    store.failReads(1)
    let connector = StubConnector(journal) { _, then in then(.success(Reply("AA"))) }
    let lane = lane(connector, store, waiting: 3)
    let ticker = Task { [clock] in
      while !Task.isCancelled {
        clock.pass(1000)
        await Task.yield()
      }
    }
    await journal.wait(for: "delivered 3")
    ticker.cancel()
    #expect(journal.lines.prefix(3) == ["read after 0", "read after 0", "send 1"])
    #expect(lane.waiting.count == 0)
  }

  @Test func `an operator sees why a lane waits, and for how long`() async {
    let connector = StubConnector(journal)
    let lane = lane(connector, StubStore(journal))
    lane.offer(LaneBench.delivery(1))
    connector.answer(1, .failure(DeliveryError(.unreachable, "refused the connection", bytesSent: false)))
    clock.pass(400)
    var status = lane.status()
    #expect(status.name == "ehr" && status.waiting == 1 && status.waitingBytes == 10)
    #expect(status.unreachable == "refused the connection" && status.failures == 1 && status.nextTryIn == 600)
    clock.pass(600)
    connector.answer(1, .failure(DeliveryError(.retryable, "refused", code: "AE", bytesSent: true)))
    status = lane.status()
    #expect(status.lastAnswer == "AE" && status.unreachable == nil && status.nextTryIn == 1000)
    lane.pause()
    #expect(lane.status().paused)
    lane.resume()
    #expect(!lane.status().paused)
  }
}
