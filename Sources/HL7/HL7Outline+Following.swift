extension HL7Outline {
  /// The last segment of those behind which a segment goes that is added behind another: what belongs to that one,
  /// and all that the grammar wants before the added one. A note belongs to its result, and the next result comes
  /// behind it; a diagnosis of an order goes behind the order's notes.
  ///
  /// - Returns: the ordinal of the segment itself where it has no place in the grammar, or the grammar none for the
  ///   added one.
  package func lastBelonging(to ordinal: Int, before code: HL7SegmentCode) -> Int {
    guard let leaf = leaves[ordinal] else { return ordinal }
    var last = ordinal
    var next: Int? = owners[ordinal]
    while let instance = next {
      let group = instances[instance].group
      let places = structure.leaves(of: code, within: group)
      if let place = places.first(where: { $0 > leaf || $0 == leaf && structure.leaves[leaf].repeats }) {
        return self.last(before: place, from: last, in: instance, notPast: code == "NTE" ? leaf : nil)
      }
      last = instances[instance].segments.upperBound - 1
      if structure.groups[group].repeats, places.contains(where: { structure.opens($0, group) }) { return last }
      next = instances[instance].parent
    }
    return ordinal
  }

  /// The last segment of those that follow one and stand before a leaf in the grammar, those of the leaf itself where
  /// it repeats included.
  ///
  /// - Parameter sibling: where one of these comes, it ends: a note of one result does not go behind the next.
  private func last(before leaf: Int, from ordinal: Int, in instance: Int, notPast sibling: Int?) -> Int {
    let group = instances[instance].group
    let wanted = position(of: leaf, in: group)
    var last = ordinal
    for next in instances[instance].segments where next > ordinal {
      guard let other = leaves[next] else { continue }
      let isBefore = position(of: other, in: group) < wanted || other == leaf && structure.leaves[leaf].repeats
      guard isBefore, other != sibling else { break }
      last = next
    }
    return last
  }
}
