extension HL7Tables {
  /// The codes that a table of HL7 has in any of some versions, in alphabetical order; `nil` where for one of them they
  /// are not known, or the standard says that there are more.
  ///
  /// - Parameter table: its number, such as `0123`.
  package static func codes(table: String, in versions: HL7Versions) -> [String]? {
    guard !versions.isEmpty, versions.isSubset(of: versionsWithCodes(table: table)) else { return nil }
    return lists(table).filter { !$0.versions.isDisjoint(with: versions) }.flatMap(\.codes).sorted()
  }

  /// The versions of which all codes of a table are known: none for a table to which a site may add its own.
  package static func versionsWithCodes(table: String) -> HL7Versions {
    var known = HL7Versions()
    var open = HL7Versions()
    for list in lists(table) {
      known.formUnion(list.versions)
      if list.codes.contains("...") { open.formUnion(list.versions) }
    }
    return known.subtracting(open)
  }

  /// ` ff8 F M O U`
  private static func lists(_ table: String) -> [(versions: HL7Versions, codes: [String])] {
    (lines("T \(table)") ?? []).map { line in
      let words = line.split(separator: " ")
      return (mask(words.first ?? ""), words.dropFirst().map(String.init))
    }
  }
}
