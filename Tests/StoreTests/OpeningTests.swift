import Glibc
import Messages
import Testing

@testable import Store

@Suite struct OpeningTests {
  @Test func `A folder that isn't there is made, and closed to others`() async throws {
    let folder = TestFolder()
    let path = folder.path + "/data"
    let store = try SQLiteStore.open(path, settings: testSettings())
    var status = stat()
    #expect(stat(path, &status) == 0 && status.st_mode & 0o777 == 0o700)
    #expect(stat(path + "/hilum.db", &status) == 0 && status.st_mode & 0o077 == 0)
    await store.close()
  }

  @Test func `The writer syncs every commit`() async throws {
    let folder = TestFolder()
    let seen = Collected<Int64>()
    var settings = testSettings()
    settings.failure = { _ in 0 }
    let bench = try await Bench.open(folder, settings)
    // The pragma belongs to a connection: it is read through the writer's own.
    bench.store.inspect { connection in seen.add((try? connection.number("PRAGMA synchronous")) ?? -1) }
    #expect(await seen.wait(1) == [2])
    await bench.store.close()
  }

  @Test func `The file has pages of 4 KiB, gives room back in steps and is checkpointed by nobody else`() async throws {
    let folder = TestFolder()
    let bench = try await Bench.open(folder)
    let seen = Collected<[Int64]>()
    bench.store.inspect { connection in
      seen.add(
        ["page_size", "auto_vacuum", "wal_autocheckpoint", "temp_store", "trusted_schema"].map {
          (try? connection.number("PRAGMA \($0)")) ?? -1
        })
    }
    #expect(await seen.wait(1) == [[4_096, 2, 0, 2, 0]])
    await bench.store.close()
  }

  @Test func `A second engine on the folder is refused and told which process has it`() async throws {
    let folder = TestFolder()
    let store = try SQLiteStore.open(folder.path, settings: testSettings())
    let error = #expect(throws: StoreError.self) { try SQLiteStore.open(folder.path, settings: testSettings()) }
    #expect(error?.kind == .refused)
    #expect(error?.reason.contains("process \(getpid())") == true)
    await store.close()
    let again = try SQLiteStore.open(folder.path, settings: testSettings())
    await again.close()
  }

  @Test func `Each opening has a greater epoch, and knows whether the last one ended in order`() async throws {
    let folder = TestFolder()
    let first = try SQLiteStore.open(folder.path, settings: testSettings())
    #expect(first.closedCleanly)
    await first.close()
    let second = try SQLiteStore.open(folder.path, settings: testSettings())
    #expect(second.epoch > first.epoch && second.closedCleanly)
    await second.close(orderly: false)
    let third = try SQLiteStore.open(folder.path, settings: testSettings())
    #expect(third.epoch > second.epoch && !third.closedCleanly)
    await third.close()
  }

  @Test func `Names keep their keys, and lanes tell what waits`() async throws {
    let folder = TestFolder()
    let bench = try await Bench.open(folder)
    let first = try await bench.take("a")
    try await bench.take("bc")
    _ = await bench.deliver(first.deliveries[0])
    _ = await bench.change(.channelState(channel: bench.keys.channel, state: "paused", at: 1))
    _ = await bench.change(.lanePaused(lane: bench.archive, paused: true, at: 1))
    await bench.store.close(orderly: false)

    let again = try await Bench.open(folder)
    #expect(again.keys.channel == bench.keys.channel && again.keys.revision == bench.keys.revision)
    #expect(again.keys.columns == bench.keys.columns)
    #expect(again.keys.state == "paused")
    let lane = again.keys.lanes[0]
    #expect(lane.waiting == 1 && lane.waitingBytes == 2 && lane.doneThrough == 1 && lane.lastSequence == 2)
    #expect(again.keys.lanes[1].paused && !lane.paused)
    #expect(again.store.mint() > first.id)
    await again.store.close()
  }

  @Test func `A changed channel is a new revision, the same one is not`() async throws {
    let folder = TestFolder()
    let bench = try await Bench.open(folder)
    var changed = Bench.registration
    changed.revision = (hash: [9], files: [(path: "Channels/adt.yaml", content: [1])])
    let other = try await bench.store.register(changed)
    #expect(other.revision != bench.keys.revision && other.channel == bench.keys.channel)
    #expect(try await bench.store.register(Bench.registration).revision == bench.keys.revision)
    await bench.store.close()
  }

  @Test func `A closed store takes nothing and says so`() async throws {
    let folder = TestFolder()
    let bench = try await Bench.open(folder)
    await bench.store.close()
    #expect(await bench.accept(bench.arrival("late")).isUnavailable)
    #expect(await bench.change(.unavailable(channel: 1, count: 1)).isUnavailable)
    await #expect(throws: StoreError.self) { try await bench.store.ledger() }
    await bench.store.close()
  }

  // MARK: Master keys

  @Test func `A store is refused without its master key, and with another one, by name`() async throws {
    let folder = TestFolder()
    let store = try SQLiteStore.open(folder.path, settings: testSettings())
    await store.close()
    var settings = testSettings()
    settings.masterKey = nil
    var error = #expect(throws: StoreError.self) { try SQLiteStore.open(folder.path, settings: settings) }
    #expect(error?.kind == .refused && error?.reason.contains("test-1") == true)
    settings.masterKey = .init(id: "other", bytes: [UInt8](repeating: 1, count: 32))
    error = #expect(throws: StoreError.self) { try SQLiteStore.open(folder.path, settings: settings) }
    #expect(error?.reason.contains("other") == true)
    settings.masterKey = .init(id: "test-1", bytes: [UInt8](repeating: 1, count: 32))
    error = #expect(throws: StoreError.self) { try SQLiteStore.open(folder.path, settings: settings) }
    #expect(error?.kind == .refused)
    settings.masterKey = .init(id: "short", bytes: [1])
    #expect(throws: StoreError.self) { try SQLiteStore.open(TestFolder().path, settings: settings) }
  }

  @Test func `Without a master key a channel that wants sealing is refused`() async throws {
    let folder = TestFolder()
    var settings = testSettings()
    settings.masterKey = nil
    let store = try SQLiteStore.open(folder.path, settings: settings)
    await #expect(throws: StoreError.self) { try await store.register(Bench.registration) }
    var open = Bench.registration
    open.sealed = false
    _ = try await store.register(open)
    await store.close()
  }
}
