import ConnectorKit
import Hilt
import Messages
import Synchronization

/// Reads the keys that channels name for their transforms, when a program first needs one.
///
/// They are no part of a revision: neither what is kept of a channel nor what is shown of it holds a key.
struct KeyPlaces: Sendable {
  let environment: @Sendable (String) -> String?
  /// Programs are tried and not put to work.
  let isTrial: Bool
  /// Keys are looked at before a message needs them.
  let looksAround: Bool

  /// What stands behind the name of a key.
  func key(_ name: String, _ secret: Secret) -> HiltKey {
    if isTrial { return .forTrials(name) }
    let known = KnownKey()
    let environment = environment
    return HiltKey { try known.bytes { try Self.bytes(secret, environment) } }
  }

  /// What is wrong with a key on this machine: one that isn't here may be on the server, one that is too short is so
  /// everywhere.
  func problem(_ key: TransformSetting.Key) -> Problem? {
    guard looksAround, !isTrial else { return nil }
    do {
      guard try Self.bytes(key.secret, environment).count < HiltKey.byteCountMin else { return nil }
      return Problem(
        "C141", "the key has fewer than \(HiltKey.byteCountMin) bytes: it could be found by trying", at: key.place,
        help: ["`openssl rand -base64 32` makes one"])
    } catch {
      return Problem(
        "C140", "\(error)", at: key.place, severity: .warning,
        help: ["mend the path, or put it there", "nothing to do here where it is only on the server"])
    }
  }

  /// A key that was read stays as long as its program: one that changes while messages come would give a patient two
  /// pseudonyms unseen.
  private final class KnownKey: Sendable {
    private let known = Mutex<[UInt8]?>(nil)

    func bytes(_ read: () throws -> [UInt8]) throws -> [UInt8] {
      try known.withLock { known in
        if let known { return known }
        let bytes = try read()
        // Whoever mends one that is too short need not start anything anew.
        if bytes.count >= HiltKey.byteCountMin { known = bytes }
        return bytes
      }
    }
  }

  private static func bytes(_ secret: Secret, _ environment: (String) -> String?) throws -> [UInt8] {
    switch secret.reference {
    case .file(let path):
      do {
        return trimmed(try DiskFiles().read(path, bytesMax: bytesMax))
      } catch {
        throw Missing(description: "the file \(path) \(error)")
      }
    case .environment(let name):
      guard let text = environment(name) else {
        throw Missing(description: "the environment variable \(name) is not set")
      }
      return trimmed(Array(text.utf8))
    }
  }

  /// A key is some bytes, and a large file one that was named by mistake.
  private static let bytesMax = 4096

  private struct Missing: Error, CustomStringConvertible {
    let description: String
  }

  /// Editors end files with a line break that nobody means.
  private static func trimmed(_ bytes: [UInt8]) -> [UInt8] {
    var bytes = bytes
    while let last = bytes.last, last == 0x0A || last == 0x0D { bytes.removeLast() }
    return bytes
  }
}
