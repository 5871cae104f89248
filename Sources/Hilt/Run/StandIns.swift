import DICOM
import Messages

/// What a run put in the place of identifiers, each once, in the order in which it was made.
struct StandIns {
  private(set) var list: [StandIn] = []
  private var known: Set<StandIn> = []

  mutating func add(_ one: StandIn) {
    if known.insert(one).inserted { list.append(one) }
  }

  mutating func add(_ report: DICOMDeidentificationReport, key: String) {
    for one in report.replacements {
      let kind: StandIn.Kind = one.kind == .uid ? .uid : .pseudonym
      add(StandIn(kind, key: key, original: one.original, text: one.replacement))
    }
  }
}
