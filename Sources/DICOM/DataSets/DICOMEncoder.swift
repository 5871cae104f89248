/// A value that is to be written.
package enum DICOMValue: Sendable, Hashable {
  case texts([String])
  case integers([Int128])
  case floats([Double])
  case tags([DICOMTag])
  /// As it is to stand there, in the byte order of the data set.
  case bytes([UInt8])

  package static func text(_ text: String) -> DICOMValue { .texts([text]) }
  package static func integer(_ number: some BinaryInteger) -> DICOMValue { .integers([Int128(number)]) }
}

extension [UInt8] {
  mutating func append(uint16 number: UInt16, isBigEndian: Bool) {
    let (high, low) = (UInt8(truncatingIfNeeded: number >> 8), UInt8(truncatingIfNeeded: number))
    append(isBigEndian ? high : low)
    append(isBigEndian ? low : high)
  }

  mutating func append(uint32 number: UInt32, isBigEndian: Bool) {
    let (high, low) = (UInt16(truncatingIfNeeded: number >> 16), UInt16(truncatingIfNeeded: number))
    append(uint16: isBigEndian ? high : low, isBigEndian: isBigEndian)
    append(uint16: isBigEndian ? low : high, isBigEndian: isBigEndian)
  }

  mutating func append(uint64 number: UInt64, isBigEndian: Bool) {
    let (high, low) = (UInt32(truncatingIfNeeded: number >> 32), UInt32(truncatingIfNeeded: number))
    append(uint32: isBigEndian ? high : low, isBigEndian: isBigEndian)
    append(uint32: isBigEndian ? low : high, isBigEndian: isBigEndian)
  }
}

/// Headers and values as bytes.
enum DICOMEncoder {
  /// - Parameter length: `nil` for undefined.
  static func header(_ tag: DICOMTag, _ vr: DICOMVR, length: Int?, _ encoding: DICOMEncoding) -> [UInt8] {
    let big = encoding.isBigEndian
    let length = length.map { UInt32(truncatingIfNeeded: $0) } ?? .max
    var bytes: [UInt8] = []
    bytes.append(uint16: tag.group, isBigEndian: big)
    bytes.append(uint16: tag.element, isBigEndian: big)
    if encoding.isExplicit, tag.group != 0xFFFE {
      bytes += vr.name.utf8
      if !vr.hasLongLength {
        bytes.append(uint16: UInt16(truncatingIfNeeded: length), isBigEndian: big)
        return bytes
      }
      bytes += [0, 0]
    }
    bytes.append(uint32: length, isBigEndian: big)
    return bytes
  }

  /// How many bytes the header has.
  static func headerBytes(_ tag: DICOMTag, _ vr: DICOMVR, _ encoding: DICOMEncoding) -> Int {
    encoding.isExplicit && tag.group != 0xFFFE && vr.hasLongLength ? 12 : 8
  }

  /// Why a value can't be written.
  struct Refusal: Error {
    var kind: DICOMError.Kind
  }

  /// The bytes of a value, padded to an even length.
  static func bytes(
    _ value: DICOMValue, _ vr: DICOMVR, _ encoding: DICOMEncoding, _ sets: DICOMCharacterSets
  ) throws(Refusal) -> [UInt8] {
    var bytes = try plain(value, vr, encoding, sets)
    if bytes.count & 1 == 1 { bytes.append(vr.padding) }
    if encoding.isExplicit, !vr.hasLongLength, bytes.count > 0xFFFE {
      throw Refusal(kind: .cannot("a value of \(vr) may have 65534 bytes at most in an explicit transfer syntax"))
    }
    guard bytes.count < 0xFFFF_FFFF else { throw Refusal(kind: .cannot("a value may have 4 GiB at most")) }
    return bytes
  }

  private static func plain(
    _ value: DICOMValue, _ vr: DICOMVR, _ encoding: DICOMEncoding, _ sets: DICOMCharacterSets
  ) throws(Refusal) -> [UInt8] {
    switch value {
    case .bytes(let bytes):
      if vr == .sq { throw Refusal(kind: .kindOfValue(vr)) }
      return bytes
    case .texts(let texts): return try text(texts, vr, sets)
    case .integers(let numbers):
      if vr == .is || vr == .ds { return try text(numbers.map { String($0) }, vr, sets) }
      if vr == .fl || vr == .fd { return try floats(numbers.map { Double($0) }, vr, encoding) }
      return try integers(numbers, vr, encoding)
    case .floats(let numbers): return try floats(numbers, vr, encoding)
    case .tags(let tags):
      guard vr == .at else { throw Refusal(kind: .kindOfValue(vr)) }
      var bytes: [UInt8] = []
      for tag in tags {
        bytes.append(uint16: tag.group, isBigEndian: encoding.isBigEndian)
        bytes.append(uint16: tag.element, isBigEndian: encoding.isBigEndian)
      }
      return bytes
    }
  }

  private static func text(_ texts: [String], _ vr: DICOMVR, _ sets: DICOMCharacterSets) throws(Refusal) -> [UInt8] {
    guard vr.isText else { throw Refusal(kind: .kindOfValue(vr)) }
    if !vr.isSplit, texts.count > 1 { throw Refusal(kind: .cannot("an element of \(vr) has one value")) }
    if vr.isSplit, texts.contains(where: { $0.utf8.contains(DICOMText.backslash) }) {
      throw Refusal(kind: .cannot("a backslash parts values: there can be none in a value of \(vr)"))
    }
    switch vr {
    case .ui:
      guard texts.allSatisfy({ $0.isEmpty || DICOMUID.isValid($0) }) else { throw Refusal(kind: .malformed(vr)) }
    case .is, .ds:
      let signs = Set((vr == .is ? "0123456789+-" : "0123456789+-.Ee").utf8)
      guard texts.allSatisfy({ $0.utf8.allSatisfy(signs.contains) }) else { throw Refusal(kind: .malformed(vr)) }
    default: break
    }
    guard vr.followsCharacterSet else {
      guard texts.allSatisfy({ $0.utf8.allSatisfy { $0 < 0x80 } }) else { throw Refusal(kind: .malformed(vr)) }
      return Array(texts.joined(separator: "\\").utf8)
    }
    let isPlain = texts.allSatisfy { $0.utf8.allSatisfy { $0 < 0x80 && $0 != 0x1B } }
    if !sets.isKnown, !isPlain { throw Refusal(kind: .characterSet) }
    guard let bytes = sets.encode(texts, isName: vr == .pn) else { throw Refusal(kind: .unencodable) }
    return bytes
  }

  private static func floats(
    _ numbers: [Double], _ vr: DICOMVR, _ encoding: DICOMEncoding
  ) throws(Refusal) -> [UInt8] {
    var bytes: [UInt8] = []
    let big = encoding.isBigEndian
    for number in numbers {
      switch vr {
      case .fl: bytes.append(uint32: Float(number).bitPattern, isBigEndian: big)
      case .fd: bytes.append(uint64: number.bitPattern, isBigEndian: big)
      default: throw Refusal(kind: .kindOfValue(vr))
      }
    }
    return bytes
  }

  private static func integers(
    _ numbers: [Int128], _ vr: DICOMVR, _ encoding: DICOMEncoding
  ) throws(Refusal) -> [UInt8] {
    let range: ClosedRange<Int128>
    switch vr {
    case .us: range = 0...0xFFFF
    case .ss: range = -0x8000...0x7FFF
    case .ul: range = 0...0xFFFF_FFFF
    case .sl: range = -0x8000_0000...0x7FFF_FFFF
    case .uv: range = 0...Int128(UInt64.max)
    case .sv: range = Int128(Int64.min)...Int128(Int64.max)
    default: throw Refusal(kind: .kindOfValue(vr))
    }
    var bytes: [UInt8] = []
    for number in numbers {
      guard range.contains(number) else { throw Refusal(kind: .malformed(vr)) }
      let bits = UInt64(truncatingIfNeeded: number)
      switch vr.wordBytes {
      case 2: bytes.append(uint16: UInt16(truncatingIfNeeded: bits), isBigEndian: encoding.isBigEndian)
      case 4: bytes.append(uint32: UInt32(truncatingIfNeeded: bits), isBigEndian: encoding.isBigEndian)
      default: bytes.append(uint64: bits, isBigEndian: encoding.isBigEndian)
      }
    }
    return bytes
  }

  /// Turns words round between little and big endian; what is left over at the end stays.
  static func swapped(_ bytes: ArraySlice<UInt8>, _ size: Int) -> [UInt8] {
    var swapped = Array(bytes)
    var start = 0
    while start + size <= swapped.count {
      swapped[start..<start + size].reverse()
      start += size
    }
    return swapped
  }
}
