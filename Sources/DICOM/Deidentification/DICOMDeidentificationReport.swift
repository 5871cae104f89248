/// What was done to a data set. Shown or logged, it says how often, and nothing of what was there.
package struct DICOMDeidentificationReport: Sendable {
  package enum Outcome: String, Sendable, Hashable, CaseIterable {
    /// As it was, of what the profile leaves or an option keeps.
    case kept
    /// As it was, after it was looked at for identifiers.
    case cleaned
    case removed
    case emptied
    /// By a dummy or a pseudonym.
    case replaced
    /// UIDs given anew.
    case mapped
    /// Dates.
    case shifted
    /// Private elements that nobody vouches for.
    case privateRemoved = "private removed"
    /// Elements that the standard doesn't have, or not this way.
    case unknownRemoved = "unknown removed"
    /// Elements that the profile would leave, with an identifier of this data set in them.
    case found = "replaced as an identifier stood in them"
  }

  package struct Replacement: Sendable, Hashable {
    package enum Kind: String, Sendable, Hashable {
      case patientID = "patient id"
      case uid
    }

    package let kind: Kind
    package let original: String
    package let replacement: String
  }

  /// Elements at every depth; of a sequence that was removed the sequence alone.
  package internal(set) var counts: [Outcome: Int] = [:]
  /// Each once, in the order in which they stand there: for a map that is kept under lock.
  package private(set) var replacements: [Replacement] = []
  /// Whether the pixels may show who it is.
  package internal(set) var burnedIn = DICOMBurnedIn.no
  private var known: Set<Replacement> = []

  mutating func add(_ outcome: Outcome) { counts[outcome, default: 0] += 1 }

  mutating func add(_ kind: Replacement.Kind, _ original: String, _ replacement: String) {
    let new = Replacement(kind: kind, original: original, replacement: replacement)
    if known.insert(new).inserted { replacements.append(new) }
  }
}

extension DICOMDeidentificationReport: CustomStringConvertible, CustomDebugStringConvertible, CustomReflectable {
  package var description: String {
    let counted = Outcome.allCases.compactMap { outcome in counts[outcome].map { "\(outcome.rawValue) \($0)" } }
    return "de-identified: \(counted.joined(separator: ", ")); text in the pixels: \(burnedIn)"
  }
  package var debugDescription: String { description }
  package var customMirror: Mirror { Mirror(self, children: ["report": description]) }
}

extension DICOMDeidentificationReport.Replacement: CustomStringConvertible, CustomDebugStringConvertible,
  CustomReflectable
{
  package var description: String { "a \(kind.rawValue) that was replaced" }
  package var debugDescription: String { description }
  package var customMirror: Mirror { Mirror(self, children: ["replacement": description]) }
}
