internal import CDICOMTables

/// What is done with an attribute that can identify somebody: the letters of PS3.15 table E.1-1.
enum DICOMConfidentialityAction: Sendable, Hashable {
  /// X
  case remove
  /// Z
  case empty
  /// D
  case dummy
  /// U
  case map
  /// K
  case keep
  /// C
  case clean

  /// Of several letters the one that leaves an object valid whatever the attribute's type is in its IOD: what may have
  /// to be there stays, and what may have to have a value has one.
  init?(_ letters: Substring) {
    switch letters {
    case "X": self = .remove
    case "Z", "X/Z": self = .empty
    case "D", "Z/D", "X/D", "X/Z/D": self = .dummy
    case "U", "X/Z/U*": self = .map
    case "K": self = .keep
    case "C": self = .clean
    default: return nil
    }
  }
}

/// What is demanded of one attribute: by the basic profile, and by each option that speaks of it.
struct DICOMConfidentialityRow: Sendable {
  var basic: DICOMConfidentialityAction
  /// Options that keep it.
  var kept: Set<DICOMDeidentification.Option> = []
  /// Options that clean it.
  var cleaned: Set<DICOMDeidentification.Option> = []

  /// Of two options that speak of one attribute, that one counts which gives away less.
  func action(_ options: Set<DICOMDeidentification.Option>) -> DICOMConfidentialityAction {
    if !cleaned.isDisjoint(with: options) { return .clean }
    return kept.isDisjoint(with: options) ? basic : .keep
  }
}

/// Table E.1-1, and what the engine adds to it.
enum DICOMConfidentialityTable {
  /// Of private attributes none: who removes and keeps them looks at their makers.
  static func row(_ tag: DICOMTag) -> DICOMConfidentialityRow? {
    if let row = table.rows[tag.rawValue] { return row }
    return table.repeating.first { tag.rawValue & $0.mask == $0.value }?.row
  }

  /// What the table of 2024b leaves where it is although it identifies: another calendar doesn't make a birthday
  /// another one, who issued a number names an institution, addresses in a network hold UIDs, and what was encrypted is
  /// the original, for somebody with another key.
  ///
  /// An overlay without its data is none: the rest of its group goes with that, labels and descriptions too.
  private static let added = """
    P 00080051 X
    P 00081190 D uK
    P 00100024 X
    P 00100033 X
    P 00100034 X
    P 00400026 X
    P 00400027 X
    P 00400031 D iK
    P 00400032 D iK
    P 00400036 X
    P 00400039 X
    P 0040003A X
    P 0040E010 D uK
    P 04000500 X
    P 60xxxxxx X
    """

  private static let table = Table()

  private struct Table: Sendable {
    var rows: [UInt32: DICOMConfidentialityRow] = [:]
    var repeating: [(mask: UInt32, value: UInt32, row: DICOMConfidentialityRow)] = []

    init() {
      let text = UnsafeBufferPointer(start: hilum_dicom_tables, count: hilum_dicom_tables_bytes)
      for line in text.split(separator: UInt8(ascii: "\n")) where line.first == UInt8(ascii: "P") {
        read(String(decoding: line, as: UTF8.self))
      }
      for line in added.split(separator: "\n") { read(String(line)) }
    }

    /// `P 00080022 X/Z fK mC`: what the basic profile does, and what options do instead.
    private mutating func read(_ line: String) {
      let words = line.split(separator: " ")
      guard let pattern = DICOMTagPattern(words[1]), let basic = DICOMConfidentialityAction(words[2]) else { return }
      var row = DICOMConfidentialityRow(basic: basic)
      // Pictures of overlays and curves can't be cleaned: they go, whatever the options are.
      guard pattern.mask == .max else { return repeating.append((pattern.mask, pattern.value, row)) }
      for word in words.dropFirst(3) {
        guard let option = word.first.flatMap({ DICOMDeidentification.Option(letter: $0) }) else { continue }
        if word.last == "K" { row.kept.insert(option) } else { row.cleaned.insert(option) }
      }
      rows[pattern.value] = row
    }
  }
}

extension DICOMDeidentification.Option {
  /// As the embedded table calls it.
  fileprivate init?(letter: Character) {
    switch letter {
    case "v": self = .retainSafePrivate
    case "u": self = .retainUIDs
    case "d": self = .retainDeviceIdentity
    case "i": self = .retainInstitutionIdentity
    case "p": self = .retainPatientCharacteristics
    case "f": self = .retainFullDates
    case "m": self = .retainModifiedDates
    case "t": self = .cleanDescriptors
    case "s": self = .cleanStructuredContent
    case "g": self = .cleanGraphics
    default: return nil
    }
  }
}
