import Messages
import Testing

@testable import Store

@Suite struct LargeContentTests {
  private func large(_ count: Int) -> [UInt8] { (0..<count).map { UInt8(truncatingIfNeeded: $0 &* 31 &+ $0 >> 8) } }

  private func blobFiles(_ folder: TestFolder) -> [String] { TestFolder.files(folder.path + "/blobs") }

  private func open(_ folder: TestFolder, sealed: Bool, _ clock: TestClock? = nil) async throws -> Bench {
    var registration = Bench.registration
    registration.sealed = sealed
    return try await Bench.open(folder, testSettings(clock), registration)
  }

  private func stage(_ content: [UInt8], _ bench: Bench) throws -> BlobReference {
    let writer = try bench.store.stage(channel: bench.keys.channel)
    for start in stride(from: 0, to: content.count, by: 10_007) {
      try writer.append(content[start..<min(content.count, start + 10_007)])
    }
    return try writer.finish()
  }

  private func all(_ reader: any ContentReader, _ step: Int) throws -> [UInt8] {
    var bytes: [UInt8] = []
    while reader.rest > 0 { bytes += try reader.next(step) }
    #expect(try reader.next(step).isEmpty)
    return bytes
  }

  /// A message of 700,001 bytes, and an output that begins anew, leaves a part out and goes back.
  private func take(_ bench: Bench) async throws -> (Acceptance, sent: [UInt8]) {
    let content = large(700_001)
    let blob = try stage(content, bench)
    let pieces: [PatchedBlob.Piece] = [
      .bytes(Array("new head".utf8)), .range(300..<65_536), .range(65_536..<600_000), .bytes([1, 2, 3]), .range(5..<9),
      .range(700_000..<700_001),
    ]
    let patched = try #require(PatchedBlob(blob, pieces))
    var arrival = bench.arrival("", lanes: [bench.ehr, bench.archive])
    arrival.payload = Payload(format: .dicom, content: .blob(blob))
    arrival.outputs = [Payload(format: .dicom, content: .patched(patched))]
    arrival.deliveries[1].output = 0
    #expect(await bench.accept(arrival).isAccepted)
    let sent =
      Array("new head".utf8) + content[300..<600_000] + [1, 2, 3] + content[5..<9] + content[700_000...]
    return (arrival, sent)
  }

  private func waiting(_ bench: Bench, _ lane: Int64, asKept: Bool) async throws -> [WaitingDelivery] {
    var part = WaitingPart(after: 0, countMax: 10, bytesMax: 1 << 30)
    part.asKept = asKept
    return try await bench.store.waiting(lane: lane, part).deliveries
  }

  @Test(arguments: [true, false])
  func `What changes a large content keeps the new bytes and points at the rest`(sealed: Bool) async throws {
    let folder = TestFolder()
    let bench = try await open(folder, sealed: sealed)
    let (arrival, sent) = try await take(bench)
    #expect(blobFiles(folder).count == 1)
    #expect(arrival.outputs[0].byteCount == sent.count && arrival.outputs[0].bytesInMemory == 11)

    let kept = try await waiting(bench, bench.archive, asKept: true)
    #expect(kept.map(\.payload) == arrival.outputs)
    for step in [1 << 16, 1000, 100_000] {
      let read = try all(bench.store.open(kept[0].payload, isTrusted: false), step) == sent
      #expect(read)
    }
    let whole = try await waiting(bench, bench.archive, asKept: false)[0].payload == Payload(.dicom, sent)
    #expect(whole)
    #expect(try await bench.store.kept(arrival.id) == arrival.payload)
    let raw = try await bench.store.raw(arrival.id) == Payload(.dicom, large(700_001))
    #expect(raw)
    #expect(try await bench.store.audit() == [])
    await bench.store.close()

    let again = try await open(folder, sealed: sealed)
    let after = try await waiting(again, again.archive, asKept: false)[0].payload == Payload(.dicom, sent)
    #expect(after)
    await again.store.close()
  }

  @Test(arguments: [true, false])
  func `What is passed over isn't read`(sealed: Bool) async throws {
    let folder = TestFolder()
    let bench = try await open(folder, sealed: sealed)
    let content = large(300_000)
    let blob = try stage(content, bench)
    let reader = try bench.store.open(Payload(format: .dicom, content: .blob(blob)), isTrusted: true)
    #expect(try reader.next(100) == Array(content[..<100]))
    reader.skip(250_000)
    #expect(reader.rest == 49_900)
    #expect(try reader.next(1) == [content[250_100]])
    reader.skip(1_000_000)
    #expect(reader.rest == 0)
    #expect(try reader.next(1) == [])
    await bench.store.close()
  }

  @Test(arguments: [true, false])
  func `A changed byte is found before all of a content was handed out`(sealed: Bool) async throws {
    let folder = TestFolder()
    let bench = try await open(folder, sealed: sealed)
    let (arrival, _) = try await take(bench)
    let file = try #require(blobFiles(folder).first)
    var bytes = TestFolder.read(file)
    bytes[400_000] ^= 1
    TestFolder.write(bytes, file)
    for payload in [arrival.payload, arrival.outputs[0]] {
      #expect(throws: ContentError.self) { try all(bench.store.open(payload, isTrusted: false), 1 << 16) }
    }
    for lane in [bench.ehr, bench.archive] {
      #expect(try await waiting(bench, lane, asKept: false).map(\.damaged) == [true])
    }
    TestFolder.write(Array(bytes.prefix(600_000)), file)
    #expect(throws: ContentError.self) { try bench.store.open(arrival.payload, isTrusted: true) }
    await bench.store.close()
  }

  @Test func `A changed content goes with the message whose content it changes`() async throws {
    let folder = TestFolder()
    let clock = TestClock()
    let bench = try await open(folder, sealed: true, clock)
    let (arrival, _) = try await take(bench)
    let keeping = [
      bench.keys.channel: Retention(raw: day, sent: day, replies: day, blobs: 3 * day, record: 5 * day)
    ]
    func prune() async throws {
      while try await bench.store.prune(keeping, now: clock.now, rowsMax: 100) {}
    }
    clock.advance(10 * day)
    try await prune()
    #expect(blobFiles(folder).count == 1)
    for delivery in try await waiting(bench, bench.ehr, asKept: true) + waiting(bench, bench.archive, asKept: true) {
      let attempt = Attempt(
        delivery: delivery.id, lane: delivery.id == arrival.deliveries[0].id ? bench.ehr : bench.archive,
        sequence: delivery.sequence, epoch: bench.store.epoch, attempts: 1, at: clock.now, possiblySent: false,
        end: .delivered(summary: "ok", reply: nil))
      #expect(await bench.finish(attempt) == .done(1))
    }
    try await prune()
    await bench.store.drain()
    #expect(blobFiles(folder).isEmpty)
    #expect(try await bench.store.audit() == [])
    await bench.store.close()
  }
}
