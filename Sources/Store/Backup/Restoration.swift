import CSQLite
import Glibc
import Messages

/// What a restored store holds.
package struct Restored: Sendable {
  package var manifest: BackupManifest
  /// Deliveries that wait, held ones and places of failed messages counted.
  package var waiting: Int
  package var warnings: [String]
}

/// Makes a data folder of a backup.
///
/// Everything is written aside within the folder and checked there: the hash of every member, the file by SQLite, the
/// key, the payloads of what waits. Only then it gets its names, the store's file last: a folder has a whole store, or
/// none.
package enum Restoration {
  /// What is written of a restoration before it is whole, within the data folder. An engine doesn't start beside it.
  static let partFolder = "restore.part"

  /// In which environment the data of a folder was made, in a file within.
  package static let environmentName = "environment"

  /// Restores the backup at `path` into a data folder, made where it isn't there. Blocks on the disk.
  ///
  /// - Parameters:
  ///   - ready: puts into the folder what a store needs beside it. Called before the store has its name.
  ///   - key: finds the master key by its name; `nil` where there is none. Called before anything is written.
  /// - Throws: `refused` where the folder holds anything but keys, is in use, or the key is missing or another;
  ///   `damaged` where the backup is; `io`.
  package static func restore(
    _ path: String, into folder: String, ready: (BackupManifest) throws(StoreError) -> Void = { _ in },
    key: (String) throws(StoreError) -> StoreSettings.MasterKey?
  ) throws(StoreError) -> Restored {
    let reader = try BackupReader(path)
    let manifest = try BackupManifest.read(reader)
    var settings = StoreSettings()
    if let name = manifest.masterKey {
      guard let found = try key(name) else {
        throw StoreError(.refused, "\(path) is sealed with the master key \(name), and it is not here")
      }
      guard found.id == name else {
        throw StoreError(
          .refused, "\(path) is sealed with the master key \(name); the one that was given is \(found.id)")
      }
      settings.masterKey = found
    }
    try checkFolder(folder)
    let isNew = !Folder.exists(folder)
    try Folder.make(folder)
    let lock = try FolderLock(folder)
    defer { withExtendedLifetime(lock) {} }
    let part = folder + "/" + partFolder
    // An earlier try was killed: what it left is whole nowhere.
    if Folder.exists(part) { removePlaced(folder) }
    Folder.removeTree(part)
    do throws(StoreError) {
      try Folder.make(part)
      try Folder.make(part + "/blobs")
      try extract(reader, manifest, into: part)
      let restored = try check(part, manifest, settings)
      if let environment = manifest.environment { try writeEnvironment(environment, into: part) }
      try ready(manifest)
      try putInPlace(part, in: folder)
      return restored
    } catch {
      if !Folder.exists(folder + "/hilum.db") {
        removePlaced(folder)
        Folder.removeTree(part)
        if isNew { Folder.removeTree(folder) }
      }
      throw error
    }
  }

  /// A restored store stands alone: in a folder that holds something, nobody could say whose it is.
  private static func checkFolder(_ folder: String) throws(StoreError) {
    guard Folder.exists(folder) else { return }
    let names = Folder.names(folder)
    if names.contains("hilum.db") {
      throw StoreError(
        .refused,
        "\(folder) holds a store already, and it is not touched. Restore into another folder (--into), or move this "
          + "one away.")
    }
    var allowed: Set = ["keys", "lock", "lost+found", partFolder]
    // An unfinished one had begun to give names.
    if names.contains(partFolder) { allowed.formUnion(["blobs", environmentName]) }
    guard let other = names.sorted().first(where: { !allowed.contains($0) }) else { return }
    throw StoreError(
      .refused,
      "\(folder) is not empty: it holds \(other). Restore into a folder that is empty or isn't there; only keys may "
        + "be in it.")
  }

  private static func extract(
    _ reader: BackupReader, _ manifest: BackupManifest, into part: String
  ) throws(StoreError) {
    var members = BackupMembers(manifest, of: reader.path)
    var folders: Set<String> = []
    while let member = try reader.next() {
      let place = try members.place(of: member.name, byteCount: member.byteCount)
      var target = part + "/" + place.name
      if let inner = place.folder {
        if folders.insert(inner).inserted { try Folder.make("\(part)/blobs/\(inner)") }
        target = "\(part)/blobs/\(inner)/\(place.name)"
      }
      try write(reader, to: target)
    }
    try members.checkWhole()
    for inner in folders { try Folder.sync("\(part)/blobs/\(inner)") }
    try Folder.sync(part + "/blobs")
  }

  private static func write(_ reader: BackupReader, to path: String) throws(StoreError) {
    let descriptor = Glibc.open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0o600)
    guard descriptor >= 0 else { throw Folder.failure("make", path) }
    defer { Glibc.close(descriptor) }
    while true {
      let bytes = try reader.read(1 << 20)
      if bytes.isEmpty { break }
      guard bytes.withUnsafeBytes({ Folder.write(descriptor, $0) }) else { throw Folder.failure("write", path) }
    }
    guard fdatasync(descriptor) == 0 else { throw Folder.failure("sync", path) }
  }

  /// The store as it will be opened: its mark, its keys, SQLite's own check, the payloads of what waits.
  private static func check(
    _ part: String, _ manifest: BackupManifest, _ settings: StoreSettings
  ) throws(StoreError) -> Restored {
    let path = part + "/hilum.db"
    let connection = try CopiedStore.open(path)
    defer { connection.close() }
    try Schema.refuseNewer(connection, path: path)
    try Schema.migrate(connection) { _ throws(StoreError) in }
    let sealer = Sealer()
    let blind = try KeyRing.load(connection, master: settings.masterKey, now: settings.clock.wall(), into: sealer)
    let registry = Registry()
    try inStoreWords { () throws(SQLiteFailure) in
      try registry.load(connection)
      // It is there since the backup was made; nothing may send without it.
      if try OutgoingHold.read(connection) == nil {
        try OutgoingHold(since: manifest.madeAt, copy: .init(madeAt: manifest.madeAt, site: manifest.site))
          .keep(connection)
      }
    }
    let preparer = Preparer(
      settings: settings, sealer: sealer, blind: blind, registry: registry,
      blobs: try Blobs(folder: part + "/blobs", sealer: sealer), mint: { Identifier(high: 0, low: 0) })
    var copied = CopiedStore()
    try copied.check(connection, path, preparer)
    return Restored(
      manifest: manifest, waiting: copied.waiting,
      warnings: manifest.warnings + copied.warnings.filter { !manifest.warnings.contains($0) })
  }

  private static func putInPlace(_ part: String, in folder: String) throws(StoreError) {
    let database = part + "/hilum.db"
    let opened = try OpenedFile(database)
    guard fsync(opened.descriptor) == 0 else { throw Folder.failure("sync", database) }
    try Folder.sync(part)
    let environment = Folder.exists("\(part)/\(environmentName)") ? [environmentName] : []
    for name in environment + ["blobs", "hilum.db"] {
      guard rename("\(part)/\(name)", "\(folder)/\(name)") == 0 else {
        throw Folder.failure("give its name to", "\(part)/\(name)")
      }
      try Folder.sync(folder)
      Failpoint.inRestore.pass()
    }
    Folder.removeTree(part)
    try Folder.sync(folder)
  }

  /// What has its name of a store that has none.
  private static func removePlaced(_ folder: String) {
    Folder.removeTree(folder + "/blobs")
    unlink("\(folder)/\(environmentName)")
  }

  /// A copy of one environment's store sends to that one's partners only, unless somebody says otherwise.
  private static func writeEnvironment(_ environment: String, into part: String) throws(StoreError) {
    let path = "\(part)/\(environmentName)"
    let descriptor = Glibc.open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0o600)
    guard descriptor >= 0 else { throw Folder.failure("make", path) }
    defer { Glibc.close(descriptor) }
    guard Array("\(environment)\n".utf8).withUnsafeBytes({ Folder.write(descriptor, $0) }) else {
      throw Folder.failure("write", path)
    }
    guard fdatasync(descriptor) == 0 else { throw Folder.failure("sync", path) }
  }

  /// A folder in which a restoration was not finished has no store, and must not get an empty one.
  static func refuseUnfinished(_ folder: String) throws(StoreError) {
    let part = folder + "/" + partFolder
    guard Folder.exists(part) else { return }
    guard Folder.exists(folder + "/hilum.db") else {
      throw StoreError(
        .refused,
        "a restore into \(folder) was not finished. Run hilum restore again; or, for a new and empty store, remove "
          + "\(part) and \(folder)/blobs first.")
    }
    Folder.removeTree(part)
  }
}
