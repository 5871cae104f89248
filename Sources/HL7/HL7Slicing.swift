/// Walks a grammar with the segments of a message, one after the other. A step costs as much as the grammar has leaves
/// of that name times its depth, however long the message is.
struct HL7Slicing {
  /// A group that is open at this place of the message.
  private struct Open {
    let group: Int
    let instance: Int
    /// Its first segment.
    let start: Int
    /// The last of its places that was taken; -1 at its beginning.
    var position: Int
  }

  /// A way to go on from here to a leaf.
  struct Move {
    let leaf: Int
    /// The open group that it stays in, or makes a new instance of.
    let level: Int
    let isNewInstance: Bool
    /// How many that must be there are missing in what it closes, and in all.
    let leftOut: Int
    let missing: Int
    /// It opens a group past what comes first there.
    let isPastBeginning: Bool

    /// Nearer ones are less.
    func isNearer(than other: Move) -> Bool {
      if level != other.level { return level > other.level }
      if isNewInstance != other.isNewInstance { return !isNewInstance }
      return leaf < other.leaf
    }
  }

  private let structure: HL7Structure
  /// The groups that are open, from the whole inwards.
  private var path: [Open]
  /// For each leaf the last segment that took it.
  private var lastSegments: [Int]

  init(_ structure: HL7Structure, group: Int) {
    self.structure = structure
    path = [Open(group: group, instance: 0, start: 0, position: -1)]
    lastSegments = Array(repeating: -1, count: structure.leaves.count)
  }

  /// The innermost instance that is open.
  var instance: Int { path[path.count - 1].instance }

  // MARK: Choosing

  /// The way to the place of the next segment; `nil` where it has none.
  func move(to code: HL7SegmentCode) -> Move? {
    let named = structure.leavesByCode[code] ?? []
    let moves = named.flatMap { self.moves(to: $0) }
    if let move = nearest(moves, where: { $0.missing == 0 }) { return move }
    // A site's own segment belongs to where it stands, also where any may stand.
    if !code.isLocal, !structure.openLeaves.isEmpty {
      let open = structure.openLeaves.flatMap { self.moves(to: $0) }
      if let move = nearest(open, where: { $0.missing == 0 }) { return move }
    }
    return nearest(moves) { _ in true }
  }

  private func nearest(_ moves: [Move], where holds: (Move) -> Bool) -> Move? {
    guard let nearest = moves.filter(holds).min(by: { $0.isNearer(than: $1) }) else { return nil }
    guard nearest.isPastBeginning, !nearest.isNewInstance else { return nearest }
    let again = moves.filter { move in
      move.isNewInstance && move.leftOut == 0 && lastSegments[move.leaf] >= path[move.level].start
    }
    return again.min { $0.isNearer(than: $1) } ?? nearest
  }

  /// All ways to a leaf.
  private func moves(to leaf: Int) -> [Move] {
    var moves: [Move] = []
    var leftOut = 0
    var isForwardKnown = false
    for (level, open) in path.enumerated().reversed() {
      let group = structure.groups[open.group]
      if group.leaves.contains(leaf) {
        // What is further on in a group is so from the innermost open group alone that has the leaf.
        if !isForwardKnown {
          isForwardKnown = true
          if let move = forward(to: leaf, level, leftOut) { moves.append(move) }
        }
        if level > 0, group.repeats { moves.append(newInstance(from: leaf, level, leftOut)) }
      }
      leftOut += group.neededCount(behind: open.position)
    }
    return moves
  }

  /// Further on in an open group; `nil` where the leaf is behind us.
  private func forward(to leaf: Int, _ level: Int, _ leftOut: Int) -> Move? {
    let open = path[level]
    let way = self.way(to: leaf, in: open.group)
    let group = structure.groups[open.group]
    if way.position == open.position {
      guard structure.leaves[leaf].group == open.group, structure.leaves[leaf].repeats else { return nil }
    } else if way.position < open.position || (group.isChoice && open.position >= 0) {
      return nil
    }
    let passed = group.neededCount(before: way.position) - group.neededCount(before: open.position + 1)
    return Move(
      leaf: leaf, level: level, isNewInstance: false, leftOut: leftOut, missing: leftOut + max(0, passed) + way.missing,
      isPastBeginning: way.isPastBeginning)
  }

  private func newInstance(from leaf: Int, _ level: Int, _ leftOut: Int) -> Move {
    let open = path[level]
    let group = structure.groups[open.group]
    let way = self.way(to: leaf, in: open.group)
    let left = leftOut + group.neededCount(behind: open.position)
    return Move(
      leaf: leaf, level: level, isNewInstance: true, leftOut: left,
      missing: left + group.neededCount(before: way.position) + way.missing, isPastBeginning: way.isPastBeginning)
  }

  /// From a group down to a leaf in it: the place in the group, and what is passed over in the groups below.
  private func way(to leaf: Int, in group: Int) -> (position: Int, missing: Int, isPastBeginning: Bool) {
    var position = structure.leaves[leaf].position
    var next = structure.leaves[leaf].group
    var missing = 0
    var isPastBeginning = false
    while next != group, let parent = structure.groups[next].parent {
      let inner = structure.groups[next]
      missing += inner.neededCount(before: position)
      if position > 0, !inner.isChoice { isPastBeginning = true }
      position = inner.position
      next = parent
    }
    return (position, missing, isPastBeginning)
  }

  // MARK: Going

  /// Takes a move: closes the groups it leaves and opens those it enters.
  mutating func make(_ move: Move, at ordinal: Int, _ instances: inout [HL7Outline.Instance]) {
    close(from: move.isNewInstance ? move.level : move.level + 1, at: ordinal, &instances)
    // The groups between what stays open and the leaf, the innermost first.
    var entered: [Int] = []
    var next = structure.leaves[move.leaf].group
    while next != path[path.count - 1].group, let parent = structure.groups[next].parent {
      entered.append(next)
      next = parent
    }
    for group in entered.reversed() {
      path[path.count - 1].position = structure.groups[group].position
      instances.append(HL7Outline.Instance(group: group, parent: instance, segments: ordinal..<ordinal))
      path.append(Open(group: group, instance: instances.count - 1, start: ordinal, position: -1))
    }
    path[path.count - 1].position = structure.leaves[move.leaf].position
    lastSegments[move.leaf] = ordinal
  }

  /// Closes everything at the message's end.
  mutating func close(at end: Int, _ instances: inout [HL7Outline.Instance]) {
    close(from: 1, at: end, &instances)
  }

  private mutating func close(from level: Int, at end: Int, _ instances: inout [HL7Outline.Instance]) {
    while path.count > max(level, 1) {
      let open = path.removeLast()
      instances[open.instance].segments = open.start..<end
    }
  }
}
