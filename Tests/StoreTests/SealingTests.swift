import Crypto
import Glibc
import Messages
import Testing

@testable import Store

@Suite struct SealingTests {
  /// Content of every kind that a store keeps, each with a word that is looked for.
  private static let canaries = [
    "CANARY-RAW", "CANARY-OUT", "CANARY-MRN", "CANARY-STEP", "CANARY-REASON", "CANARY-ATTR", "CANARY-REPLY",
    "CANARY-SUMMARY",
    "CANARY-RENDERED", "CANARY-KEY", "CANARY-PROGRESS", "CANARY-FILE", "CANARY-BLOB", "CANARY-DEAD",
  ]

  private func fill(_ bench: Bench) async throws {
    var arrival = bench.arrival("CANARY-RAW", lanes: [], key: "CANARY-KEY", mrn: "CANARY-MRN")
    arrival.outputs = [
      Payload(.text, Array("CANARY-OUT".utf8)),
      Payload(.text, Array("CANARY-BLOB ".utf8) + [UInt8](repeating: 65, count: 300_000)),
    ]
    arrival.attributes = ["a": .text("CANARY-ATTR")]
    arrival.steps = [Step(.note, "CANARY-STEP")]
    arrival.reason = "CANARY-REASON"
    arrival.progress = ("CANARY-FILE", .text("CANARY-PROGRESS"))
    arrival.transportKey = "CANARY-FILE"
    arrival.deliveries = [
      .init(
        id: bench.store.mint(), lane: bench.ehr, output: 0,
        rendered: ["n": [TemplateValue(text: "CANARY-RENDERED", isValue: true)]]),
      .init(id: bench.store.mint(), lane: bench.archive, output: 1, dead: "CANARY-DEAD"),
    ]
    #expect(await bench.accept(arrival).isAccepted)
    let end = Attempt.End.delivered(summary: "CANARY-SUMMARY", reply: Payload(.hl7v2, Array("CANARY-REPLY".utf8)))
    #expect(await bench.finish(bench.attempt((arrival.deliveries[0].id, bench.ehr, 1), end)) == .done(1))
  }

  private func found(_ folder: TestFolder) -> [String] {
    let files = TestFolder.files(folder.path).map { String(decoding: TestFolder.read($0), as: UTF8.self) }
    return Self.canaries.filter { canary in files.contains { $0.contains(canary) } }
  }

  /// Row 65: nothing of a sealed channel's content stands in any file, open or closed.
  @Test func `No content of a sealed channel stands in any file`() async throws {
    let folder = TestFolder()
    let bench = try await Bench.open(folder)
    try await fill(bench)
    #expect(found(folder) == [])
    await bench.store.close()
    #expect(found(folder) == [])
  }

  @Test func `A channel may say that its payloads aren't sealed, and still tells no keys`() async throws {
    let folder = TestFolder()
    var open = Bench.registration
    open.sealed = false
    let bench = try await Bench.open(folder, testSettings(), open)
    try await fill(bench)
    await bench.store.close()
    let seen = found(folder)
    #expect(seen.contains("CANARY-RAW") && seen.contains("CANARY-REPLY") && seen.contains("CANARY-BLOB"))
    #expect(!seen.contains("CANARY-KEY") && !seen.contains("CANARY-FILE"))
    let again = try await Bench.open(folder, testSettings(), open)
    #expect(try await again.store.audit() == [])
    await again.store.close()
  }

  @Test func `Errors and descriptions hold no content`() async throws {
    let folder = TestFolder()
    let bench = try await Bench.open(folder)
    let taken = try await bench.take("CANARY-RAW", key: "CANARY-KEY")
    await bench.store.close()
    try Bench.sql(folder, "UPDATE message SET raw = zeroblob(60)")
    let again = try await Bench.open(folder)
    let error = await #expect(throws: StoreError.self) { try await again.store.raw(taken.id) }
    #expect(error.map { "\($0)".contains("CANARY") } == false)
    #expect(try await again.store.audit().contains { $0.contains("CANARY") } == false)
    await again.store.close()
  }

  @Test func `After a rotation the new master key opens everything and the old one nothing`() async throws {
    let folder = TestFolder()
    let clock = TestClock()
    let bench = try await Bench.open(folder, testSettings(clock))
    let first = try await bench.take("before")
    clock.advance(day)
    let second = try await bench.take("next day")
    let next = StoreSettings.MasterKey(id: "test-2", bytes: [UInt8](repeating: 0x77, count: 32))
    try await bench.store.rotate(to: next)
    let third = try await bench.take("after")
    clock.advance(day)
    let fourth = try await bench.take("a new data key under the new master key")
    await bench.store.close()

    let error = #expect(throws: StoreError.self) { try SQLiteStore.open(folder.path, settings: testSettings(clock)) }
    #expect(error?.reason.contains("test-2") == true)
    var settings = testSettings(clock)
    settings.masterKey = next
    let again = try await Bench.open(folder, settings)
    for (taken, text) in [(first, "before"), (second, "next day"), (third, "after")] {
      #expect(try await again.store.raw(taken.id) == Payload(.hl7v2, Array(text.utf8)))
    }
    #expect(try await again.store.raw(fourth.id) != nil)
    #expect(await again.accept(again.arrival("before")).isAccepted)
    await again.store.close()
  }

  @Test func `There is a data key for each day`() async throws {
    let folder = TestFolder()
    let clock = TestClock()
    let bench = try await Bench.open(folder, testSettings(clock))
    for _ in 0..<3 {
      try await bench.take("a")
      try await bench.take("b")
      clock.advance(day)
    }
    #expect(try Bench.number(folder, "SELECT count(*) FROM data_key WHERE id > 0") == 3)
    await bench.store.close()
    let again = try await Bench.open(folder, testSettings(clock))
    #expect(try await again.store.audit() == [])
    await again.store.close()
  }

  @Test func `No nonce is used twice, and keyed hashes are the same each time`() throws {
    let sealer = Sealer()
    sealer.add(.init(data: testKey.bytes), id: 1, current: true)
    var nonces: Set<[UInt8]> = []
    let id = Identifier(high: 1, low: 2)
    for _ in 0..<2_000 {
      let sealed = sealer.seal([1, 2, 3], sealed: true, owner: 1, id: id, kind: .raw)
      nonces.insert(Array(sealed[4..<16]))
      #expect(try sealer.open(sealed, owner: 1, id: id, kind: .raw) == [1, 2, 3])
    }
    #expect(nonces.count == 2_000)
    let blind = BlindIndex(secret: testKey.bytes)
    #expect(blind.hash(.column, scope: 1, "a") == blind.hash(.column, scope: 1, "a"))
    #expect(blind.hash(.column, scope: 1, "a") != blind.hash(.column, scope: 2, "a"))
    #expect(blind.hash(.column, scope: 1, "a") != blind.hash(.duplicate, scope: 1, "a"))
  }

  @Test func `A sealed part opens only as what it is, where it is, and whole`() throws {
    let sealer = Sealer()
    sealer.add(.init(data: testKey.bytes), id: 7, current: true)
    let id = Identifier(high: 1, low: 2)
    let sealed = sealer.seal(Array("text".utf8), sealed: true, owner: 1, id: id, kind: .raw)
    #expect(throws: Sealer.Damaged.self) { try sealer.open(sealed, owner: 2, id: id, kind: .raw) }
    #expect(throws: Sealer.Damaged.self) {
      try sealer.open(sealed, owner: 1, id: Identifier(high: 1, low: 3), kind: .raw)
    }
    #expect(throws: Sealer.Damaged.self) { try sealer.open(sealed, owner: 1, id: id, kind: .output) }
    for index in sealed.indices {
      var flipped = sealed
      flipped[index] ^= 1
      #expect(throws: Sealer.Damaged.self) { try sealer.open(flipped, owner: 1, id: id, kind: .raw) }
    }
    for count in 0..<sealed.count {
      #expect(throws: Sealer.Damaged.self) {
        try sealer.open(Array(sealed.prefix(count)), owner: 1, id: id, kind: .raw)
      }
    }
  }
  /// The vectors of the paper's reference program: key 00…0f, input 00…, of every length.
  @Test func `SipHash gives the published values`() {
    let sip = SipHash(key: (0..<16).map { UInt8($0) })
    let known: [(count: Int, hash: UInt64)] = [
      (0, 0x726F_DB47_DD0E_0E31), (1, 0x74F8_39C5_93DC_67FD), (7, 0xAB02_00F5_8B01_D137), (8, 0x93F5_F579_9A93_2462),
      (15, 0xA129_CA61_49BE_45E5), (63, 0x958A_324C_EB06_4572),
    ]
    for (count, hash) in known {
      let input = (0..<count).map { UInt8($0) }
      #expect(input.withUnsafeBytes { sip.hash($0) } == hash, "\(count) bytes")
    }
  }

  @Test(arguments: [0, 1]) func `A data key of a wrong size is damage, said in words`(id: Int) async throws {
    let folder = TestFolder()
    try await Bench.open(folder).store.close()
    try Bench.sql(folder, "UPDATE data_key SET master = '', wrapped = zeroblob(16) WHERE id = \(id)")
    let error = #expect(throws: StoreError.self) { try SQLiteStore.open(folder.path, settings: testSettings()) }
    #expect(error?.kind == .damaged)
    #expect(error?.reason.contains("data key \(id) of the store has 16 bytes") == true)
  }
}
