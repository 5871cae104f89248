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
  /// The groups that are there, in the order in which they begin, an outer one before those within it. The first is the
  /// whole.
  package internal(set) var instances: [Instance]
  /// Every segment that is no Z-segment found its place, though segments that the grammar requires may be missing.
  package internal(set) var fits = true

  /// Gives each segment its place, in one pass. What is nearest comes first:
  ///
  /// 1. further on in the group that the segment before it is in, or that segment again where it repeats;
  /// 2. a new instance of that group, if it repeats;
  /// 3. further on in the group around it, a new instance of that, and so on.
  ///
  /// Segments that the grammar requires are passed over only where the segment has no place without that. A new
  /// instance of a group that is open already and held such a segment before goes before a group deeper down that would
  /// begin with it only because what comes first there is left out: the second `ORC` of an OML_O21 is a second order,
  /// not an earlier result of the first. What has no place at all, and a site's own segments, belong to where they
  /// stand.
  ///
  /// - Parameters:
  ///   - codes: the names of the segments in their order; `nil` for what is no name.
  ///   - group: the group of whose one instance these segments are the content.
  package init(_ codes: [HL7SegmentCode?], structure: HL7Structure, group: Int = 0) {
    self.structure = structure
    let group = structure.groups.indices.contains(group) ? group : 0
    instances = [Instance(group: group, parent: nil, segments: 0..<codes.count)]
    leaves.reserveCapacity(codes.count)
    owners.reserveCapacity(codes.count)
    var slicing = HL7Slicing(structure, group: group)
    for (ordinal, code) in codes.enumerated() {
      let move = code.flatMap { slicing.move(to: $0) }
      if let move { slicing.make(move, at: ordinal, &instances) }
      if move == nil, code?.isLocal != true { fits = false }
      leaves.append(move?.leaf)
      owners.append(slicing.instance)
    }
    slicing.close(at: codes.count, &instances)
  }
}
