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
    /// It begins a group that repeats without what that must begin with, or comes to a place that its group has gone
    /// past without it. Mostly some segment before it stands where it should not.
    let isAmiss: Bool
    /// No way leads to such a segment that passes over nothing: it may stand where it should not.
    var isForced = false

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

  /// The slicing of a message as it stands behind a segment of its outline that has a place, for a move to one name.
  init(_ outline: HL7Outline, behind ordinal: Int?, toward code: HL7SegmentCode) {
    structure = outline.structure
    lastSegments = Array(repeating: -1, count: structure.leaves.count)
    path = []
    guard let ordinal, let leaf = outline.leaves[ordinal] else {
      path = [Open(group: outline.instances[0].group, instance: 0, start: 0, position: -1)]
      return
    }
    var position = structure.leaves[leaf].position
    var next: Int? = outline.owners[ordinal]
    while let instance = next {
      let one = outline.instances[instance]
      path.append(Open(group: one.group, instance: instance, start: one.segments.lowerBound, position: position))
      position = structure.groups[one.group].position
      next = one.parent
    }
    path.reverse()
    // Where such a segment stood last: only that decides whether it comes again.
    var left = structure.leavesByCode[code] ?? []
    var at = ordinal
    while at >= 0, !left.isEmpty {
      if let leaf = outline.leaves[at], let found = left.firstIndex(of: leaf) {
        lastSegments[leaf] = at
        left.remove(at: found)
      }
      at -= 1
    }
  }

  /// The instances that a move goes on in, the outermost first.
  func kept(by move: Move) -> [Int] { path.prefix(move.isNewInstance ? move.level : move.level + 1).map(\.instance) }

  /// The groups that a move opens, the outermost first.
  func opened(by move: Move) -> [Int] {
    var slicing = self
    slicing.path.removeSubrange(max(1, move.isNewInstance ? move.level : move.level + 1)...)
    return slicing.entered(by: move)
  }

  /// The innermost instance that is open.
  var instance: Int { path[path.count - 1].instance }

  // MARK: Choosing

  /// The best of the ways that were looked at.
  private struct Choice {
    /// The nearest that passes over nothing which must be there.
    var whole: Move?
    /// The nearest.
    var any: Move?
    /// The nearest new instance of an open group that had such a segment before, and is whole itself.
    var again: Move?

    mutating func consider(_ move: Move, isAgain: Bool, _ wholes: inout [Move]) {
      if move.missing == 0 {
        if whole.map({ move.isNearer(than: $0) }) ?? true { whole = move }
        wholes.append(move)
      }
      if any.map({ move.isNearer(than: $0) }) ?? true { any = move }
      if isAgain, again.map({ move.isNearer(than: $0) }) ?? true { again = move }
    }

    /// A way, or another instance where the way goes past the beginning of a group.
    func preferred(_ move: Move) -> Move {
      guard move.isPastBeginning, !move.isNewInstance else { return move }
      return again ?? move
    }
  }

  /// The way to the place of the next segment; `nil` where it has none.
  ///
  /// - Parameters:
  ///   - beginsOrder: it is no part of an earlier result.
  ///   - others: what else could be meant: other places to which a way leads that passes over nothing.
  func move(to code: HL7SegmentCode, beginsOrder: Bool = false, others: inout [Move]) -> Move? {
    others.removeAll(keepingCapacity: true)
    var named = Choice()
    var leaves = structure.leavesByCode[code] ?? []
    if beginsOrder {
      let orders = leaves.filter { !structure.isOfEarlierResult($0) }
      if !orders.isEmpty { leaves = orders }
    }
    for leaf in leaves { consider(leaf, &named, &others) }
    if let move = named.whole {
      let chosen = named.preferred(move)
      let isAgain = named.again != nil
      others.removeAll { $0.leaf == chosen.leaf || isAgain && !$0.isNewInstance && $0.isPastBeginning }
      return chosen
    }
    others.removeAll(keepingCapacity: true)
    // A site's own segment belongs to where it stands, also where any may stand.
    if !code.isLocal, !structure.openLeaves.isEmpty {
      var open = Choice()
      for leaf in structure.openLeaves { consider(leaf, &open, &others) }
      others.removeAll(keepingCapacity: true)
      if let move = open.whole { return open.preferred(move) }
    }
    var forced = named.any.map { named.preferred($0) }
    forced?.isForced = true
    return forced
  }

  /// Looks at all ways to a leaf.
  private func consider(_ leaf: Int, _ choice: inout Choice, _ wholes: inout [Move]) {
    var leftOut = 0
    var isForwardKnown = false
    var level = path.count - 1
    while level >= 0 {
      let open = path[level]
      if structure.groups[open.group].leaves.contains(leaf) {
        // What is further on in a group is so from the innermost open group alone that has the leaf.
        if !isForwardKnown {
          isForwardKnown = true
          if let move = forward(to: leaf, level, leftOut) { choice.consider(move, isAgain: false, &wholes) }
        }
        if level > 0, structure.groups[open.group].repeats {
          let move = newInstance(from: leaf, level, leftOut)
          choice.consider(move, isAgain: move.leftOut == 0 && lastSegments[leaf] >= open.start, &wholes)
        }
      }
      leftOut += structure.groups[open.group].neededCount(behind: open.position)
      level -= 1
    }
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
      isPastBeginning: way.isPastBeginning, isAmiss: way.isHeadless || isLate(leaf))
  }

  private func newInstance(from leaf: Int, _ level: Int, _ leftOut: Int) -> Move {
    let open = path[level]
    let group = structure.groups[open.group]
    let way = self.way(to: leaf, in: open.group)
    let left = leftOut + group.neededCount(behind: open.position)
    let passed = group.neededCount(before: way.position) + way.missing
    return Move(
      leaf: leaf, level: level, isNewInstance: true, leftOut: left, missing: left + passed,
      isPastBeginning: way.isPastBeginning, isAmiss: passed > 0 || isLate(leaf))
  }

  /// Whether a group that is open has gone past such a segment, which it must have, without it: the `OBR` behind the
  /// note of its `ORC`.
  private func isLate(_ leaf: Int) -> Bool {
    guard let code = structure.leaves[leaf].code else { return false }
    return (structure.leavesByCode[code] ?? []).contains { same in
      let place = structure.leaves[same]
      guard place.isRequired, let open = path.last(where: { $0.group == place.group }) else { return false }
      return open.position > place.position && lastSegments[same] < open.start
    }
  }

  /// What lies between a group and a leaf in it.
  private struct Way {
    /// The place in the group.
    var position: Int
    /// How many that must be there are passed over in the groups below.
    var missing = 0
    var isPastBeginning = false
    /// A group below that repeats begins without what it must begin with.
    var isHeadless = false
  }

  private func way(to leaf: Int, in group: Int) -> Way {
    var way = Way(position: structure.leaves[leaf].position)
    var next = structure.leaves[leaf].group
    while next != group, let parent = structure.groups[next].parent {
      let inner = structure.groups[next]
      way.missing += inner.neededCount(before: way.position)
      if way.position > 0, !inner.isChoice { way.isPastBeginning = true }
      if inner.repeats, way.missing > 0 { way.isHeadless = true }
      way.position = inner.position
      next = parent
    }
    return way
  }

  /// How many that must be there are missing in what is open, were the message to end here.
  var missingCount: Int { path.reduce(0) { $0 + structure.groups[$1.group].neededCount(behind: $1.position) } }

  /// Whether all that follows is read alike: the same groups are open, at the same places.
  func isAlike(_ other: HL7Slicing) -> Bool {
    path.count == other.path.count
      && zip(path, other.path).allSatisfy { $0.group == $1.group && $0.position == $1.position }
  }

  // MARK: Going

  /// Takes a move of which no instances are kept.
  mutating func make(_ move: Move, at ordinal: Int) {
    while path.count > max(move.isNewInstance ? move.level : move.level + 1, 1) { path.removeLast() }
    for group in entered(by: move) {
      path[path.count - 1].position = structure.groups[group].position
      path.append(Open(group: group, instance: 0, start: ordinal, position: -1))
    }
    path[path.count - 1].position = structure.leaves[move.leaf].position
    lastSegments[move.leaf] = ordinal
  }

  /// The groups between what is open and the leaf of a move, the outermost first.
  private func entered(by move: Move) -> [Int] {
    var entered: [Int] = []
    var next = structure.leaves[move.leaf].group
    while next != path[path.count - 1].group, let parent = structure.groups[next].parent {
      entered.append(next)
      next = parent
    }
    return entered.reversed()
  }

  /// Takes a move: closes the groups it leaves and opens those it enters.
  mutating func make(_ move: Move, at ordinal: Int, _ instances: inout [HL7Outline.Instance]) {
    close(from: move.isNewInstance ? move.level : move.level + 1, at: ordinal, &instances)
    for group in entered(by: move) {
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
