package import Messages
import Synchronization

/// The store on the system's SQLite: one file, one thread that writes, a few that read, large payloads as files beside
/// it.
package final class SQLiteStore: Store {
  package let epoch: Int64
  package let closedCleanly: Bool

  let folder: String
  let settings: StoreSettings
  let conditionCell: ConditionCell
  let queue: UnitQueue
  let readers: Readers
  let preparer: Preparer
  /// A backup is being made.
  let isBackingUp = Flag()
  private let hold: HoldCell
  private let minter: Minter
  private let lock: Mutex<FolderLock?>

  init(_ parts: OpenParts) {
    epoch = parts.epoch
    closedCleanly = parts.closedCleanly
    folder = parts.folder
    settings = parts.settings
    conditionCell = parts.condition
    queue = parts.queue
    readers = parts.readers
    preparer = parts.preparer
    minter = parts.minter
    hold = parts.hold
    lock = Mutex(parts.lock)
  }

  package var condition: StoreCondition { conditionCell.value }
  package func observe(_ change: @escaping @Sendable (StoreCondition) -> Void) { conditionCell.observe(change) }
  package var outgoingHold: OutgoingHold? { hold.value }
  package func mint() -> Identifier { minter.next() }

  // MARK: Writing

  package func accept(_ arrival: Acceptance, then: @escaping @Sendable (AcceptResult) -> Void) {
    let unit: Unit
    var weight = 0
    if !conditionCell.isOpen {
      unit = refusal(of: arrival, reason, then)
    } else if queue.isFull {
      unit = refusal(of: arrival, Self.fullReason, then)
    } else {
      do throws(StoreError) {
        let prepared = try PreparedAcceptance(arrival, with: preparer)
        weight = prepared.weight
        unit = .accept(prepared, then)
      } catch {
        unit = refusal(of: arrival, error.reason, then)
      }
    }
    if !queue.push(unit, weight: weight) { then(.unavailable(reason: Self.closedReason)) }
  }

  /// Its staged files belong to nobody.
  private func refusal(
    of arrival: Acceptance, _ reason: String, _ then: @escaping @Sendable (AcceptResult) -> Void
  ) -> Unit {
    for payload in arrival.outputs + [arrival.payload] { preparer.discard(payload) }
    return .refuse(reason, arrival.gate, then)
  }

  package func finish(_ attempt: Attempt, then: @escaping @Sendable (UnitResult) -> Void) {
    let unit: Unit
    do throws(StoreError) {
      unit = .finish(try PreparedAttempt(attempt, with: preparer), then)
    } catch {
      unit = .refuseFinish(attempt.delivery, error.reason, then)
    }
    var rides = false
    if case .delivered = attempt.end { rides = true }
    if !queue.push(unit, weight: 256, rides: rides) { then(.unavailable(reason: Self.closedReason)) }
  }

  package func handOver(
    _ attempts: [Attempt], _ arrival: Acceptance, then: @escaping @Sendable (AcceptResult) -> Void
  ) {
    let unit: Unit
    var weight = 0
    if queue.isFull {
      unit = refusal(of: arrival, Self.fullReason, then)
    } else {
      do throws(StoreError) {
        let ends = try attempts.map { attempt throws(StoreError) in try PreparedAttempt(attempt, with: preparer) }
        let prepared = try PreparedAcceptance(arrival, with: preparer)
        weight = prepared.weight + 256 * ends.count
        unit = .handOver(ends, prepared, then)
      } catch {
        unit = refusal(of: arrival, error.reason, then)
      }
    }
    if !queue.push(unit, weight: weight) { then(.unavailable(reason: Self.closedReason)) }
  }

  package func change(_ change: Change, then: @escaping @Sendable (UnitResult) -> Void) {
    if !queue.push(.change(change, then)) { then(.unavailable(reason: Self.closedReason)) }
  }

  package func register(_ channel: ChannelRegistration) async throws(StoreError) -> ChannelKeys {
    try await task { done in .register(channel, done) }
  }

  package func prune(_ keeping: [Int64: Retention], now: Int64, rowsMax: Int) async throws(StoreError) -> Bool {
    try await task { done in .prune(keeping, now: now, rowsMax: rowsMax, done) }
  }

  /// Wraps all data keys with a new master key; from then on the store opens with that one only. What is stored stays
  /// as it is.
  package func rotate(to key: StoreSettings.MasterKey) async throws(StoreError) {
    try await task { done in .rotate(to: key, done) }
  }

  /// Writes a large payload as a blob of its own before it is accepted: durable before the message that owns it is.
  /// Blocks on the disk; call it on a thread of your own. A blob that no accepted arrival takes over is removed at the
  /// next start.
  package func stage(channel: Int64) throws(StagingError) -> any ContentWriter {
    guard conditionCell.isOpen else { throw StagingError(reason) }
    let sealed = preparer.registry.isSealed(channel: channel)
    do throws(StoreError) {
      return try BlobWriter(blobs: preparer.blobs, id: mint(), sealed: sealed)
    } catch {
      throw StagingError(error.reason)
    }
  }

  package func discard(_ payload: Payload) { preparer.discard(payload) }

  package func open(_ payload: Payload, isTrusted: Bool) throws(ContentError) -> any ContentReader {
    try preparer.blobs.open(payload, isTrusted: isTrusted)
  }

  package func close() async { await close(orderly: true) }

  /// Ends the store; not `orderly` as if the process had been killed: nothing more is written and the log stays.
  func close(orderly: Bool) async {
    await withCheckedContinuation { (continuation: CheckedContinuation<Void, Never>) in
      readers.close { continuation.resume() }
    }
    await withCheckedContinuation { (continuation: CheckedContinuation<Void, Never>) in
      let taken = queue.close(.task(.close(orderly: orderly) { continuation.resume() }))
      if !taken { continuation.resume() }
    }
    lock.withLock { $0 = nil }
  }

  static let closedReason = "the store is closed"
  private static let fullReason = "more arrivals wait for the store than it may hold"

  private var reason: String {
    switch conditionCell.value {
    case .open: "the store has just opened again"
    case .low(let reason), .lost(let reason): reason
    }
  }

  func task<T: Sendable>(
    _ make: (@escaping @Sendable (Result<T, StoreError>) -> Void) -> WriterTask
  ) async throws(StoreError) -> T {
    let result: Result<T, StoreError> = await withCheckedContinuation { continuation in
      if !queue.push(.task(make { continuation.resume(returning: $0) })) {
        continuation.resume(returning: .failure(StoreError(.closed, Self.closedReason)))
      }
    }
    return try result.get()
  }

  /// Waits until everything that was handed over before is durable or answered.
  func drain() async {
    await withCheckedContinuation { (continuation: CheckedContinuation<Void, Never>) in
      if !queue.push(.task(.barrier { continuation.resume() })) { continuation.resume() }
    }
  }

  /// Waits until the reading threads have run what was handed to them before.
  func drainReaders() async { _ = try? await read { _ in true } }

  /// Lets `body` look at the writer's connection, on its thread. It must leave everything as it is.
  func inspect(_ body: @escaping @Sendable (Connection) -> Void) { _ = queue.push(.task(.inspect(body))) }

  /// Runs `body` on one of the store's reading threads, in one read transaction.
  func read<T: Sendable>(_ body: @escaping @Sendable (Reading) throws -> T) async throws(StoreError) -> T {
    let (preparer, queue) = (preparer, queue)
    let result: Result<T, StoreError> = await withCheckedContinuation { continuation in
      let taken = readers.submit { connection in
        let result = Reading.run(
          connection, preparer, whenDamaged: { _ = queue.push(.task(.lose($0))) }, body)
        continuation.resume(returning: result)
      }
      if !taken { continuation.resume(returning: .failure(StoreError(.closed, Self.closedReason))) }
    }
    return try result.get()
  }
}

/// Mints ids for all callers: the clock, a counter, and random bits that only keep stores apart.
final class Minter: Sendable {
  private struct State: Sendable {
    var mint: IdentifierMint
    var random: UInt64
  }
  private let state: Mutex<State>
  private let wall: @Sendable () -> Int64

  init(after last: UInt64, wall: @escaping @Sendable () -> Int64) {
    var generator = SystemRandomNumberGenerator()
    state = Mutex(State(mint: IdentifierMint(after: last), random: generator.next()))
    self.wall = wall
  }

  func next() -> Identifier {
    let now = wall()
    return state.withLock { state in
      // SplitMix64 (Steele, Lea, Flood 2014).
      state.random &+= 0x9E37_79B9_7F4A_7C15
      var bits = state.random
      bits = (bits ^ bits >> 30) &* 0xBF58_476D_1CE4_E5B9
      bits = (bits ^ bits >> 27) &* 0x94D0_49BB_1331_11EB
      return state.mint.next(milliseconds: now, random: bits ^ bits >> 31)
    }
  }
}
