extension HL7Outline {
  /// Where a segment goes that is added to an instance: the ordinal of the segment *before* which it stands; the end
  /// of the instance's segments where it is the last.
  ///
  /// It stands behind what comes before it in the grammar, and behind segments of its own name, with all that belongs
  /// to those: a group that follows the added segment in the grammar stays behind it, what clings to the segment
  /// before it (Z-segments, and those without a place) stays there. Where the leaf is in a group within, it is added
  /// to the last one of them; where that has such a segment already and may have but one, behind that group, to make
  /// another.
  ///
  /// - Parameters:
  ///   - leaf: one within the instance's group; of another nothing is known, so it goes to the end.
  ///   - appending: what comes stands behind what is there: a segment that can begin a repeating group does so where
  ///     the last group of its kind has gone past its place.
  package func insertionOrdinal(ofLeaf leaf: Int, in instance: Int, appending: Bool = false) -> Int {
    guard instances.indices.contains(instance) else { return owners.count }
    var instance = instance
    var group = instances[instance].group
    guard structure.groups[group].leaves.contains(leaf) else { return instances[instance].segments.upperBound }
    // Inwards, as long as there is an instance that can take it.
    while let inner = child(of: group, toward: leaf), let last = lastInstance(of: inner, in: instance),
      takes(leaf, last), !(appending && isPast(leaf, last))
    {
      instance = last
      group = inner
    }
    if !strays.isEmpty, let found = ordinal(besideStrays: leaf, in: instance) { return found }
    return ordinal(behind: position(of: leaf, in: group), in: instance)
  }

  /// Whether one more segment of a leaf may stand in an instance: it repeats, or there is none yet.
  package func hasRoom(for leaf: Int, in instance: Int) -> Bool {
    guard instances.indices.contains(instance), !canRepeat(leaf, in: instances[instance].group) else { return true }
    let segments = instances[instance].segments
    let code = structure.leaves[leaf].code
    return !leaves[segments].contains(leaf)
      && !strays.contains { segments.contains($0.key) && structure.leaves[$0.value].code == code }
  }

  /// Where some segments stand out of order: behind the last of the same name, else behind what comes nearest before
  /// it in the grammar, wherever that stands. `nil` where none of the instance's segments is out of order.
  private func ordinal(besideStrays leaf: Int, in instance: Int) -> Int? {
    let segments = instances[instance].segments
    guard strays.contains(where: { segments.contains($0.key) }) else { return nil }
    let group = instances[instance].group
    let wanted = position(of: leaf, in: group)
    var best: (ordinal: Int, position: Int)?
    for ordinal in segments {
      guard let other = leaves[ordinal] ?? strays[ordinal] else { continue }
      let isSame = structure.leaves[other].code == structure.leaves[leaf].code
      // A stray's place may be in a group that is not here.
      guard isSame || structure.groups[group].leaves.contains(other) else { continue }
      let position = isSame ? Int.max : self.position(of: other, in: group)
      guard isSame || position <= wanted else { continue }
      if position >= best?.position ?? -1 { best = (ordinal, position) }
    }
    guard let best else { return nil }
    return segments.first { $0 > best.ordinal && (leaves[$0] ?? strays[$0]) != nil } ?? segments.upperBound
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
  func position(of leaf: Int, in group: Int) -> Int {
    child(of: group, toward: leaf).map { structure.groups[$0].position } ?? structure.leaves[leaf].position
  }

  /// The group directly within another that has a leaf; `nil` where the leaf is the group's own.
  func child(of group: Int, toward leaf: Int) -> Int? {
    var next = structure.leaves[leaf].group
    while next != group, let parent = structure.groups[next].parent {
      if parent == group { return next }
      next = parent
    }
    return nil
  }

  /// Whether a segment that need not be there could stand at the beginning of the last of its groups, which has gone on
  /// without it, or begin another one: the `ORC` behind an `OBR` that has none.
  package func joinsOrBegins(_ leaf: Int) -> Bool {
    guard !structure.leaves[leaf].isRequired else { return false }
    var instance = 0
    var group = instances[0].group
    while let inner = child(of: group, toward: leaf), let last = lastInstance(of: inner, in: instance),
      takes(leaf, last)
    {
      if inner == structure.leaves[leaf].group {
        return isPast(leaf, last) && !leaves[instances[last].segments].contains(leaf)
      }
      instance = last
      group = inner
    }
    return false
  }

  private func lastInstance(of group: Int, in parent: Int) -> Int? {
    instances.lastIndex { $0.group == group && $0.parent == parent }
  }

  /// Whether a repeating group that a leaf could begin has gone on behind the leaf's place.
  private func isPast(_ leaf: Int, _ instance: Int) -> Bool {
    let group = instances[instance].group
    guard structure.groups[group].repeats, structure.opens(leaf, group) else { return false }
    return ordinal(behind: position(of: leaf, in: group), in: instance) < instances[instance].segments.upperBound
  }

  /// Whether the last groups around a leaf's place are there, or begin with it: then nothing that is added at the end
  /// belongs to another group than the last.
  package func endCanTake(_ leaf: Int) -> Bool {
    var instance = 0
    var group = instances[0].group
    while let inner = child(of: group, toward: leaf) {
      guard let last = lastInstance(of: inner, in: instance), takes(leaf, last) else {
        return structure.opens(leaf, inner)
      }
      instance = last
      group = inner
    }
    return true
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
