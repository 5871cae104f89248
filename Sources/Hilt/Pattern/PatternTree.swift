/// A pattern as it is written: `/^(?<code>[A-Z]{2})/`.
indirect enum PatternTree: Sendable {
  /// Matches where it stands, without taking anything.
  case empty
  case scalar(UInt32)
  case set(PatternSet)
  case assertion(PatternAssertion)
  /// `(?<name>…)`, by the name's number.
  case part(Int, PatternTree)
  case sequence([PatternTree])
  case alternatives([PatternTree])
  case repeated(PatternTree, least: Int, most: Int?, isGreedy: Bool)

  /// Whether it can match without taking anything.
  var canBeEmpty: Bool {
    switch self {
    case .empty, .assertion: true
    case .scalar, .set: false
    case .part(_, let inner): inner.canBeEmpty
    case .sequence(let parts): parts.allSatisfy(\.canBeEmpty)
    case .alternatives(let parts): parts.contains(where: \.canBeEmpty)
    case .repeated(let inner, let least, _, _): least == 0 || inner.canBeEmpty
    }
  }

  /// How many instructions it becomes at most; beyond `Pattern.instructionCountMax` the exact number means nothing.
  var size: Int {
    let size: Int
    switch self {
    case .empty: size = 0
    case .scalar, .set, .assertion: size = 1
    case .part(_, let inner): size = inner.size + 2
    case .sequence(let parts): size = parts.reduce(0) { $0 + $1.size }
    case .alternatives(let parts): size = parts.reduce(0) { $0 + $1.size + 2 }
    case .repeated(let inner, let least, let most, _): size = (inner.size + 2) * max(1, most ?? least + 1)
    }
    return min(size, Pattern.instructionCountMax + 1)
  }
}

/// What must hold between two characters.
enum PatternAssertion: Sendable, Equatable {
  case textStart, textEnd, wordEdge, noWordEdge
}

/// A set of characters: `[a-z^-]`, `\d`, `.`, `\p{Lu}`.
struct PatternSet: Sendable {
  /// General categories of Unicode, by the letter or letters that `\p{…}` names.
  static let categoryNames = ["L", "Lu", "Ll", "N", "P"]

  private var ranges: [ClosedRange<UInt32>] = []
  private var categories: [String] = []
  /// Sets inside that mean what they don't hold: `\D`, `\W`, `\S`.
  private var opposites: [PatternSet] = []
  private var isNegated = false
  private var ignoresCase = false
  /// The answers for ASCII, one bit each.
  private var low: UInt64 = 0
  private var high: UInt64 = 0

  mutating func add(_ range: ClosedRange<UInt32>) { ranges.append(range) }
  mutating func add(category: String) { categories.append(category) }
  mutating func add(opposite set: PatternSet) { opposites.append(set) }

  mutating func add(_ other: PatternSet) {
    if other.isNegated { return opposites.append(other.opposite) }
    ranges += other.ranges
    categories += other.categories
    opposites += other.opposites
  }

  private var opposite: PatternSet {
    var set = self
    set.isNegated.toggle()
    return set.sealed(isNegated: set.isNegated, ignoresCase: ignoresCase)
  }

  /// The set, ready to be asked.
  func sealed(isNegated: Bool = false, ignoresCase: Bool) -> PatternSet {
    var set = self
    set.isNegated = isNegated
    set.ignoresCase = ignoresCase
    (set.low, set.high) = (0, 0)
    for value in UInt32(0)..<64 where set.answer(value) { set.low |= 1 << value }
    for value in UInt32(64)..<128 where set.answer(value) { set.high |= 1 << (value - 64) }
    return set
  }

  @inline(__always)
  func contains(_ value: UInt32) -> Bool {
    if value < 64 { return low >> value & 1 == 1 }
    if value < 128 { return high >> (value - 64) & 1 == 1 }
    return answer(value)
  }

  private func answer(_ value: UInt32) -> Bool {
    if holds(value) { return !isNegated }
    if ignoresCase, let scalar = Unicode.Scalar(value) {
      for mapped in [scalar.properties.lowercaseMapping, scalar.properties.uppercaseMapping] {
        let scalars = mapped.unicodeScalars
        if scalars.count == 1, let only = scalars.first, holds(only.value) { return !isNegated }
      }
    }
    return isNegated
  }

  private func holds(_ value: UInt32) -> Bool {
    if ranges.contains(where: { $0.contains(value) }) { return true }
    if !categories.isEmpty, let scalar = Unicode.Scalar(value) {
      let category = scalar.properties.generalCategory
      if categories.contains(where: { Self.names($0, category) }) { return true }
    }
    return opposites.contains { !$0.contains(value) }
  }

  private static func names(_ name: String, _ category: Unicode.GeneralCategory) -> Bool {
    switch category {
    case .uppercaseLetter: name == "L" || name == "Lu"
    case .lowercaseLetter: name == "L" || name == "Ll"
    case .titlecaseLetter, .modifierLetter, .otherLetter: name == "L"
    case .decimalNumber, .letterNumber, .otherNumber: name == "N"
    case .connectorPunctuation, .dashPunctuation, .openPunctuation, .closePunctuation, .initialPunctuation,
      .finalPunctuation, .otherPunctuation:
      name == "P"
    default: false
    }
  }

  /// The set of `\d`, `\w`, `\s`, which are ASCII's, and of their capitals; `nil` for any other letter.
  init?(shorthand letter: UInt32) {
    switch letter | 0x20 {
    case UInt32(UInt8(ascii: "d")): ranges = [0x30...0x39]
    case UInt32(UInt8(ascii: "w")): ranges = [0x30...0x39, 0x41...0x5A, 0x5F...0x5F, 0x61...0x7A]
    case UInt32(UInt8(ascii: "s")): ranges = [0x09...0x0D, 0x20...0x20]
    default: return nil
    }
    self = sealed(isNegated: letter & 0x20 == 0, ignoresCase: false)
  }

  init() {}

  /// `.`: anything but a line's end.
  static let notLineEnd: PatternSet = {
    var set = PatternSet()
    set.add(0x0A...0x0A)
    return set.sealed(isNegated: true, ignoresCase: false)
  }()
}
