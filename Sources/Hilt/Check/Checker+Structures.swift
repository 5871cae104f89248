import HL7

/// The message structures that a program's head names.
extension Checker {
  /// Whether the versions of a clause have a structure, or events that share one: `ADT_A01`, `ADT_A08`, `ADT_*`, `ACK`.
  /// What the profile names, and messages and events with Z, are a site's own. Reported where they have none.
  mutating func checkStructure(_ word: Word, in versions: HL7Versions) {
    if profile?.structures[word.text] != nil { return }
    let parts = word.text.split(separator: "_", omittingEmptySubsequences: false)
    if parts.count == 2, parts[0].utf8.count == 3, parts.contains(where: { $0.hasPrefix("Z") }), word.text.isCodes {
      return
    }
    let known = Self.versions(of: word.text)
    guard known.isDisjoint(with: versions) else { return }
    if known.isEmpty {
      let near = problems.isOpen ? nearest(word.text, among: HL7Tables.structureNames) : nil
      problems.report(
        .header, "'\(word.text)' is no message structure", at: word.span,
        help: near.map { ["did you mean '\($0)'?"] } ?? ["ADT_A01", "ADT_*"])
    } else {
      problems.report(
        .header, "HL7 \(versions) has no message structure \(word.text)", at: word.span,
        label: Self.elsewhere(known, versions))
    }
  }

  /// The versions that have a structure or event of a name, or any of a code.
  private static func versions(of name: String) -> HL7Versions {
    guard name.hasSuffix("_*") else {
      return HL7Events.versions(of: name).union(HL7Tables.structureVersions(name))
    }
    return HL7Events.names.filter { $0.hasPrefix(name.dropLast()) }.reduce(into: []) { all, name in
      all.formUnion(versions(of: name))
    }
  }
}

extension String {
  /// Capitals, digits and `_`, or `*` for all.
  fileprivate var isCodes: Bool {
    utf8.allSatisfy { byte in
      (0x41...0x5A).contains(byte) || (0x30...0x39).contains(byte) || byte == UInt8(ascii: "_")
        || byte == UInt8(ascii: "*")
    }
  }
}
