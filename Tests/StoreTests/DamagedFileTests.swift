import Glibc
import Messages
import Testing

@testable import Store

@Suite struct DamagedFileTests {
  @Test func `A file that isn't a database is refused and left as it is`() throws {
    let folder = TestFolder()
    let bytes = [UInt8](repeating: 0x41, count: 20_000)
    TestFolder.write(bytes, folder.database)
    let error = #expect(throws: StoreError.self) { try SQLiteStore.open(folder.path, settings: testSettings()) }
    #expect(error?.kind == .damaged)
    let isUnchanged = TestFolder.read(folder.database) == bytes
    #expect(isUnchanged)
  }

  /// A store with some hundred messages, closed in order.
  private func filled(_ folder: TestFolder) async throws {
    let bench = try await Bench.open(folder)
    for number in 0..<300 { try await bench.take(String(repeating: "x\(number) ", count: 100), mrn: "P\(number)") }
    await bench.store.close()
  }

  @Test func `A file that was cut off is refused`() async throws {
    let folder = TestFolder()
    try await filled(folder)
    let bytes = TestFolder.read(folder.database)
    TestFolder.write(Array(bytes.prefix(bytes.count / 2)), folder.database)
    let error = #expect(throws: StoreError.self) { try SQLiteStore.open(folder.path, settings: testSettings()) }
    #expect(error?.kind == .damaged)
  }

  @Test func `A zeroed page is refused at the start or found by the audit`() async throws {
    let folder = TestFolder()
    try await filled(folder)
    let whole = TestFolder.read(folder.database)
    for page in 0..<whole.count / 4_096 {
      var bytes = whole
      bytes.replaceSubrange(page * 4_096..<(page + 1) * 4_096, with: [UInt8](repeating: 0, count: 4_096))
      let other = TestFolder()
      TestFolder.write(bytes, other.database)
      do {
        let store = try SQLiteStore.open(other.path, settings: testSettings())
        let problems = (try? await store.audit()) ?? ["the audit can't read the file"]
        #expect(!problems.isEmpty, "page \(page + 1) is zero and nobody noticed")
        await store.close()
      } catch {
        #expect(error.kind == .damaged || error.kind == .refused, "page \(page + 1)")
      }
    }
  }

  @Test func `Damage that a reader meets loses the store`() async throws {
    let folder = TestFolder()
    try await filled(folder)
    let whole = TestFolder.read(folder.database)
    var met = 0
    for page in 1..<whole.count / 4_096 {
      var bytes = whole
      bytes.replaceSubrange(page * 4_096..<(page + 1) * 4_096, with: [UInt8](repeating: 0, count: 4_096))
      let other = TestFolder()
      TestFolder.write(bytes, other.database)
      guard let store = try? SQLiteStore.open(other.path, settings: testSettings()) else { continue }
      do {
        _ = try await store.waiting(lane: 1, WaitingPart(after: 0, countMax: 1_000, bytesMax: .max))
      } catch {
        met += 1
        await store.drain()
        guard case .lost(let reason) = store.condition else { throw Bench.Unexpected() }
        #expect(reason.contains("restore a backup"))
      }
      await store.close(orderly: false)
    }
    #expect(met > 0)
  }

  /// What is written stays in the log, however slow the machine is.
  private func logged() -> StoreSettings {
    var settings = testSettings()
    settings.idleCheckpointMilliseconds = 600_000
    return settings
  }

  @Test func `A log that was cut off is refused, because commits are missing`() async throws {
    let folder = TestFolder()
    let bench = try await Bench.open(folder, logged())
    for number in 0..<20 { try await bench.take("message \(number)") }
    await bench.store.close(orderly: false)
    let log = TestFolder.read(folder.database + "-wal")
    #expect(log.count > 100_000)
    TestFolder.write(Array(log.prefix(log.count - 60_000)), folder.database + "-wal")
    let error = #expect(throws: StoreError.self) { try SQLiteStore.open(folder.path, settings: testSettings()) }
    #expect(error?.kind == .damaged)
    #expect(error?.reason.contains("commits are missing") == true)

    // Whoever accepts the loss takes the witness away.
    unlink(folder.path + "/witness")
    let again = try await Bench.open(folder)
    #expect(try await again.store.audit() == [])
    await again.store.close()
  }

  @Test func `A flipped bit in the log is refused`() async throws {
    let folder = TestFolder()
    let bench = try await Bench.open(folder, logged())
    for number in 0..<20 { try await bench.take("message \(number)") }
    await bench.store.close(orderly: false)
    var log = TestFolder.read(folder.database + "-wal")
    log[log.count / 2] ^= 0x10
    TestFolder.write(log, folder.database + "-wal")
    let error = #expect(throws: StoreError.self) { try SQLiteStore.open(folder.path, settings: testSettings()) }
    #expect(error?.kind == .damaged)
  }

  /// Row 14: whatever bit flips, a payload that is handed out is the one that came in.
  @Test func `Flipped bits never change a payload that is handed out`() async throws {
    let folder = TestFolder()
    try await filled(folder)
    let whole = TestFolder.read(folder.database)
    let seed = UInt64.random(in: 0...UInt64.max)
    var random = Seeded(seed)
    for _ in 0..<40 {
      var bytes = whole
      for _ in 0..<8 {
        let place = Int.random(in: 4_096..<bytes.count, using: &random)
        bytes[place] ^= UInt8(1) << UInt8.random(in: 0..<8, using: &random)
      }
      let other = TestFolder()
      TestFolder.write(bytes, other.database)
      guard let store = try? SQLiteStore.open(other.path, settings: testSettings()) else { continue }
      if let read = try? await store.waiting(lane: 1, WaitingPart(after: 0, countMax: 1_000, bytesMax: .max)) {
        for delivery in read.deliveries where !delivery.damaged && delivery.held == nil {
          guard case .bytes(let content) = delivery.payload.content else { continue }
          let text = String(decoding: content, as: UTF8.self)
          let number = text.dropFirst().prefix { $0 != " " }
          #expect(text == String(repeating: "x\(number) ", count: 100), "seed \(seed)")
        }
      }
      await store.close(orderly: false)
    }
  }

  @Test func `A payload that doesn't fit its hash comes as damaged and is never handed out`() async throws {
    let folder = TestFolder()
    var open = Bench.registration
    open.sealed = false
    let bench = try await Bench.open(folder, testSettings(), open)
    let taken = try await bench.take("the patient's name")
    await bench.store.close()
    try Bench.sql(folder, "UPDATE message SET raw = x'00000000' || 'another name'")
    let again = try await Bench.open(folder, testSettings(), open)
    let waiting = try await again.waiting(again.ehr)
    #expect(waiting.map(\.damaged) == [true] && waiting[0].payload.byteCount == 0)
    let error = await #expect(throws: StoreError.self) { try await again.store.raw(taken.id) }
    #expect(error?.kind == .damaged)
    #expect(try await again.store.audit().contains { $0.contains("don't fit their hash") })
    await again.store.close()
  }

  @Test func `A sealed part that was moved to another row doesn't open there`() async throws {
    let folder = TestFolder()
    let bench = try await Bench.open(folder)
    let first = try await bench.take("one")
    let second = try await bench.take("two")
    await bench.store.close()
    try Bench.sql(
      folder,
      """
      UPDATE message SET raw = (SELECT raw FROM message WHERE id = \(first.id.key)),
        sha = (SELECT sha FROM message WHERE id = \(first.id.key)) WHERE id = \(second.id.key)
      """)
    let again = try await Bench.open(folder)
    #expect(try await again.waiting(again.ehr).map(\.damaged) == [false, true])
    await again.store.close()
  }
}
