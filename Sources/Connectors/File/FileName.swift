/// A name inside a folder as the file system keeps it: bytes, any but NUL and `/`. Linux asks for no character set, so
/// what stands there needn't be text; it is never decoded to be opened, only to be shown.
struct FileName: Hashable, Comparable, Sendable, CustomStringConvertible {
  /// The longest name of Linux's file systems.
  static let bytesMax = 255

  let bytes: [UInt8]

  init(bytes: [UInt8]) { self.bytes = bytes }
  init(_ text: String) { self.bytes = Array(text.utf8) }

  /// The name as C wants it, with NUL at its end.
  var terminated: [CChar] { bytes.map { CChar(bitPattern: $0) } + [0] }

  static func < (a: FileName, b: FileName) -> Bool { a.bytes.lexicographicallyPrecedes(b.bytes) }

  func hasSuffix(_ suffix: [UInt8]) -> Bool {
    bytes.count >= suffix.count && bytes.suffix(suffix.count).elementsEqual(suffix)
  }

  /// The name as printable text on one line, unambiguous: a byte that is no UTF-8, a control, an invisible character or
  /// a backslash is shown as `\x` and two digits for each byte.
  var description: String {
    var shown = ""
    var rest = bytes[...]
    while let first = rest.first {
      let length = Self.sequenceLength(first)
      let sequence = rest.prefix(length)
      if let text = String(validating: sequence, as: UTF8.self), let scalar = text.unicodeScalars.first,
        scalar != "\\", !scalar.isUnfitForNames
      {
        shown += text
        rest = rest.dropFirst(length)
      } else {
        shown += Self.hexadecimal(first)
        rest = rest.dropFirst()
      }
    }
    return shown
  }

  /// How long the UTF-8 sequence is that begins with this byte.
  private static func sequenceLength(_ first: UInt8) -> Int {
    switch first {
    case 0xC2...0xDF: 2
    case 0xE0...0xEF: 3
    case 0xF0...0xF4: 4
    default: 1
    }
  }

  private static func hexadecimal(_ byte: UInt8) -> String {
    let digits = String(byte, radix: 16)
    return digits.count == 1 ? "\\x0\(digits)" : "\\x\(digits)"
  }
}

extension FileName {
  /// `A.hl7` as `A-2.hl7`, cut where it would be longer than a name may be.
  func numbered(_ number: Int) -> FileName { inserting(Array("-\(number)".utf8)) }

  /// The name with something between stem and extension, cut before that where it would be too long.
  func inserting(_ mark: [UInt8]) -> FileName {
    let ending = extensionBytes
    let stem = bytes.dropLast(ending.count)
    let room = max(0, Self.bytesMax - mark.count - ending.count)
    return FileName(bytes: Self.cut(stem, to: room) + mark + ending)
  }

  /// The name with something at its end, cut before that where it would be too long.
  func appending(_ mark: String) -> FileName {
    FileName(bytes: Self.cut(bytes[...], to: max(0, Self.bytesMax - mark.utf8.count)) + Array(mark.utf8))
  }

  /// The name itself, or, where it is too long, its beginning with a checksum of the whole: two long names stay two
  /// names.
  var fitted: FileName {
    guard bytes.count > Self.bytesMax else { return self }
    return inserting(Array("~\(Checksum.of(bytes).hexadecimal)".utf8))
  }

  /// `.hl7` of `A.hl7`; nothing where there is no short ending, and nothing of `.hidden`.
  private var extensionBytes: ArraySlice<UInt8> {
    let longest = 17
    guard let dot = bytes.lastIndex(of: UInt8(ascii: ".")), dot > 0, bytes.count - dot <= longest else { return [] }
    return bytes[dot...]
  }

  /// The first bytes, without half a UTF-8 sequence at the end.
  private static func cut(_ bytes: ArraySlice<UInt8>, to count: Int) -> [UInt8] {
    guard bytes.count > count else { return Array(bytes) }
    var end = bytes.startIndex + count
    while end > bytes.startIndex, bytes[end] & 0xC0 == 0x80 { end -= 1 }
    return Array(bytes[..<end])
  }
}

extension Unicode.Scalar {
  /// Controls, line ends and invisible characters (direction marks among them): they make a name look like another.
  var isUnfitForNames: Bool {
    switch properties.generalCategory {
    case .control, .format, .lineSeparator, .paragraphSeparator, .surrogate, .unassigned, .privateUse: true
    default: false
    }
  }
}

/// FNV-1a, 64 bits (Fowler, Noll, Vo): quick, the same on every machine, and no defence against somebody who wants a
/// collision.
enum Checksum {
  static func of(_ bytes: some Sequence<UInt8>) -> UInt64 {
    var sum: UInt64 = 0xcbf2_9ce4_8422_2325
    for byte in bytes { sum = (sum ^ UInt64(byte)) &* 0x0000_0100_0000_01b3 }
    return sum
  }
}

extension UInt64 {
  /// Sixteen digits.
  var hexadecimal: String {
    let digits = String(self, radix: 16)
    return String(repeating: "0", count: 16 - digits.count) + digits
  }
}
