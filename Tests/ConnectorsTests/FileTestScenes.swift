import ConnectorKit
import Dispatch
import Glibc
import Logging
import Messages
import Synchronization
import Testing

@testable import Connectors

// What the tests of the file connector stand on: a folder of their own, an inbox that answers as told, a clock that
// only the test moves, and a log that can be read.

/// A fresh folder, removed with all that is in it when the test is over.
final class FileScratch: Sendable {
  let path: String

  init() {
    let parent = getenv("TMPDIR").map { String(cString: $0) } ?? "/tmp"
    var template = Array("\(parent)/hilum-file-XXXXXX".utf8).map { CChar(bitPattern: $0) } + [0]
    path = mkdtemp(&template).map { String(cString: $0) } ?? "/nonexistent"
  }

  deinit { Self.remove(path) }

  private static func remove(_ path: String) {
    guard let folder = try? Folder.open(path) else { return }
    removeAll(in: folder)
    rmdir(path)
  }

  private static func removeAll(in folder: Folder) {
    for name in (try? folder.names()) ?? [] {
      if let facts = try? folder.look(at: name), facts.kind == .folder {
        if let inner = try? folder.subfolder(name) { removeAll(in: inner) }
        unlinkat(folder.descriptor, name.terminated, AT_REMOVEDIR)
      } else {
        unlinkat(folder.descriptor, name.terminated, 0)
      }
    }
  }

  func folder(_ inner: String = "") throws -> Folder { try Folder.open(path + "/" + inner) }

  /// Writes a file under its name, all at once.
  func put(_ name: String, _ text: String, in inner: String = "") throws {
    try put(FileName(name), Array(text.utf8), in: inner)
  }

  func put(_ name: FileName, _ bytes: [UInt8], in inner: String = "") throws {
    try folder(inner).create(name).write(bytes)
  }

  /// Adds to a file that is there.
  func append(_ name: String, _ text: String) throws {
    let file = open(path + "/" + name, O_WRONLY | O_APPEND)
    defer { close(file) }
    let bytes = Array(text.utf8)
    #expect(write(file, bytes, bytes.count) == bytes.count)
  }

  /// What stands in a folder, sorted and shown as names are shown.
  func names(in inner: String = "") throws -> [String] {
    try folder(inner).names().sorted().map(\.description)
  }

  func text(_ name: String) throws -> String {
    let parts = name.split(separator: "/")
    let folder = try folder(parts.dropLast().joined(separator: "/"))
    let bytes = try folder.openFile(FileName(String(parts.last ?? ""))).read(bytesMax: 1 << 20)
    return String(decoding: bytes, as: UTF8.self)
  }

  /// Sets the time of a file's last change, in seconds since 1970.
  func setTime(_ name: String, _ seconds: Int) {
    let times = [timespec(tv_sec: seconds, tv_nsec: 0), timespec(tv_sec: seconds, tv_nsec: 0)]
    #expect(utimensat(AT_FDCWD, path + "/" + name, times, 0) == 0)
  }
}

/// Only goes forward when it is told.
final class FileTestClock: Sendable {
  private let time = Mutex(Duration.seconds(1000))
  func advance(_ by: Duration) { time.withLock { $0 += by } }
  var now: Duration { time.withLock { $0 } }
  var clock: FileClock { FileClock(now: { self.now }, wallMilliseconds: { 1_700_000_000_000 }) }
}

/// Takes what is offered, remembers transport keys and progress as a store does, and answers on a thread of its own.
final class FileTestInbox: Inbox {
  private struct State {
    var arrivals: [Arrival] = []
    var origins = 0
    var known: [String: MessageID] = [:]
    var progress: [String: Value] = [:]
    var held: [@Sendable () -> Void]?
  }

  private let state = Mutex(State())
  private let queue = DispatchQueue(label: "inbox")
  private let answer: @Sendable (Arrival) -> Receipt?

  /// - Parameter answer: what becomes of an arrival; `nil` accepts it, or knows it again.
  init(_ answer: @escaping @Sendable (Arrival) -> Receipt? = { _ in nil }) { self.answer = answer }

  /// All that was offered, with what was turned away.
  var offered: [Arrival] { state.withLock { $0.arrivals } }
  /// The texts of what was accepted, in order.
  let accepted = Mutex<[String]>([])
  var origins: Int { state.withLock { $0.origins } }

  /// From now on receipts wait for `release`.
  func hold() { state.withLock { $0.held = [] } }
  func release() {
    let held = state.withLock { state in
      defer { state.held = nil }
      return state.held ?? []
    }
    queue.async { for call in held { call() } }
  }

  func stage() throws(StagingError) -> any ContentWriter { throw StagingError("nothing is staged here") }

  func progress(_ key: String) async throws -> Value? { state.withLock { $0.progress[key] } }

  func origin(_ name: String) -> any Origin {
    state.withLock { $0.origins += 1 }
    return FileTestOrigin(self)
  }

  fileprivate func take(_ arrival: Arrival, from origin: FileTestOrigin, _ then: @escaping @Sendable (Receipt) -> Void)
  {
    queue.async { [self] in
      let receipt = origin.isBroken.withLock { isBroken in
        let receipt: Receipt = isBroken ? .unavailable(reason: "behind") : self.receipt(arrival)
        if case .unavailable = receipt { isBroken = true }
        return receipt
      }
      let isHeld = state.withLock { state in
        state.held?.append { then(receipt) }
        return state.held != nil
      }
      if !isHeld { then(receipt) }
    }
  }

  fileprivate func note(_ arrival: Arrival) { state.withLock { $0.arrivals.append(arrival) } }

  fileprivate func receipt(_ arrival: Arrival) -> Receipt {
    if let told = answer(arrival) { return told }
    return state.withLock { state in
      if let key = arrival.transportKey, let first = state.known[key] { return .duplicate(of: first) }
      let id = MessageID(high: UInt64(state.known.count + 1), low: 0)
      if let key = arrival.transportKey { state.known[key] = id }
      if let progress = arrival.progress { state.progress[progress.key] = progress.value }
      accepted.withLock { $0.append(arrival.text) }
      return .accepted(id, reply: nil)
    }
  }
}

final class FileTestOrigin: Origin {
  private let inbox: FileTestInbox
  /// Once something is unavailable, so is all behind it.
  let isBroken = Mutex(false)
  fileprivate init(_ inbox: FileTestInbox) { self.inbox = inbox }

  func offer(_ arrival: Arrival, then: @escaping @Sendable (Receipt) -> Void) {
    inbox.note(arrival)
    inbox.take(arrival, from: self, then)
  }
}

extension Arrival {
  var bytes: [UInt8] {
    guard case .bytes(let bytes) = payload.content else { return [] }
    return bytes
  }
  var text: String { String(decoding: bytes, as: UTF8.self) }
  var fileName: String? { attributes["file"]?["name"]?.text }
  var fileIndex: String? { attributes["file"]?["index"]?.text }
}

/// Keeps the lines that were logged.
final class FileTestLog: Sendable {
  private let kept = Mutex<[String]>([])
  var lines: [String] { kept.withLock { $0 } }

  var context: ConnectorContext {
    ConnectorContext(channel: ChannelName("lab"), logger: Logger(label: "test") { _ in Handler(log: self) })
  }

  private struct Handler: LogHandler {
    let log: FileTestLog
    var metadata: Logger.Metadata = [:]
    var logLevel = Logger.Level.trace
    subscript(metadataKey key: String) -> Logger.Metadata.Value? {
      get { metadata[key] }
      set { metadata[key] = newValue }
    }
    func log(event: LogEvent) { log.kept.withLock { $0.append("\(event.level): \(event.message)") } }
  }
}

/// Runs what blocks on a thread of its own, never on the pool of `async` code.
func onThread<Value: Sendable>(_ body: @escaping @Sendable () throws -> Value) async throws -> Value {
  try await withCheckedThrowingContinuation { continuation in
    do {
      try startThread { continuation.resume(with: Result { try body() }) }
    } catch {
      continuation.resume(throwing: error)
    }
  }
}

/// Looks again and again until something is so; fails the test after ten seconds.
func eventually(
  _ what: Comment, sourceLocation: SourceLocation = #_sourceLocation, _ isSo: @escaping @Sendable () -> Bool
) async throws {
  let isTrue = try await onThread {
    let end = FileClock.system.now() + .seconds(10)
    while FileClock.system.now() < end {
      if isSo() { return true }
      poll(nil, 0, 2)
    }
    return false
  }
  #expect(isTrue, what, sourceLocation: sourceLocation)
}

/// A source on a scratch folder whose looks the test calls for.
struct FileTestSource {
  let scratch = FileScratch()
  let time = FileTestClock()
  let log = FileTestLog()
  var messageBytesMax = 1 << 20
  var segmentEnd = HL7Settings.SegmentEnd.cr
  var failpoint: FileFailpoint?
  let settings = FileSourceSettings()

  init(_ change: (FileSourceSettings) -> Void = { _ in }) throws {
    _ = try FileScratchFolders.make(scratch)
    settings.directory = FilePath(scratch.path + "/in")
    settings.complete.by = .rename
    change(settings)
  }

  /// An engine's start: opens the folders.
  func start(_ inbox: FileTestInbox) throws -> FileTestLooks {
    var context = log.context
    context.messageBytesMax = messageBytesMax
    context.hl7.segmentEnd = segmentEnd
    let source = try FileSource(settings, context: context, clock: time.clock, failpoint: failpoint)
    return FileTestLooks(source, try source.intake(inbox, until: StopSignal()))
  }

  func put(_ name: String, _ text: String) throws { try scratch.put(name, text, in: "in") }

  /// Puts a file there as a sender does that renames, for a source that is looking meanwhile.
  func send(_ name: String, _ text: String) throws {
    try put(name + ".tmp", text)
    let path = scratch.path + "/in/" + name
    #expect(rename(path + ".tmp", path) == 0)
  }
}

private enum FileScratchFolders {
  static func make(_ scratch: FileScratch) throws -> Folder { try scratch.folder().subfolder(FileName("in")) }
}

/// The looks of one run of a source, one at a time.
final class FileTestLooks: @unchecked Sendable {
  let source: FileSource
  private let intake: FileIntake

  init(_ source: FileSource, _ intake: FileIntake) {
    self.source = source
    self.intake = intake
  }

  @discardableResult
  func look() async throws -> Duration { try await onThread { try self.intake.look() } }
}
