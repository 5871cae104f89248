import Crypto
import FoundationEssentials
import Glibc
import Messages
import Synchronization

/// What a sealed part is; a part of the additional data, so that one kind never opens as another.
enum SealedKind: UInt8, Sendable {
  case raw = 1
  case output, result, record, rendered, progress, blob, key, standIn
}

/// Seals and opens the parts of a message with the data keys of the key ring.
///
/// A sealed part is `key id (4 bytes) | nonce (12) | ciphertext | tag (16)`; key id 0 says that the bytes follow as
/// they are. The additional data are the channel (or the lane), the id and the kind: a part that was moved to another
/// row doesn't open.
///
/// A nonce is six random bytes, drawn at each opening, and a counter of six: unique under one key without a system
/// call a message.
final class Sealer: Sendable {
  /// The part doesn't open: damaged, or not what the row says it is.
  struct Damaged: Error {}

  private struct Ring: Sendable {
    var keys: [UInt32: GCMKey] = [:]
    var current: UInt32 = 0
    var currentKey: GCMKey?
  }
  private let ring = Mutex(Ring())
  private let nonceStart: UInt64
  private let nonceCounter = Atomic<UInt64>(0)

  init() {
    var generator = SystemRandomNumberGenerator()
    nonceStart = generator.next()
  }

  func add(_ key: SymmetricKey, id: UInt32, current: Bool) {
    let key = GCMKey(key)
    ring.withLock { ring in
      ring.keys[id] = key
      if current {
        ring.current = id
        ring.currentKey = key
      }
    }
  }

  var currentID: UInt32 { ring.withLock { $0.current } }

  /// `sealed == false`, or a store without keys: the bytes as they are, marked so.
  ///
  /// - Parameter part: the number of a blob's segment, and whether it is the last.
  func seal(
    _ bytes: [UInt8], sealed: Bool, owner: Int64, id: Identifier, kind: SealedKind, part: UInt64 = 0
  ) -> [UInt8] {
    var slab = Slab(reserving: bytes.count + 32)
    _ = seal(bytes, sealed: sealed, owner: owner, id: id, kind: kind, part: part, into: &slab)
    return slab.bytes
  }

  /// The same, appended to a slab.
  func seal(
    _ bytes: [UInt8], sealed: Bool, owner: Int64, id: Identifier, kind: SealedKind, part: UInt64 = 0,
    into slab: inout Slab
  ) -> Slab.Piece {
    let (keyID, key) = sealed ? ring.withLock { ($0.current, $0.currentKey) } : (0, nil)
    let start = slab.bytes.count
    for shift in stride(from: UInt32(0), to: 32, by: 8) {
      slab.bytes.append(key == nil ? 0 : UInt8(truncatingIfNeeded: keyID >> shift))
    }
    guard let key else {
      slab.bytes.append(contentsOf: bytes)
      return slab.piece(from: start)
    }
    let nonce = nextNonce()
    slab.bytes.append(contentsOf: nonce)
    let aad = Self.aad(owner: owner, id: id, kind: kind, part: part)
    key.seal(bytes, nonce: nonce, authenticating: aad, into: &slab.bytes)
    return slab.piece(from: start)
  }

  func open(
    _ bytes: [UInt8], owner: Int64, id: Identifier, kind: SealedKind, part: UInt64 = 0
  ) throws(Damaged) -> [UInt8] {
    guard bytes.count >= 4 else { throw Damaged() }
    let keyID = UInt32(bytes[0]) | UInt32(bytes[1]) << 8 | UInt32(bytes[2]) << 16 | UInt32(bytes[3]) << 24
    if keyID == 0 { return [UInt8](bytes[4...]) }
    guard let key = ring.withLock({ $0.keys[keyID] }), bytes.count >= 32 else { throw Damaged() }
    let end = bytes.count - 16
    let aad = Self.aad(owner: owner, id: id, kind: kind, part: part)
    guard let plain = key.open(bytes[16..<end], tag: bytes[end...], nonce: bytes[4..<16], authenticating: aad) else {
      throw Damaged()
    }
    return plain
  }

  private func nextNonce() -> [UInt8] {
    let counter = nonceCounter.add(1, ordering: .relaxed).newValue
    return [UInt8](unsafeUninitializedCapacity: 12) { buffer, initialized in
      for index in 0..<6 { buffer[index] = UInt8(truncatingIfNeeded: nonceStart >> UInt64(8 * index)) }
      for index in 0..<6 { buffer[6 + index] = UInt8(truncatingIfNeeded: counter >> UInt64(8 * index)) }
      initialized = 12
    }
  }

  static func aad(owner: Int64, id: Identifier, kind: SealedKind, part: UInt64 = 0) -> [UInt8] {
    [UInt8](unsafeUninitializedCapacity: 33) { buffer, initialized in
      let raw = UnsafeMutableRawBufferPointer(buffer)
      raw.storeBytes(of: owner.littleEndian, toByteOffset: 0, as: Int64.self)
      raw.storeBytes(of: id.high.littleEndian, toByteOffset: 8, as: UInt64.self)
      raw.storeBytes(of: id.low.littleEndian, toByteOffset: 16, as: UInt64.self)
      raw.storeBytes(of: part.littleEndian, toByteOffset: 24, as: UInt64.self)
      raw[32] = kind.rawValue
      initialized = 33
    }
  }
}

func sha256(_ bytes: [UInt8]) -> [UInt8] {
  SHA256.hash(data: bytes).withUnsafeBytes { [UInt8]($0) }
}
