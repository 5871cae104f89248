import Foundation
import Glibc
import Messages
import Testing

@testable import Store

extension Bench {
  /// Makes a backup and writes it to a file beside, as the command does.
  @discardableResult
  func backUp(to path: String) async throws -> BackupManifest {
    let backup = try await store.backUp(site: "here", version: "test", environment: "prod")
    var bytes: [UInt8] = []
    while let next = try await backup.next() { bytes += next }
    await backup.end()
    #expect(Int64(bytes.count) == backup.byteCount, "it is as long as was said before it came")
    TestFolder.write(bytes, path)
    return try BackupManifest.verify(path)
  }
}

func restore(
  _ path: String, into folder: String, key: StoreSettings.MasterKey? = testKey
) throws -> Restored {
  try Restoration.restore(path, into: folder) { _ throws(StoreError) in key }
}

@Suite struct BackupTests {
  private let folder = TestFolder()
  private let aside = TestFolder()
  private var file: String { aside.path + "/backup.tar" }
  private var target: String { aside.path + "/restored" }

  private func large(_ seed: UInt8) -> Payload {
    Payload(.dicom, (0..<300_000).map { UInt8(truncatingIfNeeded: $0 &* 31 &+ $0 >> 8) ^ seed })
  }

  private func acceptLarge(_ bench: Bench, _ seed: UInt8) async -> Acceptance {
    var arrival = bench.arrival("")
    arrival.payload = large(seed)
    #expect(await bench.accept(arrival).isAccepted)
    return arrival
  }

  @Test func `A restored store knows its environment before it has its name`() async throws {
    let bench = try await Bench.open(folder)
    #expect(try await bench.backUp(to: file).environment == "prod")
    await bench.store.close()
    var names: [String] = []
    _ = try Restoration.restore(
      file, into: target, ready: { _ throws(StoreError) in names = Folder.names(target) },
      key: { _ throws(StoreError) in testKey })
    #expect(!names.contains("hilum.db") && Folder.names(target).contains("hilum.db"))
    #expect(try String(contentsOfFile: target + "/environment", encoding: .utf8) == "prod\n")

    // What can't be made ready gets no name.
    let other = aside.path + "/other"
    #expect(throws: StoreError.self) {
      try Restoration.restore(
        file, into: other, ready: { _ throws(StoreError) in throw StoreError(.io, "no") },
        key: { _ throws(StoreError) in testKey })
    }
    #expect(!Folder.exists(other))
  }

  @Test func `What begins like a backup is told from other files`() async throws {
    let bench = try await Bench.open(folder)
    try await bench.backUp(to: file)
    await bench.store.close()
    let bytes = try Data(contentsOf: URL(fileURLWithPath: file))
    #expect(BackupManifest.begins(Array(bytes.prefix(512))))
    #expect(!BackupManifest.begins(Array(bytes.dropFirst(512).prefix(512))))
    #expect(!BackupManifest.begins(Array("hilum-backup.json".utf8)))
  }

  @Test func `A backup of a store at work holds everything that was answered before, and adds up`() async throws {
    let bench = try await Bench.open(folder)
    var answered: [Bench.Taken] = []
    for number in 0..<300 {
      answered.append(try await bench.take("before \(number)", lanes: [bench.ehr, bench.archive]))
    }
    for taken in answered.prefix(100) { #expect(await bench.deliver(taken.deliveries[0]) == .done(1)) }
    #expect(await bench.kill(answered[200].deliveries[0]) == .done(1))
    let blob = await acceptLarge(bench, 7)
    let load = Task {
      var number = 0
      while !Task.isCancelled {
        try await bench.take("meanwhile \(number)")
        number += 1
      }
      return number
    }

    let manifest = try await bench.backUp(to: file)
    load.cancel()
    let meanwhile = try await load.value

    #expect(manifest.schema == Schema.version && manifest.masterKey == "test-1" && manifest.blobs == 1)
    #expect(manifest.warnings.isEmpty)
    #expect(try restore(file, into: target).warnings.isEmpty)
    let copy = try SQLiteStore.open(target, settings: testSettings())
    #expect(try await copy.audit() == [])
    for (number, taken) in answered.enumerated() {
      #expect(try await copy.raw(taken.id)?.content == .bytes(Array("before \(number)".utf8)))
    }
    #expect(try await copy.raw(blob.id) == blob.payload)
    let ledger = try #require(try await copy.ledger().first)
    #expect(ledger.received >= 301 && ledger.received <= 301 + meanwhile)
    let ehr = try #require(ledger.lanes.first { $0.name == "ehr" })
    #expect(ehr.delivered == 100 && ehr.dead == 1)
    #expect(try await bench.store.audit() == [])
    #expect(!FileManager.default.fileExists(atPath: folder.path + "/backup.part"), "nothing is left of it")
    await copy.close()
    await bench.store.close()
  }

  @Test func `What waits in a restored store may have been sent since, and is flagged`() async throws {
    let bench = try await Bench.open(folder)
    let taken = try await bench.take("one")
    let held = try await bench.take("two").deliveries[0]
    #expect(await bench.finish(bench.attempt(held, .held(reason: "AE", reply: nil))) == .done(1))
    try await bench.backUp(to: file)
    _ = try restore(file, into: target)
    let copy = try SQLiteStore.open(target, settings: testSettings())
    let keys = try await copy.register(Bench.registration)
    let waiting = try await copy.waiting(lane: keys.lanes[0].key, WaitingPart(after: 0, countMax: 9, bytesMax: .max))
    #expect(waiting.deliveries.map(\.id) == [taken.deliveries[0].id, held.id])
    #expect(waiting.deliveries[0].possiblySent)
    // A person may have released it there.
    #expect(try await copy.delivery(held.id)?.possibleDuplicate == true)
    #expect(try await bench.waiting(bench.ehr)[0].possiblySent == false, "the store itself is as it was")
    await copy.close()
    await bench.store.close()
  }

  @Test func `A backup has what was removed while it was taken, and the file goes afterwards`() async throws {
    let clock = TestClock()
    let bench = try await Bench.open(folder, testSettings(clock))
    let arrival = await acceptLarge(bench, 3)
    #expect(await bench.deliver((arrival.deliveries[0].id, bench.ehr, 1)) == .done(1))
    for number in 0..<5 { try await bench.take("later \(number)") }
    let backup = try await bench.store.backUp(site: "here", version: "test", environment: "prod")
    clock.advance(10 * day)
    let short = Retention(raw: day, sent: day, replies: day, blobs: day, record: nil)
    while try await bench.store.prune([bench.keys.channel: short], now: clock.now, rowsMax: 100) {}
    #expect(try await bench.store.raw(arrival.id) == nil)
    #expect(TestFolder.files(folder.path + "/blobs").count == 1, "its row is gone, the file is kept for the backup")

    var bytes: [UInt8] = []
    while let next = try await backup.next() { bytes += next }
    TestFolder.write(bytes, file)
    await backup.end()
    await bench.store.drain()

    #expect(TestFolder.files(folder.path + "/blobs").isEmpty)
    _ = try restore(file, into: target)
    let copy = try SQLiteStore.open(target, settings: testSettings())
    #expect(try await copy.raw(arrival.id) == arrival.payload)
    await copy.close()
    await bench.store.close()
  }

  @Test func `One backup at a time; one that nobody wants any more is cleared away`() async throws {
    let bench = try await Bench.open(folder)
    try await bench.take("one")
    let first = try await bench.store.backUp(site: "here", version: "test", environment: "prod")
    await #expect(throws: StoreError.self) {
      try await bench.store.backUp(site: "here", version: "test", environment: "prod")
    }
    await first.end()
    await #expect(throws: StoreError.self) { try await first.next() }
    try await bench.backUp(to: file)
    await bench.store.close()
  }

  @Test func `A store that is closed gives a backup up`() async throws {
    let bench = try await Bench.open(folder)
    try await bench.take("one")
    await bench.store.close()
    await #expect(throws: StoreError.self) {
      try await bench.store.backUp(site: "here", version: "test", environment: "prod")
    }
    let again = try SQLiteStore.open(folder.path, settings: testSettings())
    #expect(try await again.audit() == [])
    await again.close()
  }

  @Test func `A backup in which any bit is another is refused, and nothing is restored of it`() async throws {
    let bench = try await Bench.open(folder)
    try await bench.take("one")
    _ = await acceptLarge(bench, 9)
    try await bench.backUp(to: file)
    await bench.store.close()
    let whole = TestFolder.read(file)
    let seed = UInt64.random(in: 0...UInt64.max)
    var generator = Seeded(seed)
    // The first and the last blocks, and places at random.
    let places = Array(0..<700) + Array(whole.count - 1_600..<whole.count)
    let random = (0..<300).map { _ in Int.random(in: 0..<whole.count, using: &generator) }
    for place in (places + random).enumerated().filter({ $0.offset % 3 == 0 || $0.offset > 2_300 }).map(\.element) {
      var bytes = whole
      bytes[place] ^= 1 << UInt8(place % 8)
      TestFolder.write(bytes, file)
      #expect(throws: StoreError.self, "bit \(place % 8) of byte \(place), seed \(seed)") {
        try BackupManifest.verify(file)
      }
    }
    var bytes = whole
    bytes[whole.count / 2] ^= 4
    TestFolder.write(bytes, file)
    #expect(throws: StoreError.self) { try restore(file, into: target) }
    #expect(!Folder.exists(target))
  }

  @Test func `A backup that is cut off anywhere, or followed by anything, is refused`() async throws {
    let bench = try await Bench.open(folder)
    try await bench.take("one")
    try await bench.backUp(to: file)
    await bench.store.close()
    let whole = TestFolder.read(file)
    var lengths = Array(stride(from: 0, to: whole.count, by: 4_093))
    lengths += Array(whole.count - 1_100..<whole.count)
    for length in lengths {
      TestFolder.write(Array(whole.prefix(length)), file)
      #expect(throws: StoreError.self, "\(length) of \(whole.count) bytes") { try BackupManifest.verify(file) }
    }
    TestFolder.write(whole + [0], file)
    #expect(throws: StoreError.self) { try BackupManifest.verify(file) }
    TestFolder.write(Array(whole.prefix(whole.count / 2)), file)
    #expect { try restore(file, into: target) } throws: { "\($0)".contains("cut off") }
    #expect(!Folder.exists(target))
  }

  @Test func `Without its master key a backup is refused, and so with another`() async throws {
    let bench = try await Bench.open(folder)
    try await bench.take("one")
    try await bench.backUp(to: file)
    await bench.store.close()
    #expect { try restore(file, into: target, key: nil) } throws: { "\($0)".contains("master key test-1") }
    let other = StoreSettings.MasterKey(id: "test-2", bytes: testKey.bytes)
    #expect { try restore(file, into: target, key: other) } throws: { "\($0)".contains("test-2") }
    let namesake = StoreSettings.MasterKey(id: "test-1", bytes: [UInt8](repeating: 1, count: 32))
    #expect(throws: StoreError.self) { try restore(file, into: target, key: namesake) }
    #expect(!Folder.exists(target))
    #expect(!TestFolder.read(file).starts(with: testKey.bytes))
  }

  @Test func `A folder that holds a store, is in use, or holds anything else is not restored into`() async throws {
    let bench = try await Bench.open(folder)
    try await bench.take("one")
    try await bench.backUp(to: file)
    #expect { try restore(file, into: folder.path) } throws: { "\($0)".contains("holds a store") }
    mkdir(target, 0o700)
    TestFolder.write([1], target + "/mine.txt")
    #expect { try restore(file, into: target) } throws: { "\($0)".contains("mine.txt") }
    unlink(target + "/mine.txt")
    let lock = try FolderLock(target)
    #expect { try restore(file, into: target) } throws: { "\($0)".contains("in use") }
    withExtendedLifetime(lock) {}
    #expect(TestFolder.files(target).map { $0.split(separator: "/").last } == ["lock"])
    await bench.store.close()
  }

  @Test func `A backup of a newer engine is refused by name`() async throws {
    let bench = try await Bench.open(folder)
    try await bench.take("one")
    var manifest = try await bench.backUp(to: file)
    await bench.store.close()
    manifest.schema = Schema.version + 1
    var stream = BackupStream(
      [.init(name: BackupArchive.manifestName, byteCount: Int64(manifest.json.count), content: .bytes(manifest.json))],
      madeAt: 0)
    var bytes: [UInt8] = []
    while let next = try stream.next() { bytes += next }
    TestFolder.write(bytes, file)
    #expect { try restore(file, into: target) } throws: { "\($0)".contains("schema \(Schema.version + 1)") }
    #expect(!Folder.exists(target))
  }

  @Test func `A restore that was killed leaves no store; an engine doesn't begin an empty one there`() async throws {
    let bench = try await Bench.open(folder)
    let taken = try await bench.take("one")
    try await bench.backUp(to: file)
    await bench.store.close()
    // As it is left between the two names that it gives.
    for made in [target, target + "/restore.part", target + "/blobs", target + "/blobs/aa"] { mkdir(made, 0o700) }
    TestFolder.write([1, 2, 3], target + "/restore.part/hilum.db")
    TestFolder.write([1, 2, 3], target + "/blobs/aa/half")
    #expect { try SQLiteStore.open(target, settings: testSettings()) } throws: { "\($0)".contains("not finished") }
    _ = try restore(file, into: target)
    let copy = try SQLiteStore.open(target, settings: testSettings())
    #expect(try await copy.raw(taken.id) != nil)
    #expect(TestFolder.files(target + "/blobs").isEmpty && !Folder.exists(target + "/restore.part"))
    await copy.close()
  }

  @Test func `What a killed engine left of a backup goes at the next start`() async throws {
    let bench = try await Bench.open(folder)
    await bench.store.close()
    mkdir(folder.path + "/backup.part", 0o700)
    TestFolder.write([1], folder.path + "/backup.part/hilum.db")
    let again = try SQLiteStore.open(folder.path, settings: testSettings())
    #expect(!Folder.exists(folder.path + "/backup.part"))
    await again.close()
  }

  @Test func `A payload that was damaged before is told, and keeps nobody from having a backup`() async throws {
    let bench = try await Bench.open(folder)
    let taken = try await bench.take("one")
    try await bench.take("two")
    await bench.store.close()
    try Bench.sql(folder, "UPDATE message SET raw = zeroblob(40) WHERE id = \(taken.id.key)")
    let again = try await Bench.open(folder)
    let manifest = try await again.backUp(to: file)
    #expect(manifest.warnings.count == 1 && manifest.warnings[0].hasPrefix("1 of the deliveries"))
    #expect(try restore(file, into: target).warnings == manifest.warnings)
    await again.store.close()
  }

  @Test(.enabled(if: access("/usr/bin/tar", X_OK) == 0 && access("/usr/bin/sha256sum", X_OK) == 0))
  func `Anybody's tar reads it, and sha256sum checks it`() async throws {
    let bench = try await Bench.open(folder)
    try await bench.take("one")
    _ = await acceptLarge(bench, 5)
    try await bench.backUp(to: file)
    await bench.store.close()
    mkdir(target, 0o700)
    for words in [
      ["tar", "-xf", file, "-C", target], ["sh", "-c", "cd \(target) && sha256sum --quiet -c SHA256SUMS"],
    ] {
      let process = Process()
      process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
      process.arguments = words
      try process.run()
      process.waitUntilExit()
      #expect(process.terminationStatus == 0, "\(words[0])")
    }
    // Put in place by hand it sends nothing either.
    let copy = try SQLiteStore.open(target, settings: testSettings())
    #expect(copy.outgoingHold?.copy?.site == "here")
    await copy.close()
  }

  @Test(arguments: [0, 1, 511, 512, 1 << 33 - 1, 1 << 33, 1 << 40])
  func `A member of any size has a header that is read back`(size: Int64) {
    let header = BackupArchive.Header("blobs/ab/xyz", byteCount: size, madeAt: 1_800_000_000)
    #expect(BackupArchive.Header(header.block) == header)
    #expect(BackupArchive.padding(size) < 512 && (size + Int64(BackupArchive.padding(size))) % 512 == 0)
    var other = header.block
    other[300] = 1
    #expect(BackupArchive.Header(other) == nil)
  }
}
