import Crypto
import FoundationEssentials
import Glibc

/// The container of a backup: a tar archive, so that anybody can look into it, and get at what is in it, without this
/// program.
///
/// Its members, in this order: `hilum-backup.json` (`BackupManifest`), `hilum.db`, the blobs as they lie in the data
/// folder (`blobs/x/ID`), and `SHA256SUMS` with a line for each of them, as `sha256sum -c` reads it. Nothing else may
/// be in it, and every bit of it is fixed: the headers are those that are written here, what fills a block up is zero,
/// and two blocks of zeros end it.
enum BackupArchive {
  static let manifestName = "hilum-backup.json"
  static let databaseName = "hilum.db"
  static let sumsName = "SHA256SUMS"
  /// Stands in the place of what could not be read: its content says why the backup can't be finished.
  static let failureName = "FAILED"
  static let blockBytes = 512
  static let end = [UInt8](repeating: 0, count: 2 * blockBytes)

  struct Header: Equatable {
    var name: String
    var byteCount: Int64
    /// Seconds since 1970.
    var madeAt: Int64

    /// The block, as POSIX lays a "ustar" header out; a size that eleven octal digits don't hold is written in base
    /// 256, as GNU tar, Python and Go read it.
    var block: [UInt8] {
      var block = [UInt8](repeating: 0, count: blockBytes)
      func put(_ bytes: some Sequence<UInt8>, at start: Int) {
        for (index, byte) in bytes.enumerated() { block[start + index] = byte }
      }
      put(name.utf8.prefix(100), at: 0)
      put("0000600\u{0}0000000\u{0}0000000\u{0}".utf8, at: 100)
      if byteCount < 1 << 33 {
        put(Self.octal(byteCount, digits: 11), at: 124)
      } else {
        block[124] = 0x80
        put((0..<8).map { UInt8(truncatingIfNeeded: byteCount >> (56 - 8 * $0)) }, at: 128)
      }
      put(Self.octal(madeAt, digits: 11), at: 136)
      put("        0".utf8, at: 148)
      put("ustar\u{0}00".utf8, at: 257)
      let sum = block.reduce(Int64(0)) { $0 + Int64($1) }
      put(Self.octal(sum, digits: 6) + [0, 0x20], at: 148)
      return block
    }

    private static func octal(_ number: Int64, digits: Int) -> [UInt8] {
      (0..<digits).map { 0x30 + UInt8(number >> Int64(3 * (digits - 1 - $0)) & 7) }
    }

    init(_ name: String, byteCount: Int64, madeAt: Int64) {
      self.name = name
      self.byteCount = byteCount
      self.madeAt = min(max(0, madeAt), 1 << 33 - 1)
    }

    /// `nil` where a block is not exactly what is written for such a member.
    init?(_ block: [UInt8]) {
      guard block.count == blockBytes else { return nil }
      let name = String(decoding: block[0..<100].prefix { $0 != 0 }, as: UTF8.self)
      let size: Int64?
      if block[124] == 0x80 {
        size = block[128..<136].reduce(Int64(0)) { $0 << 8 | Int64($1) }
      } else {
        size = Self.number(block[124..<135])
      }
      guard let size, size >= 0, let madeAt = Self.number(block[136..<147]) else { return nil }
      self.init(name, byteCount: size, madeAt: madeAt)
      guard self.block == block else { return nil }
    }

    private static func number(_ digits: ArraySlice<UInt8>) -> Int64? {
      guard digits.allSatisfy({ (0x30...0x37).contains($0) }) else { return nil }
      return digits.reduce(Int64(0)) { $0 << 3 | Int64($1 - 0x30) }
    }
  }

  /// What fills the last block of a member up.
  static func padding(_ byteCount: Int64) -> Int { Int((512 - byteCount % 512) % 512) }

  /// What a member takes in the archive.
  static func bytes(_ byteCount: Int64) -> Int64 { 512 + byteCount + Int64(padding(byteCount)) }

  /// The line of a member in `SHA256SUMS`.
  static func line(_ name: String, _ hash: SHA256.Digest) -> [UInt8] {
    let digits = Array("0123456789abcdef".utf8)
    var line: [UInt8] = []
    for byte in hash { line += [digits[Int(byte >> 4)], digits[Int(byte & 15)]] }
    return line + Array("  \(name)\n".utf8)
  }
}
