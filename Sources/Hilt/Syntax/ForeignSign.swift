/// Operators of other languages, the longest first.
struct ForeignSign {
  var written: String
  var meant: String
  var kind: Token.Kind
  /// What `--fix` writes, where it is more than what is meant.
  var replacement: String?

  /// The sign that stands at the beginning of these bytes.
  static func at(_ bytes: ArraySlice<UInt8>) -> ForeignSign? {
    // Nearly every sign of a program is another.
    guard let first = bytes.first, starts.contains(first) else { return nil }
    return all.first { bytes.starts(with: $0.written.utf8) }
  }

  private static let starts = Set(all.compactMap(\.written.utf8.first))

  private static let all: [ForeignSign] = [
    ForeignSign(written: "===", meant: "==", kind: .sign(.equal)),
    ForeignSign(written: "!==", meant: "!=", kind: .sign(.unequal)),
    ForeignSign(written: "<>", meant: "!=", kind: .sign(.unequal)),
    ForeignSign(written: "||", meant: "or", kind: .word),
    ForeignSign(written: "&&", meant: "and", kind: .word),
  ]
}

/// Characters that nobody sees, or takes for others: `name` says which, with their number in Unicode.
struct InvisibleCharacter {
  var name: String
  var help: [String]
  var meant: String?

  private static let known: [UInt32: (name: String, meant: String)] = [
    0xA0: ("a no-break space", " "), 0x202F: ("a narrow no-break space", " "), 0x2007: ("a figure space", " "),
    0x2003: ("an em space", " "), 0x2002: ("an en space", " "), 0x3000: ("an ideographic space", " "),
    0x200B: ("a zero width space", ""), 0x200C: ("a zero width non-joiner", ""), 0x200D: ("a zero width joiner", ""),
    0xFEFF: ("a byte order mark", ""), 0xAD: ("a soft hyphen", ""), 0x2060: ("a word joiner", ""),
    0x2028: ("a line separator", "\n"), 0x2011: ("a no-break hyphen", "-"), 0x2010: ("a hyphen", "-"),
    0x2013: ("an en dash", "-"), 0x2014: ("an em dash", "-"), 0x2212: ("a minus sign", "-"),
  ]

  static func named(_ character: String) -> InvisibleCharacter? {
    guard let scalar = character.unicodeScalars.first, let found = known[scalar.value] else { return nil }
    let number = String(scalar.value, radix: 16, uppercase: true)
    let code = String(repeating: "0", count: max(0, 4 - number.count)) + number
    let help = found.meant == "-" ? "-" : found.meant.isEmpty ? "take it out" : "an ordinary space"
    // A dash in a path is tight: what is sure of a space is not of a dash.
    return InvisibleCharacter(
      name: "\(found.name) (U+\(code))", help: [found.meant == "\n" ? "a line's end" : help],
      meant: found.meant == "-" ? nil : found.meant)
  }
}
