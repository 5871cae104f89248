import CSQLite
import Glibc
import Messages

/// What an opened store consists of.
struct OpenParts {
  var folder: String
  var settings: StoreSettings
  var epoch: Int64
  var closedCleanly: Bool
  var condition: ConditionCell
  var queue: UnitQueue
  var readers: Readers
  var preparer: Preparer
  var minter: Minter
  var lock: FolderLock
  var hold: HoldCell
}

extension SQLiteStore {
  /// Opens the store of a data folder, made where there is none. Takes the folder's lock, migrates an older file,
  /// checks what can be checked without reading all of it, and starts the store's threads. Blocks on the disk; counts
  /// and scans nothing.
  ///
  /// - Throws: `refused` where another engine has the folder, the file is newer than this engine or the master key
  ///   isn't its own; `damaged` where the file can't be trusted; `io`.
  package static func open(
    _ folder: String, settings: StoreSettings = StoreSettings()
  ) throws(StoreError) -> SQLiteStore {
    try Folder.make(folder)
    let lock = try FolderLock(folder)
    try Restoration.refuseUnfinished(folder)
    Folder.removeTree(folder + "/" + backupFolder)
    let path = folder + "/hilum.db"
    try checkHeader(path)
    let connection = try openWriter(path, settings)
    try Schema.refuseNewer(connection, path: path)
    try Schema.migrate(connection) { version throws(StoreError) in
      try backUp(connection, path: path, folder: folder, version: version, wall: settings.clock.wall())
    }
    try checkEdges(connection, path: path)
    let sealer = Sealer()
    let blobs = try Blobs(folder: folder + "/blobs", sealer: sealer)
    let greatest = try inStoreWords { () throws(SQLiteFailure) in try greatestID(connection) }
    let minter = Minter(after: greatest, wall: settings.clock.wall)
    let witness = try checkWitness(connection, folder: folder)
    let blind = try KeyRing.load(connection, master: settings.masterKey, now: settings.clock.wall(), into: sealer)
    let registry = Registry()
    let preparer = Preparer(
      settings: settings, sealer: sealer, blind: blind, registry: registry, blobs: blobs, mint: { minter.next() })
    let condition = ConditionCell()
    let queue = UnitQueue(settings: settings)
    let disk = DiskGuard(folder: folder, file: path, settings: settings)
    let readers = Readers()
    let hold = HoldCell()
    do throws(SQLiteFailure) {
      let (epoch, closedCleanly) = try takeOver(connection, settings, hold)
      try registry.load(connection)
      let writer = try Writer(
        connection: connection, settings: settings, preparer: preparer, condition: condition, queue: queue,
        epoch: epoch, ownerDied: !closedCleanly,
        witness: witness, disk: disk, hold: hold)
      try writer.ensureDataKey()
      witness.commit = writer.tally.commit
      for number in 0..<max(1, settings.readers) { readers.start(try openReader(path, settings), number: number) }
      let store = SQLiteStore(
        OpenParts(
          folder: folder, settings: settings, epoch: epoch, closedCleanly: closedCleanly, condition: condition,
          queue: queue,
          readers: readers, preparer: preparer, minter: minter, lock: lock, hold: hold))
      watchLog(writer)
      StoreThread.start("store-write") { writer.run() }
      store.sweep(before: minter.next())
      return store
    } catch {
      readers.close {}
      throw error.storeError
    }
  }

  // MARK: Connections

  private static func openWriter(_ path: String, _ settings: StoreSettings) throws(StoreError) -> Connection {
    do throws(SQLiteFailure) {
      let connection = try Connection(
        path: path, flags: SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE,
        busyMilliseconds: Int32(clamping: settings.busyMilliseconds))
      chmod(path, 0o600)
      hilum_sqlite_slots(connection.handle, 4_096, 256)
      _ = hilum_sqlite_settle(connection.handle, 1)
      if try connection.number("PRAGMA page_count") == 0 {
        // A commit writes its pages whole, and adds up each byte of them: with pages of 8 KiB it took a tenth longer.
        try connection.execute("PRAGMA page_size = 4096; PRAGMA auto_vacuum = INCREMENTAL")
      }
      try connection.execute(
        """
        PRAGMA journal_mode = WAL; PRAGMA wal_autocheckpoint = 0;
        PRAGMA synchronous = FULL; PRAGMA temp_store = MEMORY; PRAGMA trusted_schema = OFF; PRAGMA cell_size_check = ON;
        PRAGMA secure_delete = FAST; PRAGMA cache_size = -32768
        """)
      guard try connection.number("PRAGMA synchronous") == 2, try connection.text("PRAGMA journal_mode") == "wal" else {
        throw SQLiteFailure(code: SQLITE_MISUSE, systemError: 0, doing: "set synchronous=FULL on a write-ahead log")
      }
      return connection
    } catch {
      throw damaged(error, path)
    }
  }

  private static func openReader(_ path: String, _ settings: StoreSettings) throws(SQLiteFailure) -> Connection {
    let connection = try Connection(path: path, flags: SQLITE_OPEN_READWRITE, busyMilliseconds: 1_000)
    _ = hilum_sqlite_settle(connection.handle, 0)
    try connection.execute(
      """
      PRAGMA query_only = ON; PRAGMA wal_autocheckpoint = 0; PRAGMA temp_store = MEMORY; PRAGMA trusted_schema = OFF;
      PRAGMA cell_size_check = ON; PRAGMA cache_size = -8192
      """)
    return connection
  }

  /// Lets the writer know how long the log is. The hook takes the place of SQLite's own automatic checkpoint.
  private static func watchLog(_ writer: Writer) {
    sqlite3_wal_hook(
      writer.connection.handle,
      { context, _, _, pages in
        guard let context else { return SQLITE_OK }
        let writer = Unmanaged<Writer>.fromOpaque(context).takeUnretainedValue()
        writer.logBytes = Int(pages) * (writer.pageBytes + 24)
        return SQLITE_OK
      }, Unmanaged.passUnretained(writer).toOpaque())
  }

  // MARK: Checks

  private static func damaged(_ failure: SQLiteFailure, _ path: String) -> StoreError {
    guard failure.isDamage else { return failure.storeError }
    return StoreError(
      .damaged,
      "\(path) is damaged (\(failure)). Nothing was changed. \(SQLiteFailure.advice)")
  }

  /// The head of the file, before SQLite touches it: what isn't a database isn't given a log.
  private static func checkHeader(_ path: String) throws(StoreError) {
    guard let size = Folder.size(path), size > 0 else { return }
    let descriptor = Glibc.open(path, O_RDONLY | O_CLOEXEC)
    guard descriptor >= 0 else { throw Folder.failure("open", path) }
    defer { Glibc.close(descriptor) }
    let head = Folder.read(descriptor, 100) ?? []
    guard head.count == 100, Array(head[0..<16]) == Array("SQLite format 3\0".utf8) else {
      throw StoreError(.damaged, "\(path) has no SQLite header: it is damaged, or not a store")
    }
    let pageSize = Int64(head[16]) << 8 | Int64(head[17])
    let pages = head[28..<32].reduce(Int64(0)) { $0 << 8 | Int64($1) }
    let hasLog = (Folder.size(path + "-wal") ?? 0) > 0
    guard hasLog || size >= pages * pageSize else {
      throw StoreError(.damaged, "\(path) is cut off: \(size) bytes where its header says \(pages * pageSize)")
    }
  }

  /// Reads the first and the last row of every table: the root pages and both edges of the trees, not what is between.
  private static func checkEdges(_ connection: Connection, path: String) throws(StoreError) {
    do throws(SQLiteFailure) {
      let tables = try connection.statement(
        "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite_%'")
      var names: [String] = []
      while try tables.step() { names.append(tables.text(0) ?? "") }
      tables.reset()
      guard !names.isEmpty else { throw SQLiteFailure(code: SQLITE_CORRUPT, systemError: 0, doing: "read the schema") }
      let withRowid: Set = ["message", "delivery", "output", "blob", "trash", "tally", "run", "key_run", "old_key"]
      for name in names {
        _ = try connection.number("SELECT 1 FROM \(name) LIMIT 1")
        if withRowid.contains(name) { _ = try connection.number("SELECT max(rowid) FROM \(name)") }
      }
      _ = try connection.number("SELECT max(lane) FROM delivery INDEXED BY waiting WHERE state = 0")
      _ = try connection.number("SELECT max(channel) FROM listed")
      _ = try connection.number("SELECT max(run) FROM searched")
    } catch {
      throw damaged(error, path)
    }
  }

  private static func checkWitness(_ connection: Connection, folder: String) throws(StoreError) -> Witness {
    let known = try inStoreWords { () throws(SQLiteFailure) in
      try connection.number("SELECT max(last_commit) FROM tally") ?? 0
    }
    let path = folder + "/witness"
    let witness = try Witness(path)
    guard witness.commit <= known else {
      throw StoreError(
        .damaged,
        "the store knows \(known) commits, its witness \(witness.commit): the write-ahead log was cut off or the "
          + "file was replaced, and \(witness.commit - known) commits are missing. Restore the log beside hilum.db; to "
          + "go on without them, remove \(path).")
    }
    return witness
  }

  private static func backUp(
    _ connection: Connection, path: String, folder: String, version: Int, wall: Int64
  ) throws(StoreError) {
    do throws(SQLiteFailure) {
      try connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    } catch { throw error.storeError }
    try Folder.copy(path, to: "\(folder)/hilum.db.schema\(version).backup", in: folder)
  }

  // MARK: Taking over

  private static func greatestID(_ connection: Connection) throws(SQLiteFailure) -> UInt64 {
    var greatest: Int64 = 0
    for table in ["message", "delivery", "output", "blob", "trash"] {
      greatest = max(greatest, try connection.number("SELECT max(id) FROM \(table)") ?? 0)
    }
    return UInt64(greatest)
  }

  /// Numbers this ownership, and takes the mark of an orderly end away until this one ends so.
  private static func takeOver(
    _ connection: Connection, _ settings: StoreSettings, _ hold: HoldCell
  ) throws(SQLiteFailure) -> (epoch: Int64, closedCleanly: Bool) {
    let last = try connection.number("SELECT value FROM meta WHERE name = 'epoch'")
    let closed = try connection.number("SELECT value FROM meta WHERE name = 'closed'")
    let epoch = (last ?? 0) + 1
    let closedCleanly = last == nil || closed == 1
    try connection.transaction { () throws(SQLiteFailure) in
      try connection.execute(
        "INSERT OR REPLACE INTO meta (name, value) VALUES ('epoch', \(epoch)); DELETE FROM meta WHERE name = 'closed'")
      hold.value = try OutgoingHold.opened(connection, site: settings.site, now: settings.clock.wall())
      // A lane that orders by key may have had any of what waits under way.
      guard !closedCleanly else { return }
      try connection.execute(
        """
        UPDATE lane SET suspect_through = (SELECT last_sequence FROM lane_count c WHERE c.lane = lane.id)
        WHERE ordering IS NOT NULL AND id IN (SELECT lane FROM lane_count)
        """)
    }
    return (epoch, closedCleanly)
  }

  /// Removes files that no row owns, from before this start, in the background.
  private func sweep(before start: Identifier) {
    _ = queue.push(.task(.emptyTrash))
    let blobs = preparer.blobs
    let readers = readers
    _ = readers.submit { connection in
      for inner in Folder.names(blobs.folder) where !readers.isClosing {
        for name in Folder.names(blobs.folder + "/" + inner) {
          guard let id = Identifier(name), id < start else { continue }
          do {
            let owner = try connection.number("SELECT 1 FROM blob WHERE id = ?1 AND low = ?2", id.key, id.lowKey)
            if owner == nil { blobs.remove(id) }
          } catch { return }
        }
      }
    }
  }
}
