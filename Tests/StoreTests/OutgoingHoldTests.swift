import Messages
import Testing

@testable import Store

@Suite struct OutgoingHoldTests {
  private let folder = TestFolder()

  private func open(_ site: String?, _ registration: ChannelRegistration = Bench.registration) async throws -> Bench {
    var settings = testSettings()
    settings.site = site
    return try await Bench.open(folder, settings, registration)
  }

  private func held(_ bench: Bench) -> [Bool] { bench.keys.lanes.map(\.awaitsRelease) }

  @Test func `A store is its first installation's, and goes on under its name`() async throws {
    for _ in 0..<2 {
      let bench = try await open("prod")
      #expect(bench.store.outgoingHold == nil && held(bench) == [false, false])
      await bench.store.close()
    }
  }

  @Test func `A store of another installation holds every lane over restarts, also one that is new`() async throws {
    await (try await open("prod")).store.close()
    for _ in 0..<2 {
      let bench = try await open("trial")
      #expect(bench.store.outgoingHold?.site == OutgoingHold.Site(store: "prod", opened: "trial"))
      #expect(held(bench) == [true, true])
      await bench.store.close()
    }
    var more = Bench.registration
    more.lanes.append("new")
    let bench = try await open("trial", more)
    #expect(held(bench) == [true, true, true])
    #expect(try await bench.store.laneKeys(LaneName(channel: more.name, destination: "new"))?.awaitsRelease == true)
    await bench.store.close()
  }

  @Test func `Released lane by lane the others stay held; released as a whole it is the new installation's`()
    async throws
  {
    await (try await open("prod")).store.close()
    var bench = try await open("trial")
    #expect(await bench.change(.releaseOutgoing(lanes: [bench.ehr])) == .done(1))
    await bench.store.close(orderly: false)
    bench = try await open("trial")
    #expect(held(bench) == [false, true])
    #expect(await bench.change(.releaseOutgoing(lanes: nil)) == .done(1))
    #expect(await bench.change(.releaseOutgoing(lanes: nil)) == .stale)
    await bench.store.close(orderly: false)
    bench = try await open("trial")
    #expect(bench.store.outgoingHold == nil && held(bench) == [false, false])
    await bench.store.close()
    bench = try await open("prod")
    #expect(bench.store.outgoingHold?.site?.store == "trial")
    await bench.store.close()
  }

  @Test func `What was released under one name is held again under every other`() async throws {
    await (try await open("prod")).store.close()
    for name in ["trial", "second", "prod"] {
      let bench = try await open(name)
      #expect(held(bench) == [true, true], "\(name)")
      #expect(bench.store.outgoingHold?.site?.opened == (name == "prod" ? nil : name))
      if name == "trial" { #expect(await bench.change(.releaseOutgoing(lanes: [bench.ehr])) == .done(1)) }
      await bench.store.close()
    }
  }

  @Test func `What waits for its release doesn't get past it by another lane`() async throws {
    await (try await open("prod")).store.close()
    let bench = try await open("trial")
    try await bench.take("one")
    let move = Change.moveWaiting(lane: bench.ehr, to: bench.archive, countMax: 9)
    #expect(await bench.change(.releaseOutgoing(lanes: [bench.archive])) == .done(1))
    #expect(await bench.change(move) == .stale)
    #expect(await bench.change(.releaseOutgoing(lanes: [bench.ehr])) == .done(1))
    #expect(await bench.change(move) == .cancelled(count: 1, bytes: 3))
    await bench.store.close()
  }

  @Test func `A name that was wrong and is right again holds nothing`() async throws {
    await (try await open("prod")).store.close()
    await (try await open("typo")).store.close()
    let bench = try await open("prod")
    #expect(bench.store.outgoingHold == nil)
    await bench.store.close()
  }

  @Test func `A release that could not be written is none`() async throws {
    await (try await open("prod")).store.close()
    var settings = testSettings()
    settings.site = "trial"
    let full = Collected<Int32>()
    settings.failure = { point in point == .beforeCommit ? full.values.first ?? 0 : 0 }
    let store = try SQLiteStore.open(folder.path, settings: settings)
    let bench = Bench(store: store, keys: try await store.register(Bench.registration))
    full.add(13)  // SQLITE_FULL
    #expect(await bench.change(.releaseOutgoing(lanes: nil)).isUnavailable)
    #expect(store.outgoingHold != nil)
    await store.close()
  }

  @Test func `What would go out is counted by lane, what is held for a person left out`() async throws {
    let bench = try await open("prod")
    try await bench.take("one", lanes: [bench.ehr, bench.archive])
    let two = try await bench.take("two")
    #expect(await bench.finish(bench.attempt(two.deliveries[0], .held(reason: "AE", reply: nil))) == .done(1))
    let counts = try await bench.store.outgoing()
    #expect(counts[bench.ehr]?.waiting == 1 && counts[bench.archive]?.waiting == 1)
    #expect(counts[bench.ehr]?.possiblySent == 0)
    await bench.store.close()
  }
}
