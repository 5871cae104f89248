/// A character set in which text comes over the wire.
///
/// What can't be decoded or encoded is an error that says where: no replacement character (U+FFFD) is ever made up.
/// Single-byte sets are tables of our own (`CharacterSetTables.swift`); the multi-byte sets of East Asia go through
/// iconv. UTF-16 and UTF-32 are not here on purpose: in them a delimiter is not one byte, so a message can't be read.
package enum Charset: UInt8, Sendable, Hashable, CaseIterable {
  case ascii, utf8
  case iso8859Part1, iso8859Part2, iso8859Part3, iso8859Part4, iso8859Part5, iso8859Part6, iso8859Part7, iso8859Part8,
    iso8859Part9, iso8859Part10
  case iso8859Part11, iso8859Part13, iso8859Part14, iso8859Part15
  case windows1250, windows1251, windows1252, windows1253, windows1254, windows1257, cp437, cp850
  case eucKR, eucJP

  /// The name of the set as IANA registers it, in lower case: `windows-1252`.
  package var name: String { Self.names[Int(rawValue)] }

  /// The set with this name, in the spellings that people use: `UTF-8`, `utf8`, `ISO-8859-1`, `latin1`, `cp1252`.
  package init?(named name: String) {
    let key = name.lowercased().filter { $0.isLetter || $0.isNumber }
    guard let charset = Self.aliases[key] else { return nil }
    self = charset
  }

  /// Names that `init(named:)` takes first, for messages about a name that it does not take.
  package static var knownNames: [String] { names }

  private static let names: [String] = [
    "us-ascii", "utf-8", "iso-8859-1", "iso-8859-2", "iso-8859-3", "iso-8859-4", "iso-8859-5", "iso-8859-6",
    "iso-8859-7", "iso-8859-8", "iso-8859-9", "iso-8859-10", "iso-8859-11", "iso-8859-13", "iso-8859-14",
    "iso-8859-15", "windows-1250", "windows-1251", "windows-1252", "windows-1253", "windows-1254", "windows-1257",
    "ibm437", "ibm850", "euc-kr", "euc-jp",
  ]

  private static let aliases: [String: Charset] = {
    var aliases: [String: Charset] = [
      "ascii": .ascii, "latin1": .iso8859Part1, "latin2": .iso8859Part2, "latin5": .iso8859Part9,
      "latin9": .iso8859Part15,
      "cp437": .cp437, "cp850": .cp850, "tis620": .iso8859Part11, "ksx1001": .eucKR,
    ]
    for charset in allCases {
      let key = charset.name.filter { $0 != "-" }
      aliases[key] = charset
      if key.hasPrefix("windows") { aliases["cp" + key.dropFirst(7)] = charset }
      if key.hasPrefix("iso") { aliases[String(key.dropFirst(3))] = charset }
    }
    return aliases
  }()
}

/// Bytes that are not text in a character set, or text that the set has no bytes for. It never holds the text itself.
package struct CharsetError: Error, Hashable, CustomStringConvertible {
  package enum Kind: Sendable, Hashable {
    /// The bytes at `offset` are not a character of the set.
    case undecodable
    /// The set has no bytes for the character at `offset`.
    case unencodable
    /// This system's iconv does not know the set.
    case unsupported
  }

  package let kind: Kind
  package let charset: Charset
  /// Where: for `undecodable` the byte from the start of what was decoded; for `unencodable` the Unicode scalar from
  /// the start of the text. Both count from 0.
  package let offset: Int

  package init(kind: Kind, charset: Charset, offset: Int) {
    self.kind = kind
    self.charset = charset
    self.offset = offset
  }

  package var description: String {
    switch kind {
    case .undecodable: "the byte at offset \(offset) is not \(charset.name)"
    case .unencodable: "the character at position \(offset + 1) does not exist in \(charset.name)"
    case .unsupported: "this system can't convert \(charset.name)"
    }
  }
}

extension Charset {
  /// The text of these bytes.
  ///
  /// - Throws: `undecodable` with the offset of the first byte that is not of the set, counted from the slice's start.
  package func decode(_ bytes: ArraySlice<UInt8>) throws(CharsetError) -> String {
    switch self {
    case .utf8:
      if bytes.allSatisfy({ $0 < 0x80 }) {
        return bytes.withUnsafeBufferPointer { String(decoding: $0, as: UTF8.self) }
      }
      if let text = bytes.withUnsafeBufferPointer({ String(validating: $0, as: UTF8.self) }) { return text }
      throw CharsetError(kind: .undecodable, charset: self, offset: firstInvalidUTF8(bytes))
    case .ascii:
      if let high = bytes.firstIndex(where: { $0 >= 0x80 }) {
        throw CharsetError(kind: .undecodable, charset: self, offset: high - bytes.startIndex)
      }
      return String(decoding: bytes, as: UTF8.self)
    case .eucKR, .eucJP:
      if bytes.allSatisfy({ $0 < 0x80 }) { return String(decoding: bytes, as: UTF8.self) }
      let utf8 = try iconv(bytes, toUTF8: true)
      return String(decoding: utf8, as: UTF8.self)
    default:
      return try decodeSingleBytes(bytes)
    }
  }

  /// The bytes of this text, appended to `bytes`. When it throws, `bytes` is as it was.
  ///
  /// - Throws: `unencodable` with the position of the first character that the set does not have.
  package func encode(_ text: String, into bytes: inout [UInt8]) throws(CharsetError) {
    if self == .utf8 {
      bytes.append(contentsOf: text.utf8)
      return
    }
    if text.utf8.allSatisfy({ $0 < 0x80 }) {
      bytes.append(contentsOf: text.utf8)
      return
    }
    switch self {
    case .utf8, .ascii:
      let offset = text.unicodeScalars.prefix { $0.value < 0x80 }.count
      throw CharsetError(kind: .unencodable, charset: self, offset: offset)
    case .eucKR, .eucJP:
      bytes.append(contentsOf: try iconv(Array(text.utf8)[...], toUTF8: false))
    default:
      try encodeSingleBytes(text, into: &bytes)
    }
  }

  /// The bytes of this text.
  package func encode(_ text: String) throws(CharsetError) -> [UInt8] {
    var bytes: [UInt8] = []
    try encode(text, into: &bytes)
    return bytes
  }
}

/// The offset of the first byte that does not belong to well-formed UTF-8 (Unicode 15, table 3-7).
private func firstInvalidUTF8(_ bytes: ArraySlice<UInt8>) -> Int {
  var iterator = bytes.makeIterator()
  var decoder = UTF8()
  var offset = 0
  while true {
    switch decoder.decode(&iterator) {
    case .scalarValue(let scalar): offset += UTF8.width(scalar)
    case .emptyInput, .error: return offset
    }
  }
}
