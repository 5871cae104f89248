import Messages
import Testing

@testable import Store

@Suite struct DeploymentNoteTests {
  @Test func `What waits in a lane that is gone goes to the end of another, sealed for it, and the ledger adds up`()
    async throws
  {
    let folder = TestFolder()
    let bench = try await Bench.open(folder)
    var deliveries: [DeliveryID] = []
    for number in 0..<5 { deliveries.append(try await bench.take("\(number)", lanes: [bench.ehr]).deliveries[0].id) }
    let before = try await bench.take("before", lanes: [bench.archive]).deliveries[0].id
    let step = Change.moveWaiting(lane: bench.ehr, to: bench.archive, countMax: 3)
    #expect(await bench.change(step) == .cancelled(count: 3, bytes: 3))
    #expect(await bench.change(step) == .cancelled(count: 2, bytes: 2))
    #expect(await bench.change(step) == .stale)
    #expect(await bench.change(.moveWaiting(lane: bench.ehr, to: 4711, countMax: 3)) == .stale)
    let waiting = try await bench.waiting(bench.archive)
    #expect(waiting.map(\.id) == [before] + deliveries && waiting.map(\.sequence) == Array(1...6))
    #expect(waiting.allSatisfy { !$0.damaged && $0.orderKeys.isEmpty })
    #expect(try await bench.waiting(bench.ehr).isEmpty)
    #expect(await bench.deliver((deliveries[0], bench.archive, 2)) == .done(1))
    #expect(try await bench.store.audit() == [])
    await bench.store.close()
  }

  @Test func `What waits in a lane that is gone can be buried, and a person can see it`() async throws {
    let folder = TestFolder()
    let bench = try await Bench.open(folder)
    for number in 0..<3 { try await bench.take("\(number)", lanes: [bench.ehr]) }
    let bury = Change.buryWaiting(lane: bench.ehr, countMax: 2, reason: "its destination is gone", at: 7)
    #expect(await bench.change(bury) == .cancelled(count: 2, bytes: 2))
    #expect(await bench.change(bury) == .cancelled(count: 1, bytes: 1))
    #expect(await bench.change(bury) == .stale)
    let dead = try await bench.store.deliveries(DeliveryQuery(state: .dead))
    #expect(dead.map(\.summary) == Array(repeating: "its destination is gone", count: 3))
    #expect(try await bench.store.audit() == [])
    await bench.store.close()
  }

  @Test func `A note of deployments is kept with the channel, and holds so many runs`() async throws {
    let folder = TestFolder()
    let bench = try await Bench.open(folder)
    var note = DeploymentNote()
    for number in 1...150 {
      note.run(.init(revision: "\(number / 2)", since: Int64(number), by: "deploy", file: "adt.yaml"))
    }
    #expect(note.runs.count == 76 && note.runs.last?.since == 150)
    for number in 200...300 { note.run(.init(revision: "\(number)", since: 1, by: "deploy", file: "")) }
    #expect(note.runs.count == 100)
    note.leaving = [.init(lane: "ehr", waiting: "move:archive", revision: "1f")]
    note.rolledBackOver = "2e"
    let name = try #require(try await bench.store.ledger().first?.channel)
    let key = try #require(try await bench.store.channelKey(ChannelName(name)))
    #expect(await bench.change(.note(channel: key, note)) == .done(1))
    #expect(try await bench.store.deployments() == [name: note])
    await bench.store.close()
    let again = try await Bench.open(folder)
    #expect(try await again.store.deployments() == [name: note])
    await again.store.close()
  }

  @Test func `The keys of a lane that no channel names are those that registering it would give`() async throws {
    let folder = TestFolder()
    let bench = try await Bench.open(folder)
    let first = try await bench.take("1", lanes: [bench.ehr])
    try await bench.take("2", lanes: [bench.ehr])
    #expect(await bench.deliver(first.deliveries[0]) == .done(1))
    let channel = ChannelName(try #require(try await bench.store.ledger().first?.channel))
    let keys = try #require(try await bench.store.laneKeys(LaneName(channel: channel, destination: "ehr")))
    #expect(keys.waiting == 1 && keys.doneThrough == 1 && keys.lastSequence == 2 && !keys.paused)
    #expect(try await bench.store.laneKeys(LaneName(channel: channel, destination: "none")) == nil)
    await bench.store.close()
  }
}
