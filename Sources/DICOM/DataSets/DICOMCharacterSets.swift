import Text

/// The character sets that (0008,0005) declares, among which a text may switch (PS3.5 section 6.1, PS3.3 C.12.1.1.2).
package struct DICOMCharacterSets: Sendable, Hashable {
  /// What bytes below 0x80 mean.
  enum Left: Sendable, Hashable {
    case ascii
    /// JIS X 0201: a yen sign for the backslash, an overline for the tilde.
    case romaji
    case jisx0208, jisx0212
  }

  /// What bytes from 0x80 on mean.
  enum Right: Sendable, Hashable {
    case nothing
    case single(Charset)
    case katakana, ksx1001, gb2312
  }

  /// Sets without escape sequences.
  enum Whole: Sendable, Hashable {
    case utf8, gb18030, gbk
  }

  var whole: Whole?
  /// What holds at the beginning, and again behind each delimiter.
  var left = Left.ascii
  var right = Right.nothing
  /// What a text may switch to, as it was declared.
  var extensions: [DICOMCharacterSet] = []
  /// Every name that was declared is one of the standard's.
  package private(set) var isKnown = true

  private init() {}

  /// ASCII.
  package static let standard = DICOMCharacterSets()
  package static let utf8 = DICOMCharacterSets(names: ["ISO_IR 192"])

  /// - Parameter bytes: the value of (0008,0005).
  init(declared bytes: ArraySlice<UInt8>) {
    self.init(
      names: bytes.split(separator: UInt8(ascii: "\\"), omittingEmptySubsequences: false).map {
        String(decoding: DICOMText.trimmed($0, .cs), as: UTF8.self)
      })
  }

  package init(names: [String]) {
    for (number, name) in names.enumerated() {
      // Writers have all kinds of dashes in them.
      let plain = name.uppercased().map { $0 == "_" || $0 == "-" ? " " : String($0) }.joined()
      switch plain {
      case "ISO IR 192": whole = whole ?? .utf8
      case "GB18030": whole = whole ?? .gb18030
      case "GBK": whole = whole ?? .gbk
      case "": extensions.append(.ascii)
      default:
        let number = plain.hasPrefix("ISO IR ") ? plain.dropFirst(7) : plain.dropFirst(12)
        guard plain.hasPrefix("ISO IR ") || plain.hasPrefix("ISO 2022 IR "), let registered = Int(number),
          let set = DICOMCharacterSet.all.first(where: { $0.registered == registered })
        else {
          isKnown = false
          continue
        }
        extensions.append(set)
      }
      if number == 0, let first = extensions.first {
        left = first.left ?? .ascii
        right = first.right ?? .nothing
      }
    }
    // Sets of two bytes in the left half are never there at the beginning.
    if left == .jisx0208 || left == .jisx0212 { left = .ascii }
  }
}

/// One set that texts may switch to.
struct DICOMCharacterSet: Sendable, Hashable {
  /// Its number in the ISO registry.
  var registered: Int
  var left: DICOMCharacterSets.Left?
  var right: DICOMCharacterSets.Right?
  /// What stands behind an escape to invoke the left and the right half.
  var leftEscape: [UInt8]
  var rightEscape: [UInt8]

  init(_ registered: Int, left: DICOMCharacterSets.Left, _ leftEscape: String) {
    self.init(registered, left, nil, leftEscape, "")
  }

  init(_ registered: Int, _ charset: Charset, _ rightEscape: String) {
    self.init(registered, .ascii, .single(charset), "(B", rightEscape)
  }

  init(
    _ registered: Int, _ left: DICOMCharacterSets.Left?, _ right: DICOMCharacterSets.Right?, _ leftEscape: String,
    _ rightEscape: String
  ) {
    self.registered = registered
    self.left = left
    self.right = right
    self.leftEscape = Array(leftEscape.utf8)
    self.rightEscape = Array(rightEscape.utf8)
  }

  static let ascii = DICOMCharacterSet(6, left: .ascii, "(B")

  static let all = [
    ascii, DICOMCharacterSet(100, .iso8859Part1, "-A"), DICOMCharacterSet(101, .iso8859Part2, "-B"),
    DICOMCharacterSet(109, .iso8859Part3, "-C"), DICOMCharacterSet(110, .iso8859Part4, "-D"),
    DICOMCharacterSet(144, .iso8859Part5, "-L"), DICOMCharacterSet(127, .iso8859Part6, "-G"),
    DICOMCharacterSet(126, .iso8859Part7, "-F"), DICOMCharacterSet(138, .iso8859Part8, "-H"),
    DICOMCharacterSet(148, .iso8859Part9, "-M"), DICOMCharacterSet(203, .iso8859Part15, "-b"),
    DICOMCharacterSet(166, .iso8859Part11, "-T"), DICOMCharacterSet(13, .romaji, .katakana, "(J", ")I"),
    DICOMCharacterSet(87, left: .jisx0208, "$B"), DICOMCharacterSet(159, left: .jisx0212, "$(D"),
    DICOMCharacterSet(149, nil, .ksx1001, "", "$)C"), DICOMCharacterSet(58, nil, .gb2312, "", "$)A"),
  ]
}
