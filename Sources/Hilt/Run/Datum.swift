import HL7
import Text

/// A value while a program runs.
enum Datum: Sendable {
  case absent
  case null
  case text(String)
  case number(Decimal)
  case boolean(Bool)
  case stamp(Stamp)
  case time(TimeOfDay)
  /// Seconds.
  case duration(Int)
  /// A stretch of a message that is neither absent nor null: a field, repetition, component or subcomponent.
  case piece(HL7Piece)
  /// Components that a program put together; where a component holds another composite, its parts are subcomponents.
  case composite([HL7Content])
  case list([Datum])
  /// Bytes that are no text: a document that was decoded, a hash.
  case bytes([UInt8])
  /// Values that have names: a table's row, a line of a file, a record. In the order of their names' declaration.
  case row([Datum])
  /// In a box of its own: as the largest of all it would make each value as large.
  indirect case group(GroupValue)
  /// An object that the program put together, of FHIR or JSON.
  case record(Record)
  /// A value of `value[x]` with the name that says its type.
  case choice(Choice)
  /// What stands in a message of FHIR or JSON.
  case json(JSONNode)
  /// An element of XML, of what came or of what the program made.
  case element(XMLNode)
  /// A data set of DICOM or an item of one, in a box as a group is.
  indirect case dataSet(DataSetValue)

  /// A stretch as it is read: absent and null told apart.
  init(_ piece: HL7Piece) {
    switch piece.presence {
    case .absent: self = .absent
    case .null: self = .null
    case .valued: self = .piece(piece)
    }
  }

  var isAbsent: Bool {
    if case .absent = self { return true }
    return false
  }

  var isNull: Bool {
    if case .null = self { return true }
    return false
  }

  /// Neither absent nor null.
  var isValued: Bool {
    switch self {
    case .absent, .null: false
    default: true
    }
  }
}

/// A text of what may be absent or null.
enum OptionalText {
  case absent, null
  case text(String)
}
