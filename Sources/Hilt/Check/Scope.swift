import HL7

/// A name that a program gave.
struct Variable {
  enum Kind {
    case value(slot: Int, Type, mayBeAbsent: Bool, path: String?)
    case constant(Datum, Type)
    /// A segment that a loop stands at, or that was named.
    case segment(mark: Int, MessageReference, HL7SegmentCode)
    /// A repetition of an output that a loop stands at: `mark` holds the segment, the one behind it the repetition.
    case repetition(mark: Int, draft: Int, HL7SegmentCode, field: Int)
    case message(MessageReference)
    /// A group that a loop stands at, or that was named.
    case group(slot: Int, GroupType)
    /// A list that the program adds to.
    case list(slot: Int, Type)
    case table(Int)
    /// What a library has, behind its name.
    case library(Int)
    /// What was begun with `new Bundle`.
    case bundle(Int)
    /// An output of DICOM.
    case object(Int)
    case broken
  }
  var name: String
  var span: Span
  var kind: Kind
  var isUsed = false
  /// The places of the input that its value is made of.
  var origins: [String] = []
}

/// Which names mean what, from the innermost block outwards.
struct Scope {
  private(set) var variables: [Variable] = []
  /// Where the variables of each name stand, the innermost last.
  private var places: [String: [Int]] = [:]
  /// How many variables there were when each block began.
  private var blocks: [Int] = []
  /// Those that went out of sight.
  private(set) var closed: [Variable] = []

  mutating func open() { blocks.append(variables.count) }

  mutating func close() {
    let count = blocks.popLast() ?? 0
    for variable in variables[count...].reversed() {
      closed.append(variable)
      places[variable.name]?.removeLast()
    }
    variables.removeSubrange(count...)
  }

  mutating func closeAll() {
    while !blocks.isEmpty { close() }
    closed.append(contentsOf: variables)
    variables = []
    places = [:]
  }

  /// The places of the input that the statement at work has read so far, itself or by its variables.
  private(set) var reads: [String] = []

  mutating func forgetReads() { reads = [] }

  /// Notes that a place of the input is read.
  mutating func read(_ path: String) {
    if reads.count < Self.readCountMax, !reads.contains(path) { reads.append(path) }
  }

  /// More places than these tell nobody where a value came from.
  private static let readCountMax = 32

  mutating func declare(_ variable: Variable) {
    var variable = variable
    variable.origins = reads
    places[variable.name, default: []].append(variables.count)
    variables.append(variable)
  }

  func find(_ name: String) -> Variable? { places[name]?.last.map { variables[$0] } }

  mutating func use(_ name: String) {
    for index in places[name] ?? [] {
      variables[index].isUsed = true
      for origin in variables[index].origins { read(origin) }
    }
  }

  /// The names that are nearest, for «did you mean».
  var names: [String] { variables.suffix(500).map(\.name) }
}

/// «Did you mean»: the nearest of some names.
func nearest(_ word: String, among names: some Sequence<String>) -> String? {
  // Of one or two letters every other name is near.
  guard word.utf8.count > 2 else { return nil }
  var best: (name: String, distance: Int)?
  for name in names where name != word {
    let distance = editDistance(Array(word.utf8.prefix(64)), Array(name.utf8.prefix(64)))
    if distance < best?.distance ?? .max { best = (name, distance) }
  }
  guard let best, best.distance <= max(1, word.utf8.count / 3) else { return nil }
  return best.name
}

/// The name that was surely meant: one slip away, and every other name is further.
///
/// Of a short word one slip makes another word, so that nothing is sure of it.
func surelyMeant(_ word: String, among names: some Sequence<String>) -> String? {
  guard (4...64).contains(word.utf8.count) else { return nil }
  var found: String?
  for name in Set(names) where name != word {
    guard abs(name.utf8.count - word.utf8.count) <= 2, name.utf8.count >= 4 else { continue }
    let distance = editDistance(Array(word.utf8), Array(name.utf8))
    if distance > 2 { continue }
    // A second name that is nearly as near.
    if found != nil { return nil }
    found = name
    if distance == 2 { return nil }
  }
  return found
}

private func editDistance(_ a: [UInt8], _ b: [UInt8]) -> Int {
  var older: [Int] = []
  var row = Array(0...b.count)
  for (i, left) in a.enumerated() {
    var next = [i + 1]
    for (j, right) in b.enumerated() {
      var least = min(row[j + 1] + 1, next[j] + 1, row[j] + (left == right ? 0 : 1))
      // Two neighbours that changed places are one slip.
      if i > 0, j > 0, left == b[j - 1], right == a[i - 1] { least = min(least, older[j - 1] + 1) }
      next.append(least)
    }
    older = row
    row = next
  }
  return row[b.count]
}
