import HL7

/// A segment that was removed from an output: a name that was given to it still stands for what it held.
struct RemovedSegment: Sendable {
  var code: HL7SegmentCode?
  var fields: [HL7Piece]
}

extension Run {
  /// Takes segments out of a draft, and out of what is known of its groups.
  ///
  /// - Parameter isOutlined: what is known of the groups says so already.
  func take(_ gone: [Int], outOf draft: Int, isOutlined: Bool = false) throws {
    if !isOutlined, !(outlines[draft]?.remove(Set(gone)) ?? true) { forgetOutline(of: draft) }
    for segment in gone {
      removed[draft, default: [:]][segment] = held(by: segment, in: .draft(draft))
      try edit(draft) { try $0.removeSegment(segment) }
    }
  }

  /// What a segment holds now.
  func held(by segment: Int, in message: MessageReference) -> RemovedSegment {
    RemovedSegment(
      code: code(of: segment, in: message),
      fields: (0..<fieldCount(of: segment, in: message)).map { field($0 + 1, of: segment, in: message) })
  }

  /// A field of a segment that was removed, as it was then; `nil` where it was not removed.
  @inline(__always)
  func removedField(_ number: Int, of segment: Int, _ draft: Int) -> HL7Piece? {
    guard !removed.isEmpty, let gone = removed[draft]?[segment] else { return nil }
    return number >= 1 && number <= gone.fields.count ? gone.fields[number - 1] : Self.nothing
  }
}
