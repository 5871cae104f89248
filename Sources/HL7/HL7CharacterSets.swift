package import Text

/// HL7 table 0211, alternate character sets, as MSH-18 writes them.
///
/// Not supported are those of which a byte of a character may equal a delimiter, and those that are switched within the
/// text (`unsupportedNames`).
/// A message that declares one of these and holds only ASCII is read all the same.
package enum HL7CharacterSet {
  /// The name of a set of table 0211 that is not supported; `nil` for a value that the table doesn't have.
  static func unsupported(declared: String) -> String? { unsupportedNames.first { $0 == declared.uppercased() } }

  private static let unsupportedNames = [
    "GB 18030-2000", "BIG-5", "ISO IR14", "ISO IR87", "ISO IR159", "CNS 11643-1992", "UNICODE UTF-16",
    "UNICODE UTF-32",
  ]

  /// The set that a value of MSH-18 names; `nil` where it is unknown or not supported.
  package static func charset(declared: String) -> Charset? {
    byName[declared.uppercased()] ?? Charset(named: declared)
  }

  /// The value of MSH-18 for a set: table 0211's where it has one, else the IANA name in capitals.
  package static func declaration(of charset: Charset) -> String {
    names.first { $0.charset == charset }?.name ?? charset.name.uppercased()
  }

  private static let names: [(name: String, charset: Charset)] = [
    ("ASCII", .ascii), ("ISO IR6", .ascii), ("UNICODE UTF-8", .utf8), ("UNICODE", .utf8), ("8859/1", .iso8859Part1),
    ("8859/2", .iso8859Part2), ("8859/3", .iso8859Part3), ("8859/4", .iso8859Part4), ("8859/5", .iso8859Part5),
    ("8859/6", .iso8859Part6), ("8859/7", .iso8859Part7), ("8859/8", .iso8859Part8), ("8859/9", .iso8859Part9),
    ("8859/10", .iso8859Part10), ("8859/11", .iso8859Part11), ("8859/13", .iso8859Part13), ("8859/14", .iso8859Part14),
    ("8859/15", .iso8859Part15), ("KS X 1001", .eucKR),
  ]

  private static let byName = Dictionary(uniqueKeysWithValues: names.map { ($0.name, $0.charset) })
}
