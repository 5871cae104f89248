import ConnectorKit
import NIOSSL

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#else
  import Darwin
#endif

/// Reads certificates and keys, and says what is wrong with a file in words that name the setting. Blocks.
enum TLSFiles {
  /// No certificate, key or list of authorities is larger.
  static let fileBytesMax = 8 << 20

  static func certificates(_ file: FilePath, setting: String) throws(SettingError) -> [NIOSSLCertificate] {
    let bytes = try contents(file.path, setting: setting)
    guard let found = try? NIOSSLCertificate.fromPEMBytes(bytes), !found.isEmpty else {
      throw SettingError("\(file.path) holds no PEM certificate", setting: setting)
    }
    return found
  }

  static func key(_ secret: Secret, setting: String) throws(SettingError) -> NIOSSLPrivateKey {
    let (bytes, place) = try contents(secret, setting: setting)
    if let key = try? NIOSSLPrivateKey(bytes: bytes, format: .pem) { return key }
    let isEncrypted = bytes.contains("ENCRYPTED")
    throw SettingError(
      isEncrypted
        ? "\(place) is encrypted; a service needs a key without a passphrase, in a file that only it may read"
        : "\(place) holds no PEM private key", setting: setting)
  }

  /// The bytes of a secret, and where they stand, for people.
  static func contents(_ secret: Secret, setting: String) throws(SettingError) -> ([UInt8], String) {
    switch secret.reference {
    case .file(let path):
      return (try contents(path, setting: setting), path)
    case .environment(let name):
      guard let value = getenv(name) else {
        throw SettingError("the environment variable \(name) is not set", setting: setting)
      }
      return (Array(String(cString: value).utf8), "the environment variable \(name)")
    }
  }

  /// A secret that is the value of a header: one line of text, without what stands around it.
  static func line(_ secret: Secret, setting: String) throws(SettingError) -> String {
    let (bytes, place) = try contents(secret, setting: setting)
    let isSpace = { (byte: UInt8) in byte <= 0x20 }
    let value = Array(bytes.drop(while: isSpace).reversed().drop(while: isSpace).reversed())
    // A value with a line end would be a header of its own (RFC 9110 section 5.5).
    guard !value.isEmpty, value.allSatisfy({ (0x20..<0x7F).contains($0) }) else {
      throw SettingError("\(place) is not one line of text", setting: setting)
    }
    return String(decoding: value, as: UTF8.self)
  }

  private static func contents(_ path: String, setting: String) throws(SettingError) -> [UInt8] {
    let file = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK)
    guard file >= 0 else { throw SettingError("\(path): \(systemReason())", setting: setting) }
    defer { close(file) }
    var facts = stat()
    guard fstat(file, &facts) == 0, facts.st_mode & S_IFMT == S_IFREG else {
      throw SettingError("\(path) is not a file", setting: setting)
    }
    guard facts.st_size <= fileBytesMax else {
      throw SettingError("\(path) is larger than any certificate or key", setting: setting)
    }
    var bytes: [UInt8] = []
    var chunk = [UInt8](repeating: 0, count: 64 << 10)
    while bytes.count <= fileBytesMax {
      let count = Glibc.read(file, &chunk, chunk.count)
      if count == 0 { return bytes }
      guard count > 0 else { throw SettingError("\(path): \(systemReason())", setting: setting) }
      bytes += chunk[..<count]
    }
    return bytes
  }

  private static func systemReason() -> String {
    switch errno {
    case ENOENT: "there is no such file"
    case EACCES: "it may not be read by this user"
    case let code: String(cString: strerror(code))
    }
  }
}

/// What a file looks like from outside: a change of any of it means that it may hold something else.
struct FileStamp: Hashable {
  private var numbers: [Int64] = []

  /// - Parameter paths: a file that isn't there has a stamp too.
  init(_ paths: [String]) {
    for path in paths {
      var facts = stat()
      guard stat(path, &facts) == 0 else {
        numbers.append(-1)
        continue
      }
      numbers += [
        Int64(bitPattern: UInt64(facts.st_dev)), Int64(bitPattern: UInt64(facts.st_ino)), Int64(facts.st_size),
        Int64(facts.st_mtim.tv_sec), Int64(facts.st_mtim.tv_nsec),
        // Also where nothing but the permission to read it changed.
        Int64(facts.st_ctim.tv_sec), Int64(facts.st_ctim.tv_nsec),
      ]
    }
  }
}

extension Secret {
  /// The file behind it; `nil` for an environment variable.
  var path: String? {
    if case .file(let path) = reference { path } else { nil }
  }
}

extension [UInt8] {
  fileprivate func contains(_ word: StaticString) -> Bool {
    word.withUTF8Buffer { word in
      guard count >= word.count else { return false }
      return indices.dropLast(word.count - 1).contains { self[$0..<$0 + word.count].elementsEqual(word) }
    }
  }
}
