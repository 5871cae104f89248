import Glibc
import Messages
import Testing

@testable import Store

@Suite struct BlobTests {
  private func large(_ count: Int, _ seed: UInt8 = 1) -> [UInt8] {
    (0..<count).map { UInt8(truncatingIfNeeded: $0 &* 31 &+ $0 >> 8) ^ seed }
  }

  private func blobFiles(_ folder: TestFolder) -> [String] { TestFolder.files(folder.path + "/blobs") }

  @Test(arguments: [256 << 10, (256 << 10) + 1, 5 * 65_536, 5 * 65_536 - 1, 1_000_000])
  func `A large payload is a file of its own, and comes back whole`(count: Int) async throws {
    let folder = TestFolder()
    let bench = try await Bench.open(folder)
    var arrival = bench.arrival("", lanes: [bench.ehr, bench.archive])
    arrival.payload = Payload(.dicom, large(count))
    arrival.outputs = [Payload(.dicom, large(count, 2))]
    arrival.deliveries[1].output = 0
    #expect(await bench.accept(arrival).isAccepted)
    #expect(blobFiles(folder).count == 2)
    let raw = try await bench.store.raw(arrival.id)
    #expect(raw == arrival.payload)
    let ehr = try await bench.waiting(bench.ehr)[0].payload == arrival.payload
    let archive = try await bench.waiting(bench.archive)[0].payload == arrival.outputs[0]
    #expect(ehr && archive)
    #expect(try await bench.store.audit() == [])
    await bench.store.close()
  }

  @Test func `A payload of one byte less stays in the row`() async throws {
    let folder = TestFolder()
    let bench = try await Bench.open(folder)
    var arrival = bench.arrival("")
    arrival.payload = Payload(.dicom, large((256 << 10) - 1))
    #expect(await bench.accept(arrival).isAccepted)
    #expect(blobFiles(folder).isEmpty)
    #expect(try await bench.store.raw(arrival.id)?.byteCount == (256 << 10) - 1)
    await bench.store.close()
  }

  @Test func `What is staged in pieces is taken over by its arrival`() async throws {
    let folder = TestFolder()
    let bench = try await Bench.open(folder)
    let content = large(700_001)
    let staged = try bench.store.stage(channel: bench.keys.channel)
    var place = 0
    for step in [1, 65_536, 65_535, 100_000, 468_929] {
      try staged.append(content[place..<place + step])
      place += step
    }
    let blob = try staged.finish()
    #expect(blob.sha256 == sha256(content) && blob.byteCount == content.count)
    var arrival = bench.arrival("")
    arrival.payload = Payload(format: .dicom, content: .blob(blob))
    #expect(await bench.accept(arrival).isAccepted)
    let raw = try await bench.store.raw(arrival.id)
    #expect(raw == Payload(.dicom, content))
    await bench.store.close()
    let again = try await Bench.open(folder)
    await again.store.drainReaders()
    #expect(blobFiles(folder).count == 1)
    await again.store.close()
  }

  @Test func `What was staged and never accepted, or not finished, doesn't stay`() async throws {
    let folder = TestFolder()
    let bench = try await Bench.open(folder)
    do {
      let staged = try bench.store.stage(channel: bench.keys.channel)
      try staged.append(large(100)[...])
    }
    #expect(blobFiles(folder).isEmpty)
    _ = try bench.store.stage(channel: bench.keys.channel).finish()
    #expect(blobFiles(folder).count == 1)
    await bench.store.close(orderly: false)
    let again = try await Bench.open(folder)
    await again.store.drainReaders()
    #expect(blobFiles(folder).isEmpty)
    await again.store.close()
  }

  @Test func `The file of a duplicate goes with its answer`() async throws {
    let folder = TestFolder()
    let bench = try await Bench.open(folder)
    for _ in 0..<3 {
      var arrival = bench.arrival("", key: "K")
      arrival.payload = Payload(.dicom, large(300_000))
      _ = await bench.accept(arrival)
    }
    #expect(blobFiles(folder).count == 1)
    #expect(try await bench.ledger().duplicate == 2)
    await bench.store.close()
  }

  @Test func `A large reply is a file too, and a later one takes its place`() async throws {
    let folder = TestFolder()
    let bench = try await Bench.open(folder)
    let delivery = try await bench.take("a").deliveries[0]
    let reply = Payload(.fhir, large(400_000))
    #expect(
      await bench.finish(bench.attempt(delivery, .waits(dueAt: 1, delay: 1, reason: "503", reply: reply))) == .done(1))
    let kept = try await bench.store.sent(delivery.id)?.reply == reply
    #expect(kept)
    #expect(await bench.deliver(delivery, reply: "small") == .done(1))
    #expect(try await bench.store.sent(delivery.id)?.reply?.byteCount == 5)
    await bench.store.close()
    let again = try await Bench.open(folder)
    await again.store.drain()
    #expect(blobFiles(folder).isEmpty)
    await again.store.close()
  }

  @Test func `A file that is gone, cut or changed is damage, and others are not touched`() async throws {
    let folder = TestFolder()
    let bench = try await Bench.open(folder)
    var ids: [MessageID] = []
    for number in 0..<4 {
      var arrival = bench.arrival("")
      arrival.payload = Payload(.dicom, large(300_000, UInt8(number)))
      _ = await bench.accept(arrival)
      ids.append(arrival.id)
    }
    let files = blobFiles(folder).sorted { $0.suffix(26) < $1.suffix(26) }
    unlink(files[0])
    TestFolder.write(Array(TestFolder.read(files[1]).prefix(200_000)), files[1])
    var flipped = TestFolder.read(files[2])
    flipped[150_000] ^= 4
    TestFolder.write(flipped, files[2])
    #expect(try await bench.waiting(bench.ehr).map(\.damaged) == [true, true, true, false])
    #expect(try await bench.store.audit() == ["3 stored payloads don't fit their hash"])
    #expect(try await bench.store.raw(ids[3])?.byteCount == 300_000)
    await bench.store.close()
  }

  @Test func `Files in folders of two letters are taken over`() async throws {
    let folder = TestFolder()
    let bench = try await Bench.open(folder)
    var arrival = bench.arrival("")
    arrival.payload = Payload(.dicom, large(300_000))
    #expect(await bench.accept(arrival).isAccepted)
    await bench.store.close()
    let file = try #require(blobFiles(folder).first)
    let older = "\(folder.path)/blobs/\(file.suffix(2))"
    mkdir(older, 0o700)
    #expect(rename(file, "\(older)/\(file.suffix(26))") == 0)
    let again = try await Bench.open(folder)
    #expect(try await again.store.raw(arrival.id) == arrival.payload)
    #expect(blobFiles(folder) == [file] && !Folder.exists(older))
    await again.store.close()
  }

  @Test func `What was staged and is not offered goes when it is discarded, what a message owns stays`() async throws {
    let folder = TestFolder()
    let bench = try await Bench.open(folder)
    var payloads: [Payload] = []
    for _ in 0..<2 {
      let staged = try bench.store.stage(channel: bench.keys.channel)
      try staged.append(large(300_000)[...])
      payloads.append(Payload(format: .dicom, content: .blob(try staged.finish())))
    }
    var arrival = bench.arrival("")
    arrival.payload = payloads[0]
    #expect(await bench.accept(arrival).isAccepted)
    for payload in payloads { bench.store.discard(payload) }
    #expect(blobFiles(folder).count == 1)
    #expect(try await bench.store.raw(arrival.id) == Payload(.dicom, large(300_000)))
    await bench.store.close()
  }
}
