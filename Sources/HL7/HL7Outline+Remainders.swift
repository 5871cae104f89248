extension HL7Outline {
  /// What is left of groups without the segment that makes them: the results of an order whose `OBR` goes, the `IN2`
  /// of an insurance whose `IN1` goes. An `OBR` whose `ORC` goes stays an order, as it makes one itself.
  ///
  /// - Parameter leaving: the ordinals of the segments that go together.
  /// - Returns: ordinals of segments that stay.
  package func remainders(without leaving: Set<Int>) -> Set<Int> {
    var left: Set<Int> = []
    for ordinal in leaving {
      guard owners.indices.contains(ordinal), let leaf = leaves[ordinal] else { continue }
      left.formUnion(remainders(behind: ordinal, leaf, leaving))
    }
    return left
  }

  /// Whether an instance lacks a segment that it must have: an order without its `OBR`. One of a part that need not be
  /// there is lacking where that part is there without it.
  package func lacks(_ leaf: Int, in instance: Int) -> Bool {
    var instance = instance
    while true {
      let group = instances[instance].group
      let inner = child(of: group, toward: leaf)
      let isRequired = inner.map { structure.groups[$0].isRequired } ?? structure.leaves[leaf].isRequired
      let position = self.position(of: leaf, in: group)
      guard stands(instances[instance].segments, at: position, in: group) else {
        return isRequired && !structure.groups[group].isChoice
      }
      guard let inner, let next = instances.firstIndex(where: { $0.group == inner && $0.parent == instance }) else {
        return false
      }
      instance = next
    }
  }

  /// Whether one of some segments of a group stands at a place of it, or in the group that is there.
  private func stands(_ ordinals: some Sequence<Int>, at position: Int, in group: Int) -> Bool {
    ordinals.contains { leaves[$0].map { self.position(of: $0, in: group) == position } ?? false }
  }

  /// Whether a segment is the patient of an earlier result that has no order: it begins something else.
  package func isLoneEarlierPatient(_ ordinal: Int) -> Bool {
    guard let leaf = leaves[ordinal], structure.isOfEarlierResult(leaf),
      let around = instances[owners[ordinal]].parent
    else { return false }
    return structure.groups.indices.contains { group in
      structure.groups[group].parent == instances[around].group && structure.groups[group].isRequired
        && !instances.contains { $0.group == group && $0.parent == around }
    }
  }

  private func remainders(behind ordinal: Int, _ leaf: Int, _ leaving: Set<Int>) -> [Int] {
    var instance = owners[ordinal]
    var group = structure.leaves[leaf].group
    var isNeeded = structure.leaves[leaf].isRequired || structure.groups[group].isChoice
    while group != instances[0].group, isNeeded {
      let staying = instances[instance].segments.filter { !leaving.contains($0) }
      if !staying.isEmpty {
        let position = self.position(of: leaf, in: group)
        let behind = staying.filter { $0 > ordinal }
        let next = behind.lazy.compactMap { leaves[$0] }.first
        // Behind a group that keeps such a segment, what is left goes on with it.
        let before = instances[..<instance].last { $0.group == group && $0.parent == instances[instance].parent }
        let goesOn =
          before.map { stands($0.segments.filter { !leaving.contains($0) }, at: position, in: group) } ?? false
        if stands(staying, at: position, in: group) || !goesOn && next.map({ makesGroup($0, in: group) }) ?? false {
          return []
        }
        return behind
      }
      guard let outer = instances[instance].parent, let parent = structure.groups[group].parent else { return [] }
      isNeeded = structure.groups[group].isRequired || structure.groups[parent].isChoice
      (instance, group) = (outer, parent)
    }
    return []
  }

  /// Whether a leaf makes a group by itself: nothing repeats around it, and it is the first that its own group must
  /// have.
  private func makesGroup(_ leaf: Int, in group: Int) -> Bool {
    let own = structure.leaves[leaf].group
    guard structure.leaves[leaf].isRequired || structure.groups[own].isChoice else { return false }
    return structure.depth(of: leaf, below: group) == 0 && structure.opens(leaf, own)
  }

  /// The group whose last part that must be there goes, while something of it stays and lies within more than the
  /// message: the patient of an earlier result, which would make one of the order behind it.
  ///
  /// - Parameters:
  ///   - group: the group that goes.
  ///   - leaving: the ordinals of its segments.
  package func remnant(of group: Int, without leaving: Set<Int>) -> Int? {
    guard let first = leaving.min(), owners.indices.contains(first) else { return nil }
    var next: Int? = owners[first]
    while let instance = next, instances[instance].group != group { next = instances[instance].parent }
    guard structure.groups[group].isRequired, let outer = next.flatMap({ instances[$0].parent }),
      let around = instances[outer].parent, around != 0
    else { return nil }
    let hasOther = instances.contains { other in
      other.group == group && other.parent == outer && !other.segments.allSatisfy { leaving.contains($0) }
    }
    let stays = instances[outer].segments.contains { !leaving.contains($0) }
    return hasOther || !stays ? nil : instances[outer].group
  }
}
