extension HL7Structure {
  /// Whether a group may begin with a segment of it: nothing that must be there comes before.
  ///
  /// - Parameter group: one that the leaf is in, or in a group of it.
  package func opens(_ leaf: Int, _ group: Int) -> Bool {
    var position = leaves[leaf].position
    var at = leaves[leaf].group
    while groups[at].neededCount(before: position) == 0 {
      if at == group { return true }
      guard let parent = groups[at].parent else { return false }
      position = groups[at].position
      at = parent
    }
    return false
  }

  /// How many things that repeat there are around a leaf, itself included, up to a group that it is in.
  package func depth(of leaf: Int, below outer: Int = 0) -> Int {
    var depth = leaves[leaf].repeats ? 1 : 0
    var next = leaves[leaf].group
    while next != outer, let parent = groups[next].parent {
      if groups[next].repeats { depth += 1 }
      next = parent
    }
    return depth
  }

  /// The place that is meant where a segment is added to a group, or to the whole, without more words; `nil` where
  /// that is open.
  ///
  /// In a repeating group that is the nearest: the `OBX` of an order is that of its observations, not that of a
  /// specimen. In the whole it is the only one, the only one that begins its group, or the only one around which
  /// nothing repeats: the patient, not the patient of an earlier result.
  package func place(of code: HL7SegmentCode, within group: Int = 0) -> Int? {
    var places = leaves(of: code, within: group)
    // The OBX with which an order's document begins is not one more result.
    let others = places.filter { leaves[$0].group == group || !beginsPair($0) }
    if !others.isEmpty { places = others }
    guard places.count > 1 else { return places.first }
    let depths = places.map { depth(of: $0, below: group) }
    let least = depths.min() ?? 0
    let nearest = places.indices.filter { depths[$0] == least }
    if nearest.count == 1, group != 0 || least == 0 { return places[nearest[0]] }
    let opening = places.filter { opens($0, leaves[$0].group) }
    return group == 0 && opening.count == 1 ? opening[0] : nil
  }

  /// Whether a segment may be one that only stands where it should not, rather than begin anything there: not one
  /// that others belong to, such as an order, a result, a specimen or an insurance.
  func mayStray(_ leaf: Int) -> Bool {
    let place = leaves[leaf]
    guard let code = place.code, !code.headsOthers, !groups[place.group].isChoice else { return false }
    // A time of an order repeats as a group and is a detail all the same.
    return code == "TQ1" || !(groups[place.group].repeats && place.isRequired)
  }

  /// The smallest thing that repeats around a leaf: the leaf itself, or the nearest group; `nil` where nothing does.
  package func holder(of leaf: Int, among holders: [Holder]) -> Holder? {
    if leaves[leaf].repeats { return holders.first { $0.group == nil && $0.leaf == leaf } }
    var next: Int? = leaves[leaf].group
    while let group = next {
      if groups[group].repeats { return holders.first { $0.group == group } }
      next = groups[group].parent
    }
    return nil
  }

  /// The name of the group that something is in that repeats, or of that group itself.
  package func name(of holder: Holder) -> String { groups[holder.group ?? leaves[holder.leaf].group].name }

  /// Whether a leaf begins a group that is there once, and in which more must follow.
  private func beginsPair(_ leaf: Int) -> Bool {
    let (place, group) = (leaves[leaf], groups[leaves[leaf].group])
    return !group.repeats && !group.isChoice && place.isRequired && opens(leaf, place.group)
      && group.neededCount(behind: place.position) > 0
  }

  /// Whether it has groups of what was known before an order.
  package var hasEarlierResults: Bool { groups.indices.contains { isEarlierResult($0) } }

  /// Whether a group is called so: `PRIOR_RESULT`, `ORDER_PRIOR`.
  package func isEarlierResult(_ group: Int) -> Bool {
    // Asked for each group of each message: a search of text by text takes twenty times as long.
    let wanted = Self.prior
    var found = 0
    for byte in groups[group].name.utf8 {
      found = byte == wanted[found] ? found + 1 : byte == wanted[0] ? 1 : 0
      if found == wanted.count { return true }
    }
    return false
  }

  private static let prior = Array("PRIOR".utf8)

  /// Whether a leaf is in a group of what was known before an order.
  package func isOfEarlierResult(_ leaf: Int) -> Bool {
    var next: Int? = leaves[leaf].group
    while let group = next {
      if isEarlierResult(group) { return true }
      next = groups[group].parent
    }
    return false
  }
}

extension HL7SegmentCode {
  /// Others belong to it: it is what a patient, an order, a result, a specimen begins with, never a detail.
  package var headsOthers: Bool { Self.heads.contains(self) }

  private static let heads: Set<HL7SegmentCode> = [
    "MSH", "PID", "MRG", "ORC", "OBR", "OBX", "SPM", "RXO", "RXE", "RXD", "RXG", "RXA", "RQD", "RQ1", "ODS", "ODT",
    "TXA", "FT1", "PR1", "IN1", "SCH", "RGS", "AIS", "AIG", "AIL", "AIP",
  ]
}
