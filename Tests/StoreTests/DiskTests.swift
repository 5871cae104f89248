import CSQLite
import Glibc
import Messages
import Synchronization
import Testing

@testable import Store

/// What a test wants SQLite to say at a failpoint.
final class Trouble: Sendable {
  private let code = Atomic<Int32>(0)
  func set(_ value: Int32) { code.store(value, ordering: .sequentiallyConsistent) }
  func at(_ point: Failpoint) -> Int32 { point == .beforeCommit ? code.load(ordering: .sequentiallyConsistent) : 0 }
}

@Suite struct DiskTests {
  private func open(_ folder: TestFolder, _ trouble: Trouble, clock: TestClock? = nil) async throws -> Bench {
    var settings = testSettings(clock)
    settings.failure = { trouble.at($0) }
    return try await Bench.open(folder, settings)
  }

  /// Row 10: arrivals are unavailable, what is under way is kept, and the store recovers by itself.
  @Test func `A full disk refuses arrivals, keeps finishes for later, and recovers`() async throws {
    let folder = TestFolder()
    let trouble = Trouble()
    let bench = try await open(folder, trouble)
    let conditions = Collected<StoreCondition>()
    bench.store.observe { conditions.add($0) }
    let first = try await bench.take("1").deliveries[0]
    let second = try await bench.take("2").deliveries[0]

    trouble.set(SQLITE_FULL)
    let finished = Collected<UnitResult>()
    bench.store.finish(bench.attempt(first, .delivered(summary: "AA", reply: nil))) { finished.add($0) }
    bench.store.finish(bench.attempt(second, .dead(reason: "AR", reply: nil))) { finished.add($0) }
    #expect(await bench.accept(bench.arrival("3")).isUnavailable)
    #expect(finished.values.isEmpty)
    trouble.set(0)
    #expect(await finished.wait(2) == [.done(1), .done(1)])
    while bench.store.condition != .open { await bench.store.drain() }
    #expect(await bench.accept(bench.arrival("4")).isAccepted)
    #expect(conditions.values.contains { if case .low = $0 { true } else { false } })
    #expect(try await bench.store.audit() == [])
    await bench.store.close()
  }

  /// The same with SQLite's own limit: the file may not grow.
  @Test func `A file that can't grow loses nothing that was answered`() async throws {
    let folder = TestFolder()
    let bench = try await Bench.open(folder)
    bench.store.inspect { connection in
      let pages = (try? connection.number("PRAGMA page_count")) ?? 0
      try? connection.execute("PRAGMA max_page_count = \(pages + 10)")
    }
    var taken: [MessageID] = []
    var refused = 0
    for number in 0..<200 {
      let arrival = bench.arrival(String(repeating: "\(number) ", count: 300))
      if await bench.accept(arrival).isAccepted { taken.append(arrival.id) } else { refused += 1 }
    }
    #expect(refused > 0 && taken.count > 5)
    for id in taken { #expect(try await bench.store.raw(id) != nil) }
    #expect(try await bench.waiting(bench.ehr).count == taken.count)
    bench.store.inspect { connection in try? connection.execute("PRAGMA max_page_count = 1000000") }
    while bench.store.condition != .open { await bench.store.drain() }
    #expect(await bench.accept(bench.arrival("again")).isAccepted)
    #expect(try await bench.store.audit() == [])
    await bench.store.close()
  }

  @Test func `Below the low-water mark arrivals are refused before anything is full`() async throws {
    let folder = TestFolder()
    var settings = testSettings()
    settings.freeBytesMin = .max / 4
    let bench = try await Bench.open(folder, settings)
    #expect(await bench.accept(bench.arrival("1")).isUnavailable)
    guard case .low(let reason) = bench.store.condition else { throw Bench.Unexpected() }
    #expect(reason.contains("MiB free"))
    // What is under way goes on.
    #expect(await bench.change(.unavailable(channel: bench.keys.channel, count: 1)) == .done(1))
    #expect(try await bench.ledger().unavailable == 1)
    await bench.store.close()
  }

  /// Row 9: never a retry on the same handle.
  @Test func `An I/O error on commit loses the store: nothing is written any more`() async throws {
    let folder = TestFolder()
    let trouble = Trouble()
    let bench = try await open(folder, trouble)
    let delivery = try await bench.take("kept").deliveries[0]
    let conditions = Collected<StoreCondition>()
    bench.store.observe { conditions.add($0) }
    trouble.set(SQLITE_IOERR | 4 << 8)  // SQLITE_IOERR_FSYNC, a macro that Swift does not see
    #expect(await bench.accept(bench.arrival("lost")).isUnavailable)
    trouble.set(0)
    #expect(await bench.accept(bench.arrival("later")).isUnavailable)
    #expect(await bench.deliver(delivery).isUnavailable)
    #expect(await bench.change(.retryDead([delivery.id], at: 1)).isUnavailable)
    await #expect(throws: StoreError.self) { try await bench.store.register(Bench.registration) }
    guard case .lost? = await conditions.wait(1).first else { throw Bench.Unexpected() }
    await bench.store.close()
    let again = try await Bench.open(folder)
    #expect(!again.store.closedCleanly)
    #expect(try await again.waiting(again.ehr).map(\.bytes) == [Array("kept".utf8)])
    #expect(try await again.store.audit() == [])
    await again.store.close()
  }

  @Test func `An arrival whose commit was said to fail and comes back has its bytes`() async throws {
    let folder = TestFolder()
    let isFailing = Atomic<Bool>(false)
    var settings = testSettings()
    settings.failure = { point in
      point == .afterCommit && isFailing.load(ordering: .sequentiallyConsistent) ? SQLITE_IOERR | 4 << 8 : 0
    }
    let bench = try await Bench.open(folder, settings)
    var arrival = bench.arrival("", key: "K")
    arrival.payload = Payload(.dicom, [UInt8](repeating: 7, count: 300_000))
    isFailing.store(true, ordering: .sequentiallyConsistent)
    #expect(await bench.accept(arrival).isUnavailable)
    await bench.store.close()
    isFailing.store(false, ordering: .sequentiallyConsistent)
    let again = try await Bench.open(folder, settings)
    await again.store.drainReaders()
    let raw = try await again.store.raw(arrival.id)
    #expect(raw == arrival.payload)
    var resent = again.arrival("", key: "K")
    resent.payload = arrival.payload
    #expect(await again.accept(resent).original == arrival.id)
    #expect(try await again.store.audit() == [])
    await again.store.close()
  }

  /// Row 13.
  @Test func `Another process that holds the file makes arrivals unavailable, never lost`() async throws {
    let folder = TestFolder()
    var settings = testSettings()
    settings.busyMilliseconds = 20
    let bench = try await Bench.open(folder, settings)
    let delivery = try await bench.take("1").deliveries[0]
    let foreign = try Connection(path: folder.database, flags: SQLITE_OPEN_READWRITE, busyMilliseconds: 1_000)
    try foreign.execute("BEGIN IMMEDIATE")
    let finished = Collected<UnitResult>()
    bench.store.finish(bench.attempt(delivery, .delivered(summary: "AA", reply: nil))) { finished.add($0) }
    #expect(await bench.accept(bench.arrival("2")).isUnavailable)
    #expect(finished.values.isEmpty && bench.store.condition == .open)
    try foreign.execute("ROLLBACK")
    foreign.close()
    #expect(await finished.wait(1) == [.done(1)])
    #expect(await bench.accept(bench.arrival("3")).isAccepted)
    await bench.store.close()
  }

  /// Row 15.
  @Test(arguments: [true, false], ["", "-wal"]) func `A file that was removed or replaced is noticed`(
    removed: Bool, suffix: String
  ) async throws {
    let folder = TestFolder()
    let file = folder.database + suffix
    let clock = TestClock()
    let bench = try await open(folder, Trouble(), clock: clock)
    try await bench.take("1")
    if removed {
      unlink(file)
    } else {
      TestFolder.write(TestFolder.read(file), folder.path + "/copy")
      rename(folder.path + "/copy", file)
    }
    clock.advance(1_000)
    // The look is at most a poll old; what is handed over after it is refused.
    await bench.store.drain()
    await bench.store.drain()
    #expect(await bench.accept(bench.arrival("2")).isUnavailable)
    guard case .lost(let reason) = bench.store.condition else { throw Bench.Unexpected() }
    #expect(reason.contains("removed or replaced"))
    await bench.store.close()
  }

  @Test func `Damage that a write meets loses the store`() async throws {
    let folder = TestFolder()
    let trouble = Trouble()
    let bench = try await open(folder, trouble)
    trouble.set(SQLITE_CORRUPT)
    #expect(await bench.accept(bench.arrival("1")).isUnavailable)
    guard case .lost = bench.store.condition else { throw Bench.Unexpected() }
    await bench.store.close()
  }

  @Test func `An unexpected error of one group is met unit by unit`() async throws {
    let folder = TestFolder()
    let trouble = Trouble()
    let bench = try await open(folder, trouble)
    trouble.set(SQLITE_CONSTRAINT)
    let results = Collected<Bool>()
    for number in 0..<3 { bench.store.accept(bench.arrival("\(number)")) { results.add($0.isUnavailable) } }
    #expect(await results.wait(3) == [true, true, true])
    trouble.set(0)
    #expect(await bench.accept(bench.arrival("4")).isAccepted)
    #expect(bench.store.condition == .open)
    #expect(try await bench.store.audit() == [])
    await bench.store.close()
  }

  /// What the writer remembers beside the file is as before after a rollback.
  @Test func `A group that was rolled back leaves keys, numbers and columns as they were`() async throws {
    let folder = TestFolder()
    let trouble = Trouble()
    let bench = try await open(folder, trouble)
    let first = bench.arrival("A", key: "K", mrn: "P")
    #expect(await bench.accept(first).isAccepted)
    trouble.set(SQLITE_CONSTRAINT)
    #expect(await bench.accept(bench.arrival("B", key: "K", mrn: "P")).isUnavailable)
    trouble.set(0)
    #expect(await bench.accept(bench.arrival("A", key: "K")).original == first.id)
    #expect(await bench.accept(bench.arrival("B", key: "K")).keyReused)
    #expect(try await bench.waiting(bench.ehr).map(\.sequence) == [1, 2])
    #expect(try await bench.store.messages(MessageQuery(columns: ["mrn": "P"])).count == 1)
    #expect(try await bench.store.audit() == [])
    await bench.store.close()
  }

  @Test func `The ballast is held while there is room, and given back when the disk is full`() async throws {
    let folder = TestFolder()
    let trouble = Trouble()
    let clock = TestClock()
    var settings = testSettings(clock)
    settings.ballastBytes = 100_000
    settings.failure = { trouble.at($0) }
    let bench = try await Bench.open(folder, settings)
    try await bench.take("1")
    #expect(Folder.size(folder.path + "/ballast") == 100_000)
    trouble.set(SQLITE_FULL)
    #expect(await bench.accept(bench.arrival("2")).isUnavailable)
    #expect(Folder.size(folder.path + "/ballast") == nil)
    trouble.set(0)
    clock.advance(1_000)
    await bench.store.drain()
    await bench.store.drain()
    #expect(bench.store.condition == .open)
    #expect(Folder.size(folder.path + "/ballast") == 100_000)
    await bench.store.close()
    #expect(Folder.size(folder.path + "/ballast") == nil)
  }

  private static let canMount = getuid() == 0

  /// A real disk of 24 MiB, filled to the brim.
  @Test(.enabled(if: canMount, "mounting a small tmpfs needs root")) func `A real full disk loses nothing`()
    async throws
  {
    let folder = TestFolder()
    guard mount("tmpfs", folder.path, "tmpfs", 0, "size=24m") == 0 else { return }
    defer { umount2(folder.path, 2) }
    var settings = testSettings()
    settings.freeBytesMin = 0
    settings.ballastBytes = 4 << 20
    settings.checkpointBytes = 1 << 20
    let bench = try await Bench.open(folder, settings)
    var taken: [Bench.Taken] = []
    var refused = 0
    for number in 0..<2_000 where refused < 20 {
      let arrival = bench.arrival(String(repeating: "\(number) ", count: 4_000))
      if case .accepted(let sequences, _) = await bench.accept(arrival) {
        taken.append(Bench.Taken(id: arrival.id, deliveries: [(arrival.deliveries[0].id, bench.ehr, sequences[0])]))
      } else {
        refused += 1
      }
    }
    #expect(refused > 0 && taken.count > 100)
    // What is under way can still be written, from the ballast.
    for message in taken.prefix(50) { #expect(await bench.deliver(message.deliveries[0]) == .done(1)) }
    for message in taken { #expect(try await bench.store.raw(message.id) != nil) }
    #expect(try await bench.ledger().lanes[0].waiting == taken.count - 50)
    await bench.store.close()
    let again = try await Bench.open(folder, settings)
    #expect(again.store.closedCleanly)
    #expect(try await again.store.audit() == [])
    await again.store.close()
  }

  @Test func `What was staged for an arrival that can't be taken goes with its answer`() async throws {
    let folder = TestFolder()
    let trouble = Trouble()
    let bench = try await open(folder, trouble)
    let staged = try bench.store.stage(channel: bench.keys.channel)
    try staged.append([UInt8](repeating: 1, count: 300_000)[...])
    var arrival = bench.arrival("1")
    arrival.payload = Payload(format: .dicom, content: .blob(try staged.finish()))
    trouble.set(SQLITE_FULL)
    #expect(await bench.accept(bench.arrival("2")).isUnavailable)
    #expect(TestFolder.files(folder.path + "/blobs").count == 1)
    #expect(await bench.accept(arrival).isUnavailable)
    #expect(TestFolder.files(folder.path + "/blobs").isEmpty)
    await bench.store.close()
  }
}
