import Messages
import Testing

@testable import Store

@Suite struct StandInTests {
  private func arrival(_ bench: Bench, _ text: String, _ standIns: [StandIn]) -> Acceptance {
    var arrival = bench.arrival(text, lanes: [bench.ehr])
    arrival.standIns = standIns
    return arrival
  }

  private let one = StandIn(.pseudonym, key: "research", original: "4711", text: "RS7")

  @Test func `What stands for an identifier is found after the next opening, and in the file neither is read`()
    async throws
  {
    let folder = TestFolder()
    var bench = try await Bench.open(folder, testSettings(nil), Bench.registration)
    let uid = StandIn(.uid, key: "research", original: "1.2.840.99", text: "2.25.12345678901234567890")
    let first = arrival(bench, "A", [one, uid])
    #expect(await bench.accept(first).isAccepted)
    // The same again is no second way back.
    #expect(await bench.accept(arrival(bench, "B", [one])).isAccepted)
    await bench.store.close()
    bench = try await Bench.open(folder, testSettings(nil), Bench.registration)
    let found = try await bench.store.standsFor("RS7")
    #expect(found.map(\.original) == ["4711"] && found[0].kind == "pseudonym" && found[0].key == "research")
    #expect(found[0].message == first.id.description && found[0].channel == Bench.registration.name.text)
    #expect(try await bench.store.standsFor(uid.text).map(\.original) == ["1.2.840.99"])
    for other in ["RS8", ""] { #expect(try await bench.store.standsFor(other).isEmpty) }
    await bench.store.close()
    for file in TestFolder.files(folder.path) {
      let text = String(decoding: TestFolder.read(file), as: UTF8.self)
      for secret in ["4711", "RS7", "1.2.840.99", uid.text] {
        let isThere = text.contains(secret)
        #expect(!isThere, "\(secret) in \(file)")
      }
    }
  }

  @Test func `What wasn't used for so long is removed, and what no arrival brought isn't there`() async throws {
    let (day, clock) = (Int64(86_400_000), TestClock())
    let folder = TestFolder()
    let bench = try await Bench.open(folder, testSettings(clock), Bench.registration)
    func take(_ name: String, at: Int64, duplicateOf key: String? = nil) async -> AcceptResult {
      var arrival = arrival(bench, key ?? name, [StandIn(.pseudonym, key: "k", original: "of \(name)", text: name)])
      arrival.receivedAt = at
      if let key { arrival.duplicateKey = .init(text: key, withinMilliseconds: 100 * day) }
      return await bench.accept(arrival)
    }
    let now = clock.now
    #expect(await take("old", at: now - 20 * day).isAccepted)
    #expect(await take("used", at: now - 20 * day).isAccepted)
    #expect(await take("used", at: now - 2 * day).isAccepted)
    #expect(await take("new", at: now, duplicateOf: "same").isAccepted)
    // A duplicate sends nothing, and so leads nowhere.
    let again = await take("never", at: now, duplicateOf: "same")
    #expect(!again.isAccepted)
    func keep(_ age: Int64?) async throws {
      var retention = Retention(raw: nil, sent: nil, replies: nil, blobs: nil, record: nil)
      retention.identities = age
      while try await bench.store.prune([bench.keys.channel: retention], now: now, rowsMax: 1) {}
    }
    func known() async throws -> [String] {
      var known: [String] = []
      for name in ["old", "used", "new", "never"] {
        known += try await bench.store.standsFor(name).map(\.standIn)
      }
      return known
    }
    try await keep(nil)
    #expect(try await known() == ["old", "used", "new"])
    try await keep(10 * day)
    #expect(try await known() == ["used", "new"])
    try await keep(0)
    #expect(try await known() == ["new"])
    try await keep(-1)
    #expect(try await known() == [])
  }
}
