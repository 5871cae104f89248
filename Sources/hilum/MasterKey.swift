import ConnectorKit
import Crypto
import Definitions
import Foundation
import Glibc
import Store

/// The key that wraps the keys of everything stored: from where `encryption.key` says, else one of the data folder's
/// own.
struct MasterKey {
  let key: StoreSettings.MasterKey
  /// It lies beside what it protects: fit for trying things out, not for production.
  let isInDataFolder: Bool

  init(_ settings: EngineSettings) throws {
    if let secret = settings.masterKey {
      let bytes: [UInt8]
      let place: String
      switch secret.reference {
      case .file(let path):
        place = path
        guard let data = FileManager.default.contents(atPath: path) else {
          throw Failure("encryption.key: the file \(path) can't be read.")
        }
        bytes = Array(data)
      case .environment(let name):
        place = "the variable \(name)"
        guard let text = ProcessInfo.processInfo.environment[name] else {
          throw Failure("encryption.key: there is no variable \(name).")
        }
        bytes = Array(text.utf8)
      }
      guard let key = Self.key(bytes) else {
        throw Failure(
          "encryption.key: \(place) must hold 32 bytes, as they are or in base64. `openssl rand -base64 32` makes them."
        )
      }
      self.key = StoreSettings.MasterKey(id: Self.name(key), bytes: key)
      isInDataFolder = false
      return
    }
    let key = try Self.own(settings.data)
    self.key = StoreSettings.MasterKey(id: Self.name(key), bytes: key)
    isInDataFolder = true
  }

  /// The key of a file that a person names.
  init(file path: String) throws {
    guard let data = FileManager.default.contents(atPath: path) else {
      throw Failure("The file \(path) can't be read.")
    }
    guard let key = Self.key(Array(data)) else {
      throw Failure("\(path) must hold the master key: 32 bytes, as they are or in base64.")
    }
    self.key = StoreSettings.MasterKey(id: Self.name(key), bytes: key)
    isInDataFolder = false
  }

  /// Where a data folder of its own keeps its key.
  static func path(in data: String) -> String { data + "/keys/master.key" }

  /// Puts the key into a data folder. Another one that lies there stays, under another name.
  func keep(in data: String) throws {
    let path = Self.path(in: data)
    if let other = FileManager.default.contents(atPath: path) {
      if Array(other) == key.bytes { return }
      rename(path, "\(path).\(Self.name(Array(other)))")
    }
    try Self.write(key.bytes, to: path, in: data + "/keys")
  }

  private static func key(_ bytes: [UInt8]) -> [UInt8]? {
    if bytes.count == 32 { return bytes }
    let text = String(decoding: bytes, as: UTF8.self).trimmingCharacters(in: .whitespacesAndNewlines)
    guard let decoded = Data(base64Encoded: text), decoded.count == 32 else { return nil }
    return Array(decoded)
  }

  /// Names a key without telling it: the beginning of its hash.
  private static func name(_ key: [UInt8]) -> String {
    SHA256.hash(data: key).prefix(4).map { String($0 >> 4, radix: 16) + String($0 & 15, radix: 16) }.joined()
  }

  /// The key in the data folder, made on the first start. It is complete and on disk before it has its name.
  ///
  /// Beside a store it is not made: that one has its own, and what a new one would seal, nobody could tell from it.
  private static func own(_ data: String) throws -> [UInt8] {
    let folder = data + "/keys"
    let path = Self.path(in: data)
    if let bytes = FileManager.default.contents(atPath: path) {
      guard bytes.count == 32 else {
        throw Failure("\(path) must hold 32 bytes and has \(bytes.count); without it nothing stored can be read.")
      }
      return Array(bytes)
    }
    if FileManager.default.fileExists(atPath: path) { throw Failure("The key \(path) can't be read.") }
    if FileManager.default.fileExists(atPath: data + "/hilum.db") {
      throw Failure(
        "There is no key in \(folder), and the store in \(data) can't be read without its own. Put that key back as "
          + "\(path), or set encryption.key in hilum.yaml.")
    }
    if FileManager.default.fileExists(atPath: data + "/restore.part") {
      throw Failure(
        "There is no key in \(folder), and a restore into \(data) was not finished. Run hilum restore again.")
    }
    let key = SymmetricKey(size: .bits256).withUnsafeBytes { Array($0) }
    try write(key, to: path, in: folder)
    return key
  }

  private static func write(_ key: [UInt8], to path: String, in folder: String) throws {
    mkdir(folder, 0o700)
    let aside = path + ".new"
    unlink(aside)
    let descriptor = open(aside, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0o600)
    guard descriptor >= 0 else { throw Failure("\(aside) can't be written: \(String(cString: strerror(errno)))") }
    let written = key.withUnsafeBytes { Glibc.write(descriptor, $0.baseAddress, $0.count) }
    let synced = fsync(descriptor)
    close(descriptor)
    guard written == 32, synced == 0, rename(aside, path) == 0 else {
      throw Failure("\(path) can't be written: \(String(cString: strerror(errno)))")
    }
    let directory = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
    fsync(directory)
    close(directory)
  }
}
