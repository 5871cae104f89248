/// Several readings of a message by one grammar, side by side.
///
/// Wherever a segment could stand in another place than the nearest, without anything left out, a reading goes on
/// from there too; and where something is left out, one for which that segment is a stray: it has no place where it
/// stands, and the group goes on behind it. Those that come to be alike are one; only a few are kept, so that a message
/// costs no more for each segment the longer it is.
struct HL7Readings {
  private let structure: HL7Structure

  private struct Reading {
    var slicing: HL7Slicing
    /// What it left out that must be there, and segments without a place.
    var cost: Int
    /// Its last move, among `steps`; -1 at the beginning.
    var last: Int
    /// The segment before is a stray.
    var isStraying = false
  }

  private static let countMax = 6

  /// The moves of all readings, each with the one before it.
  private var steps: [(move: HL7Slicing.Move?, before: Int)] = []
  private var readings: [Reading]

  init(_ structure: HL7Structure, group: Int) {
    self.structure = structure
    readings = [Reading(slicing: HL7Slicing(structure, group: group), cost: 0, last: -1)]
  }

  /// The moves of the reading that leaves out the least, the nearest of several; `nil` where that is the nearest of
  /// all.
  func best(_ codes: [HL7SegmentCode?], _ orders: Set<Int>) -> [HL7Slicing.Move?]? {
    var all = self
    for (ordinal, code) in codes.enumerated() { all.read(code, orders.contains(ordinal), at: ordinal) }
    let costs = all.readings.map { $0.cost + $0.slicing.missingCount }
    guard let least = costs.min(), let best = costs.firstIndex(of: least) else { return nil }
    var moves: [HL7Slicing.Move?] = []
    var step = all.readings[best].last
    while step >= 0 {
      moves.append(all.steps[step].move)
      step = all.steps[step].before
    }
    return moves.count == codes.count ? moves.reversed() : nil
  }

  private mutating func read(_ code: HL7SegmentCode?, _ beginsOrder: Bool, at ordinal: Int) {
    var next: [Reading] = []
    var others: [HL7Slicing.Move] = []
    for reading in readings {
      others = []
      let move = code.flatMap { reading.slicing.move(to: $0, beginsOrder: beginsOrder, others: &others) }
      let lost = code?.isLocal == true ? 0 : Self.lostCost
      keep(reading, move, lost, at: ordinal, &next)
      for other in others { keep(reading, other, lost, at: ordinal, &next) }
      if let move, move.isForced, structure.mayStray(move.leaf) {
        keep(reading, nil, reading.isStraying ? 0 : Self.strayCost, at: ordinal, &next)
      }
    }
    while next.count > Self.countMax {
      // The dearest goes; of several the one that is furthest from the nearest.
      let dearest = next.map(\.cost).max() ?? 0
      next.remove(at: next.lastIndex { $0.cost == dearest } ?? next.count - 1)
    }
    readings = next
  }

  /// A segment that the grammar has no way to is worse than any that is missing.
  private static let lostCost = 1000
  /// A run of strays is worse than a few that are missing: mostly such a segment has its place, and what comes before
  /// that is not there.
  private static let strayCost = 10
  /// A group that begins without what it must begin with is worse than a whole run of notes in a wrong place.
  private static let amissCost = 50

  private mutating func keep(
    _ reading: Reading, _ move: HL7Slicing.Move?, _ stray: Int, at ordinal: Int, _ next: inout [Reading]
  ) {
    var reading = reading
    reading.cost += move.map { $0.missing + ($0.isAmiss ? Self.amissCost : 0) } ?? stray
    if let move { reading.slicing.make(move, at: ordinal) }
    reading.isStraying = move == nil
    steps.append((move, reading.last))
    reading.last = steps.count - 1
    if let same = next.firstIndex(where: { $0.slicing.isAlike(reading.slicing) }) {
      if reading.cost < next[same].cost { next[same] = reading }
    } else {
      next.append(reading)
    }
  }
}
