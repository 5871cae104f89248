/// A pattern, compiled: `/^(?<code>[A-Z]{2})/`. It is searched in time that is bounded by the text's length times the
/// pattern's size, whatever the two are: there is no backtracking.
struct Pattern: Sendable {
  /// A longer pattern is refused (E119).
  static let bytesMax = 4_096
  /// A count such as `{2,8}` goes up to here.
  static let countMax = 1_000
  /// Groups in one another.
  static let depthMax = 32
  /// A count is written out: `a{8}` is eight instructions. More than this are refused.
  static let instructionCountMax = 4_000

  enum Instruction: Sendable {
    case scalar(UInt32)
    case set(Int)
    /// Goes on in two places; the first is preferred.
    case split(Int, Int)
    case jump(Int)
    /// Keeps the position in a slot.
    case save(Int)
    case assert(PatternAssertion)
    case match
  }

  let instructions: [Instruction]
  let sets: [PatternSet]
  /// Names of the parts, in the order in which they stand. Part n has the slots 2n + 2 and 2n + 3.
  let names: [String]
  /// It can only begin at the text's start.
  let isAnchored: Bool
  /// For each byte whether a match can begin with it; `nil` where nearly every one can.
  let firstBytes: [Bool]?

  var slotCount: Int { 2 + 2 * names.count }

  /// - Parameters:
  ///   - source: what stands between the slashes, as written.
  ///   - numbersGroups: groups without a name are parts too, with an empty name.
  init(_ source: [UInt8], numbersGroups: Bool = false) throws(LiteralError) {
    var parser = try PatternParser(source)
    parser.numbersGroups = numbersGroups
    let tree = try parser.tree()
    guard tree.size + 3 <= Self.instructionCountMax else {
      throw LiteralError(
        "this pattern is too large once its counts are written out", at: 0..<source.count,
        help: ["at most \(Self.instructionCountMax) characters and classes"])
    }
    var compiler = PatternCompiler()
    compiler.program(tree)
    instructions = compiler.instructions
    sets = compiler.sets
    names = parser.names
    isAnchored = compiler.beginsAtStart
    firstBytes = compiler.firstBytes
  }
}

/// Writes a pattern's tree out as instructions.
struct PatternCompiler {
  private(set) var instructions: [Pattern.Instruction] = []
  private(set) var sets: [PatternSet] = []

  mutating func program(_ tree: PatternTree) {
    instructions.append(.save(0))
    write(tree)
    instructions.append(.save(1))
    instructions.append(.match)
  }

  private mutating func write(_ tree: PatternTree) {
    switch tree {
    case .empty: break
    case .scalar(let value): instructions.append(.scalar(value))
    case .set(let set):
      sets.append(set)
      instructions.append(.set(sets.count - 1))
    case .assertion(let assertion): instructions.append(.assert(assertion))
    case .part(let number, let inner):
      instructions.append(.save(2 * number + 2))
      write(inner)
      instructions.append(.save(2 * number + 3))
    case .sequence(let parts): for part in parts { write(part) }
    case .alternatives(let parts): alternatives(parts)
    case .repeated(let inner, let least, let most, let isGreedy): repeated(inner, least, most, isGreedy)
    }
  }

  private mutating func alternatives(_ parts: [PatternTree]) {
    var jumps: [Int] = []
    for (index, part) in parts.enumerated() {
      guard index < parts.count - 1 else {
        write(part)
        break
      }
      let split = instructions.count
      instructions.append(.jump(0))
      write(part)
      jumps.append(instructions.count)
      instructions.append(.jump(0))
      instructions[split] = .split(split + 1, instructions.count)
    }
    for jump in jumps { instructions[jump] = .jump(instructions.count) }
  }

  private mutating func repeated(_ inner: PatternTree, _ least: Int, _ most: Int?, _ isGreedy: Bool) {
    for _ in 0..<max(0, most == nil ? least - 1 : least) { write(inner) }
    guard let most else {
      if least > 0 { return oneOrMore(inner, isGreedy) }
      // A body that can be empty is passed once, so that its parts are those of an empty match: (x*)* is ((x*)+)?.
      return inner.canBeEmpty
        ? optional(isGreedy) { $0.oneOrMore(inner, isGreedy) }
        : optional(isGreedy) { compiler in
          let start = compiler.instructions.count - 1
          compiler.write(inner)
          compiler.instructions.append(.jump(start))
        }
    }
    // x{0,2} is (x(x)?)?
    var splits: [Int] = []
    for _ in 0..<max(0, most - least) {
      splits.append(instructions.count)
      instructions.append(.jump(0))
      write(inner)
    }
    for split in splits { instructions[split] = choice(split + 1, instructions.count, isGreedy) }
  }

  private mutating func oneOrMore(_ inner: PatternTree, _ isGreedy: Bool) {
    let start = instructions.count
    write(inner)
    instructions.append(choice(start, instructions.count + 1, isGreedy))
  }

  private mutating func optional(_ isGreedy: Bool, _ body: (inout PatternCompiler) -> Void) {
    let split = instructions.count
    instructions.append(.jump(0))
    body(&self)
    instructions[split] = choice(split + 1, instructions.count, isGreedy)
  }

  private func choice(_ inside: Int, _ behind: Int, _ isGreedy: Bool) -> Pattern.Instruction {
    isGreedy ? .split(inside, behind) : .split(behind, inside)
  }

  // MARK: What a match begins with

  /// Instructions that are reached from the beginning before a character is taken.
  private func reached(passing: (PatternAssertion) -> Bool) -> [Pattern.Instruction] {
    var seen = [Bool](repeating: false, count: instructions.count)
    var open = [0]
    var found: [Pattern.Instruction] = []
    while let next = open.popLast() {
      guard !seen[next] else { continue }
      seen[next] = true
      switch instructions[next] {
      case .jump(let target): open.append(target)
      case .split(let first, let second): open += [first, second]
      case .save: open.append(next + 1)
      case .assert(let assertion) where passing(assertion): open.append(next + 1)
      case .assert: break
      default: found.append(instructions[next])
      }
    }
    return found
  }

  /// Every way begins with `^`.
  var beginsAtStart: Bool { reached { $0 != .textStart }.isEmpty }

  /// The bytes with which a match can begin; `nil` where it can begin with anything or be empty.
  var firstBytes: [Bool]? {
    var bytes = [Bool](repeating: false, count: 256)
    for instruction in reached(passing: { _ in true }) {
      switch instruction {
      case .scalar(let value):
        guard let scalar = Unicode.Scalar(value), let first = String(scalar).utf8.first else { return nil }
        bytes[Int(first)] = true
      case .set(let set):
        for value in 0..<128 where sets[set].contains(UInt32(value)) { bytes[value] = true }
        // What begins a character of several bytes.
        for value in 0xC2..<0xF5 { bytes[value] = true }
      default: return nil
      }
    }
    return bytes.count(where: \.self) > 170 ? nil : bytes
  }
}
