import Synchronization

extension HL7Tables {
  /// The names of all structures that any version has: `ADT_A01`, `ACK`.
  package static let structureNames = names("M")

  /// A structure as one version has it; `nil` where it has none of that name, or there is no such version.
  package static func structure(_ name: String, version: String) -> HL7Structure? {
    guard let version = HL7Versions(version, upTo: version) else { return nil }
    return variants(name).first { $0.versions.isSuperset(of: version) }?.structure
  }

  /// The versions that have a structure; none where no version has.
  package static func structureVersions(_ name: String) -> HL7Versions {
    variants(name).reduce(into: []) { $0.formUnion($1.versions) }
  }

  private struct Variant: Sendable {
    let versions: HL7Versions
    let structure: HL7Structure
  }

  /// What was read of the text, as it is asked for.
  private static let read = Mutex<[String: [Variant]]>([:])

  private static func variants(_ name: String) -> [Variant] {
    if let known = read.withLock({ $0[name] }) { return known }
    guard let lines = lines("M \(name)") else { return [] }
    // ` 01f MSH MSA ERR?`
    let variants = lines.compactMap { line -> Variant? in
      let words = line.split(separator: " ", maxSplits: 1)
      guard words.count == 2 else { return nil }
      return Variant(versions: mask(words[0]), structure: HL7Structure(name: name, grammar: words[1]))
    }
    read.withLock { $0[name] = variants }
    return variants
  }
}
