import ConnectorKit
import Glibc
import Messages
import Synchronization
import Testing

@testable import Connectors

@Suite struct FileDestinationTests {
  @Test func `a message is a file under its name, and nothing else is left in the folder`() async throws {
    let out = try FileTestOut()
    let reply = try await out.send("MSH|1", name: [.value("4711"), .literal(".hl7")]).get()
    #expect(reply.summary == "written as 4711.hl7")
    #expect(try out.names() == ["4711.hl7"])
    #expect(try out.scratch.text("out/4711.hl7") == "MSH|1")
    await out.destination.close()
  }

  @Test func `subfolders are the author's, and are made where they are missing`() async throws {
    let out = try FileTestOut()
    _ = try await out.send(
      "x", name: [.literal("adt/"), .value("WARD/7"), .literal("/"), .value("1"), .literal(".hl7")]
    ).get()
    _ = try await out.send(
      "y", name: [.literal("adt/"), .value("WARD/7"), .literal("/"), .value("2"), .literal(".hl7")]
    ).get()
    #expect(try out.names() == ["adt"])
    #expect(try out.names(in: "adt/WARD_7") == ["1.hl7", "2.hl7"])
    await out.destination.close()
  }

  @Test(arguments: [
    "../../etc/passwd", "..", ".", "/etc/cron.d/x", "a/../../b", "..%2f..%2f", "a\nb", "a\u{0}b", ".ssh", "...",
    "~root",
    "a\\..\\b", "\u{202E}gpj.exe", "a\u{1B}[2Jb", "-rf", "a;rm", "\u{2028}",
  ])
  func `a value never leaves the folder`(_ value: String) async throws {
    let out = try FileTestOut()
    _ = try await out.send("x", name: [.value(value)]).get()
    let names = try out.names()
    #expect(names.count == 1)
    #expect(try out.scratch.names() == ["out"])
    let name = try #require(names.first)
    #expect(!name.hasPrefix(".") && !name.contains("/") && !name.contains("\\"))
    await out.destination.close()
  }

  @Test(
    arguments: [
      [.literal("../"), .value("a")], [.literal("/"), .value("a")], [.literal("a//b")], [.literal("a/./b")], [],
      [.literal("a/")], [.value("")], [.literal("a"), .value("")],
    ] as [[TemplatePiece]])
  func `a name that can't be is refused for good`(_ pieces: [TemplatePiece]) async throws {
    let out = try FileTestOut()
    let error = await out.send("x", name: pieces).failure
    #expect(error?.kind == .permanent)
    #expect(error?.bytesSent == false)
    #expect(try out.scratch.names() == ["out"])
    #expect(try out.names().isEmpty)
    await out.destination.close()
  }

  @Test func `a name that is too long is cut, and two of them stay two`() async throws {
    let out = try FileTestOut()
    let long = String(repeating: "ä", count: 400)
    _ = try await out.send("1", name: [.value(long + "1"), .literal(".hl7")]).get()
    _ = try await out.send("2", name: [.value(long + "2"), .literal(".hl7")]).get()
    _ = try await out.send("3", name: [.value(long + "2"), .literal(".hl7")]).get()
    let names = try out.names()
    #expect(names.count == 3)
    #expect(names.allSatisfy { $0.utf8.count <= 255 && $0.hasSuffix(".hl7") && $0.contains("~") })
    await out.destination.close()
  }

  @Test func `a file that is there is never overwritten: the next is numbered`() async throws {
    let out = try FileTestOut()
    try out.scratch.put("a.hl7", "theirs", in: "out")
    for text in ["1", "2", "3"] { _ = try await out.send(text, name: [.literal("a.hl7")]).get() }
    #expect(try out.names() == ["a-2.hl7", "a-3.hl7", "a-4.hl7", "a.hl7"])
    #expect(try out.scratch.text("out/a.hl7") == "theirs")
    #expect(try out.scratch.text("out/a-4.hl7") == "3")
    await out.destination.close()
  }

  @Test func `thousands of one name find their number in a few looks`() async throws {
    let out = try FileTestOut()
    for number in 2...3000 { try out.scratch.put("a-\(number)", "", in: "out") }
    try out.scratch.put("a", "", in: "out")
    let folder = try out.scratch.folder("out")
    #expect(try folder.freeName(like: FileName("a")) == FileName("a-3001"))
    await out.destination.close()
  }

  @Test func `a file that is there refuses the message where the channel says so`() async throws {
    let out = try FileTestOut(onCollision: .refuse)
    try out.scratch.put("a.hl7", "theirs", in: "out")
    let error = await out.send("x", name: [.literal("a.hl7")]).failure
    #expect(error?.kind == .retryable && error?.code == "exists" && error?.bytesSent == false)
    #expect(try out.names() == ["a.hl7"])
    await out.destination.close()
  }

  @Test func `a link in the place of a file or a subfolder is not followed`() async throws {
    let out = try FileTestOut()
    #expect(mkdir(out.scratch.path + "/elsewhere", 0o700) == 0)
    #expect(symlink("../elsewhere", out.scratch.path + "/out/adt") == 0)
    #expect(symlink("../elsewhere/b", out.scratch.path + "/out/b") == 0)
    let error = await out.send("x", name: [.literal("adt/a")]).failure
    #expect(error?.kind == .permanent)
    _ = try await out.send("x", name: [.literal("b")]).get()
    #expect(try out.scratch.names(in: "elsewhere").isEmpty)
    #expect(try out.names() == ["adt", "b", "b-2"])
    await out.destination.close()
  }

  @Test func `a folder that is missing belongs to the lane, and is used when it is back`() async throws {
    let out = try FileTestOut()
    #expect(rmdir(out.scratch.path + "/out") == 0)
    let error = await out.send("x", name: [.literal("a")]).failure
    #expect(error?.kind == .unreachable)
    #expect(error?.reason == "\(out.scratch.path)/out: opening the folder: No such file or directory")
    #expect(mkdir(out.scratch.path + "/out", 0o700) == 0)
    _ = try await out.send("x", name: [.literal("a")]).get()
    #expect(rename(out.scratch.path + "/out", out.scratch.path + "/old") == 0)
    #expect(mkdir(out.scratch.path + "/out", 0o700) == 0)
    _ = try await out.send("y", name: [.literal("b")]).get()
    #expect(try out.names() == ["b"], "a folder that was replaced is not written to any more")
    await out.destination.close()
  }

  @Test func `a large payload kept by the store is refused clearly`() async throws {
    let out = try FileTestOut()
    let blob = BlobReference(id: Identifier(high: 1, low: 1), byteCount: 1 << 20, sha256: [])
    let error = await out.send(Payload(format: .bytes, content: .blob(blob)), name: [.literal("a")]).failure
    #expect(error?.kind == .permanent)
    await out.destination.close()
  }

  @Test func `ping says what it saw`() async throws {
    let out = try FileTestOut()
    let good = await out.destination.ping()
    #expect(good.reached)
    #expect(good.lines.prefix(2) == ["the folder \(out.scratch.path)/out is there", "it can be written"])
    #expect(rmdir(out.scratch.path + "/out") == 0)
    let bad = await out.destination.ping()
    #expect(
      bad
        == PingReport(
          reached: false, lines: ["\(out.scratch.path)/out: opening the folder: No such file or directory"]))
    await out.destination.close()
  }

  @Test func `what is sent after closing is cancelled`() async throws {
    let out = try FileTestOut()
    _ = try await out.send("x", name: [.literal("a")]).get()
    await out.destination.close()
    await out.destination.close()
    #expect(await out.send("x", name: [.literal("b")]).failure?.kind == .cancelled)
    #expect(await out.destination.ping().reached == false)
    #expect(try out.names() == ["a"])
  }
}

/// A destination on a scratch folder.
struct FileTestOut {
  let scratch: FileScratch
  let destination: FileDestination
  private static let ids = Mutex(IdentifierMint())

  init(
    _ scratch: FileScratch = FileScratch(), onCollision: FileDestinationSettings.Collision = .number,
    failpoint: FileFailpoint? = nil
  ) throws {
    self.scratch = scratch
    _ = try scratch.folder().subfolder(FileName("out"))
    let settings = FileDestinationSettings()
    settings.directory = FilePath(scratch.path + "/out")
    settings.onCollision = onCollision
    destination = FileDestination(settings, failpoint: failpoint)
  }

  func names(in inner: String = "") throws -> [String] { try scratch.names(in: "out/" + inner) }

  static func delivery(
    _ payload: Payload, name: [TemplatePiece], id: DeliveryID? = nil, possibleDuplicate: Bool = false
  ) -> Delivery {
    let id = id ?? ids.withLock { $0.next(milliseconds: 1_700_000_000_000, random: 7) }
    return Delivery(
      id: id, message: id, lane: LaneName(channel: ChannelName("lab"), destination: "disk"), payload: payload,
      attempt: possibleDuplicate ? 2 : 1, possibleDuplicate: possibleDuplicate, rendered: ["name": name])
  }

  func send(_ text: String, name: [TemplatePiece]) async -> Result<Reply, DeliveryError> {
    await send(Payload(.hl7v2, Array(text.utf8)), name: name)
  }

  func send(_ payload: Payload, name: [TemplatePiece]) async -> Result<Reply, DeliveryError> {
    await send(Self.delivery(payload, name: name))
  }

  func send(_ delivery: Delivery) async -> Result<Reply, DeliveryError> {
    await withCheckedContinuation { continuation in
      destination.send(delivery) { continuation.resume(returning: $0) }
    }
  }
}

extension Result {
  var failure: Failure? {
    guard case .failure(let error) = self else { return nil }
    return error
  }
}
