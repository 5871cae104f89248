extension HL7Outline {
  /// Where a segment goes that is added to an instance: the ordinal of the segment *before* which it stands; the end of
  /// the instance's segments where it is the last.
  ///
  /// It stands behind what comes before it in the grammar, and behind segments of its own name, with all that belongs
  /// to those: a group that follows the added segment in the grammar stays behind it, what clings to the segment before
  /// it (Z-segments, and those without a place) stays there. Where the leaf is in a group within, it is added to the
  /// last one of them; where that has such a segment already and may have but one, behind that group, to make another.
  ///
  /// - Parameter leaf: one within the instance's group; of another nothing is known, so it goes to the end.
  package func insertionOrdinal(ofLeaf leaf: Int, in instance: Int) -> Int {
    guard instances.indices.contains(instance) else { return owners.count }
    var instance = instance
    var group = instances[instance].group
    guard structure.groups[group].leaves.contains(leaf) else { return instances[instance].segments.upperBound }
    // Inwards, as long as there is an instance that can take it.
    while let inner = child(of: group, toward: leaf), let last = lastInstance(of: inner, in: instance),
      takes(leaf, last)
    {
      instance = last
      group = inner
    }
    return ordinal(behind: position(of: leaf, in: group), in: instance)
  }

  /// The end of the last segment of an instance whose place in the group is one or comes before it.
  private func ordinal(behind position: Int, in instance: Int) -> Int {
    let group = instances[instance].group
    let segments = instances[instance].segments
    let last = segments.last { ordinal in
      guard let leaf = leaves[ordinal] else { return false }
      return self.position(of: leaf, in: group) <= position
    }
    guard let last else { return segments.lowerBound }
    // What has no place of its own clings to the segment before it.
    return leaves[(last + 1)..<segments.upperBound].firstIndex { $0 != nil } ?? segments.upperBound
  }

  /// The place in a group of a leaf in it, or of the group within it that has the leaf.
  private func position(of leaf: Int, in group: Int) -> Int {
    child(of: group, toward: leaf).map { structure.groups[$0].position } ?? structure.leaves[leaf].position
  }

  /// The group directly within another that has a leaf; `nil` where the leaf is the group's own.
  private func child(of group: Int, toward leaf: Int) -> Int? {
    var next = structure.leaves[leaf].group
    while next != group, let parent = structure.groups[next].parent {
      if parent == group { return next }
      next = parent
    }
    return nil
  }

  private func lastInstance(of group: Int, in parent: Int) -> Int? {
    instances.lastIndex { $0.group == group && $0.parent == parent }
  }

  /// Whether one more segment of a leaf can stand in an instance.
  private func takes(_ leaf: Int, _ instance: Int) -> Bool {
    let group = instances[instance].group
    // Where there is but one of a group, that one has to.
    guard structure.groups[group].repeats else { return true }
    if leaves[instances[instance].segments].contains(leaf) { return canRepeat(leaf, in: group) }
    return !structure.groups[group].isChoice
  }

  /// Whether a leaf, or a group around it, repeats within a group.
  private func canRepeat(_ leaf: Int, in group: Int) -> Bool {
    if structure.leaves[leaf].repeats { return true }
    var next = structure.leaves[leaf].group
    while next != group, let parent = structure.groups[next].parent {
      if structure.groups[next].repeats { return true }
      next = parent
    }
    return false
  }
}
