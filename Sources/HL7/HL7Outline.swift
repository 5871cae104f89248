/// Which group of its grammar each segment of a message belongs to.
///
/// Segments are named by their ordinal, from 0, among those that were given.
package struct HL7Outline: Sendable {
  /// One group that is there in the message.
  package struct Instance: Sendable, Hashable {
    /// The group in the grammar.
    package let group: Int
    /// The instance around it; `nil` for the whole.
    package let parent: Int?
    /// Its segments, with those of the instances within it. Never empty but for the whole of nothing.
    package internal(set) var segments: Range<Int>
  }

  package let structure: HL7Structure
  /// For each segment its leaf in the grammar; `nil` for a site's own (Z…), and for what has no place there.
  package internal(set) var leaves: [Int?] = []
  /// For each segment the innermost instance that it is in.
  package internal(set) var owners: [Int] = []
  /// The groups that are there, in the order in which they begin, an outer one before those within it. The first is
  /// the whole.
  package internal(set) var instances: [Instance]
  /// The segments that stand where the grammar has no place for them, though it has one elsewhere: that leaf, the
  /// first of the name.
  package internal(set) var strays: [Int: Int] = [:]
  /// Every segment that is no Z-segment found its place, though segments that the grammar requires may be missing.
  package var fits: Bool { misfits.isEmpty }
  /// Some segment could stand elsewhere too, with nothing left out, or without a place: the whole message decides then.
  package internal(set) var isDoubtful = false
  /// The segments that are no Z-segments and have no place.
  package internal(set) var misfits: Set<Int> = []

  /// Gives each segment its place. What is nearest comes first:
  ///
  /// 1. further on in the group that the segment before it is in, or that segment again where it repeats;
  /// 2. a new instance of that group, if it repeats;
  /// 3. further on in the group around it, a new instance of that, and so on.
  ///
  /// Segments that the grammar requires are passed over only where the segment has no place without that. A new
  /// instance of a group that is open already and held such a segment before goes before a group deeper down that
  /// would begin with it only because what comes first there is left out: the second `ORC` of an OML_O21 is a second
  /// order, not an earlier result of the first. What has no place at all, and a site's own segments, belong to where
  /// they stand.
  ///
  /// Where this leaves something out that the grammar requires, and another reading of the message leaves out less,
  /// that one is taken: an `ORC` behind an earlier result whose order has a specimen is an order. A segment that would
  /// tear a group in two, a note between `ORC` and `OBR` for example, has no place then and belongs to where it stands.
  ///
  /// - Parameters:
  ///   - codes: the names of the segments in their order; `nil` for what is no name.
  ///   - group: the group of whose one instance these segments are the content.
  ///   - orders: the ordinals of segments that are no part of an earlier result, as their content says.
  package init(_ codes: [HL7SegmentCode?], structure: HL7Structure, group: Int = 0, orders: Set<Int> = []) {
    self.structure = structure
    let codes = Self.withoutContinuations(codes)
    let group = structure.groups.indices.contains(group) ? group : 0
    instances = [Instance(group: group, parent: nil, segments: 0..<codes.count)]
    leaves.reserveCapacity(codes.count)
    owners.reserveCapacity(codes.count)
    var missing = 0
    var others: [HL7Slicing.Move] = []
    var slicing = HL7Slicing(structure, group: group)
    for (ordinal, code) in codes.enumerated() {
      let move = code.flatMap { slicing.move(to: $0, beginsOrder: orders.contains(ordinal), others: &others) }
      if !others.isEmpty { isDoubtful = true }
      if let move, move.isForced, structure.mayStray(move.leaf) { isDoubtful = true }
      missing += move?.missing ?? 0
      take(move, code, at: ordinal, &slicing)
    }
    missing += slicing.missingCount
    slicing.close(at: codes.count, &instances)
    if isDoubtful, missing > 0 || !fits, let moves = HL7Readings(structure, group: group).best(codes, orders) {
      reread(codes, moves, group)
    }
  }

  /// A continuation pointer ends a message. Where something stands behind one, it has no place: it would end all groups
  /// else.
  private static func withoutContinuations(_ codes: [HL7SegmentCode?]) -> [HL7SegmentCode?] {
    guard let first = codes.firstIndex(of: continuation), let last = codes.lastIndex(where: { $0?.isLocal != true }),
      first < last
    else { return codes }
    var codes = codes
    for ordinal in first..<last where codes[ordinal] == continuation { codes[ordinal] = nil }
    return codes
  }

  static let continuation: HL7SegmentCode = "DSC"

  /// The outline again, by other moves.
  private mutating func reread(_ codes: [HL7SegmentCode?], _ moves: [HL7Slicing.Move?], _ group: Int) {
    instances = [Instance(group: group, parent: nil, segments: 0..<codes.count)]
    leaves.removeAll(keepingCapacity: true)
    owners.removeAll(keepingCapacity: true)
    strays = [:]
    misfits = []
    var slicing = HL7Slicing(structure, group: group)
    for ordinal in codes.indices { take(moves[ordinal], codes[ordinal], at: ordinal, &slicing) }
    slicing.close(at: codes.count, &instances)
  }

  private mutating func take(
    _ move: HL7Slicing.Move?, _ code: HL7SegmentCode?, at ordinal: Int, _ slicing: inout HL7Slicing
  ) {
    if let move { slicing.make(move, at: ordinal, &instances) }
    if move == nil, code?.isLocal != true {
      misfits.insert(ordinal)
      strays[ordinal] = code.flatMap { structure.leaves(of: $0, within: instances[0].group).first }
    }
    leaves.append(move?.leaf)
    owners.append(slicing.instance)
  }
}
