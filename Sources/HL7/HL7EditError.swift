/// Why a place of a draft can't be written: what and where, never the content.
package struct HL7EditError: Error, Hashable, CustomStringConvertible {
  package enum Kind: Error, Hashable {
    /// There is no such segment, or it was removed.
    case noSegment
    /// MSH-1, MSH-2 and the MSH segment itself can't be changed.
    case fixedHeader
    /// A number below 1 or above what is written here.
    case outOfRange
    /// MSH-2 declares no separator for this level.
    case noSeparator
    /// What is written has more levels than its place.
    case tooDeep
    /// Several repetitions for a place that takes one.
    case repeats
    /// MSH-18 would declare a character set that is not supported.
    case characterSet
    case text(HL7TextError)
  }

  package let kind: Kind
  package let segment: HL7SegmentCode?
  package let position: HL7Position?

  package init(_ kind: Kind, segment: HL7SegmentCode? = nil, position: HL7Position? = nil) {
    self.kind = kind
    self.segment = segment
    self.position = position
  }

  package var description: String {
    guard let position else { return reason }
    return "\(segment.map(\.description) ?? "")-\(position): \(reason)"
  }

  private var reason: String {
    switch kind {
    case .noSegment: "there is no such segment"
    case .fixedHeader: "MSH, its separator and its encoding characters can't be changed"
    case .outOfRange: "a number is below 1 or beyond the limit"
    case .noSeparator: "MSH-2 declares no separator for this level"
    case .tooDeep: "the value has more levels than its place"
    case .repeats: "several repetitions are written where one can stand"
    case .characterSet: "it would declare a character set that is not written here"
    case .text(let error): error.description
    }
  }
}
