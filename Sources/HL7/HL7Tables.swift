internal import CHL7Tables
import Synchronization
import Text

/// One part of a segment or data type, as some versions have it: a field, a component or a subcomponent.
package struct HL7Part: Sendable, Hashable {
  package var versions: HL7Versions
  /// Its data type: `CX`, `ST`; *varies* where the message itself says it.
  package var type: String
  /// How many there must be.
  package var countMin: Int
  /// How many there may be at most; `nil` for any number.
  package var countMax: Int?
  /// The table of its codes, such as `0123`; `nil` where there is none.
  package var table: String?
  /// In small letters, as the newest of all versions calls it.
  package var name: String

  package var repeats: Bool { countMax != 1 }
}

/// A segment or a composite data type.
package struct HL7Composite: Sendable {
  package var name: String
  /// By number, from 1; each as its versions have it. Empty where every version leaves a number out.
  private(set) var parts: [[HL7Part]] = []
  /// The versions that have it at all.
  package private(set) var versions: HL7Versions = []

  init(_ name: String) { self.name = name }

  mutating func add(_ part: HL7Part, number: Int) {
    while parts.count < number { parts.append([]) }
    parts[number - 1].append(part)
    versions.formUnion(part.versions)
  }

  /// A part as some versions have it; empty where none of them does.
  package func part(_ number: Int, in versions: HL7Versions = .all) -> [HL7Part] {
    guard parts.indices.contains(number - 1) else { return [] }
    return parts[number - 1].filter { !$0.versions.isDisjoint(with: versions) }
  }

  /// The number of the last part that some versions have.
  package func lastNumber(in versions: HL7Versions = .all) -> Int {
    (parts.indices.last { !part($0 + 1, in: versions).isEmpty } ?? -1) + 1
  }
}

/// The tables of HL7 v2, versions 2.1 to 2.8.2: segments with their fields, and data types with their components.
/// Withdrawn fields are not in them.
package enum HL7Tables {
  /// `nil`: no version has such a segment.
  package static func segment(_ code: HL7SegmentCode) -> HL7Composite? { composite("S \(code)") }

  /// `nil`: no version has such a type, or it has no components.
  package static func type(_ name: String) -> HL7Composite? { composite("D \(name)") }

  package static let segmentNames = names("S")
  /// The composite data types that go by a name of their own in messages and documents.
  package static let typeNames = names("D").filter { !$0.contains("_") }
  /// The data types that have no components.
  package static let primitiveNames = ["DT", "DTM", "FT", "GTS", "ID", "IS", "NM", "SI", "ST", "TM", "TN", "TX"]

  // MARK: The text

  private static let table = EmbeddedTable(hilum_hl7_tables, count: hilum_hl7_tables_bytes)

  /// The lines that belong to a head; `nil` where there is no such head.
  static func lines(_ head: String) -> [String]? { table.lines(head) }

  static func names(_ letter: String) -> [String] { table.names(letter) }

  /// What was read of the text, as it is asked for.
  private static let read = Mutex<[String: HL7Composite]>([:])

  private static func composite(_ head: String) -> HL7Composite? {
    if let known = read.withLock({ $0[head] }) { return known }
    guard let lines = lines(head) else { return nil }
    var composite = HL7Composite(String(head.dropFirst(2)))
    for line in lines {
      // ` 3 ffc CX 1 * 0200 patient identifier list`
      let words = line.split(separator: " ", maxSplits: 6)
      guard words.count >= 6, let number = Int(words[0]) else { continue }
      composite.add(
        HL7Part(
          versions: mask(words[1]), type: String(words[2]), countMin: Int(words[3]) ?? 0,
          countMax: words[4] == "*" ? nil : Int(words[4]),
          table: words[5] == "-" ? nil : String(words[5]), name: words.count > 6 ? String(words[6]) : ""),
        number: number)
    }
    read.withLock { $0[head] = composite }
    return composite
  }

  static func mask(_ text: Substring) -> HL7Versions { HL7Versions(rawValue: UInt16(text, radix: 16) ?? 0) }
}
