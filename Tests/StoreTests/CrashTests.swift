import Foundation
import Glibc
import Messages
import Testing

@testable import Store

/// The program that writes until it is killed, built beside the tests.
private let storeCrash: String = {
  var path = [CChar](repeating: 0, count: 4_096)
  let count = readlink("/proc/self/exe", &path, path.count - 1)
  let own = String(decoding: path.prefix(max(0, count)).map { UInt8(bitPattern: $0) }, as: UTF8.self)
  return own.split(separator: "/").dropLast().reduce("") { $0 + "/" + $1 } + "/store-crash"
}()

private let storeCrashIsBuilt = access(storeCrash, X_OK) == 0

/// Rows 1 to 7 of the faults: the process is killed at a chosen place, or at any, and the store opened again.
///
/// The promise: what was answered is there; the ledger adds up; nothing half is left.
@Suite(.serialized, .enabled(if: storeCrashIsBuilt, "the program store-crash isn't built beside the tests"))
struct CrashTests {
  /// What a run of `store-crash` said before it ended.
  struct Said {
    var accepted: [(id: String, lane: Int64, sequence: Int64)] = []
    var delivered: Set<String> = []
    var closed = false
    var killed = false

    mutating func read(_ text: String) {
      // A line that the kill cut off has no end.
      for line in text.split(separator: "\n", omittingEmptySubsequences: false).dropLast() {
        let words = line.split(separator: " ")
        switch words.first {
        case "accepted" where words.count == 4:
          accepted.append((String(words[1]), Int64(words[2]) ?? -1, Int64(words[3]) ?? -1))
        case "delivered" where words.count == 2: delivered.insert(String(words[1]))
        case "closed": closed = true
        default: Issue.record("store-crash said: \(line)")
        }
      }
    }
  }

  private func run(
    _ folder: TestFolder, _ mode: String, _ count: Int, failpoint: String? = nil, killAfter: Int? = nil
  ) throws -> Said {
    let process = Process()
    process.executableURL = URL(fileURLWithPath: storeCrash)
    process.arguments = [folder.path, mode, String(count)]
    var environment = ProcessInfo.processInfo.environment
    environment["HILUM_FAILPOINT"] = failpoint
    environment["SWIFT_BACKTRACE"] = "enable=no"
    process.environment = environment
    let pipe = Pipe()
    process.standardOutput = pipe
    try process.run()
    var bytes: [UInt8] = []
    while true {
      let part = pipe.fileHandleForReading.availableData
      if part.isEmpty { break }
      bytes += part
      if let killAfter, bytes.count > killAfter { kill(process.processIdentifier, SIGKILL) }
    }
    process.waitUntilExit()
    var said = Said()
    said.read(String(decoding: bytes, as: UTF8.self))
    said.killed = process.terminationReason == .uncaughtSignal && process.terminationStatus == SIGKILL
    return said
  }

  /// Everything that was answered is there, nothing is half, the ledger adds up.
  private func verify(_ folder: TestFolder, _ said: [Said], settings: StoreSettings = testSettings()) async throws {
    let bench = try await Bench.open(folder, settings)
    if let last = said.last { #expect(bench.store.closedCleanly == last.closed) }
    #expect(try await bench.store.audit() == [])
    let delivered = said.reduce(into: Set<String>()) { $0.formUnion($1.delivered) }
    var numbers: Set<[Int64]> = []
    for (id, lane, sequence) in said.flatMap(\.accepted) {
      let known = try #require(MessageID(id))
      let raw = try await bench.store.raw(known)
      #expect(raw != nil, "\(id) was answered and is gone")
      let deliveries = try await bench.store.deliveries(of: known)
      #expect(deliveries.map(\.sequence) == [sequence])
      for delivery in deliveries where delivered.contains(delivery.id) { #expect(delivery.state == .delivered) }
      #expect(numbers.insert([lane, sequence]).inserted, "a number was given twice")
    }
    for lane in bench.keys.lanes {
      let waiting = try await bench.waiting(lane.key)
      #expect(waiting.map(\.sequence) == waiting.map(\.sequence).sorted())
      #expect(!waiting.contains { $0.damaged || delivered.contains($0.id.description) })
    }
    await bench.store.drainReaders()
    let files = TestFolder.files(folder.path + "/blobs").count
    let rows = try Bench.number(folder, "SELECT count(*) FROM blob")
    #expect(rows == Int64(files))
    await bench.store.close()
  }

  @Test(arguments: [
    "before-commit:1", "before-commit:2", "before-commit:9", "before-commit:40", "after-commit:1", "after-commit:3",
    "after-commit:30", "in-checkpoint:1", "in-checkpoint:2", "after-blob:1", "after-blob:3",
  ])
  func `A kill at a failpoint under load loses nothing that was answered`(failpoint: String) async throws {
    let folder = TestFolder()
    let said = try run(folder, "load", 400, failpoint: failpoint)
    #expect(said.killed && !said.closed)
    try await verify(folder, [said])
    // And once more on the same store.
    let again = try run(folder, "load", 100)
    #expect(again.closed)
    try await verify(folder, [said, again])
  }

  /// Row 7, in small; the seeds of a failing run are printed.
  @Test func `Kills at random moments, one after the other, lose nothing that was answered`() async throws {
    let folder = TestFolder()
    let seed = UInt64.random(in: 0...UInt64.max)
    var random = Seeded(seed)
    var said: [Said] = []
    for _ in 0..<12 {
      said.append(try run(folder, "load", 5_000, killAfter: Int.random(in: 1...30_000, using: &random)))
    }
    #expect(said.contains { $0.killed }, "seed \(seed)")
    try await verify(folder, said)
  }

  @Test(arguments: ["in-prune:1", "in-prune:7", "in-prune:30", "after-prune:1", "after-prune:3"])
  func `A kill in retention leaves the old or the new state`(failpoint: String) async throws {
    let folder = TestFolder()
    let said = try run(folder, "prune", 160, failpoint: failpoint)
    #expect(said.killed && said.accepted.count == 160)
    let bench = try await Bench.open(folder)
    #expect(try await bench.store.audit() == [])
    // Every third waits on and must not have been touched.
    var waiting = 0
    for lane in bench.keys.lanes {
      let lane = try await bench.waiting(lane.key)
      waiting += lane.count
      #expect(lane.allSatisfy { !$0.damaged })
    }
    #expect(waiting == 54)
    await bench.store.drain()
    await bench.store.drainReaders()
    let files = TestFolder.files(folder.path + "/blobs").count
    let rows = try Bench.number(folder, "SELECT count(*) FROM blob")
    #expect(rows == Int64(files))
    await bench.store.close()
  }

  @Test func `A kill in a migration leaves the old state, and the next start migrates`() async throws {
    let folder = TestFolder()
    let said = try run(folder, "load", 10, failpoint: "in-migration:1")
    #expect(said.killed && said.accepted.isEmpty)
    let version = try Bench.number(folder, "PRAGMA user_version")
    #expect(version == 0)
    try await verify(folder, [])
  }

  @Test func `A kill in a key rotation leaves the old master key`() async throws {
    let folder = TestFolder()
    let said = try run(folder, "rotate", 40, failpoint: "in-rotation:1")
    #expect(said.killed)
    try await verify(folder, [said])
  }

  @Test func `Two crashes with the same mark give two strikes`() throws {
    let folder = TestFolder()
    for _ in 0..<2 {
      let said = try run(folder, "strike", 4_711)
      #expect(said.killed)
    }
    let board = try StrikeBoard.open(folder.path + "/strikes")
    #expect(board.strikes(for: 4_711) == 2)
  }
}
