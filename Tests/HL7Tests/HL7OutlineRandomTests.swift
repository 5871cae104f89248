import Foundation
import Testing

@testable import HL7

/// Messages made from the grammars themselves, and messages of nothing but chance.
@Suite("Outlines of random messages")
struct HL7OutlineRandomTests {
  private static let seed = ProcessInfo.processInfo.environment["HL7_SEED"].flatMap { UInt64($0) } ?? 20_240_229

  private static let structures = HL7Tables.structureNames.flatMap { name in
    HL7Versions.names.compactMap { HL7Tables.structure(name, version: $0) }
  }

  /// Structures in which a segment's place shows when it comes. In some others it shows only behind it: an OMD_O03 has
  /// orders of diets and of trays, and both begin with ORC.
  private static let plain: Set = [
    "ACK", "ADT_A01", "ADT_A03", "ADT_A06", "ADT_A39", "BAR_P01", "DFT_P03", "MDM_T02", "MFN_M02", "ORU_R01", "REF_I12",
    "RDE_O11", "SIU_S12", "VXU_V04",
  ]

  @Test("What was made from a grammar comes back to its groups, where only one way leads there")
  func madeFromGrammar() throws {
    let seed = Self.seed
    var generator = SeededGenerator(seed: seed)
    var counts = (all: 0, fitting: 0, single: 0, same: 0)
    for structure in Self.structures {
      let isPlain = Self.plain.contains(structure.name)
      for _ in 0..<(isPlain ? 12 : 4) {
        var made = Made()
        made.append(0, of: structure, parent: nil, &generator)
        guard made.leaves.count <= 60, made.leaves.allSatisfy({ structure.leaves[$0].code != nil }) else { continue }
        let codes = made.leaves.map { structure.leaves[$0].code }
        let outline = HL7Outline(codes, structure: structure)
        counts.all += 1
        if outline.fits { counts.fitting += 1 }
        #expect(outline.fits || !isPlain, "\(structure.name) \(codes.compactMap { $0?.description }), seed \(seed)")
        var readings = Readings(structure, codes)
        guard readings.count() == 1 else { continue }
        counts.single += 1
        let isSame = outline.leaves == made.leaves && outline.instances == made.instances
        if isSame { counts.same += 1 }
        #expect(isSame || !isPlain, "\(structure.name) \(codes.compactMap { $0?.description }), seed \(seed)")
      }
    }
    #expect(counts.all > 5_000 && counts.single * 2 > counts.all, "seed \(seed)")
    // An earlier result with a segment of its own, a TQ1 behind the OBR, is taken for an order with a stray.
    #expect(counts.fitting * 1000 > counts.all * 999, "seed \(seed): \(counts)")
    #expect(counts.same * 100 > counts.single * 99, "seed \(seed): \(counts)")
  }

  /// A message made from a grammar, with the outline that it should have.
  private struct Made {
    var leaves: [Int] = []
    var instances: [HL7Outline.Instance] = []

    mutating func append(_ group: Int, of structure: HL7Structure, parent: Int?, _ generator: inout SeededGenerator) {
      let start = leaves.count
      let instance = instances.count
      instances.append(HL7Outline.Instance(group: group, parent: parent, segments: start..<start))
      var children: [(Int, isLeaf: Bool, isRequired: Bool, repeats: Bool)] = []
      for (index, leaf) in structure.leaves.enumerated() where leaf.group == group {
        children.append((index, true, leaf.isRequired, leaf.repeats))
      }
      for (index, inner) in structure.groups.enumerated() where inner.parent == group && !inner.leaves.isEmpty {
        children.append((index, false, inner.isRequired, inner.repeats))
      }
      children.sort { position($0, structure) < position($1, structure) }
      if structure.groups[group].isChoice, let one = children.randomElement(using: &generator) { children = [one] }
      for child in children {
        let least = child.isRequired ? 1 : 0
        let most = Int.random(in: 0..<5, using: &generator) > 1 ? least : child.repeats ? least + 2 : 1
        for _ in 0..<Int.random(in: least...most, using: &generator) {
          guard !child.isLeaf else {
            leaves.append(child.0)
            continue
          }
          append(child.0, of: structure, parent: instance, &generator)
        }
      }
      instances[instance].segments = start..<leaves.count
      // A group of nothing is not there.
      if leaves.count == start { instances.removeSubrange(instance...) }
    }

    private func position(_ child: (Int, isLeaf: Bool, Bool, Bool), _ structure: HL7Structure) -> Int {
      child.isLeaf ? structure.leaves[child.0].position : structure.groups[child.0].position
    }
  }

  /// In how many ways a message can be read by a grammar, each way tried.
  private struct Readings {
    let structure: HL7Structure
    let codes: [HL7SegmentCode?]
    private var known: [Key: [Int: Int]] = [:]

    private struct Key: Hashable {
      let group: Int
      let position: Int
      let start: Int
      let isAgain: Bool
    }

    init(_ structure: HL7Structure, _ codes: [HL7SegmentCode?]) {
      self.structure = structure
      self.codes = codes
    }

    mutating func count() -> Int { ways(Key(group: 0, position: 0, start: 0, isAgain: false))[codes.count] ?? 0 }

    /// For each end how many ways lead there from a place of a group on; counts stop at 1,000.
    private mutating func ways(_ key: Key) -> [Int: Int] {
      if let ways = known[key] { return ways }
      var ways: [Int: Int] = [:]
      let group = structure.groups[key.group]
      if key.position == group.needed.count - 1 {
        ways = [key.start: 1]
      } else if group.isChoice {
        for position in 0..<group.needed.count - 1 {
          add(once(key.group, position, key.start), to: &ways)
        }
      } else {
        let (isRequired, repeats) = child(key.group, key.position)
        let next = key.position + 1
        if !isRequired || key.isAgain {
          add(self.ways(Key(group: key.group, position: next, start: key.start, isAgain: false)), to: &ways)
        }
        if !key.isAgain || repeats {
          for (end, count) in once(key.group, key.position, key.start) {
            if end == key.start {
              if isRequired, !key.isAgain {
                add(self.ways(Key(group: key.group, position: next, start: end, isAgain: false)), to: &ways, count)
              }
            } else {
              add(self.ways(Key(group: key.group, position: key.position, start: end, isAgain: true)), to: &ways, count)
            }
          }
        }
      }
      known[key] = ways
      return ways
    }

    private func add(_ more: [Int: Int], to ways: inout [Int: Int], _ factor: Int = 1) {
      for (end, count) in more { ways[end] = min(1_000, ways[end, default: 0] + count * factor) }
    }

    /// One leaf, or one instance of a group, at a place of a group.
    private mutating func once(_ group: Int, _ position: Int, _ start: Int) -> [Int: Int] {
      if let leaf = structure.leaves.firstIndex(where: { $0.group == group && $0.position == position }) {
        return start < codes.count && codes[start] == structure.leaves[leaf].code ? [start + 1: 1] : [:]
      }
      guard let inner = structure.groups.firstIndex(where: { $0.parent == group && $0.position == position })
      else { return [:] }
      return ways(Key(group: inner, position: 0, start: start, isAgain: false))
    }

    private func child(_ group: Int, _ position: Int) -> (isRequired: Bool, repeats: Bool) {
      if let leaf = structure.leaves.first(where: { $0.group == group && $0.position == position }) {
        return (leaf.isRequired, leaf.repeats)
      }
      let inner = structure.groups.first { $0.parent == group && $0.position == position }
      return (inner?.isRequired ?? false, inner?.repeats ?? false)
    }
  }

  @Test("Whatever the segments are, each has an owner, and groups lie within each other")
  func garbage() throws {
    let seed = Self.seed
    var generator = SeededGenerator(seed: seed)
    for structure in Self.structures {
      var codes = structure.leaves.map(\.code) + [HL7SegmentCode("ZZZ"), nil, HL7SegmentCode("XXX")]
      codes.shuffle(using: &generator)
      let segments = (0..<Int.random(in: 0...40, using: &generator)).map { _ in
        codes[Int.random(in: 0..<codes.count, using: &generator)]
      }
      let group = Int.random(in: 0..<structure.groups.count, using: &generator)
      let outline = HL7Outline(segments, structure: structure, group: group)
      #expect(outline.leaves.count == segments.count && outline.owners.count == segments.count, "seed \(seed)")
      for (ordinal, owner) in outline.owners.enumerated() {
        #expect(outline.instances[owner].segments.contains(ordinal), "seed \(seed)")
        if let leaf = outline.leaves[ordinal] {
          #expect(structure.leaves[leaf].group == outline.instances[owner].group, "seed \(seed)")
        }
      }
      for instance in outline.instances.dropFirst() {
        let outer = outline.instances[try #require(instance.parent)]
        #expect(outer.segments.clamped(to: instance.segments) == instance.segments, "seed \(seed)")
        #expect(structure.groups[instance.group].parent == outer.group, "seed \(seed)")
      }
      let leaf = Int.random(in: 0..<structure.leaves.count, using: &generator)
      let instance = Int.random(in: 0..<outline.instances.count, using: &generator)
      let ordinal = outline.insertionOrdinal(ofLeaf: leaf, in: instance)
      let range = outline.instances[instance].segments
      #expect(ordinal >= range.lowerBound && ordinal <= range.upperBound, "seed \(seed)")
    }
  }

  @Test("A message of a hundred thousand segments takes no longer for each than a short one")
  func large() throws {
    let structure = try structure("OML_O21", "2.8.2")
    var generator = SeededGenerator(seed: 1)
    let codes = structure.leaves.map(\.code)
    let segments = (0..<100_000).map { _ in codes[Int.random(in: 0..<codes.count, using: &generator)] }
    let time = ContinuousClock().measure { _ = HL7Outline(segments, structure: structure) }
    // It takes a few seconds in a build for tests; one that looked back over the message would take minutes.
    #expect(time < .seconds(60))
  }
}
