import HL7

/// The names that a program gave to segments of one output.
struct SegmentNames: Sendable {
  /// Of one segment each.
  var marks: [Int] = []
  /// Of lists, and of what is a segment of the output or one that was put together.
  var slots: [Int] = []
}

extension Run {
  /// A segment is about to be written as a whole: what a name says of it stays, as where a segment is removed.
  ///
  /// - Parameter own: the name that is written to, which goes along.
  func keep(_ segment: Int, of place: HL7Place) throws {
    guard case .draft(let draft) = place.message, let names = names[draft] else { return }
    var own: Int?
    if case .mark(let mark) = place.segment { own = mark }
    let marks = names.marks.filter { $0 != own && self.marks[$0] == segment }
    let slots = names.slots.filter { self.slots[$0].names(segment) }
    guard !marks.isEmpty || !slots.isEmpty else { return }
    let held = held(by: segment, in: place.message)
    try step(bytes: held.fields.reduce(held.fields.count << 4) { $0 + $1.byteCount }, at: place.span)
    let kept = Self.keptMin + (removed[draft]?.count ?? 0)
    removed[draft, default: [:]][kept] = held
    for mark in marks { self.marks[mark] = kept }
    for slot in slots { self.slots[slot] = self.slots[slot].naming(kept, insteadOf: segment) }
  }

  /// Numbers that no segment of a message has.
  static let keptMin = 1 << 40
}

extension Datum {
  fileprivate func names(_ segment: Int) -> Bool {
    switch self {
    case .number: segmentID == segment
    case .list(let values): values.contains { $0.names(segment) }
    default: false
    }
  }

  fileprivate func naming(_ kept: Int, insteadOf segment: Int) -> Datum {
    switch self {
    case .number: segmentID == segment ? .number(Decimal(kept)) : self
    case .list(let values): .list(values.map { $0.naming(kept, insteadOf: segment) })
    default: self
    }
  }
}
