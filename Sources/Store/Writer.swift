import CSQLite
import Glibc
import Messages
import Synchronization

/// The one thread that writes: takes waiting units, commits them as a group, and tells their callers.
///
/// Everything it holds in memory beside the file (counters, duplicate keys, pending index rows) is as before after a
/// rollback. Units do not share fate: a condition that doesn't hold makes its unit stale, and a unit that fails in an
/// unexpected way is the only one of its group that fails.
final class Writer: @unchecked Sendable {
  let connection: Connection
  let settings: StoreSettings
  let preparer: Preparer
  let condition: ConditionCell
  let queue: UnitQueue
  let epoch: Int64
  /// The last owner did not close the store in order.
  let ownerDied: Bool
  let witness: Witness
  var disk: DiskGuard
  var master: StoreSettings.MasterKey?

  var tally = Tally()
  var window = DuplicateWindow()
  var runs = IndexRuns()
  var statements: WriterStatements
  var acknowledged = AcknowledgedMessages()
  /// Where retention goes on among the rows that it had to leave, and in the old index rows.
  var pruneCursors = PruneCursors()

  /// Finishes that couldn't be written and aren't lost: they go before everything else.
  private var retained: [Unit] = []
  /// Deliveries with an end that was never written: the next start must take them for possibly sent.
  private(set) var unwritten: Set<DeliveryID> = []
  private var nextPoll: UInt64 = 0
  private var lastWrite: UInt64 = 0
  /// How long commits take, smoothed over the last few.
  private var commitNanoseconds: UInt64 = 0
  private var keyDay: Int64 = -1
  let pageBytes: Int
  /// How long the log is, as the last commit told, and how much of that was carried over already.
  var logBytes = 0
  var carriedBytes = 0
  private var isEnding = false
  /// A backup's copy of the file that is under way.
  var copying: Copying?
  /// Blobs whose rows are gone stay, because a backup takes them.
  var keepsTrash = false
  let hold: HoldCell

  init(
    connection: Connection, settings: StoreSettings, preparer: Preparer, condition: ConditionCell, queue: UnitQueue,
    epoch: Int64, ownerDied: Bool, witness: Witness, disk: DiskGuard, hold: HoldCell
  ) throws(SQLiteFailure) {
    self.connection = connection
    self.settings = settings
    self.preparer = preparer
    self.condition = condition
    self.queue = queue
    self.epoch = epoch
    self.ownerDied = ownerDied
    self.witness = witness
    self.disk = disk
    self.hold = hold
    master = settings.masterKey
    statements = try WriterStatements(connection)
    pageBytes = Int(try connection.number("PRAGMA page_size") ?? 4_096)
    try tally.load(connection)
    try runs.load(&window, connection)
    if preparer.sealer.currentID != 0 { keyDay = settings.clock.wall() / 86_400_000 }
  }

  var isLost: Bool { if case .lost = condition.value { true } else { false } }

  // MARK: The thread

  /// Runs until a `close` comes.
  func run() {
    while !isEnding {
      pollDisk()
      let units = queue.next(deadline: deadline(), arrivalsMax: arrivalsMax)
      if units.isEmpty {
        idle()
      } else if case .task(let task)? = units.first {
        flushRetained()
        perform(task)
      } else {
        runGroup(takeRetained() + units)
      }
      // After a close there is no connection any more.
      if !isEnding {
        maintain()
        goOnCopying()
      }
    }
  }

  /// When the writer has something to do though no unit comes.
  private func deadline() -> UInt64 {
    let now = nanoseconds(CLOCK_MONOTONIC)
    var wait = UInt64(settings.pollMilliseconds)
    if logBytes > carriedBytes { wait = min(wait, UInt64(settings.idleCheckpointMilliseconds)) }
    if !retained.isEmpty { wait = min(wait, 50) }
    let next = now + wait * 1_000_000
    return copying.map { min(next, $0.nextStep) } ?? next
  }

  /// On a slow disk the commit is what everybody waits for: the group grows with it.
  private var arrivalsMax: Int {
    settings.groupUnitsMax * (1 + Int(min(commitNanoseconds / 1_000_000, 15)))
  }

  private func idle() {
    flushRetained()
    guard logBytes > carriedBytes, !isLost else { return }
    if nanoseconds(CLOCK_MONOTONIC) >= lastWrite + UInt64(settings.idleCheckpointMilliseconds) * 1_000_000 {
      checkpoint()
    }
  }

  private func flushRetained() { if !retained.isEmpty { runGroup(takeRetained()) } }

  private func takeRetained() -> [Unit] {
    defer { retained = [] }
    return retained
  }

  func end() { isEnding = true }

  // MARK: Groups

  private enum Outcome {
    case accept(AcceptResult)
    case unit(UnitResult)
  }

  private func runGroup(_ units: [Unit]) {
    if isLost { return refuse(units, "the store is lost") }
    do throws(SQLiteFailure) {
      let outcomes = try commit(units)
      answer(units, outcomes)
    } catch {
      rolledBack()
      failed(units, error)
    }
  }

  private func commit(_ units: [Unit]) throws(SQLiteFailure) -> [Outcome] {
    try ensureDataKey()
    var outcomes: [Outcome] = []
    outcomes.reserveCapacity(units.count)
    try statements.begin.run()
    for unit in units { outcomes.append(try apply(unit)) }
    try commitTransaction()
    return outcomes
  }

  /// Writes the counters and commits what stands in the open transaction.
  func commitTransaction() throws(SQLiteFailure) {
    try tally.write(statements)
    Failpoint.beforeCommit.pass()
    try inject(.beforeCommit)
    let start = nanoseconds(CLOCK_MONOTONIC)
    try statements.commit.run()
    // A test's word for a COMMIT that reached the log and was said to have failed.
    try inject(.afterCommit)
    lastWrite = nanoseconds(CLOCK_MONOTONIC)
    commitNanoseconds = (3 * commitNanoseconds + lastWrite - start) / 4
    queue.commits.note(nanoseconds: lastWrite - start)
    tally.committed()
    window.committed()
    runs.committed()
    witness.commit = tally.commit
    Failpoint.afterCommit.pass()
  }

  func rolledBack() {
    if !connection.isAutocommit { try? connection.execute("ROLLBACK") }
    tally.rolledBack()
    window.rolledBack()
    runs.rolledBack()
    readHoldAgain()
  }

  /// A release that was rolled back was none.
  private func readHoldAgain() {
    do throws(SQLiteFailure) { hold.value = try OutgoingHold.read(connection) } catch { return }
  }

  /// What a test wants SQLite to have said here.
  func inject(_ point: Failpoint) throws(SQLiteFailure) {
    guard let failure = settings.failure else { return }
    let code = failure(point)
    if code != 0 { throw SQLiteFailure(code: code, systemError: 0, doing: point.rawValue) }
  }

  private func apply(_ unit: Unit) throws(SQLiteFailure) -> Outcome {
    switch unit {
    case .accept(let arrival, _): return .accept(try gated(arrival) { () throws(SQLiteFailure) in try accept(arrival) })
    case .refuse(let reason, let gate, _):
      gate?.close()
      return .accept(.unavailable(reason: reason))
    case .finish(let attempt, _): return .unit(try finish(attempt))
    case .handOver(let attempts, let arrival, _): return .accept(try handOver(attempts, arrival))
    case .change(let change, _): return .unit(try self.change(change))
    case .refuseFinish(_, let reason, _): return .unit(.unavailable(reason: reason))
    case .task: return .unit(.stale)
    }
  }

  /// After one arrival of an origin wasn't taken, none of those behind it is.
  func gated(
    _ arrival: PreparedAcceptance, _ take: () throws(SQLiteFailure) -> AcceptResult
  ) throws(SQLiteFailure) -> AcceptResult {
    if arrival.gate?.isBroken == true {
      return .unavailable(reason: "an earlier message of the same sender wasn't taken")
    }
    let result = condition.isOpen ? try take() : .unavailable(reason: reason)
    if case .unavailable = result { arrival.gate?.close() }
    return result
  }

  private var reason: String {
    switch condition.value {
    case .open: "the store is open"
    case .low(let reason), .lost(let reason): reason
    }
  }

  private func answer(_ units: [Unit], _ outcomes: [Outcome]) {
    for (unit, outcome) in zip(units, outcomes) {
      switch (unit, outcome) {
      case (.accept(let arrival, let then), .accept(let result)):
        discardBlobs(arrival, result)
        then(result)
      case (.handOver(_, let arrival, let then), .accept(let result)):
        discardBlobs(arrival, result)
        then(result)
      case (.refuse(_, _, let then), .accept(let result)): then(result)
      case (.finish(let attempt, let then), .unit(let result)):
        if !unwritten.isEmpty {
          switch result {
          case .done, .followed: unwritten.remove(attempt.attempt.delivery)
          default: break
          }
        }
        then(result)
      case (.change(_, let then), .unit(let result)): then(result)
      case (.refuseFinish(let delivery, _, let then), .unit(let result)):
        unwritten.insert(delivery)
        then(result)
      default: break
      }
    }
  }

  /// The files of an arrival that wasn't stored (again) belong to nobody.
  private func discardBlobs(_ arrival: PreparedAcceptance, _ result: AcceptResult) {
    if case .accepted = result { return }
    let kept: BlobReference? = if case .conflict = result { arrival.blob } else { nil }
    for blob in arrival.blobs where blob.id != kept?.id { preparer.blobs.remove(blob.id) }
  }

  // MARK: Failures

  /// A group that couldn't be committed.
  private func failed(_ units: [Unit], _ failure: SQLiteFailure) {
    let isUnknown = failure.leavesCommitUnknown
    if failure.isFull {
      disk.releaseBallast()
      condition.set(.low(reason: "the disk of the data folder is full"))
      retain(units, "the disk of the data folder is full", isUnknown: isUnknown)
    } else if failure.isBusy {
      retain(units, "another process holds the store's file")
    } else if failure.isInputOutput || failure.isDamage || failure.primary == SQLITE_READONLY
      || failure.primary == SQLITE_CANTOPEN
    {
      lose(failure.reasonToEnd)
      refuse(units, failure.description, isUnknown: isUnknown)
    } else if units.count > 1 {
      for unit in units { runGroup([unit]) }
    } else {
      refuse(units, failure.description)
    }
  }

  /// Nothing is written any more, and the log stays as it is for whoever looks at it.
  func lose(_ reason: String) {
    _ = hilum_sqlite_settle(connection.handle, 0)
    condition.set(.lost(reason: reason))
  }

  /// Finishes are kept for the next try; the rest is answered.
  private func retain(_ units: [Unit], _ reason: String, isUnknown: Bool = false) {
    var others: [Unit] = []
    for unit in units {
      if case .finish = unit { retained.append(unit) } else { others.append(unit) }
    }
    refuse(others, reason, isUnknown: isUnknown)
  }

  /// - Parameter isUnknown: the arrivals may come back at the next start. Their files stay until then, when those that
  ///   no row owns are swept.
  private func refuse(_ units: [Unit], _ reason: String, isUnknown: Bool = false) {
    for unit in units {
      switch unit {
      case .accept(let arrival, let then), .handOver(_, let arrival, let then):
        arrival.gate?.close()
        if !isUnknown { discardBlobs(arrival, .unavailable(reason: reason)) }
        then(.unavailable(reason: reason))
      case .refuse(let own, let gate, let then):
        gate?.close()
        then(.unavailable(reason: own))
      case .finish(let attempt, let then):
        unwritten.insert(attempt.attempt.delivery)
        then(.unavailable(reason: reason))
      case .change(_, let then): then(.unavailable(reason: reason))
      case .refuseFinish(let delivery, let own, let then):
        unwritten.insert(delivery)
        then(.unavailable(reason: own))
      case .task: break
      }
    }
  }

  /// What couldn't be written until the end is answered at last.
  func refuseRetained() {
    flushRetained()
    refuse(takeRetained(), "the store was closed before it could be written")
  }

  // MARK: Between groups

  /// Looks at the disk and at the file's name, at most every poll.
  private func pollDisk() {
    let now = settings.clock.monotonic()
    guard now >= nextPoll else { return }
    nextPoll = now + UInt64(settings.pollMilliseconds) * 1_000_000
    guard !isLost else { return }
    guard disk.isSameFile() else {
      return lose(
        "the store's file or its log (hilum.db-wal) was removed or replaced while the engine had it open; what is "
          + "written goes nowhere")
    }
    if let reason = disk.low(wasLow: !condition.isOpen) {
      condition.set(.low(reason: reason))
    } else {
      if retained.isEmpty { disk.takeBallast() }
      condition.set(.open)
    }
  }

  /// A new day has a new data key.
  func ensureDataKey() throws(SQLiteFailure) {
    guard let master else { return }
    let now = settings.clock.wall()
    guard now / 86_400_000 != keyDay else { return }
    let made = try connection.transaction { () throws(SQLiteFailure) in
      try KeyRing.make(connection, master: master, now: now)
    }
    preparer.sealer.add(made.key, id: made.id, current: true)
    keyDay = now / 86_400_000
  }
}
