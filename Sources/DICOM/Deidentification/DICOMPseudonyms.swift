/// What stands for identifiers: the same for the same identifier and key, and not to be found out without the key.
package struct DICOMPseudonyms: Sendable {
  /// At least 16 bytes that depend on a key and on all of the bytes given: HMAC-SHA-256.
  package typealias KeyedHash = @Sendable ([UInt8]) -> [UInt8]

  private let hash: KeyedHash

  package init(hash: @escaping KeyedHash) { self.hash = hash }

  /// What a hash is for is part of what is hashed: a pseudonym tells nothing of the days that dates are shifted by.
  private enum Purpose: String {
    case pseudonym = "hilum dicom pseudonym 1"
    case uid = "hilum dicom uid 1"
    case days = "hilum dicom days 1"
  }

  private func number(_ purpose: Purpose, _ value: some Sequence<UInt8>) -> UInt128 {
    let digest = hash(Array(purpose.rawValue.utf8) + [0] + value)
    precondition(digest.count >= 16, "a keyed hash has 16 bytes or more")
    return digest.prefix(16).reduce(0) { $0 << 8 | UInt128($1) }
  }

  /// The digits and letters of Crockford's base 32: none that are taken for one another.
  private static let letters = Array("0123456789ABCDEFGHJKMNPQRSTVWXYZ".utf8)

  /// The prefix, and 16 digits and capitals: 80 bits. Among a million patients two have the same with a chance of about
  /// one in two trillions.
  package func pseudonym(_ value: String, prefix: String = "") -> String {
    let number = number(.pseudonym, value.utf8)
    let letters = (0..<16).map { Self.letters[Int(truncatingIfNeeded: number >> UInt128(123 - 5 * $0)) & 31] }
    return prefix + String(decoding: letters, as: UTF8.self)
  }

  /// A UID that was made of a UUID of version 8 (PS3.5 annex B.2, RFC 9562): 122 bits. UIDs of the standard itself, and
  /// nothing at all, stay as they are.
  package func uid(_ uid: String) -> String {
    uid.isEmpty || DICOMUID.isStandard(uid) ? uid : "2.25.\(uuid(uid.utf8))"
  }

  private func uuid(_ value: some Sequence<UInt8>) -> UInt128 {
    let version: UInt128 = 0xF << 76
    let variant: UInt128 = 0x3 << 62
    return number(.uid, value) & ~version & ~variant | 0x8 << 76 | 0x2 << 62
  }

  /// How many days are added to the dates of a patient: -1 to -3650, so that none lies in the future.
  package func shiftDays(patient: String) -> Int {
    -1 - Int(number(.days, patient.utf8) % 3650)
  }
}

extension DICOMUID {
  /// The standard has it: a class, a syntax, a well-known instance or frame of reference.
  static func isStandard(_ uid: String) -> Bool { DICOMDictionary.name(ofUID: uid) != nil }
}
