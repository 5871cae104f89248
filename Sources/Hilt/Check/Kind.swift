import HL7

/// What the tables of HL7 say of a place's content, in the versions in which it is read or written.
struct Kind: Sendable, Hashable {
  /// Its data types, each with the versions that have it. Empty where nothing is known: in a segment of a site's own,
  /// and below what the standard leaves open.
  var types: [String: HL7Versions] = [:]
  /// There may be several of it.
  var repeats = false
  /// The versions in which it does.
  var repeating: HL7Versions = []
  /// The tables of HL7 that say which codes there are (data type ID), each with the versions in which it does.
  var tables: [String: HL7Versions] = [:]

  static let unknown = Kind()

  init() {}

  /// One part of a segment or a composite, as some versions have it.
  init(_ parts: [HL7Part], in versions: HL7Versions) {
    for part in parts {
      let versions = part.versions.intersection(versions)
      types[part.type, default: []].formUnion(versions)
      if part.type == "ID", let table = part.table { tables[table, default: []].formUnion(versions) }
    }
    repeats = parts.contains(where: \.repeats)
    for part in parts where part.repeats { repeating.formUnion(part.versions.intersection(versions)) }
  }

  /// The versions that have it at all.
  var versions: HL7Versions { types.values.reduce(into: []) { $0.formUnion($1) } }

  /// Whether it repeats in some versions and in others not.
  var repeatsInPart: Bool { !repeating.isEmpty && !versions.isSubset(of: repeating) }

  /// Whether the message itself says what it is, or nothing is known of it. CM is a composite without a name.
  var isOpen: Bool { types.isEmpty || types["varies"] != nil || types["CM"] != nil }

  /// As a person would call it: `CX`, `CE or CWE`.
  var name: String { types.keys.sorted().joined(separator: " or ") }

  /// Used as text it gives its first leaf.
  var givesFirstLeaf: Bool { types.keys.contains { Self.firstLeafTypes.contains($0) } }
  private static let firstLeafTypes: Set = ["TS", "CE", "CWE", "CNE", "CX", "EI", "HD"]

  /// It has several components of which none stands for the whole: no single text.
  var isComposite: Bool {
    !isOpen && !givesFirstLeaf && types.keys.contains { HL7Tables.type($0) != nil }
  }

  /// A text written here may hold formatting (`\.br\`).
  var isFormatted: Bool { types.keys.contains { ["FT", "TX", "varies"].contains($0) } }

  /// A component; without types where no version has it. `.1` of what has no components is the whole.
  func component(_ number: Int) -> Kind {
    if isOpen { return .unknown }
    var component = Kind()
    for (type, versions) in types {
      var inner = Kind()
      if let composite = HL7Tables.type(type) {
        inner = Kind(composite.part(number, in: versions), in: versions)
      } else if number == 1 {
        inner.types = [type: versions]
        inner.tables = tables
      }
      component.types.merge(inner.types) { $0.union($1) }
      component.tables.merge(inner.tables) { $0.union($1) }
    }
    return component
  }

  /// Whether a value of this kind may be one of another: some type is the same, or nothing is known.
  func canBe(_ other: Kind) -> Bool {
    isOpen || other.isOpen || types.keys.contains { other.types[$0] != nil }
  }

  /// What is the one or the other.
  static func either(_ a: Kind, _ b: Kind) -> Kind {
    var either = Kind()
    if a.givesFirstLeaf, b.givesFirstLeaf { either.types = a.types.merging(b.types) { $0.union($1) } }
    if a.types == b.types { either.types = a.types }
    either.repeats = a.repeats || b.repeats
    either.repeating = a.repeating.union(b.repeating)
    return either
  }
}
