/// What is written to a place of a draft.
package enum HL7Content: Sendable {
  /// Nothing: the place is cleared.
  case absent
  /// `""`, which tells the receiver to delete.
  case null
  /// A leaf. Delimiters and what would end a segment or a frame are escaped.
  case text(String)
  /// A leaf of type FT or TX: formatting sequences (`\.br\`, `\H\`, `\N\`) stand for themselves, all else is escaped.
  case formatted(String)
  /// A copy of a stretch of any message, with the delimiters and the character set of the draft.
  ///
  /// Levels follow the place: a component with subcomponents becomes components where it is written to a field.
  case piece(HL7Piece)
  /// Components where a field or repetition is written; subcomponents where a component is. Empty ones at the end are
  /// left out.
  case parts([HL7Content])
  /// All repetitions of a field. Empty ones at the end are left out.
  case repetitions([HL7Content])

  /// Whether nothing would stand where it is written.
  package var isEmpty: Bool {
    switch self {
    case .absent: true
    case .null: false
    case .text(let text), .formatted(let text): text.isEmpty
    case .piece(let piece): piece.isEmpty
    case .parts(let parts), .repetitions(let parts): parts.allSatisfy(\.isEmpty)
    }
  }

  /// A value that was read.
  package init(_ value: HL7Value) {
    switch value {
    case .absent: self = .absent
    case .null: self = .null
    case .text(let text): self = .text(text)
    }
  }
}
