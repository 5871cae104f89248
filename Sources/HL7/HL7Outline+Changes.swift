/// An outline goes along with a message that changes a little: what is around the change is looked at, all else stays.
extension HL7Outline {
  /// The outline of the segments of one instance alone.
  package func part(_ instance: Int) -> HL7Outline {
    let range = instances[instance].segments
    var part = self
    var numbers: [Int: Int] = [:]
    part.instances = []
    for (number, one) in instances.enumerated().dropFirst(instance) {
      guard one.segments.lowerBound < range.upperBound else { break }
      let parent = number == instance ? nil : one.parent.flatMap { numbers[$0] }
      guard number == instance || parent != nil else { continue }
      numbers[number] = part.instances.count
      let start = one.segments.lowerBound - range.lowerBound
      part.instances.append(Instance(group: one.group, parent: parent, segments: start..<start + one.segments.count))
    }
    part.leaves = Array(leaves[range])
    part.owners = owners[range].map { numbers[$0] ?? 0 }
    part.strays = [:]
    for (ordinal, leaf) in strays where range.contains(ordinal) { part.strays[ordinal - range.lowerBound] = leaf }
    part.misfits = Set(misfits.filter { range.contains($0) }.map { $0 - range.lowerBound })
    return part
  }

  /// Takes segments out, where each of the others stays in the group that it is in. Else nothing changes.
  ///
  /// - Parameter gone: their ordinals, ascending.
  /// - Returns: whether it was so.
  package mutating func remove(_ gone: [Int]) -> Bool {
    guard fits, !isDoubtful, let first = gone.first, first > 0 else { return false }
    let isGone = Set(gone)
    for ordinal in gone where !isGone.contains(ordinal + 1) {
      guard staysAlike(from: ordinal + 1, isGone) else { return false }
    }
    // How many are gone before each.
    var before: [Int] = []
    var count = 0
    for ordinal in 0...leaves.count {
      before.append(count)
      if isGone.contains(ordinal) { count += 1 }
    }
    for number in instances.indices {
      let range = instances[number].segments
      let (start, end) = (range.lowerBound, range.upperBound)
      instances[number].segments = start - before[start]..<end - before[end]
    }
    for ordinal in gone.reversed() {
      leaves.remove(at: ordinal)
      owners.remove(at: ordinal)
    }
    dropEmptyInstances()
    return true
  }

  private mutating func dropEmptyInstances() {
    guard instances.dropFirst().contains(where: \.segments.isEmpty) else { return }
    var numbers: [Int] = []
    var left: [Instance] = []
    for (number, instance) in instances.enumerated() {
      numbers.append(left.count)
      if number > 0, instance.segments.isEmpty { continue }
      left.append(
        Instance(group: instance.group, parent: instance.parent.map { numbers[$0] }, segments: instance.segments))
    }
    instances = left
    for ordinal in owners.indices { owners[ordinal] = numbers[owners[ordinal]] }
  }

  /// Whether what stands from an ordinal on is read as before, without those that are gone before it.
  private func staysAlike(from start: Int, _ gone: Set<Int>) -> Bool {
    var last = start - 1
    while last >= 0, gone.contains(last) || leaves[last] == nil {
      // What has no place clings to what stands before it.
      if !gone.contains(last), last + 1 < start, owners[last] != owner(before: last, gone) { return false }
      last -= 1
    }
    guard last >= 0 else { return false }
    for ordinal in start..<max(start, leaves.count) where !gone.contains(ordinal) {
      guard let leaf = leaves[ordinal] else {
        if owners[ordinal] != owners[last] { return false }
        continue
      }
      guard let code = structure.leaves[leaf].code else { return false }
      var others: [HL7Slicing.Move] = []
      let slicing = HL7Slicing(self, behind: last, toward: code)
      guard let move = slicing.move(to: code, others: &others), others.isEmpty, move.leaf == leaf,
        move.missing == 0
      else { return false }
      return isAlike(ordinal, kept: slicing.kept(by: move), behind: last)
    }
    return true
  }

  private func owner(before ordinal: Int, _ gone: Set<Int>) -> Int? {
    var at = ordinal - 1
    while at >= 0, gone.contains(at) || leaves[at] == nil { at -= 1 }
    return at >= 0 ? owners[at] : nil
  }

  /// Whether a segment goes on in the same instances as before, and begins the others that it is in.
  private func isAlike(_ ordinal: Int, kept: [Int], behind last: Int) -> Bool {
    var chain: [Int] = []
    var next: Int? = owners[ordinal]
    while let instance = next {
      chain.append(instance)
      next = instances[instance].parent
    }
    chain.reverse()
    let begun = chain.dropFirst(kept.count)
    return chain.starts(with: kept) && begun.allSatisfy { instances[$0].segments.lowerBound > last }
  }

  /// Puts a segment before another, where all others stay in the groups that they are in. Else nothing changes.
  ///
  /// - Returns: whether it was so.
  package mutating func insert(_ code: HL7SegmentCode, at ordinal: Int) -> Bool {
    guard fits, !isDoubtful, ordinal > 0, ordinal <= leaves.count else { return false }
    guard let last = leaves[..<ordinal].lastIndex(where: { $0 != nil }), let place = leaves[last] else { return false }
    // What stands behind a continuation pointer, the last that has a place, takes that from it.
    guard structure.leaves[place].code != Self.continuation else { return false }
    var others: [HL7Slicing.Move] = []
    let slicing = HL7Slicing(self, behind: last, toward: code)
    let move = slicing.move(to: code, others: &others)
    guard others.isEmpty, move != nil || code.isLocal, move?.missing ?? 0 == 0 else { return false }
    var changed = self
    changed.put(move, slicing, at: ordinal, owner: owners[last])
    guard changed.staysAlike(from: ordinal + 1, []) else { return false }
    self = changed
    return true
  }

  private mutating func put(_ move: HL7Slicing.Move?, _ slicing: HL7Slicing, at ordinal: Int, owner: Int) {
    var kept = move.map { slicing.kept(by: $0) } ?? []
    if move == nil {
      var next: Int? = owner
      while let instance = next {
        kept.append(instance)
        next = instances[instance].parent
      }
    }
    for number in instances.indices {
      let range = instances[number].segments
      let isAround = kept.contains(number)
      let start = range.lowerBound >= ordinal && !isAround ? range.lowerBound + 1 : range.lowerBound
      let end = range.upperBound > ordinal || isAround ? range.upperBound + 1 : range.upperBound
      instances[number].segments = start..<end
    }
    let opened = move.map { slicing.opened(by: $0) } ?? []
    // Instances stand in the order in which they begin.
    let place = instances.firstIndex { $0.segments.lowerBound > ordinal } ?? instances.count
    for number in owners.indices where owners[number] >= place { owners[number] += opened.count }
    for number in instances.indices where instances[number].parent ?? -1 >= place {
      instances[number] = Instance(
        group: instances[number].group, parent: instances[number].parent.map { $0 + opened.count },
        segments: instances[number].segments)
    }
    var parent = move == nil ? owner : kept.last ?? 0
    for (index, group) in opened.enumerated() {
      instances.insert(Instance(group: group, parent: parent, segments: ordinal..<ordinal + 1), at: place + index)
      parent = place + index
    }
    leaves.insert(move?.leaf, at: ordinal)
    owners.insert(parent, at: ordinal)
  }
}
