import FHIR
import HL7
import Hilt

/// `hilum scaffold v2-to-fhir ORU_R01`: a transform that does what the guide says, as far as the guide says it so that
/// a program can do it. It is a beginning: what is left open stands in it as comments, each with its place in the
/// guide.
package struct TransformDraft: Sendable {
  /// What the guide says that can't be read.
  package struct Malformed: Sendable {
    package let place: GuidePlace
    /// The condition, as it stands there.
    package let text: String
    package let reason: String
  }

  package struct File: Sendable {
    /// Beside the program: `codes/administrative_sex.csv`
    package let path: String
    package let text: String
  }

  package let name: String
  package let text: String
  package let files: [File]
  package let malformed: [Malformed]
  /// Rows that became something, and rows that are left to a person.
  package let draftedCount: Int
  package let openCount: Int
  /// What the version doesn't have.
  package let missing: [String]

  /// - Parameter version: of the messages, such as `2.5.1`.
  /// - Returns: `nil` where the guide, or the version, has no such structure.
  package init?(of structure: String, version: String) {
    guard let rows = GuideTables.message(structure), let versions = HL7Versions(version, upTo: version) else {
      return nil
    }
    // An event whose structure has another's name: A11 is an ADT_A09.
    let parts = structure.split(separator: "_").map(String.init)
    let events = HL7Events.structure(code: parts[0], event: parts.last, version: version)
    let own = HL7Tables.structure(structure, version: version)
    guard let grammar = own ?? events.flatMap({ HL7Tables.structure($0, version: version) }) else { return nil }
    var drafter = Drafter(structure, version, versions, grammar)
    drafter.read(rows)
    self = drafter.draft()
  }

  init(
    name: String, text: String, files: [File], malformed: [Malformed], draftedCount: Int, openCount: Int,
    missing: [String]
  ) {
    (self.name, self.text, self.files, self.malformed) = (name, text, files, malformed)
    (self.draftedCount, self.openCount, self.missing) = (draftedCount, openCount, missing)
  }
}
