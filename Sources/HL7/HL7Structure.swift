/// The grammar of a message structure, as some versions have it: which segments come in which order, and which groups
/// they form. `MSH PATIENT_RESULT+( PATIENT?( PID … ) … )`
///
/// It is a tree laid flat: `leaves` are its segments in their order, `groups` its groups, an outer one before those
/// within it. Group 0 is the message itself.
package struct HL7Structure: Sendable {
  /// One segment of the grammar. The same segment may stand in it several times, each time as a leaf of its own.
  package struct Leaf: Sendable, Hashable {
    /// `nil` where the standard leaves it open: any segments, any number of them.
    package let code: HL7SegmentCode?
    package let isRequired: Bool
    package let repeats: Bool
    /// The group it stands in.
    package let group: Int
    /// Its place among what the group has.
    let position: Int
  }

  package struct Group: Sendable, Hashable {
    /// As the standard calls it, without the structure's name in front: `PATIENT`, not `ORU_R01_PATIENT`.
    package let name: String
    /// `nil` for the message itself.
    package let parent: Int?
    package let isRequired: Bool
    package let repeats: Bool
    /// Only one of its leaves or groups stands there, whichever it is.
    package let isChoice: Bool
    /// The leaves in it and in the groups within it.
    package internal(set) var leaves: Range<Int>
    /// Its place among what the outer group has.
    let position: Int
    /// For each place, and for the end: how many that must be there come before it.
    var needed: [Int] = [0]

    /// It may be empty, as nothing in it must be there.
    var isNullable: Bool { isChoice ? neededCount < needed.count - 1 : neededCount == 0 }
    private var neededCount: Int { needed[needed.count - 1] }

    /// How many that must be there come before a place. Of a choice the others need not be there.
    func neededCount(before position: Int) -> Int { isChoice ? 0 : needed[position] }
    /// How many come behind one.
    func neededCount(behind position: Int) -> Int { isChoice ? 0 : neededCount - needed[position + 1] }
  }

  package let name: String
  package internal(set) var leaves: [Leaf] = []
  package internal(set) var groups: [Group] = []
  /// Where each segment stands, and where any segment may.
  private(set) var leavesByCode: [HL7SegmentCode: [Int]] = [:]
  private(set) var openLeaves: [Int] = []

  init(name: String) { self.name = name }

  mutating func append(_ leaf: Leaf) {
    if let code = leaf.code {
      leavesByCode[code, default: []].append(leaves.count)
    } else {
      openLeaves.append(leaves.count)
    }
    leaves.append(leaf)
  }

  /// Whether a group is another one or within it.
  package func group(_ group: Int, isWithin outer: Int) -> Bool {
    var next: Int? = group
    while let at = next {
      if at == outer { return true }
      next = groups[at].parent
    }
    return false
  }
}

// MARK: What a program names

extension HL7Structure {
  /// What there are several of, one for each turn of `each OBR`: a group that repeats, or a segment that does so alone.
  package struct Holder: Sendable, Hashable {
    /// The group; `nil` where the segment repeats by itself.
    package let group: Int?
    /// The segment that was looked for.
    package let leaf: Int
    /// How many things that repeat there are around the segment, itself included, up to the group it was looked for in.
    /// The `OBX` of a specimen has 2 below an order, that of an observation 1.
    package let depth: Int
  }

  /// The smallest repeating groups below a group that hold a segment, in the grammar's order: for each leaf of it the
  /// leaf itself where it repeats, else the nearest group around it that does. A group stands there once for all of its
  /// leaves; groups of one name at different places of the grammar are different groups.
  ///
  /// A leaf around which nothing repeats gives none: empty for `PID` of an ADT_A01.
  package func repeatingHolders(of code: HL7SegmentCode, within outer: Int = 0) -> [Holder] {
    var holders: [Holder] = []
    for leaf in leaves(of: code, within: outer) {
      var repeating: [Int] = []
      var next = leaves[leaf].group
      while next != outer, let parent = groups[next].parent {
        if groups[next].repeats { repeating.append(next) }
        next = parent
      }
      let isOwn = leaves[leaf].repeats
      guard isOwn || !repeating.isEmpty else { continue }
      let holder = Holder(
        group: isOwn ? nil : repeating.first, leaf: leaf, depth: repeating.count + (isOwn ? 1 : 0))
      if !holders.contains(where: { $0.group != nil && $0.group == holder.group }) { holders.append(holder) }
    }
    return holders
  }

  /// The groups of a name below a group.
  package func groups(named name: String, within outer: Int = 0) -> [Int] {
    groups.indices.filter { $0 != outer && groups[$0].name == name && group($0, isWithin: outer) }
  }

  /// Where a segment stands in a group and in those within it.
  package func leaves(of code: HL7SegmentCode, within group: Int = 0) -> [Int] {
    guard groups.indices.contains(group) else { return [] }
    return (leavesByCode[code] ?? []).filter { groups[group].leaves.contains($0) }
  }
}
