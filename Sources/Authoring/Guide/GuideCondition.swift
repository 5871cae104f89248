import HL7

/// A condition of the guide: `IF PID-11 LST.COUNT EQUALS 1 AND PID-11.9 IS NOT VALUED`.
indirect enum GuideCondition: Sendable, Equatable {
  /// A place of a message or of a data type.
  struct Path: Sendable, Equatable {
    /// `PID`, `CWE`
    var name: String
    /// `11`, `9` of `PID-11.9`; `1` of `CWE.1`.
    var numbers: [Int]

    var isSegment: Bool { HL7SegmentCode(name).map { HL7Tables.segment($0) != nil } ?? false }
  }

  enum Comparison: String, Sendable {
    case equal = "==", less = "<", lessOrEqual = "<=", greater = ">", greaterOrEqual = ">="
  }

  case valued(Path)
  case isOneOf(Path, [String])
  case count(Path, Comparison, Int)
  case length(Path, Comparison, Int)
  case not(GuideCondition)
  case and(GuideCondition, GuideCondition)
  case or(GuideCondition, GuideCondition)

  /// Why a text is no condition that says one thing.
  struct Malformed: Error, Equatable {
    var reason: String
  }

  init(_ text: String) throws(Malformed) { self = try GuideConditionParser.parse(text) }
}

/// Reads the guide's conditions, which people have typed. Several words for one thing are read as that (`EQUALS`, `=`,
/// `IS "A"`); what could mean two things, or nothing, is refused and never guessed at.
struct GuideConditionParser {
  private enum Token: Equatable {
    /// A path, or a word of the language.
    case word(String)
    case text(String)
    case sign(Character)

    var shown: String {
      switch self {
      case .word(let word): word
      case .text(let text): "\"\(text)\""
      case .sign(let sign): String(sign)
      }
    }
  }

  private var tokens: [Token] = []
  private var at = 0

  static func parse(_ text: String) throws(GuideCondition.Malformed) -> GuideCondition {
    var parser = try GuideConditionParser(text)
    let condition = try parser.either()
    if let token = parser.token { throw .init(reason: "`\(token.shown)` is not expected there") }
    return condition
  }

  private init(_ text: String) throws(GuideCondition.Malformed) {
    var rest = Substring(text)
    while let first = rest.first {
      if first.isWhitespace {
        rest.removeFirst()
      } else if first == "\"" {
        guard let end = rest.dropFirst().firstIndex(of: "\"") else { throw .init(reason: "a quote is never closed") }
        tokens.append(.text(String(rest[rest.index(after: rest.startIndex)..<end])))
        rest = rest[rest.index(after: end)...]
      } else if "(),=<>".contains(first) {
        tokens.append(.sign(first))
        rest.removeFirst()
      } else {
        let word = rest.prefix { !$0.isWhitespace && !"(),=<>\"".contains($0) }
        tokens.append(.word(String(word)))
        rest = rest[word.endIndex...]
      }
    }
  }

  private var token: Token? { at < tokens.count ? tokens[at] : nil }

  /// Takes a word of the language, however it is capitalized.
  private mutating func take(_ words: String...) -> Bool {
    guard case .word(let word)? = token, words.contains(word.uppercased()) else { return false }
    at += 1
    return true
  }

  private mutating func takeSign(_ sign: Character) -> Bool {
    guard token == .sign(sign) else { return false }
    at += 1
    return true
  }

  // MARK: And, or

  private mutating func either() throws(GuideCondition.Malformed) -> GuideCondition {
    var left = try both()
    while take("OR") { left = .or(left, try both()) }
    return left
  }

  private mutating func both() throws(GuideCondition.Malformed) -> GuideCondition {
    var left = try one()
    while take("AND") { left = .and(left, try one()) }
    return left
  }

  private mutating func one() throws(GuideCondition.Malformed) -> GuideCondition {
    // `AND IF` says no more than `AND`.
    _ = take("IF")
    if takeSign("(") {
      let inner = try either()
      if !takeSign(")") { throw .init(reason: "a bracket is never closed") }
      return inner
    }
    return try test(try path())
  }

  // MARK: Paths

  private mutating func path() throws(GuideCondition.Malformed) -> GuideCondition.Path {
    guard case .word(let word)? = token else {
      throw .init(reason: token.map { "`\($0.shown)` stands where a field is expected" } ?? "it ends too early")
    }
    let known = ["NOT", "IS", "VALUED", "IN", "EQUALS", "EQUAL"]
    if known.contains(word.uppercased()) { throw .init(reason: "`\(word)`: which field is meant isn't said") }
    at += 1
    let name = String(word.prefix { $0.isLetter || $0.isNumber })
    let path = GuideCondition.Path(name: name, numbers: [])
    let isType = HL7Tables.type(name) != nil || HL7Tables.primitiveNames.contains(name)
    guard path.isSegment || isType else { throw .init(reason: "`\(word)` is no field") }
    let rest = word.dropFirst(name.count)
    if rest.isEmpty { return path }
    guard rest.first == (path.isSegment ? "-" : ".") else {
      let number = rest.dropFirst()
      throw .init(
        reason: "`\(word)`: "
          + (path.isSegment
            ? "\(name) is a segment, whose fields are written \(name)-\(number)"
            : "\(name) is a data type, whose components are written \(name).\(number)"))
    }
    let parts = rest.dropFirst().split(separator: ".", omittingEmptySubsequences: false)
    let numbers = parts.compactMap { Int($0) }.filter { $0 > 0 }
    guard numbers.count == parts.count, numbers.count <= 3 else { throw .init(reason: "`\(word)` is no field") }
    return GuideCondition.Path(name: name, numbers: numbers)
  }

  // MARK: Tests

  private mutating func test(_ path: GuideCondition.Path) throws(GuideCondition.Malformed) -> GuideCondition {
    let shown = path.shown
    if take("LST.COUNT", "COUNT") {
      let (comparison, number) = try comparison()
      return .count(path, comparison, number)
    }
    if take("LENGTH") {
      let (comparison, number) = try comparison()
      return .length(path, comparison, number)
    }
    if takeSign("=") { return .isOneOf(path, [try text()]) }
    let says = take("IS", "DOES")
    let isNot = take("NOT")
    let condition: GuideCondition
    if take("VALUED") || isNot && take("EXIST", "EXISTS") {
      condition = .valued(path)
    } else if says, take("EMPTY") {
      condition = .not(.valued(path))
    } else if take("IN") {
      condition = .isOneOf(path, try list())
    } else if take("EQUALS", "EQUAL") {
      _ = take("TO")
      condition = .isOneOf(path, [try text()])
    } else if says, case .text? = token {
      condition = .isOneOf(path, [try text()])
    } else if let token {
      if case .word(let word) = token, ["AND", "OR"].contains(word.uppercased()) {
        throw .init(reason: "\(shown) stands there without a test of its own")
      }
      throw .init(reason: "`\(token.shown)` is no test: VALUED, EQUALS \"…\", IN (…), LST.count …")
    } else {
      throw .init(reason: "\(shown) stands there without a test: VALUED, EQUALS \"…\", IN (…), LST.count …")
    }
    return isNot ? .not(condition) : condition
  }

  private mutating func text() throws(GuideCondition.Malformed) -> String {
    guard case .text(let text)? = token else {
      throw .init(reason: (token.map { "`\($0.shown)`" } ?? "it ends") + " where a text in quotes is expected")
    }
    at += 1
    return text
  }

  private mutating func list() throws(GuideCondition.Malformed) -> [String] {
    guard takeSign("(") else {
      throw .init(reason: (token.map { "`\($0.shown)`" } ?? "it ends") + " where a list in brackets is expected")
    }
    var texts: [String] = []
    repeat { texts.append(try text()) } while takeSign(",")
    if !takeSign(")") { throw .init(reason: "a bracket is never closed") }
    return texts
  }

  private mutating func comparison() throws(GuideCondition.Malformed) -> (GuideCondition.Comparison, Int) {
    let comparison: GuideCondition.Comparison
    if take("GREATER") {
      comparison = try orEqual() ? .greaterOrEqual : .greater
    } else if take("LESS") {
      comparison = try orEqual() ? .lessOrEqual : .less
    } else if takeSign(">") {
      comparison = takeSign("=") ? .greaterOrEqual : .greater
    } else if takeSign("<") {
      comparison = takeSign("=") ? .lessOrEqual : .less
    } else if takeSign("=") || take("EQUALS", "EQUAL") {
      comparison = .equal
    } else {
      throw .init(reason: (token.map { "`\($0.shown)`" } ?? "it ends") + " where a comparison is expected")
    }
    guard case .word(let word)? = token, let number = Int(word) else {
      throw .init(reason: (token.map { "`\($0.shown)`" } ?? "it ends") + " where a number is expected")
    }
    at += 1
    return (comparison, number)
  }

  /// `THAN`, `THAN OR EQUALS`
  private mutating func orEqual() throws(GuideCondition.Malformed) -> Bool {
    guard take("THAN") else { throw .init(reason: "GREATER and LESS want THAN") }
    guard take("OR") else { return false }
    guard take("EQUALS", "EQUAL") else { throw .init(reason: "THAN OR wants EQUALS") }
    _ = take("TO")
    return true
  }
}

extension GuideCondition.Path {
  /// As the guide writes it.
  var shown: String {
    let numbers = numbers.map(String.init).joined(separator: ".")
    return numbers.isEmpty ? name : name + (isSegment ? "-" : ".") + numbers
  }
}
