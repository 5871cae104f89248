import Admin
import ArgumentParser
import Definitions
import Foundation
import Glibc
import Store

struct BackupCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "backup", abstract: "Makes a backup of a running engine: one file, consistent, verified.",
    discussion: """
      The engine goes on meanwhile. What was acknowledged before the command is in the backup: messages, deliveries,
      what was sent and answered, large payloads. FILE is written beside under FILE.part, read again and checked, and
      only then gets its name: an older FILE stays until then.
      What is there and is no backup is never replaced.

      The master key is not in it, nor are channel files and logs. Without the key nobody can restore it: keep a copy of
      the key, elsewhere.

      Example:
        hilum backup /backup/hilum.tar
        hilum backup --verify /backup/hilum.tar
      """)
  @OptionGroup var engine: EngineOptions
  @Flag(help: "Only checks a backup that was made before; needs no engine and no key.") var verify = false
  @Argument(help: "The file.") var file: String

  func run() async throws {
    let manifest = verify ? try inWords { () throws(StoreError) in try BackupManifest.verify(file) } : try await make()
    if engine.json { return try Terminal.json(manifest) }
    let size = try FileManager.default.attributesOfItem(atPath: file)[.size] as? Int64 ?? 0
    Terminal.line(
      "\(file): \(Terminal.safe(manifest.site)) as of \(Terminal.time(manifest.madeAt)), \(Terminal.size(size)), "
        + "\(manifest.waiting) deliveries waiting, \(manifest.blobs) large payloads; every byte checked")
    if let key = manifest.masterKey {
      Terminal.line(
        "It is sealed with the master key \(Terminal.safe(key)), which is not in it: keep that key elsewhere.")
    }
    for warning in manifest.warnings { Terminal.error(Terminal.red("Not whole: \(Terminal.safe(warning))")) }
  }

  /// A backup is not put among the engine's own files.
  private func mustBeOutside() throws {
    let parent = URL(fileURLWithPath: file).deletingLastPathComponent().path
    guard let folder = realpath(parent, nil) else {
      throw Failure("The folder \(parent) can't be used: \(String(cString: strerror(errno)))")
    }
    defer { free(folder) }
    guard let data = realpath(engine.data, nil) else { return }
    defer { free(data) }
    guard (String(cString: folder) + "/").hasPrefix(String(cString: data) + "/") else { return }
    throw Failure("\(file) is in the engine's data folder: name a FILE elsewhere, on another disk at best.")
  }

  /// Only a former backup is replaced, or an empty file.
  private static func mayReplace(_ path: String) throws {
    var status = stat()
    guard lstat(path, &status) == 0 else {
      if errno == ENOENT { return }
      throw Failure("\(path) can't be looked at: \(String(cString: strerror(errno)))")
    }
    let what: String
    switch status.st_mode & S_IFMT {
    case S_IFREG:
      if status.st_size == 0 { return }
      guard let file = FileHandle(forReadingAtPath: path) else {
        throw Failure("\(path) is there and can't be read, so it isn't replaced. Name another FILE.")
      }
      defer { try? file.close() }
      if BackupManifest.begins(Array(try file.read(upToCount: 512) ?? Data())) { return }
      what = "a file that is no backup of Hilum"
    case S_IFLNK: what = "a symbolic link"
    case S_IFDIR: what = "a folder"
    case S_IFBLK, S_IFCHR: what = "a device"
    case S_IFIFO: what = "a pipe"
    default: what = "no regular file"
    }
    throw Failure("\(path) is \(what), and is not replaced. Name another FILE, or remove it first.")
  }

  private func make() async throws -> BackupManifest {
    let part = file + ".part"
    try mustBeOutside()
    for path in [file, part] { try Self.mayReplace(path) }
    let output = try PartFile(part)
    do {
      try await engine.client.stream("backup", lengthIn: BackupBytes.header) { bytes in
        try output.expect(bytes, in: file)
      } _: { bytes in
        try output.write(bytes)
      }
      try output.sync()
      let manifest = try inWords { () throws(StoreError) in try BackupManifest.verify(part) }
      try Self.mayReplace(file)
      try output.rename(to: file)
      return manifest
    } catch {
      output.remove()
      let reason = "\(error)".replacingOccurrences(of: part, with: file)
      throw Failure("\(reason)\nNo backup was made.")
    }
  }
}

/// A file that has its name only when it is whole and on the disk.
private final class PartFile {
  private let path: String
  private let descriptor: Int32
  private var expected: Int64 = 0
  private var written: Int64 = 0
  private var shown = 0
  private var isNamed = false

  init(_ path: String) throws {
    descriptor = try Self.locked(path)
    self.path = path
    fchmod(descriptor, 0o600)
    ftruncate(descriptor, 0)
  }

  /// The file that has this name, and nobody else's. Another backup may have given it its last name between its opening
  /// and its lock: then it is a whole backup, and a new file is made.
  private static func locked(_ path: String) throws -> Int32 {
    while true {
      let descriptor = open(path, O_WRONLY | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0o600)
      guard descriptor >= 0 else { throw Failure("\(path) can't be written: \(String(cString: strerror(errno)))") }
      guard flock(descriptor, LOCK_EX | LOCK_NB) == 0 else {
        close(descriptor)
        throw Failure("\(path) is being written by another hilum backup.")
      }
      var (opened, named) = (stat(), stat())
      if fstat(descriptor, &opened) == 0, lstat(path, &named) == 0, opened.st_dev == named.st_dev,
        opened.st_ino == named.st_ino
      {
        return descriptor
      }
      close(descriptor)
    }
  }

  deinit { close(descriptor) }

  /// Refuses at once what there is no room for.
  func expect(_ bytes: Int64?, in file: String) throws {
    var disk = statvfs()
    guard let bytes, fstatvfs(descriptor, &disk) == 0 else { return }
    expected = bytes
    let free = Int64(clamping: UInt64(disk.f_bavail) * UInt64(disk.f_frsize))
    guard free > bytes else {
      throw Failure("The disk of \(file) has \(Terminal.size(free)) free; the backup takes \(Terminal.size(bytes)).")
    }
  }

  func write(_ bytes: [UInt8]) throws {
    var rest = bytes[...]
    while !rest.isEmpty {
      let count = rest.withUnsafeBytes { Glibc.write(descriptor, $0.baseAddress, $0.count) }
      if count < 0, errno == EINTR { continue }
      guard count >= 0 else { throw Failure("\(path) can't be written: \(String(cString: strerror(errno)))") }
      rest = rest.dropFirst(count)
    }
    written += Int64(bytes.count)
    guard isatty(2) == 1, expected > 0 else { return }
    let percent = Int(written * 100 / expected)
    if percent != shown { Terminal.write("\r\(percent) %" + (percent == 100 ? "\r     \r" : ""), to: 2) }
    shown = percent
  }

  func sync() throws {
    guard fsync(descriptor) == 0 else {
      throw Failure("\(path) can't be made durable: \(String(cString: strerror(errno)))")
    }
  }

  func rename(to file: String) throws {
    guard Glibc.rename(path, file) == 0 else {
      throw Failure("\(path) can't get the name \(file): \(String(cString: strerror(errno)))")
    }
    isNamed = true
    let parent = URL(fileURLWithPath: file).deletingLastPathComponent().path
    let folder = open(parent, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
    let synced = fsync(folder)
    close(folder)
    guard synced == 0 else { throw Failure("The folder \(parent) can't be made durable.") }
  }

  func remove() {
    // Once it has its name, what has the former one is another's.
    if !isNamed { unlink(path) }
  }
}

private func inWords<Value>(_ body: () throws(StoreError) -> Value) throws -> Value {
  do throws(StoreError) { return try body() } catch { throw Failure(error.description) }
}

struct RestoreCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "restore", abstract: "Makes a data folder of a backup. Needs no engine.",
    discussion: """
      The folder must be empty, not there yet, or hold keys only: what is there is never written over. Everything is
      checked before anything is put in place. The master key is taken from encryption.key in hilum.yaml, from keys in
      the folder, or from --key.

      A restored store sends nothing until you have looked and said so: hilum release.

      Example:
        hilum restore /backup/hilum.tar --into data --key /safe/master.key
        hilum run
        hilum release
      """)
  @Argument(help: "The backup.") var file: String
  @Option(help: "The data folder; that of hilum.yaml unless said.") var into: String?
  @Option(help: "The file of the master key. It is put into the folder, unless hilum.yaml has encryption.key.")
  var key: String?
  @Option(help: "The engine's own settings.") var settings = "hilum.yaml"
  @Flag(help: "Print JSON.") var json = false

  func run() async throws {
    let site = try Site.settings(settings)
    let folder = into ?? Site.shown(site.data)
    let named = try key.map { try MasterKey(file: $0) }
    var found: MasterKey?
    var why: Failure?
    let restored = try inWords { () throws(StoreError) in
      do throws(StoreError) {
        return try Restoration.restore(file, into: folder) { _ throws(StoreError) in
          // The key is there before the store is: an engine that starts at any moment finds both, or none.
          guard let named, site.masterKey == nil else { return }
          do { try named.keep(in: folder) } catch { throw StoreError(.io, "\(error)") }
        } key: { name throws(StoreError) in
          do {
            found = try named ?? masterKey(of: site, folder)
          } catch {
            why = error as? Failure ?? Failure("\(error)")
          }
          return found?.key
        }
      } catch {
        // Without a key the reader says which one it is; here is where it was looked for.
        if found == nil, error.kind == .refused, let why { throw StoreError(.refused, "\(error). \(why)") }
        throw error
      }
    }
    if json { return try Terminal.json(Answer(restored, folder)) }
    let manifest = restored.manifest
    Terminal.line(
      "\(folder): \(Terminal.safe(manifest.site)) as of \(Terminal.time(manifest.madeAt)), \(restored.waiting) "
        + "deliveries waiting; every byte checked")
    for warning in restored.warnings { Terminal.error(Terminal.red("Not whole: \(Terminal.safe(warning))")) }
    Terminal.line(
      "It sends nothing yet. Start it (hilum run), look at what would go where (hilum release), then release it.")
  }

  private func masterKey(of site: EngineSettings, _ folder: String) throws -> MasterKey {
    if site.masterKey != nil { return try MasterKey(site) }
    let path = MasterKey.path(in: folder)
    guard FileManager.default.fileExists(atPath: path) else {
      throw Failure(
        "Put it into \(path), name its file with --key, or set encryption.key in hilum.yaml. A backup never holds it."
      )
    }
    return try MasterKey(file: path)
  }

  private struct Answer: Encodable {
    var folder: String
    var manifest: BackupManifest
    var waiting: Int
    var warnings: [String]
    init(_ restored: Restored, _ folder: String) {
      self.folder = folder
      (manifest, waiting, warnings) = (restored.manifest, restored.waiting, restored.warnings)
    }
  }
}
