internal import CV2ToFHIRTables
import Text

/// Where something stands in the guide: `OBX[Observation], row 19`.
package struct GuidePlace: Sendable, Hashable, CustomStringConvertible {
  /// `ORU_R01`, `PID[Patient]`: the name of a map.
  package var map: String
  /// As the file of the map counts them, its heads included.
  package var row: Int

  package var description: String { "\(map), row \(row)" }
}

/// When a row holds, in the guide's three forms.
struct GuideWhen: Sendable {
  /// A language that a program can read, mostly.
  var text: String
  var fhirPath: String
  /// For people.
  var narrative: String
}

/// A row of a message's map: a segment, what it becomes, and the map that says how.
struct GuideSegment: Sendable {
  var place: GuidePlace
  /// `ORU_R01.PATIENT_RESULT.PATIENT.PID`
  var path: [String]
  var isGroup: Bool
  var repeats: Bool
  var name: String
  var when: GuideWhen
  /// `Patient[1]`
  var target: String
  /// `PID[Patient]`; empty where it becomes nothing.
  var map: String
  /// `Observation[1].subject.reference=Patient[1].id`, several of them.
  var references: String
}

/// A row of a segment's map: a field, and the element that it becomes.
struct GuideField: Sendable {
  var place: GuidePlace
  /// `PID-3`
  var identifier: String
  var name: String
  var when: GuideWhen
  /// `identifier[2]`
  var element: String
  /// `CX[Identifier]`
  var mapping: String
  /// The map of its codes: `AdministrativeSex`.
  var vocabulary: String
  /// A value that stands there whatever the field holds, in quotes.
  var assignment: String
}

/// A row of a map of codes.
struct GuideCode: Sendable {
  var place: GuidePlace
  var code: String
  var condition: String
  var fhir: String
  var system: String
}

/// The maps of the HL7 v2-to-FHIR guide.
package enum GuideTables {
  /// The structures that the guide covers: `ADT_A01`.
  package static let structures = table.names("M")

  static func message(_ structure: String) -> [GuideSegment]? {
    rows("M", structure)?.map { place, cells in
      let path = cells[0].split(separator: ".").map(String.init)
      return GuideSegment(
        place: place, path: path, isGroup: cells[2].hasPrefix("---"),
        repeats: cells[3] == "-1" || cells[1].contains("{"), name: cells[2],
        when: GuideWhen(text: cells[4], fhirPath: cells[5], narrative: cells[6]), target: cells[7], map: cells[8],
        references: cells[9])
    }
  }

  /// All maps of segments, by name.
  static let segments = table.names("S")
  static func segment(_ map: String) -> [GuideField]? { fields("S", map) }

  /// All maps of data types, by name.
  static let dataTypes = table.names("D")
  static func dataType(_ map: String) -> [GuideField]? { fields("D", map) }

  /// - Parameter name: as a segment's map has it; `Yes/NoIndicator` is the map `YesNoIndicator`.
  static func codes(_ name: String) -> [GuideCode]? {
    let wanted = name.filter { $0.isLetter || $0.isNumber }
    guard let known = table.names("C").first(where: { $0.filter { $0.isLetter || $0.isNumber } == wanted }) else {
      return nil
    }
    return rows("C", known)?.map { place, cells in
      GuideCode(place: place, code: cells[0], condition: cells[1], fhir: cells[2], system: cells[3])
    }
  }

  private static let table = EmbeddedTable(hilum_v2_to_fhir_tables, count: hilum_v2_to_fhir_tables_bytes)

  private static func fields(_ letter: String, _ map: String) -> [GuideField]? {
    rows(letter, map)?.map { place, cells in
      GuideField(
        place: place, identifier: cells[0], name: cells[1],
        when: GuideWhen(text: cells[4], fhirPath: cells[5], narrative: cells[6]), element: cells[7],
        mapping: cells[9], vocabulary: cells[10], assignment: cells[11])
    }
  }

  /// The cells behind the row's number; those that are left out at the end are empty.
  private static func rows(_ letter: String, _ map: String) -> [(GuidePlace, [String])]? {
    table.lines("\(letter) \(map)")?.map { line in
      let cells = line.dropFirst().split(separator: "\t", omittingEmptySubsequences: false).map(String.init)
      let rest = Array(cells.dropFirst()) + Array(repeating: "", count: 12)
      return (GuidePlace(map: map, row: Int(cells[0]) ?? 0), rest)
    }
  }
}
