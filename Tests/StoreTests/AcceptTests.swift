import Glibc
import Messages
import Testing

@testable import Store

@Suite struct AcceptTests {
  /// Retention finds outputs by their deliveries.
  @Test func `An output that no delivery refers to isn't kept`() async throws {
    let folder = TestFolder()
    let bench = try await Bench.open(folder)
    var arrival = bench.arrival("in", lanes: [bench.ehr, bench.archive])
    arrival.outputs = [
      Payload(.text, Array("nobody".utf8)), Payload(.dicom, [UInt8](repeating: 7, count: 300_000)),
      Payload(.text, Array("archive".utf8)),
    ]
    arrival.deliveries[1].output = 2
    #expect(await bench.accept(arrival).isAccepted)
    #expect(try Bench.number(folder, "SELECT count(*) FROM output") == 1)
    #expect(TestFolder.files(folder.path + "/blobs").isEmpty)
    #expect(try await bench.waiting(bench.ehr).map(\.bytes) == [Array("in".utf8)])
    #expect(try await bench.waiting(bench.archive).map(\.bytes) == [Array("archive".utf8)])
    await bench.store.close()
  }

  @Test func `What was accepted is there with its bytes, its story and its deliveries`() async throws {
    let folder = TestFolder()
    let bench = try await Bench.open(folder)
    var arrival = bench.arrival("MSH|the input", lanes: [], mrn: "4711")
    let output = Payload(.json, Array("{\"out\":1}".utf8))
    arrival.outputs = [output]
    arrival.attributes = [
      "peer": .text("10.0.0.9"), "n": .integer(-5), "list": .list([.boolean(true), .record(["a": .text("b")])]),
    ]
    arrival.deliveries = [
      .init(id: bench.store.mint(), lane: bench.ehr, output: nil),
      .init(
        id: bench.store.mint(), lane: bench.archive, output: 0,
        rendered: ["name": [TemplateValue(text: "out-", isValue: false), TemplateValue(text: "4711", isValue: true)]]),
    ]
    guard case .accepted(let sequences, let reused) = await bench.accept(arrival) else { throw Bench.Unexpected() }
    #expect(sequences == [1, 1] && !reused)

    #expect(try await bench.store.raw(arrival.id) == arrival.payload)
    let record = try #require(try await bench.store.message(arrival.id))
    #expect(
      record.attributes == arrival.attributes && record.columns == ["mrn": "4711"] && record.steps == arrival.steps)
    #expect(record.state == .routed && record.generation == 1 && record.hasRaw && record.channel == "adt")
    #expect(record.sha256 == hexadecimal(sha256(Array("MSH|the input".utf8))) && record.byteCount == 13)
    let ehr = try await bench.waiting(bench.ehr)
    let archive = try await bench.waiting(bench.archive)
    #expect(ehr.map(\.payload) == [arrival.payload] && archive.map(\.payload) == [output])
    #expect(archive[0].rendered == arrival.deliveries[1].rendered && archive[0].message == arrival.id)
    let deliveries = try await bench.store.deliveries(of: arrival.id)
    #expect(deliveries.map(\.destination) == ["ehr", "archive"] && deliveries.map(\.byteCount) == [13, 9])
    #expect(try await bench.store.delivery(arrival.deliveries[1].id) == deliveries[1])
    #expect(try await bench.store.sent(arrival.deliveries[1].id)?.payload == output)
    #expect(try await bench.store.audit() == [])
    await bench.store.close()
  }

  @Test func `An output equal to the input is a reference, not a copy`() async throws {
    let folder = TestFolder()
    let bench = try await Bench.open(folder)
    try await bench.take("input", lanes: [bench.ehr, bench.archive])
    await bench.store.close()
    #expect(try Bench.number(folder, "SELECT count(*) FROM output") == 0)
  }

  @Test func `Each state counts where it belongs, and the ledger adds up`() async throws {
    let folder = TestFolder()
    let bench = try await Bench.open(folder)
    for state in [MessageState.routed, .dropped, .held, .failed, .rejected, .dropped] {
      var arrival = bench.arrival("a \(state)", state: state)
      arrival.reason = "because"
      arrival.passedBy = state == .routed ? [bench.archive] : []
      #expect(await bench.accept(arrival).isAccepted)
      #expect(try await bench.store.message(arrival.id)?.reason == "because")
    }
    _ = await bench.change(.unavailable(channel: bench.keys.channel, count: 3))
    let ledger = try await bench.ledger()
    #expect(ledger.problems == [])
    #expect(ledger.received == 9 && ledger.accepted == 5 && ledger.rejected == 1 && ledger.unavailable == 3)
    #expect(ledger.dropped == 2 && ledger.held == 1 && ledger.failed == 1 && ledger.routed == 1)
    #expect(ledger.lanes[0].waiting == 1 && ledger.lanes[0].waitingBytes == 8 && ledger.lanes[1].passedBy == 1)
    #expect(ledger.lanes[0].oldestAt != nil && ledger.lanes[1].oldestAt == nil)
    await bench.store.close()
  }

  @Test func `A delivery that is dead from the start doesn't wait and has no number`() async throws {
    let folder = TestFolder()
    let bench = try await Bench.open(folder)
    var arrival = bench.arrival("a", lanes: [bench.ehr, bench.archive])
    arrival.deliveries[0].dead = "name: PID-3 is absent"
    guard case .accepted(let sequences, _) = await bench.accept(arrival) else { throw Bench.Unexpected() }
    #expect(sequences == [-1, 1])
    #expect(try await bench.waiting(bench.ehr).isEmpty)
    let record = try await bench.store.delivery(arrival.deliveries[0].id)
    #expect(record?.state == .dead && record?.summary == "name: PID-3 is absent")
    #expect(try await bench.ledger().lanes[0].dead == 1)
    #expect(try await bench.store.audit() == [])
    await bench.store.close()
  }

  @Test func `Answers come in the order of the calls, and numbers in the order of the answers`() async throws {
    let folder = TestFolder()
    let bench = try await Bench.open(folder)
    let answers = Collected<(Int, Int64)>()
    for number in 0..<500 {
      bench.store.accept(bench.arrival("message \(number)")) { result in
        if case .accepted(let sequences, _) = result { answers.add((number, sequences[0])) }
      }
    }
    let seen = await answers.wait(500)
    #expect(seen.map(\.0) == Array(0..<500))
    #expect(seen.map(\.1) == (1...500).map { Int64($0) })
    let waiting = try await bench.waiting(bench.ehr)
    #expect(waiting.map { String(decoding: $0.bytes, as: UTF8.self) } == (0..<500).map { "message \($0)" })
    await bench.store.close()
  }

  @Test func `A lane is read in parts that say whether there is more`() async throws {
    let folder = TestFolder()
    let bench = try await Bench.open(folder)
    for number in 0..<10 { try await bench.take(String(repeating: "\(number)", count: 100)) }
    let store = bench.store
    var read = try await store.waiting(lane: bench.ehr, WaitingPart(after: 0, countMax: 4, bytesMax: .max))
    #expect(read.deliveries.map(\.sequence) == [1, 2, 3, 4] && !read.isAll)
    read = try await store.waiting(lane: bench.ehr, WaitingPart(after: 4, countMax: 100, bytesMax: 250))
    #expect(read.deliveries.map(\.sequence) == [5, 6] && !read.isAll)
    read = try await store.waiting(lane: bench.ehr, WaitingPart(after: 6, countMax: 100, bytesMax: 1))
    #expect(read.deliveries.map(\.sequence) == [7] && !read.isAll)
    read = try await store.waiting(lane: bench.ehr, WaitingPart(after: 7, countMax: 3, bytesMax: .max))
    #expect(read.deliveries.map(\.sequence) == [8, 9, 10] && read.isAll)
    read = try await store.waiting(lane: bench.ehr, WaitingPart(after: 10, countMax: 3, bytesMax: 1))
    #expect(read.deliveries.isEmpty && read.isAll)
    await store.close()
  }

  @Test func `A source's progress is written with its arrival`() async throws {
    let folder = TestFolder()
    let bench = try await Bench.open(folder)
    var arrival = bench.arrival("a")
    arrival.progress = ("bookmark", .record(["line": .integer(7)]))
    #expect(try await bench.store.progress(channel: bench.keys.channel, key: "bookmark") == nil)
    _ = await bench.accept(arrival)
    #expect(
      try await bench.store.progress(channel: bench.keys.channel, key: "bookmark") == .record(["line": .integer(7)]))
    #expect(try await bench.store.progress(channel: bench.keys.channel + 1, key: "bookmark") == nil)
    await bench.store.close()
  }

  @Test func `The same id twice is stale, and changes nothing`() async throws {
    let folder = TestFolder()
    let bench = try await Bench.open(folder)
    let arrival = bench.arrival("a")
    #expect(await bench.accept(arrival).isAccepted)
    #expect(await bench.accept(arrival).isStale)
    #expect(try await bench.store.audit() == [])
    await bench.store.close()
  }

  @Test func `A unit that can't be stored fails alone`() async throws {
    let folder = TestFolder()
    let bench = try await Bench.open(folder)
    let answers = Collected<Bool>()
    var broken = bench.arrival("broken")
    let first = bench.arrival("first")
    // A delivery id that exists already: not a condition of the unit but a mistake of the caller.
    broken.deliveries = [.init(id: first.deliveries[0].id, lane: bench.ehr, output: nil)]
    var elsewhere = bench.arrival("elsewhere")
    elsewhere.channel = 999
    for arrival in [first, broken, bench.arrival("third"), elsewhere, bench.arrival("last")] {
      bench.store.accept(arrival) { answers.add($0.isAccepted) }
    }
    #expect(await answers.wait(5) == [true, false, true, false, true])
    #expect(try await bench.waiting(bench.ehr).map(\.sequence) == [1, 2, 3])
    #expect(try await bench.store.audit() == [])
    await bench.store.close()
  }

  @Test func `After one of an origin wasn't taken, none behind it is`() async throws {
    let folder = TestFolder()
    let bench = try await Bench.open(folder)
    let gate = OriginGate()
    let answers = Collected<String>()
    var bad = bench.arrival("bad")
    bad.channel = 999
    bad.gate = gate
    var behind = bench.arrival("behind")
    behind.gate = gate
    for arrival in [bad, behind, bench.arrival("another origin")] {
      bench.store.accept(arrival) { answers.add($0.isUnavailable ? "unavailable" : "taken") }
    }
    #expect(await answers.wait(3) == ["unavailable", "unavailable", "taken"])
    #expect(gate.isBroken)
    await bench.store.close()
  }

  @Test func `A full queue answers unavailable in its turn`() async throws {
    let folder = TestFolder()
    var settings = testSettings()
    settings.queueUnitsMax = 10
    let entered = Collected<Int>()
    let leave = Collected<Int>()
    let bench = try await Bench.open(folder, settings)
    bench.store.inspect { _ in
      entered.add(1)
      while leave.values.isEmpty { sched_yield() }
    }
    _ = await entered.wait(1)
    let answers = Collected<Bool>()
    for number in 0..<30 { bench.store.accept(bench.arrival("m \(number)")) { answers.add($0.isAccepted) } }
    leave.add(1)
    let seen = await answers.wait(30)
    #expect(seen == Array(repeating: true, count: 10) + Array(repeating: false, count: 20))
    await bench.store.close()
  }
}

extension WaitingDelivery {
  var bytes: [UInt8] { if case .bytes(let bytes) = payload.content { bytes } else { [] } }
}
