import Messages
import Testing

@testable import Store

@Suite struct ModelTests {
  /// One run: operations chosen by a seed, on the store and on the model, which must agree on every answer and on the
  /// whole state.
  @Test(arguments: 0..<6) func `The store does what a simple model does, whatever comes in which order`(
    _ run: Int
  ) async throws {
    let seed = UInt64.random(in: 0...UInt64.max)
    do {
      try await compare(seed, operations: 400)
    } catch {
      Issue.record("seed \(seed): \(error)")
    }
  }

  private func compare(_ seed: UInt64, operations: Int) async throws {
    let folder = TestFolder()
    let clock = TestClock()
    var settings = testSettings(clock)
    settings.runMessages = 24
    settings.duplicateKeysMax = 40
    settings.groupUnitsMax = 5
    settings.checkpointBytes = 300_000
    var play = Play(bench: try await Bench.open(folder, settings), random: Seeded(seed), seed: seed)
    for step in 0..<operations {
      clock.advance(Int64.random(in: 0...2_000, using: &play.random))
      try await play.step()
      if step % 40 == 39 { try await play.check() }
      if Int.random(in: 0..<60, using: &play.random) == 0 {
        await play.bench.store.close(orderly: Bool.random(using: &play.random))
        play.bench = try await Bench.open(folder, settings)
        try await play.check()
      }
    }
    try await play.check()
    await play.bench.store.close()
  }

  private struct Play {
    var bench: Bench
    var model = StoreModel()
    var random: Seeded
    let seed: UInt64

    private mutating func below(_ count: Int) -> Int { Int.random(in: 0..<count, using: &random) }
    private func lane(_ index: Int) -> Int64 { index == 0 ? bench.ehr : bench.archive }

    private mutating func anyDelivery(_ states: Set<DeliveryState>) -> DeliveryID? {
      model.deliveries.filter { states.contains($0.value.state) }.keys.sorted().randomElement(using: &random)
    }

    private mutating func anyMessage(_ states: Set<MessageState>) -> MessageID? {
      model.messages.filter { states.contains($0.value.state) }.keys.sorted().randomElement(using: &random)
    }

    mutating func step() async throws {
      switch below(20) {
      case 0..<9: try await accept()
      case 9..<14: await finish()
      case 14: await reprocess()
      case 15..<19: await change()
      default:
        model.received += 3
        model.unavailable += 3
        #expect(await bench.change(.unavailable(channel: bench.keys.channel, count: 3)) == .done(3), "seed \(seed)")
      }
    }

    /// Several at once, so that they share groups.
    private mutating func accept() async throws {
      let results = Collected<AcceptResult>()
      var expected: [StoreModel.Accepted] = []
      let count = 1 + below(12)
      for _ in 0..<count {
        let text = "text \(below(25))"
        let state = [MessageState.routed, .routed, .routed, .dropped, .held, .failed, .rejected][below(7)]
        var arrival = bench.arrival(
          text, lanes: [], state: state, key: below(4) == 0 ? nil : "key \(below(12))", within: 60_000)
        if below(3) == 0 { arrival.duplicateKey?.othersRejected = "seen before" }
        if state == .failed, below(2) == 0 {
          arrival.places = [bench.ehr, bench.archive].map { .init(id: bench.store.mint(), lane: $0) }
        }
        var indices: [Int] = []
        if state == .routed {
          if below(3) == 0 { arrival.outputs = [Payload(.text, Array("out \(below(1_000))".utf8))] }
          for index in 0..<2 where below(3) > 0 {
            indices.append(index)
            let output = arrival.outputs.isEmpty || below(2) == 0 ? nil : 0
            arrival.deliveries.append(
              .init(id: bench.store.mint(), lane: lane(index), output: output, dead: below(8) == 0 ? "absent" : nil))
          }
        }
        let wanted = model.accept(arrival, lanes: indices, text: text)
        if case .accepted = wanted { model.keepPlaces(arrival) }
        expected.append(wanted)
        bench.store.accept(arrival) { results.add($0) }
      }
      for (result, wanted) in zip(await results.wait(count), expected) {
        #expect(simple(result) == wanted, "seed \(seed)")
      }
    }

    private func simple(_ result: AcceptResult) -> StoreModel.Accepted? {
      switch result {
      case .accepted(let sequences, let reused): .accepted(sequences, keyReused: reused)
      case .duplicate(let id): .duplicate(id)
      case .conflict: .conflict
      case .awaited(let original, _): .duplicate(original)
      case .stale: .stale
      case .unavailable: nil
      }
    }

    private mutating func reprocess() async {
      guard let id = anyMessage([.failed, .held, .routed]), let message = model.messages[id] else { return }
      var arrival = bench.arrival(message.text, lanes: [], state: [.routed, .failed, .dropped][below(3)])
      arrival.id = id
      arrival.replaces = below(4) == 0 ? [.dropped] : [.failed, .held, .routed]
      if arrival.state == .routed { arrival.deliveries = [.init(id: bench.store.mint(), lane: bench.ehr, output: nil)] }
      let wanted = model.accept(arrival, lanes: [0], text: message.text)
      let result = await bench.accept(arrival)
      #expect(simple(result) == wanted, "seed \(seed)")
    }

    private mutating func finish() async {
      guard let id = anyDelivery(below(10) == 0 ? [.delivered, .dead, .held] : [.waiting]),
        let delivery = model.deliveries[id]
      else {
        return
      }
      let fits = delivery.state == .waiting
      let end: Attempt.End
      switch below(5) {
      case 4:
        end = .held(reason: "a person decides", reply: Payload(.hl7v2, [3]))
        if fits {
          _ = model.move(id, from: .waiting, to: .held)
          model.deliveries[id]?.attempts += 1
        }
      case 0:
        end = .waits(dueAt: 1, delay: 1, reason: "later", reply: nil)
        if fits { model.deliveries[id]?.attempts += 1 }
      case 1:
        end = .dead(reason: "no", reply: nil)
        if fits { _ = model.move(id, from: .waiting, to: .dead) }
      default:
        end = .delivered(summary: "AA", reply: Payload(.hl7v2, [1, 2]))
        if fits { _ = model.move(id, from: .waiting, to: .delivered) }
      }
      var attempt = bench.attempt((id, lane(delivery.lane), delivery.sequence), end, attempts: delivery.attempts + 1)
      var done = UnitResult.done(1)
      if case .delivered = end, below(3) == 0 {
        let (follows, lanes) = follows(delivery.message)
        attempt.follows = follows
        if fits { done = .followed(sequences: model.deliver(follows, lanes, "")) }
      }
      #expect(await bench.finish(attempt) == (fits ? done : .stale), "seed \(seed)")
    }

    /// What a partner's answer sends to other lanes.
    private mutating func follows(_ message: MessageID) -> (Acceptance, lanes: [Int]) {
      var follows = bench.arrival("", lanes: [], state: .routed)
      follows.id = message
      follows.replaces = [.routed]
      follows.outputs = [Payload(.text, Array("answered \(below(1_000))".utf8))]
      let lanes = (0..<2).filter { _ in below(2) == 0 }
      follows.deliveries = lanes.map {
        .init(id: bench.store.mint(), lane: lane($0), output: 0, dead: below(8) == 0 ? "absent" : nil)
      }
      return (follows, lanes)
    }

    private mutating func change() async {
      let wanted: Bool
      var done = UnitResult.done(1)
      let change: Change
      switch below(7) {
      case 5:
        guard let id = anyDelivery([.held, .waiting]) else { return }
        change = .releaseHeld([id], at: 1)
        wanted = model.move(id, from: .held, to: .waiting)
      case 6:
        guard let id = anyDelivery([.held, .waiting]) else { return }
        change = .discardHeld([id], reason: "r", at: 1)
        wanted = model.move(id, from: .held, to: .discarded)
      case 0:
        guard let id = anyDelivery([.dead, .delivered]) else { return }
        change = .retryDead([id], at: 1)
        wanted = !model.isIncomplete(id) && model.move(id, from: .dead, to: .waiting)
      case 1:
        guard let id = anyDelivery([.dead, .waiting]) else { return }
        change = .discardDead([id], reason: "r", at: 1)
        wanted = model.move(id, from: .dead, to: .discarded)
      case 2:
        guard let id = anyDelivery([.waiting]), let delivery = model.deliveries[id] else { return }
        change = .cancelWaiting(lane: lane(delivery.lane), [id], reason: "r", at: 1)
        done = .cancelled(count: 1, bytes: delivery.size)
        wanted = model.move(id, from: .waiting, to: .cancelled)
      case 3:
        guard let id = anyDelivery([.delivered, .dead, .waiting, .cancelled, .held]) else { return }
        let new = bench.store.mint()
        change = .resend(id, as: new, at: 1)
        wanted = !model.isIncomplete(id) && model.resend(id, as: new)
      default:
        guard let id = anyMessage([.failed, .held, .routed]) else { return }
        change = .discardMessages([id], reason: "r", at: 1)
        wanted = model.discard(id)
      }
      #expect(await bench.change(change) == (wanted ? done : .stale), "seed \(seed)")
    }

    /// The whole state.
    func check() async throws {
      let ledger = try await bench.ledger()
      #expect(ledger.problems == [], "seed \(seed)")
      #expect(ledger.received == model.received && ledger.unavailable == model.unavailable, "seed \(seed)")
      let counts = [
        ledger.routed, ledger.dropped, ledger.held, ledger.failed, ledger.rejected, ledger.duplicate, ledger.discarded,
      ]
      let wanted = [MessageState.routed, .dropped, .held, .failed, .rejected, .duplicate, .discarded].map {
        model.states[$0] ?? 0
      }
      #expect(counts == wanted, "seed \(seed)")
      for index in 0..<2 {
        let lane = ledger.lanes[index]
        let model = model.lanes[index]
        let found = [lane.created, lane.delivered, lane.waiting, lane.dead, lane.discarded, lane.cancelled, lane.held]
        let states: [DeliveryState] = [.delivered, .waiting, .dead, .discarded, .cancelled, .held]
        #expect(found == [model.created] + states.map { model.counts[$0] ?? 0 }, "seed \(seed)")
        let waiting = try await bench.waiting(self.lane(index))
        let wanted = self.model.inLane(index)
        #expect(
          waiting.map(\.id) == wanted.map(\.id) && waiting.map(\.sequence) == wanted.map(\.sequence), "seed \(seed)")
        #expect(waiting.map(\.held?.kind) == wanted.map(\.held), "seed \(seed)")
        #expect(waiting.map(\.attempts) == wanted.map(\.attempts), "seed \(seed)")
        #expect(waiting.allSatisfy { !$0.damaged }, "seed \(seed)")
        #expect(lane.places == wanted.count { $0.held == .place }, "seed \(seed)")
        #expect(lane.waitingBytes == wanted.reduce(0) { $0 + $1.waitingSize }, "seed \(seed)")
      }
      for (id, message) in model.messages {
        let record = try await bench.store.message(id)
        #expect(record?.state == message.state && record?.generation == message.generation, "seed \(seed)")
        #expect(record?.duplicateOf == message.duplicateOf?.description, "seed \(seed)")
      }
      #expect(try await bench.store.audit() == [], "seed \(seed)")
    }
  }
}
