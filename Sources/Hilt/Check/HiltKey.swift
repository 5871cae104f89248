import Crypto
import DICOM

/// What stands behind the name of a key. The language holds no secret and reads none: that is left to who names it.
package struct HiltKey: Sendable {
  /// A key that is too short to be one: it could be found by trying.
  package struct Short: Error, CustomStringConvertible {
    package var description: String { "it has fewer than \(HiltKey.byteCountMin) bytes" }
  }

  package static let byteCountMin = 16

  private let read: @Sendable () throws -> [UInt8]

  /// - Parameter read: is called whenever a message needs the key. Its error says why in a few words.
  package init(_ read: @escaping @Sendable () throws -> [UInt8]) { self.read = read }

  /// What each name stands for where programs are tried: no secret, so that a case gives the same on every machine.
  package static func forTrials(_ name: String) -> HiltKey { HiltKey { Array("hilum trial key: \(name)".utf8) } }

  /// - Throws: what reading it throws, and `Short`.
  func hash() throws -> DICOMPseudonyms.KeyedHash {
    let bytes = try read()
    guard bytes.count >= Self.byteCountMin else { throw Short() }
    let key = SymmetricKey(data: bytes)
    return { Array(HMAC<SHA256>.authenticationCode(for: $0, using: key)) }
  }
}
