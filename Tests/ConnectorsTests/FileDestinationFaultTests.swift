import ConnectorKit
import Glibc
import Messages
import Synchronization
import Testing

@testable import Connectors

/// Disks that fail and engines that die while a file is written.
@Suite struct FileDestinationFaultTests {
  private static let name: [TemplatePiece] = [.literal("adt/"), .value("4711"), .literal(".hl7")]
  private static let payload = Payload(.hl7v2, Array("MSH|the whole message".utf8))

  /// Kills after some steps: from then on nothing that the process would still have done happens.
  private static func dying(after steps: Int, _ taken: FileSteps = FileSteps()) -> FileFailpoint {
    { step, _ in taken.add(step) > steps ? EIO : 0 }
  }

  @Test func `bytes are on disk before the name is given, and the name before the message counts`() async throws {
    let taken = FileSteps()
    let out = try FileTestOut(failpoint: Self.dying(after: .max, taken))
    _ = try await out.send(Self.payload, name: [.literal("a")]).get()
    #expect(taken.all == [.openFolder, .create, .write, .syncFile, .move, .syncFolder])
    await out.destination.close()
  }

  @Test func `an engine that dies at any step leaves nothing or all, and the next attempt makes no twin`() async throws
  {
    let taken = FileSteps()
    let whole = try FileTestOut(failpoint: Self.dying(after: .max, taken))
    _ = try await whole.send(Self.payload, name: Self.name).get()
    await whole.destination.close()
    let stepCount = taken.all.count
    #expect(stepCount >= 8, "there are steps to die at")

    for steps in 0...stepCount {
      let scratch = FileScratch()
      let first = try FileTestOut(scratch, failpoint: Self.dying(after: steps))
      let delivery = FileTestOut.delivery(Self.payload, name: Self.name)
      let result = await first.send(delivery)
      await first.destination.close()
      #expect((result.failure == nil) == (steps == stepCount))
      let found = (try? scratch.text("out/adt/4711.hl7")).map { $0 == "MSH|the whole message" } ?? true
      #expect(found, "after \(steps) steps what has the name is whole")

      let second = try FileTestOut(scratch)
      let again = FileTestOut.delivery(Self.payload, name: Self.name, id: delivery.id, possibleDuplicate: true)
      _ = try await second.send(again).get()
      #expect(try second.names(in: "adt") == ["4711.hl7"], "after \(steps) steps")
      #expect(try scratch.text("out/adt/4711.hl7") == "MSH|the whole message")
      await second.destination.close()
    }
  }

  @Test func `what died aside is replaced, also where it was cut`() async throws {
    let out = try FileTestOut()
    let delivery = FileTestOut.delivery(Self.payload, name: [.literal("a")])
    try out.scratch.put(".hilum-\(delivery.id).tmp", "MSH|half", in: "out")
    _ = try await out.send(delivery).get()
    #expect(try out.names() == ["a"])
    #expect(try out.scratch.text("out/a") == "MSH|the whole message")
    await out.destination.close()
  }

  @Test func `a file of another delivery is not taken for one's own, whatever is in it`() async throws {
    let out = try FileTestOut()
    _ = try await out.send(Self.payload, name: [.literal("a")]).get()
    let again = FileTestOut.delivery(Self.payload, name: [.literal("a")], possibleDuplicate: true)
    let reply = try await out.send(again).get()
    #expect(reply.summary == "written as a-2")
    #expect(try await out.send(again).get().summary == "was written before as a-2")
    #expect(unlink(out.scratch.path + "/out/a") == 0)
    #expect(
      try await out.send(again).get().summary == "was written before as a-2", "also when the partner fetched some")
    #expect(try out.names() == ["a-2"])
    await out.destination.close()
  }

  @Test func `where files bear no mark the same bytes under the same name are one's own`() async throws {
    let out = try FileTestOut()
    try out.scratch.put("a", "MSH|the whole message", in: "out")
    try out.scratch.put("b", "MSH|another message !", in: "out")
    for name in ["a", "b"] {
      let again = FileTestOut.delivery(Self.payload, name: [.literal(name)], possibleDuplicate: true)
      _ = try await out.send(again).get()
    }
    #expect(try out.names() == ["a", "b", "b-2"])
    let fresh = FileTestOut.delivery(Self.payload, name: [.literal("a")])
    #expect(try await out.send(fresh).get().summary == "written as a-2", "nobody sent this before")
    await out.destination.close()
  }

  @Test(
    arguments: [
      (FileStep.create, EACCES, "creating a file: Permission denied"),
      (.write, ENOSPC, "writing a file: No space left on device"),
      (.write, EDQUOT, "writing a file: Disk quota exceeded"),
      (.syncFile, EIO, "bringing a file to disk: Input/output error"),
      (.makeFolder, EROFS, "making a subfolder: Read-only file system"),
      (.move, EACCES, "renaming a file: Permission denied"),
      (.openFolder, EMFILE, "opening the folder: Too many open files"),
    ] as [(FileStep, CInt, String)])
  func `a folder that fails belongs to the lane, and nothing is left in it`(
    _ step: FileStep, _ number: CInt, _ reason: String
  ) async throws {
    let isBroken = Mutex(true)
    let out = try FileTestOut { asked, _ in asked == step && isBroken.withLock { $0 } ? number : 0 }
    let error = await out.send(Self.payload, name: [.literal("adt/"), .value("CANARY")]).failure
    #expect(error?.kind == .unreachable)
    #expect(error?.reason == "\(out.scratch.path)/out: \(reason)")
    #expect(error?.bytesSent == (step == .move))
    #expect(try out.names().isEmpty || out.names(in: "adt").isEmpty)
    isBroken.withLock { $0 = false }
    _ = try await out.send(Self.payload, name: [.literal("adt/"), .value("CANARY")]).get()
    #expect(try out.names(in: "adt") == ["CANARY"])
    await out.destination.close()
  }

  @Test func `a name that the file system refuses is refused for good`() async throws {
    let out = try FileTestOut { step, _ in step == .move ? EINVAL : 0 }
    let error = await out.send(Self.payload, name: [.value("CANARY:")]).failure
    #expect(error?.kind == .permanent)
    #expect(error?.reason.contains("CANARY") == false)
    #expect(try out.names().isEmpty)
    await out.destination.close()
  }

  @Test func `a folder that could not be brought to disk may have the file, and the next attempt finds it`()
    async throws
  {
    let isBroken = Mutex(true)
    let out = try FileTestOut { step, _ in step == .syncFolder && isBroken.withLock { $0 } ? EIO : 0 }
    let delivery = FileTestOut.delivery(Self.payload, name: [.literal("a")])
    let error = await out.send(delivery).failure
    #expect(error?.kind == .unreachable && error?.bytesSent == true)
    isBroken.withLock { $0 = false }
    let again = FileTestOut.delivery(Self.payload, name: [.literal("a")], id: delivery.id, possibleDuplicate: true)
    #expect(try await out.send(again).get().summary == "was written before as a")
    await out.destination.close()
  }

  @Test func `messages that wait together keep their order, and none overtakes one that its folder stopped`()
    async throws
  {
    let gate = FileGate()
    let out = try FileTestOut { step, name in
      if step == .openFolder { gate.wait() }
      return step == .write && name?.description.contains(gate.marked) == true ? ENOSPC : 0
    }
    let deliveries = (0..<200).map { number in
      FileTestOut.delivery(Self.payload, name: number == 20 ? [.value("")] : [.value("m\(1000 + number)")])
    }
    gate.marked = deliveries[100].id.description
    let results = Mutex<[Result<Reply, DeliveryError>]>([])
    for delivery in deliveries {
      out.destination.send(delivery) { result in results.withLock { $0.append(result) } }
    }
    gate.open()
    try await eventually("all are answered") { results.withLock { $0.count } == 200 }
    let all = results.withLock { $0 }
    for (number, result) in all.enumerated() {
      switch number {
      case 20: #expect(result.failure?.kind == .permanent, "this one alone can't be written")
      case ..<100: #expect(try result.get().summary == "written as m\(1000 + number)")
      case 100: #expect(result.failure?.reason.contains("No space left") == true)
      default: #expect(result.failure?.kind == .unreachable && result.failure?.bytesSent == false)
      }
    }
    #expect(try out.names().count == 99)
    await out.destination.close()
  }

  @Test func `files that are brought to disk together each get their own fault, in their order`() async throws {
    let scratch = FileScratch()
    let folder = try Folder.open(scratch.path) { step, name in
      step == .syncFile && name?.bytes.last == UInt8(ascii: "3") ? EIO : 0
    }
    let files = try (0..<100).map { try folder.create(FileName("f\($0)")) }
    let faults = try await onThread { SyncCrew.shared.sync(files) }
    #expect(faults.map { $0?.number } == (0..<100).map { $0 % 10 == 3 ? EIO : nil })
    let none = try await onThread { SyncCrew.shared.sync([]) }
    #expect(none.isEmpty)
  }

  @Test func `closing cancels what waits and lets what is under way end`() async throws {
    let gate = FileGate()
    let out = try FileTestOut { step, _ in
      if step == .openFolder { gate.wait() }
      return 0
    }
    let results = Mutex<[String]>([])
    let send = { (name: String) in
      out.destination.send(FileTestOut.delivery(Self.payload, name: [.literal(name)])) { result in
        results.withLock { $0.append(result.failure?.kind.rawValue ?? "written") }
      }
    }
    send("a")
    try await eventually("the first is under way") { gate.isReached }
    send("b")
    async let closed: Void = out.destination.close()
    try await eventually("the second is cancelled") { results.withLock { $0 } == ["cancelled"] }
    gate.open()
    await closed
    #expect(results.withLock { $0 } == ["cancelled", "written"])
    #expect(try out.names() == ["a"])
  }
}

/// The steps that were taken, in order.
final class FileSteps: Sendable {
  private let steps = Mutex<[FileStep]>([])
  var all: [FileStep] { steps.withLock { $0 } }
  func add(_ step: FileStep) -> Int {
    steps.withLock { steps in
      steps.append(step)
      return steps.count
    }
  }
}

/// Holds a thread until it is opened.
final class FileGate: Sendable {
  private let state = Mutex((isOpen: false, isReached: false, marked: "-"))
  var isReached: Bool { state.withLock { $0.isReached } }
  var marked: String {
    get { state.withLock { $0.marked } }
    set { state.withLock { $0.marked = newValue } }
  }
  func open() { state.withLock { $0.isOpen = true } }
  func wait() {
    state.withLock { $0.isReached = true }
    while !state.withLock({ $0.isOpen }) { poll(nil, 0, 1) }
  }
}
