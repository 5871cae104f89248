import Text

/// Text as data sets have it: parts, padding, escapes.
enum DICOMText {
  static let backslash = UInt8(ascii: "\\")

  /// A value without the padding that its VR allows.
  static func trimmed(_ bytes: ArraySlice<UInt8>, _ vr: DICOMVR) -> ArraySlice<UInt8> {
    var bytes = bytes
    while let last = bytes.last, last == 0x20 || last == 0 { bytes.removeLast() }
    if vr.isTrimmedInFront { bytes = bytes.drop { $0 == 0x20 } }
    return bytes
  }

  /// Parts and trims texts that are ASCII; what isn't is left as it stands.
  static func values(_ bytes: ArraySlice<UInt8>, _ vr: DICOMVR) -> [ArraySlice<UInt8>] {
    if DICOMText.trimmed(bytes, vr).isEmpty, !bytes.contains(backslash) { return [] }
    guard vr.isSplit else { return [trimmed(bytes, vr)] }
    return bytes.split(separator: backslash, omittingEmptySubsequences: false).map { trimmed($0, vr) }
  }

  /// The same of what was decoded.
  static func trimmed(_ text: String, _ vr: DICOMVR) -> String {
    let bytes = Array(text.utf8)
    let rest = trimmed(bytes[...], vr)
    return rest.count == bytes.count ? text : String(decoding: rest, as: UTF8.self)
  }
}

extension DICOMText {
  /// Of bytes that are to be ASCII: what isn't is shown as what it can't be.
  static func shown(_ bytes: ArraySlice<UInt8>) -> String {
    String(decoding: bytes.map { (0x20..<0x7F).contains($0) ? $0 : UInt8(ascii: "?") }, as: UTF8.self)
  }
}

/// Text that is not in the sets that are declared.
struct DICOMUndecodable: Error {
  /// From the first byte of the value.
  var offset: Int
}

extension DICOMCharacterSets {
  /// The texts of a value: parted where the VR says so, without padding.
  func decode(_ bytes: ArraySlice<UInt8>, _ vr: DICOMVR) throws(DICOMUndecodable) -> [String] {
    if bytes.allSatisfy({ $0 < 0x80 && $0 != 0x1B }), left == .ascii {
      return DICOMText.values(bytes, vr).map { String(decoding: $0, as: UTF8.self) }
    }
    var decoder = DICOMTextDecoder(self, bytes, isSplit: vr.isSplit, isName: vr == .pn)
    return try decoder.run().map { DICOMText.trimmed($0, vr) }
  }
}

/// Goes through the bytes of one value once.
private struct DICOMTextDecoder {
  private let sets: DICOMCharacterSets
  private let bytes: ArraySlice<UInt8>
  private let isSplit: Bool
  private let isName: Bool
  private var left: DICOMCharacterSets.Left
  private var right: DICOMCharacterSets.Right
  private var at: Int
  /// Bytes of one set that are not decoded yet.
  private var stretch: (kind: Kind, start: Int)
  private var text = ""
  private var texts: [String] = []

  private enum Kind: Equatable {
    case left(DICOMCharacterSets.Left)
    case right(DICOMCharacterSets.Right)
    case whole(DICOMCharacterSets.Whole)
  }

  init(_ sets: DICOMCharacterSets, _ bytes: ArraySlice<UInt8>, isSplit: Bool, isName: Bool) {
    self.sets = sets
    self.bytes = bytes
    self.isSplit = isSplit
    self.isName = isName
    left = sets.left
    right = sets.right
    at = bytes.startIndex
    stretch = (.left(.ascii), at)
  }

  mutating func run() throws(DICOMUndecodable) -> [String] {
    while at < bytes.endIndex {
      let byte = bytes[at]
      if byte == 0x1B, sets.whole == nil {
        try flush()
        try escape()
      } else if byte < 0x80, !isHalf(byte) {
        try single(byte)
      } else {
        try character(byte)
      }
    }
    try flush()
    texts.append(text)
    return texts
  }

  /// A byte below 0x80 that is half of a character.
  private func isHalf(_ byte: UInt8) -> Bool {
    sets.whole == nil && (left == .jisx0208 || left == .jisx0212) && (0x21...0x7E).contains(byte)
  }

  private mutating func single(_ byte: UInt8) throws(DICOMUndecodable) {
    if byte == DICOMText.backslash, isSplit {
      try flush()
      texts.append(text)
      text = ""
      at += 1
      stretch.start = at
      return begin()
    }
    try go(to: sets.whole.map(Kind.whole) ?? .left(left == .romaji ? .romaji : .ascii), 1)
    let isDelimiter = isName && (byte == UInt8(ascii: "^") || byte == UInt8(ascii: "="))
    // Behind them the first set holds again (PS3.5 section 6.1.2.5.3).
    if sets.whole == nil, isDelimiter || [0x09, 0x0A, 0x0C, 0x0D].contains(byte) { begin() }
  }

  private mutating func begin() {
    left = sets.left
    right = sets.right
  }

  private mutating func character(_ byte: UInt8) throws(DICOMUndecodable) {
    switch sets.whole {
    case .utf8?: try go(to: .whole(.utf8), 1)
    case let whole?:
      // The second of four bytes is a digit.
      let second = at + 1 < bytes.endIndex ? bytes[at + 1] : 0
      try go(to: .whole(whole), (0x30...0x39).contains(second) && whole == .gb18030 ? 4 : 2)
    case nil:
      if byte < 0x80 {
        try go(to: .left(left), 2)
      } else {
        try go(to: .right(right), right == .ksx1001 || right == .gb2312 ? 2 : 1)
      }
    }
  }

  /// Takes a character of a set.
  private mutating func go(to kind: Kind, _ count: Int) throws(DICOMUndecodable) {
    if stretch.kind != kind {
      try flush()
      stretch = (kind, at)
    }
    guard at + count <= bytes.endIndex else { throw DICOMUndecodable(offset: at - bytes.startIndex) }
    at += count
  }

  private mutating func flush() throws(DICOMUndecodable) {
    let part = bytes[stretch.start..<at]
    defer { stretch.start = at }
    if part.isEmpty { return }
    do throws(DICOMUndecodable) {
      text += try decoded(part)
    } catch {
      throw DICOMUndecodable(offset: part.startIndex - bytes.startIndex + error.offset)
    }
  }

  /// - Throws: where, counted from the part's first byte.
  private func decoded(_ part: ArraySlice<UInt8>) throws(DICOMUndecodable) -> String {
    switch stretch.kind {
    case .whole(.utf8): return try Self.decoded(part, .utf8)
    case .right(.single(let charset)): return try Self.decoded(part, charset)
    default:
      guard let text = wide(part) else { throw DICOMUndecodable(offset: 0) }
      return text
    }
  }

  private static func decoded(_ part: ArraySlice<UInt8>, _ charset: Charset) throws(DICOMUndecodable) -> String {
    do throws(CharsetError) {
      return try charset.decode(part)
    } catch {
      throw DICOMUndecodable(offset: error.offset)
    }
  }

  private func wide(_ part: ArraySlice<UInt8>) -> String? {
    switch stretch.kind {
    case .whole(.gb18030): return MultibyteCharset.gb18030.decode(part)
    case .whole(.gbk): return MultibyteCharset.gbk.decode(part)
    case .left(.ascii): return String(decoding: part, as: UTF8.self)
    case .left(.romaji):
      return String(
        String.UnicodeScalarView(part.map { $0 == 0x5C ? "\u{A5}" : $0 == 0x7E ? "\u{203E}" : Unicode.Scalar($0) }))
    case .left(.jisx0208): return MultibyteCharset.jis.decode(part.map { $0 | 0x80 }[...])
    case .left(.jisx0212):
      var wide: [UInt8] = []
      for (number, byte) in part.enumerated() { wide += number & 1 == 0 ? [0x8F, byte | 0x80] : [byte | 0x80] }
      return MultibyteCharset.jis.decode(wide[...])
    case .right(.nothing), .right(.single), .whole(.utf8): return nil
    case .right(.katakana):
      guard part.allSatisfy({ (0xA1...0xDF).contains($0) }) else { return nil }
      return String(String.UnicodeScalarView(part.compactMap { Unicode.Scalar(0xFF61 + UInt32($0) - 0xA1) }))
    case .right(.ksx1001): return MultibyteCharset.ksx1001.decode(part)
    case .right(.gb2312): return MultibyteCharset.gb2312.decode(part)
    }
  }

  private mutating func escape() throws(DICOMUndecodable) {
    let rest = bytes[(at + 1)...].prefix(3)
    for set in DICOMCharacterSet.all {
      if !set.leftEscape.isEmpty, rest.starts(with: set.leftEscape), let left = set.left {
        self.left = left
        at += 1 + set.leftEscape.count
        stretch.start = at
        return
      }
      if !set.rightEscape.isEmpty, rest.starts(with: set.rightEscape), let right = set.right {
        self.right = right
        at += 1 + set.rightEscape.count
        stretch.start = at
        return
      }
    }
    // Where nothing can be switched to it is a character as any.
    guard sets.extensions.count <= 1 else { throw DICOMUndecodable(offset: at - bytes.startIndex) }
    try go(to: .left(.ascii), 1)
  }
}
