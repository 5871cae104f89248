import Messages

/// SipHash-2-4 (Aumasson, Bernstein 2012): a short keyed hash that tells nothing of its input without its key.
///
/// The blind indexes hash two or three short texts for every message, where HMAC-SHA256 costs more than sealing does.
struct SipHash: Sendable {
  private let k0: UInt64
  private let k1: UInt64

  /// - Parameter key: at least sixteen bytes, of which the first sixteen count.
  init(key: [UInt8]) {
    precondition(key.count >= 16)
    var halves: [UInt64] = [0, 0]
    for index in 0..<16 { halves[index / 8] |= UInt64(key[index]) << UInt64(8 * (index % 8)) }
    (k0, k1) = (halves[0], halves[1])
  }

  func hash(_ bytes: UnsafeRawBufferPointer) -> UInt64 {
    var state = State(k0, k1)
    let whole = bytes.count & ~7
    var offset = 0
    while offset < whole {
      state.take(UInt64(littleEndian: bytes.loadUnaligned(fromByteOffset: offset, as: UInt64.self)))
      offset += 8
    }
    var last = UInt64(truncatingIfNeeded: bytes.count) << 56
    while offset < bytes.count {
      last |= UInt64(bytes[offset]) << UInt64(8 * (offset - whole))
      offset += 1
    }
    state.take(last)
    return state.finish()
  }

  private struct State {
    var v0, v1, v2, v3: UInt64

    init(_ k0: UInt64, _ k1: UInt64) {
      v0 = k0 ^ 0x736F_6D65_7073_6575
      v1 = k1 ^ 0x646F_7261_6E64_6F6D
      v2 = k0 ^ 0x6C79_6765_6E65_7261
      v3 = k1 ^ 0x7465_6462_7974_6573
    }

    @inline(__always)
    mutating func take(_ word: UInt64) {
      v3 ^= word
      round()
      round()
      v0 ^= word
    }

    mutating func finish() -> UInt64 {
      v2 ^= 0xFF
      for _ in 0..<4 { round() }
      return v0 ^ v1 ^ v2 ^ v3
    }

    @inline(__always)
    private mutating func round() {
      v0 &+= v1
      v1 = (v1 << 13 | v1 >> 51) ^ v0
      v0 = v0 << 32 | v0 >> 32
      v2 &+= v3
      v3 = (v3 << 16 | v3 >> 48) ^ v2
      v0 &+= v3
      v3 = (v3 << 21 | v3 >> 43) ^ v0
      v2 &+= v1
      v1 = (v1 << 17 | v1 >> 47) ^ v2
      v2 = v2 << 32 | v2 >> 32
    }
  }
}

/// Keyed hashes: they find a value without telling it. The key never changes, so that old rows stay findable.
struct BlindIndex: Sendable {
  private let first: SipHash
  private let second: SipHash

  /// - Parameter secret: 32 bytes.
  init(secret: [UInt8]) {
    first = SipHash(key: secret)
    second = SipHash(key: Array(secret[16...]))
  }

  enum Subject: UInt8 { case duplicate = 1, transport, column, progress, order, standIn }

  /// Eight bytes: where two texts meet in one, a row says what it is about.
  ///
  /// - Parameter scope: the channel's or the column's key: the same text elsewhere has another hash.
  func hash(_ subject: Subject, scope: Int64, _ text: String) -> Int64 {
    Self.input(subject, scope, text).withUnsafeBytes { Int64(bitPattern: first.hash($0)) }
  }

  /// Sixteen bytes, where nothing else tells two texts apart.
  func wideHash(_ subject: Subject, scope: Int64, _ text: String) -> Identifier {
    Self.input(subject, scope, text).withUnsafeBytes { Identifier(high: first.hash($0), low: second.hash($0)) }
  }

  private static func input(_ subject: Subject, _ scope: Int64, _ text: String) -> [UInt8] {
    var input: [UInt8] = []
    input.reserveCapacity(9 + text.utf8.count)
    input.append(subject.rawValue)
    for shift in stride(from: Int64(0), to: 64, by: 8) { input.append(UInt8(truncatingIfNeeded: scope >> shift)) }
    input.append(contentsOf: text.utf8)
    return input
  }
}
