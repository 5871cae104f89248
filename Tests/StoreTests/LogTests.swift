import Glibc
import Messages
import Testing

@testable import Store

/// The write-ahead log: carried over by the writer only, and bounded.
@Suite struct LogTests {
  private func logSize(_ folder: TestFolder) -> Int64 { Folder.size(folder.database + "-wal") ?? 0 }

  private func fill(_ bench: Bench, _ count: Int) async {
    let answers = Collected<Bool>()
    for number in 0..<count {
      bench.store.accept(bench.arrival(String(repeating: "\(number) ", count: 500))) { answers.add($0.isAccepted) }
    }
    let seen = await answers.wait(count)
    #expect(seen.allSatisfy { $0 })
  }

  @Test func `The log is carried over when it is long, and starts anew`() async throws {
    let folder = TestFolder()
    var settings = testSettings()
    settings.checkpointBytes = 1 << 20
    let bench = try await Bench.open(folder, settings)
    await fill(bench, 2_000)
    #expect(logSize(folder) < 4 << 20)
    #expect(Folder.size(folder.database) ?? 0 > 4 << 20)
    #expect(try await bench.store.audit() == [])
    await bench.store.close()
    #expect(logSize(folder) == 0)
  }

  @Test func `Without a checkpoint due, nothing is carried over under load`() async throws {
    let folder = TestFolder()
    var settings = testSettings()
    settings.idleCheckpointMilliseconds = 3_600_000
    let bench = try await Bench.open(folder, settings)
    let before = Folder.size(folder.database)
    await fill(bench, 200)
    #expect(Folder.size(folder.database) == before)
    #expect(logSize(folder) > 400_000)
    await bench.store.close()
  }

  @Test func `A reader that holds on makes the log longer, not the writer wait`() async throws {
    let folder = TestFolder()
    var settings = testSettings()
    settings.checkpointBytes = 500_000
    let bench = try await Bench.open(folder, settings)
    await fill(bench, 50)
    let foreign = try Connection(path: folder.database, flags: 2, busyMilliseconds: 1_000)
    try foreign.execute("BEGIN")
    let seen = try foreign.number("SELECT count(*) FROM message")
    await fill(bench, 1_000)
    #expect(logSize(folder) > 1 << 20)
    #expect(try foreign.number("SELECT count(*) FROM message") == seen)
    try foreign.execute("COMMIT")
    foreign.close()
    let long = logSize(folder)
    await fill(bench, 2_000)
    #expect(logSize(folder) <= long + 2 << 20)
    #expect(try await bench.store.audit() == [])
    await bench.store.close()
  }

  @Test func `A log that grew far is cut back`() async throws {
    let folder = TestFolder()
    var settings = testSettings()
    settings.checkpointBytes = 300_000
    settings.truncateBytes = 1 << 20
    let bench = try await Bench.open(folder, settings)
    let foreign = try Connection(path: folder.database, flags: 2, busyMilliseconds: 1_000)
    try foreign.execute("BEGIN")
    _ = try foreign.number("SELECT count(*) FROM message")
    await fill(bench, 1_000)
    #expect(logSize(folder) > 1 << 20)
    foreign.close()
    await fill(bench, 300)
    #expect(logSize(folder) < 1 << 20)
    await bench.store.close()
  }

  @Test func `When nothing comes for a while, the log is carried over`() async throws {
    let folder = TestFolder()
    var settings = testSettings()
    settings.idleCheckpointMilliseconds = 1
    let bench = try await Bench.open(folder, settings)
    let before = try #require(Folder.size(folder.database))
    await fill(bench, 100)
    // The writer looks again each time it has nothing to do; a drain is such a moment.
    for _ in 0..<10_000 where Folder.size(folder.database) == before { await bench.store.drain() }
    #expect(Folder.size(folder.database) ?? 0 > before)
    await bench.store.close()
  }
}
