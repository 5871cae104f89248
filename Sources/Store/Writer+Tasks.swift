import CSQLite
import Glibc
import Messages

extension Writer {
  /// Work between groups, in transactions of its own.
  func perform(_ task: WriterTask) {
    switch task {
    case .register(let registration, let done): done(result { () throws(StoreError) in try register(registration) })
    case .prune(let keeping, let now, let rowsMax, let done):
      done(result { () throws(StoreError) in try prune(keeping, now: now, rowsMax: rowsMax) })
    case .rotate(let to, let done): done(result { () throws(StoreError) in try rotate(to: to) })
    case .copy(let path, let done): beginCopy(to: path, done)
    case .letTrashGo: letTrashGo()
    case .emptyTrash: try? emptyTrash()
    case .lose(let failure): lose(failure.reasonToEnd)
    case .inspect(let body): body(connection)
    case .barrier(let done): done()
    case .close(let orderly, let done):
      endCopying(StoreError(.closed, "the backup was given up: the engine is stopping"))
      if orderly { closeOrderly() } else { _ = hilum_sqlite_settle(connection.handle, 0) }
      connection.close()
      end()
      done()
    }
  }

  private func result<T>(_ body: () throws(StoreError) -> T) -> Result<T, StoreError> {
    if isLost { return .failure(StoreError(.io, "the store is lost: nothing is written any more")) }
    do throws(StoreError) { return .success(try body()) } catch { return .failure(error) }
  }

  /// One transaction of a task, with its counters. An I/O error loses the store here as it does in a group.
  func taskTransaction<T>(_ body: () throws(SQLiteFailure) -> T) throws(StoreError) -> T {
    do throws(SQLiteFailure) {
      try connection.execute("BEGIN IMMEDIATE")
      let value = try body()
      try commitTransaction()
      return value
    } catch {
      rolledBack()
      if error.isInputOutput || error.isDamage { lose(error.reasonToEnd) }
      throw error.storeError
    }
  }

  // MARK: Closing

  private func closeOrderly() {
    refuseRetained()
    if isLost {
      _ = hilum_sqlite_settle(connection.handle, 0)
      return
    }
    disk.releaseBallast()
    // Without the mark the next start takes what may be under way for possibly sent.
    if unwritten.isEmpty {
      try? connection.execute("INSERT OR REPLACE INTO meta (name, value) VALUES ('closed', 1)")
    }
    try? connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
  }

  // MARK: The log

  /// What is done after every group: index runs and the log's size.
  func maintain() {
    guard !isLost, connection.isAutocommit else { return }
    // A run that can't be built (a full disk) is tried again after the next group.
    if runs.isDue(settings.runMessages) { try? buildRun() }
    // The log starts anew when everything was carried over and no reader was in the way.
    if logBytes < carriedBytes { carriedBytes = 0 }
    if logBytes - carriedBytes >= settings.checkpointBytes { checkpoint() }
  }

  /// Carries pending rows into the indexes, and old duplicate keys from memory into the file.
  func buildRun() throws(StoreError) {
    try taskTransaction { () throws(SQLiteFailure) in try runs.build(window, connection) }
    try inStoreWords { () throws(SQLiteFailure) in try runs.built(connection) }
    let now = settings.clock.wall()
    if runs.wantsRetirement(window, keysMax: settings.duplicateKeysMax, now: now) {
      try taskTransaction { () throws(SQLiteFailure) in try runs.retire(window, now: now, connection) }
      runs.retired(&window)
    }
  }

  /// Carries the log over into the file; only the writer does it. TRUNCATE only where readers let the log grow far.
  func checkpoint() {
    let mode = logBytes >= settings.truncateBytes ? SQLITE_CHECKPOINT_TRUNCATE : SQLITE_CHECKPOINT_PASSIVE
    var logFrames: Int32 = 0
    var carried: Int32 = 0
    sqlite3_busy_timeout(connection.handle, 200)
    let code = sqlite3_wal_checkpoint_v2(connection.handle, nil, mode, &logFrames, &carried)
    Failpoint.inCheckpoint.pass()
    sqlite3_busy_timeout(connection.handle, Int32(clamping: settings.busyMilliseconds))
    // What readers still need is carried over the next time; the log grows by as much again before that.
    carriedBytes = logBytes
    if code == SQLITE_OK || code == SQLITE_BUSY { return }
    let failure = connection.failure(code, "checkpoint")
    if failure.isInputOutput || failure.isDamage { lose(failure.description) }
  }

  // MARK: Keys

  private func rotate(to new: StoreSettings.MasterKey) throws(StoreError) {
    guard new.bytes.count == 32, !new.id.isEmpty else {
      throw StoreError(.refused, "the master key \(new.id) has \(new.bytes.count) bytes; it needs 32 and a name")
    }
    try taskTransaction { () throws(SQLiteFailure) in
      try KeyRing.rewrap(connection, from: master, to: new)
      Failpoint.inRotation.pass()
    }
    master = new
  }

  // MARK: Trash

  /// Removes the files of what is in the trash table, and then the rows; a few at a time.
  func emptyTrash() throws(StoreError) {
    if keepsTrash { return }
    do throws(SQLiteFailure) {
      while true {
        var batch: [Identifier] = []
        let rows = try connection.statement("SELECT id, low FROM trash ORDER BY id LIMIT 100")
        while try rows.step() { batch.append(Identifier(key: rows.integer(0), low: rows.integer(1))) }
        rows.reset()
        guard let last = batch.last else { return }
        for id in batch { preparer.blobs.remove(id) }
        let remove = try connection.statement("DELETE FROM trash WHERE id <= ?1")
        remove.bind(1, last.key)
        try remove.run()
      }
    } catch {
      throw error.storeError
    }
  }
}
