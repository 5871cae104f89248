import Glibc
import Messages
import Synchronization

@testable import Store

/// A folder of its own for one test, removed after it.
final class TestFolder: Sendable {
  let path: String

  init() {
    let parent = getenv("TMPDIR").map { String(cString: $0) } ?? "/tmp"
    var template = Array("\(parent)/hilum-store-XXXXXX".utf8CString)
    guard mkdtemp(&template) != nil else { preconditionFailure("no folder for a test: \(errno)") }
    path = String(decoding: template.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
  }

  deinit { Self.remove(path) }

  var database: String { path + "/hilum.db" }

  static func remove(_ path: String) {
    var status = stat()
    guard lstat(path, &status) == 0 else { return }
    if status.st_mode & S_IFMT == S_IFDIR {
      for name in Folder.names(path) { remove(path + "/" + name) }
      rmdir(path)
    } else {
      unlink(path)
    }
  }

  /// All bytes of a file.
  static func read(_ path: String) -> [UInt8] {
    let descriptor = Glibc.open(path, O_RDONLY)
    guard descriptor >= 0 else { return [] }
    defer { Glibc.close(descriptor) }
    return Folder.read(descriptor, Int(Folder.size(path) ?? 0)) ?? []
  }

  static func write(_ bytes: [UInt8], _ path: String) {
    let descriptor = Glibc.open(path, O_WRONLY | O_CREAT | O_TRUNC, 0o600)
    guard descriptor >= 0 else { preconditionFailure("can't write \(path)") }
    _ = bytes.withUnsafeBytes { Folder.write(descriptor, $0) }
    Glibc.close(descriptor)
  }

  /// Every file below a folder.
  static func files(_ path: String) -> [String] {
    var status = stat()
    guard lstat(path, &status) == 0 else { return [] }
    guard status.st_mode & S_IFMT == S_IFDIR else { return [path] }
    return Folder.names(path).flatMap { files(path + "/" + $0) }
  }
}

/// Clocks that a test moves.
final class TestClock: Sendable {
  private let milliseconds: Mutex<Int64>
  init(_ start: Int64 = 1_800_000_000_000) { milliseconds = Mutex(start) }

  var now: Int64 {
    get { milliseconds.withLock { $0 } }
    set { milliseconds.withLock { $0 = newValue } }
  }
  func advance(_ by: Int64) { milliseconds.withLock { $0 += by } }

  var clock: StoreSettings.Clock {
    StoreSettings.Clock(wall: { self.now }, monotonic: { UInt64(max(0, self.now)) * 1_000_000 })
  }
}

let testKey = StoreSettings.MasterKey(id: "test-1", bytes: [UInt8](repeating: 0x5A, count: 32))
let day: Int64 = 86_400_000

func testSettings(_ clock: TestClock? = nil) -> StoreSettings {
  var settings = StoreSettings()
  settings.masterKey = testKey
  settings.freeBytesMin = 0
  settings.ballastBytes = 0
  settings.pollMilliseconds = 5
  settings.readers = 1
  if let clock { settings.clock = clock.clock }
  return settings
}

/// A store with one channel of two lanes and one column, as most tests want it.
struct Bench: Sendable {
  let store: SQLiteStore
  let keys: ChannelKeys

  static let registration = ChannelRegistration(
    name: ChannelName("adt"), lanes: ["ehr", "archive"], columns: ["mrn"],
    revision: (hash: [1, 2, 3], files: [(path: "Channels/adt.yaml", content: Array("channel: adt".utf8))]))

  static func open(
    _ folder: TestFolder, _ settings: StoreSettings = testSettings(), _ registration: ChannelRegistration = registration
  ) async throws -> Bench {
    let store = try SQLiteStore.open(folder.path, settings: settings)
    return Bench(store: store, keys: try await store.register(registration))
  }

  var ehr: Int64 { keys.lanes[0].key }
  var archive: Int64 { keys.lanes[1].key }

  /// An arrival that was routed to `lanes`, at the store's clock.
  func arrival(
    _ text: String, lanes: [Int64]? = nil, state: MessageState = .routed, key: String? = nil, within: Int64 = 3_600_000,
    at: Int64? = nil, mrn: String? = nil
  ) -> Acceptance {
    let id = store.mint()
    var arrival = Acceptance(
      id: id, channel: keys.channel, revision: keys.revision, receivedAt: at ?? store.settings.clock.wall(),
      payload: Payload(.hl7v2, Array(text.utf8)), attributes: ["peer": .text("10.0.0.9")], state: state)
    arrival.duplicateKey = key.map { .init(text: $0, withinMilliseconds: within) }
    arrival.columns = mrn.map { [.init(key: keys.columns[0], text: $0)] } ?? []
    arrival.steps = [Step(.received, "came in")]
    if state == .routed {
      arrival.deliveries = (lanes ?? [ehr]).map { .init(id: store.mint(), lane: $0, output: nil) }
    }
    return arrival
  }

  func accept(_ arrival: Acceptance) async -> AcceptResult {
    await withCheckedContinuation { continuation in store.accept(arrival) { continuation.resume(returning: $0) } }
  }

  func finish(_ attempt: Attempt) async -> UnitResult {
    await withCheckedContinuation { continuation in store.finish(attempt) { continuation.resume(returning: $0) } }
  }

  func change(_ change: Change) async -> UnitResult {
    await withCheckedContinuation { continuation in store.change(change) { continuation.resume(returning: $0) } }
  }

  /// Accepts and returns the deliveries with their numbers.
  @discardableResult
  func take(_ text: String, lanes: [Int64]? = nil, key: String? = nil, mrn: String? = nil) async throws -> Taken {
    let arrival = arrival(text, lanes: lanes, key: key, mrn: mrn)
    guard case .accepted(let sequences, _) = await accept(arrival) else { throw Unexpected() }
    return Taken(id: arrival.id, deliveries: zip(arrival.deliveries, sequences).map { ($0.id, $0.lane, $1) })
  }

  struct Taken: Sendable {
    var id: MessageID
    var deliveries: [(id: DeliveryID, lane: Int64, sequence: Int64)]
  }
  struct Unexpected: Error {}

  func attempt(
    _ delivery: (id: DeliveryID, lane: Int64, sequence: Int64), _ end: Attempt.End, attempts: Int = 1,
    epoch: Int64? = nil
  ) -> Attempt {
    Attempt(
      delivery: delivery.id, lane: delivery.lane, sequence: delivery.sequence, epoch: epoch ?? store.epoch,
      attempts: attempts,
      at: store.settings.clock.wall(), possiblySent: false, end: end)
  }

  func deliver(_ delivery: (id: DeliveryID, lane: Int64, sequence: Int64), reply: String = "MSA|AA") async -> UnitResult
  {
    await finish(attempt(delivery, .delivered(summary: "AA", reply: Payload(.hl7v2, Array(reply.utf8)))))
  }

  func kill(_ delivery: (id: DeliveryID, lane: Int64, sequence: Int64), reason: String = "AR") async -> UnitResult {
    await finish(attempt(delivery, .dead(reason: reason, reply: nil)))
  }

  func waiting(_ lane: Int64, after: Int64 = 0) async throws -> [WaitingDelivery] {
    try await store.waiting(lane: lane, WaitingPart(after: after, countMax: 1_000, bytesMax: .max)).deliveries
  }

  func ledger() async throws -> ChannelLedger { try await store.ledger()[0] }

  /// Runs SQL on a connection of its own, as a test's view behind the store's back.
  static func sql(_ folder: TestFolder, _ statement: String) throws {
    let connection = try Connection(path: folder.database, flags: 2, busyMilliseconds: 1_000)
    try connection.execute(statement)
    connection.close()
  }

  static func number(_ folder: TestFolder, _ statement: String) throws -> Int64? {
    let connection = try Connection(path: folder.database, flags: 2, busyMilliseconds: 1_000)
    defer { connection.close() }
    return try connection.number(statement)
  }
}

extension AcceptResult {
  var isAccepted: Bool { if case .accepted = self { true } else { false } }
  var isUnavailable: Bool { if case .unavailable = self { true } else { false } }
  var isStale: Bool { if case .stale = self { true } else { false } }
  var original: MessageID? { if case .duplicate(let id) = self { id } else { nil } }
  var keyReused: Bool { if case .accepted(_, let reused) = self { reused } else { false } }
}

extension UnitResult {
  var isUnavailable: Bool { if case .unavailable = self { true } else { false } }
}

/// Collects what callbacks bring, and lets a test wait for a count of them.
final class Collected<Value: Sendable>: Sendable {
  private struct State: Sendable {
    var values: [Value] = []
    var waiter: (count: Int, continuation: CheckedContinuation<Void, Never>)?
  }
  private let state = Mutex(State())

  var values: [Value] { state.withLock { $0.values } }

  func add(_ value: Value) {
    let ready: CheckedContinuation<Void, Never>? = state.withLock { state in
      state.values.append(value)
      guard let waiter = state.waiter, state.values.count >= waiter.count else { return nil }
      state.waiter = nil
      return waiter.continuation
    }
    ready?.resume()
  }

  func wait(_ count: Int) async -> [Value] {
    await withCheckedContinuation { (continuation: CheckedContinuation<Void, Never>) in
      let isReady = state.withLock { state in
        if state.values.count >= count { return true }
        state.waiter = (count, continuation)
        return false
      }
      if isReady { continuation.resume() }
    }
    return values
  }
}

/// A generator that gives the same numbers for the same seed (SplitMix64).
struct Seeded: RandomNumberGenerator {
  private var state: UInt64
  init(_ seed: UInt64) { state = seed }

  mutating func next() -> UInt64 {
    state &+= 0x9E37_79B9_7F4A_7C15
    var bits = state
    bits = (bits ^ bits >> 30) &* 0xBF58_476D_1CE4_E5B9
    bits = (bits ^ bits >> 27) &* 0x94D0_49BB_1331_11EB
    return bits ^ bits >> 31
  }
}
