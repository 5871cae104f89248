import CSQLite
import Glibc
import Messages

extension SQLiteStore {
  /// The folder of a backup that is being made, within the data folder. What a killed engine left there goes at the
  /// next start.
  static let backupFolder = "backup.part"

  /// Makes a backup of this store while it works. Returns when the store's file is copied and checked; everything that
  /// was answered for before the call is in it. One at a time.
  ///
  /// - Parameters:
  ///   - site: of this installation.
  ///   - version: of the engine, for people.
  ///   - environment: in which its channels are; empty where they are in none.
  /// - Throws: `refused` where another one is being made or the disk has no room for the copy; `damaged` where the
  ///   store's file is.
  package func backUp(
    site: String, version: String, environment: String?
  ) async throws(StoreError) -> Backup {
    guard isBackingUp.raise() else {
      throw StoreError(.refused, "another backup is being made: one at a time")
    }
    let aside = folder + "/" + Self.backupFolder
    let whenOver: @Sendable () -> Void = { [queue, isBackingUp] in
      Folder.removeTree(aside)
      _ = queue.push(.task(.letTrashGo))
      isBackingUp.lower()
    }
    let thread = BackupThread()
    do throws(StoreError) {
      Folder.removeTree(aside)
      try Folder.make(aside)
      let path = aside + "/hilum.db"
      let madeAt: Int64 = try await task { done in .copy(to: path, done) }
      thread.start(patienceSeconds: Backup.patienceSeconds, whenDone: whenOver)
      var manifest = BackupManifest(
        madeAt: madeAt, site: site, version: version, schema: Schema.version, masterKey: settings.masterKey?.id,
        databaseBytes: 0, blobs: 0, blobBytes: 0, waiting: 0, warnings: [])
      manifest.environment = environment
      return try await stage(path, manifest, thread)
    } catch {
      if await !thread.end() { whenOver() }
      throw error
    }
  }

  /// Checks the copy, marks it as one, and says what the archive consists of; away from the pool's threads.
  private func stage(
    _ path: String, _ begun: BackupManifest, _ thread: BackupThread
  ) async throws(StoreError) -> Backup {
    let preparer = preparer
    let result: Result<(BackupManifest, BackupStream), StoreError> = await withCheckedContinuation { continuation in
      let taken = thread.submit {
        do throws(StoreError) {
          let found = try CopiedStore.mark(path, preparer, site: begun.site, madeAt: begun.madeAt)
          var manifest = begun
          manifest.databaseBytes = Folder.size(path) ?? 0
          manifest.blobs = found.blobs.count
          manifest.blobBytes = found.blobs.reduce(0) { $0 + $1.byteCount }
          (manifest.waiting, manifest.warnings) = (found.waiting, found.warnings)
          let members = found.members(of: manifest, path, preparer.blobs)
          continuation.resume(returning: .success((manifest, BackupStream(members, madeAt: begun.madeAt / 1000))))
        } catch {
          continuation.resume(returning: .failure(error))
        }
      }
      if !taken { continuation.resume(returning: .failure(StoreError(.closed, Self.closedReason))) }
    }
    let (manifest, stream) = try result.get()
    return Backup(manifest, stream, thread)
  }
}

/// A copy of a store's file that no engine works on.
struct CopiedStore {
  var waiting = 0
  var warnings: [String] = []
  var blobs: [(id: Identifier, byteCount: Int64)] = []

  /// Says in the copy that it is one, and checks it: the file, and the payloads of what waits.
  static func mark(
    _ path: String, _ preparer: Preparer, site: String, madeAt: Int64
  ) throws(StoreError) -> CopiedStore {
    let connection = try open(path)
    defer { connection.close() }
    try inStoreWords { () throws(SQLiteFailure) in
      try connection.transaction { () throws(SQLiteFailure) in
        try OutgoingHold(since: madeAt, copy: .init(madeAt: madeAt, site: site)).keep(connection)
        // The engine that goes on has sent what waits here, for all that can be known; and what is held, if a person
        // there released it.
        try connection.execute(
          """
          DELETE FROM meta WHERE name = 'closed';
          UPDATE delivery SET possibly_sent = 1 WHERE state = 0
          """)
      }
    }
    var found = CopiedStore()
    try found.check(connection, path, preparer)
    try found.find(connection, preparer.blobs)
    return found
  }

  /// What the archive consists of.
  func members(of manifest: BackupManifest, _ path: String, _ files: Blobs) -> [BackupStream.Member] {
    let json = manifest.json
    let first = BackupStream.Member(
      name: BackupArchive.manifestName, byteCount: Int64(json.count), content: .bytes(json))
    let second = BackupStream.Member(
      name: BackupArchive.databaseName, byteCount: manifest.databaseBytes, content: .file(path))
    return [first, second]
      + blobs.map {
        let name = "blobs/\(Blobs.inner($0.id))/\($0.id)"
        return BackupStream.Member(name: name, byteCount: $0.byteCount, content: .file(files.path($0.id).file))
      }
  }

  /// A copy is a file by itself: it has no log beside it.
  static func open(_ path: String) throws(StoreError) -> Connection {
    try inStoreWords { () throws(SQLiteFailure) in
      let connection = try Connection(path: path, flags: SQLITE_OPEN_READWRITE, busyMilliseconds: 0)
      _ = hilum_sqlite_settle(connection.handle, 1)
      try connection.execute(
        """
        PRAGMA locking_mode = EXCLUSIVE; PRAGMA journal_mode = DELETE; PRAGMA synchronous = OFF;
        PRAGMA temp_store = MEMORY; PRAGMA trusted_schema = OFF; PRAGMA cell_size_check = ON; PRAGMA cache_size = -16384
        """)
      return connection
    }
  }

  /// - Throws: `damaged` where the file is. A payload that doesn't fit its hash is a warning: it belongs to its
  ///   message.
  mutating func check(_ connection: Connection, _ path: String, _ preparer: Preparer) throws(StoreError) {
    let result: Result<(Int, Int), StoreError> = Reading.run(connection, preparer, whenDamaged: { _ in }) { reading in
      let problems = try reading.integrity()
      if let first = problems.first {
        throw StoreError(.damaged, "\(path) is damaged: \(first). \(SQLiteFailure.advice)")
      }
      return try reading.checkWaiting()
    }
    let damaged: Int
    (waiting, damaged) = try result.get()
    if damaged > 0 {
      warnings.append("\(damaged) of the deliveries that wait have a payload that doesn't fit its hash")
    }
  }

  private mutating func find(_ connection: Connection, _ files: Blobs) throws(StoreError) {
    var missing = 0
    blobs = try inStoreWords { () throws(SQLiteFailure) in
      let rows = try connection.statement("SELECT id, low FROM blob ORDER BY id")
      defer { rows.reset() }
      var blobs: [(id: Identifier, byteCount: Int64)] = []
      while try rows.step() {
        let id = Identifier(key: rows.integer(0), low: rows.integer(1))
        if let size = Folder.size(files.path(id).file) { blobs.append((id, size)) } else { missing += 1 }
      }
      return blobs
    }
    if missing > 0 { warnings.append("the files of \(missing) large payloads are not in the data folder") }
  }
}

extension Reading {
  /// Opens the payload of everything that waits and holds it against its hash.
  func checkWaiting() throws(SQLiteFailure) -> (waiting: Int, damaged: Int) {
    let rows = try connection.statement("SELECT id FROM delivery INDEXED BY waiting WHERE state = 0")
    defer { rows.reset() }
    var (waiting, damaged) = (0, 0)
    while try rows.step() {
      waiting += 1
      guard let delivery = try delivery(rows.integer(0)) else { continue }
      if case .damaged = try payload(delivery) { damaged += 1 }
    }
    return (waiting, damaged)
  }
}
