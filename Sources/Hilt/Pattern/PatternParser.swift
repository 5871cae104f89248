/// Reads a pattern as it stands between its slashes.
struct PatternParser {
  private struct Mark {
    var value: UInt32
    /// Where it stands in the pattern, as bytes.
    var offset: Int
  }

  private let marks: [Mark]
  private let byteCount: Int
  private var index = 0
  private var ignoresCase = false
  private var depth = 0
  private(set) var names: [String] = []
  /// Groups without a name are parts too.
  var numbersGroups = false

  init(_ source: [UInt8]) throws(LiteralError) {
    guard source.count <= Pattern.bytesMax else {
      throw LiteralError("a pattern has at most \(Pattern.bytesMax) bytes", at: 0..<source.count)
    }
    var marks: [Mark] = []
    var offset = 0
    for scalar in String(decoding: source, as: UTF8.self).unicodeScalars {
      marks.append(Mark(value: scalar.value, offset: offset))
      offset += UTF8.width(scalar)
    }
    self.marks = marks
    byteCount = source.count
  }

  mutating func tree() throws(LiteralError) -> PatternTree {
    if looksAt("(?i)") {
      index += 4
      ignoresCase = true
    }
    let tree = try alternatives()
    guard isAtEnd else { throw problem("this bracket closes nothing", from: index, help: ["\\)"]) }
    return tree
  }

  // MARK: The text

  private var isAtEnd: Bool { index >= marks.count }

  private func isAt(_ character: Unicode.Scalar, _ ahead: Int = 0) -> Bool {
    index + ahead < marks.count && marks[index + ahead].value == character.value
  }

  private func looksAt(_ text: String) -> Bool {
    text.unicodeScalars.enumerated().allSatisfy { isAt($0.element, $0.offset) }
  }

  private mutating func take(_ character: Unicode.Scalar) -> Bool {
    guard isAt(character) else { return false }
    index += 1
    return true
  }

  private func offset(_ index: Int) -> Int { index < marks.count ? marks[index].offset : byteCount }

  /// A problem that covers the marks from `start` up to the cursor, or one of them.
  private func problem(_ message: String, from start: Int, help: [String] = []) -> LiteralError {
    let first = offset(start)
    return LiteralError(message, at: first..<max(first + 1, offset(max(index, start + 1))), help: help)
  }

  private func written(_ value: UInt32) -> String {
    guard value >= 0x20, value != 0x7F, let scalar = Unicode.Scalar(value) else { return "a control character" }
    return "'\(scalar)'"
  }

  // MARK: The grammar

  private mutating func alternatives() throws(LiteralError) -> PatternTree {
    var parts = [try sequence()]
    while take("|") { parts.append(try sequence()) }
    return parts.count == 1 ? parts[0] : .alternatives(parts)
  }

  private mutating func sequence() throws(LiteralError) -> PatternTree {
    var parts: [PatternTree] = []
    while !isAtEnd, !isAt("|"), !isAt(")") {
      let start = index
      let atom = try self.atom()
      parts.append(try repetition(of: atom, from: start))
    }
    return parts.count == 1 ? parts[0] : parts.isEmpty ? .empty : .sequence(parts)
  }

  private mutating func repetition(of atom: PatternTree, from start: Int) throws(LiteralError) -> PatternTree {
    let sign = index
    let counts: (least: Int, most: Int?)
    if take("*") {
      counts = (0, nil)
    } else if take("+") {
      counts = (1, nil)
    } else if take("?") {
      counts = (0, 1)
    } else if take("{") {
      counts = try self.counts(from: sign)
    } else {
      return atom
    }
    if case .assertion = atom {
      throw problem("there is nothing here to repeat", from: sign)
    }
    let isGreedy = !take("?")
    if isAt("*") || isAt("+") || isAt("?") || isAt("{") {
      index += 1
      throw problem(
        "this repeats what is repeated already", from: index - 1,
        help: ["(?:…) around it", "\\ before the sign itself"])
    }
    return .repeated(atom, least: counts.least, most: counts.most, isGreedy: isGreedy)
  }

  /// `{2}`, `{2,}`, `{2,8}`, from behind the brace.
  private mutating func counts(from start: Int) throws(LiteralError) -> (Int, Int?) {
    let least = number()
    var most = least
    if take(",") { most = isAt("}") ? nil : number() ?? -1 }
    guard let least, most != -1, take("}") else {
      throw problem("'{' begins a count here", from: start, help: ["{2}", "{2,}", "{2,8}", "\\{ for the brace itself"])
    }
    guard max(least, most ?? 0) <= Pattern.countMax else {
      throw problem("a count goes up to \(Pattern.countMax)", from: start)
    }
    if let most, most < least { throw problem("this count runs backwards", from: start, help: ["{\(most),\(least)}"]) }
    return (least, most)
  }

  private mutating func number() -> Int? {
    var number: Int?
    while !isAtEnd, (0x30...0x39).contains(marks[index].value) {
      number = min((number ?? 0) * 10 + Int(marks[index].value - 0x30), 1_000_000)
      index += 1
    }
    return number
  }

  private mutating func atom() throws(LiteralError) -> PatternTree {
    let start = index
    let value = marks[index].value
    index += 1
    switch Unicode.Scalar(value) {
    case "(": return try group(from: start)
    case "[": return .set(try set(from: start))
    case ".": return .set(.notLineEnd)
    case "^": return .assertion(.textStart)
    case "$": return .assertion(.textEnd)
    case "\\": return try escape(from: start)
    case "*", "+", "?", "{":
      throw problem("there is nothing here to repeat", from: start, help: ["\\ before the sign itself"])
    case "}", "]":
      throw problem("\(written(value)) closes nothing here", from: start, help: ["\\ before the bracket itself"])
    default: return literal(value)
    }
  }

  private func literal(_ value: UInt32) -> PatternTree {
    guard ignoresCase else { return .scalar(value) }
    var set = PatternSet()
    set.add(value...value)
    return .set(set.sealed(ignoresCase: true))
  }

  // MARK: Groups

  private mutating func group(from start: Int) throws(LiteralError) -> PatternTree {
    guard depth < Pattern.depthMax else {
      throw problem("groups lie in one another more than \(Pattern.depthMax) deep", from: start)
    }
    depth += 1
    defer { depth -= 1 }
    var part: Int?
    if take("?") {
      if take("<"), !isAt("="), !isAt("!") {
        part = try name(from: start)
      } else if !take(":") {
        throw unknownGroup(from: start)
      }
    } else if numbersGroups {
      names.append("")
      part = names.count - 1
    }
    let inner = try alternatives()
    guard take(")") else {
      index = start + 1
      throw problem("this bracket has no end", from: start, help: [")", "\\( for the bracket itself"])
    }
    return part.map { .part($0, inner) } ?? inner
  }

  private mutating func unknownGroup(from start: Int) -> LiteralError {
    // `(?<` is taken already where `=` or `!` follows.
    let isLook = isAt("=") || isAt("!")
    if !isAtEnd { index += 1 }
    if isLook {
      return problem(
        "a pattern can't look ahead or behind: it is searched in linear time", from: start,
        help: ["two conditions: … matches /…/ and not … matches /…/"])
    }
    if looksAt("<"), marks[index - 1].value == UInt32(UInt8(ascii: "P")) {
      index += 1
      return problem("a part's name stands in (?<name>…)", from: start, help: ["(?<"])
    }
    return problem(
      "a group is (…), (?:…) or (?<name>…), and (?i) stands at the pattern's start", from: start, help: ["(?:…)"])
  }

  private mutating func name(from start: Int) throws(LiteralError) -> Int {
    let first = index
    var name = ""
    while !isAtEnd, let byte = UInt8(exactly: marks[index].value), Lexer.isWord(byte) {
      name.unicodeScalars.append(Unicode.Scalar(byte))
      index += 1
    }
    guard let begin = name.utf8.first, Lexer.isWordStart(begin), take(">") else {
      throw problem("a part's name has letters, digits and '_', and ends with '>'", from: start, help: ["(?<year>…)"])
    }
    guard !names.contains(name) else {
      index -= 1
      throw problem("the name '\(name)' is given twice", from: first)
    }
    names.append(name)
    return names.count - 1
  }

  // MARK: Escapes and classes

  /// What stands behind `\`, outside a class.
  private mutating func escape(from start: Int) throws(LiteralError) -> PatternTree {
    if take("b") { return .assertion(.wordEdge) }
    if take("B") { return .assertion(.noWordEdge) }
    if !isAtEnd, (0x31...0x39).contains(marks[index].value) || isAt("k") {
      index += 1
      throw problem("a pattern can't refer to what a group took: it is searched in linear time", from: start)
    }
    if let set = try namedSet(from: start) { return .set(set) }
    return literal(try escaped(from: start))
  }

  /// `\d`, `\W`, `\p{Lu}`; `nil` for anything else.
  private mutating func namedSet(from start: Int) throws(LiteralError) -> PatternSet? {
    guard !isAtEnd else { return nil }
    if let set = PatternSet(shorthand: marks[index].value) {
      index += 1
      return set
    }
    guard isAt("p") || isAt("P") else { return nil }
    let isNegated = isAt("P")
    index += 1
    var name = ""
    if take("{") {
      while !isAtEnd, !isAt("}"), name.utf8.count < 16 {
        name.unicodeScalars.append(Unicode.Scalar(marks[index].value) ?? " ")
        index += 1
      }
      if !take("}") { name = "" }
    }
    guard PatternSet.categoryNames.contains(name) else {
      throw problem(
        "a class of characters is named here", from: start, help: PatternSet.categoryNames.map { "\\p{\($0)}" })
    }
    var set = PatternSet()
    set.add(category: name)
    return set.sealed(isNegated: isNegated, ignoresCase: ignoresCase)
  }

  /// A character that is written with `\`.
  private mutating func escaped(from start: Int) throws(LiteralError) -> UInt32 {
    guard !isAtEnd else { throw problem("nothing follows this backslash", from: start, help: ["\\\\"]) }
    let value = marks[index].value
    index += 1
    switch Unicode.Scalar(value) {
    case "n": return 0x0A
    case "r": return 0x0D
    case "t": return 0x09
    case "x": return try hexadecimal(from: start)
    default:
      if let byte = UInt8(exactly: value), byte < 0x80, !Lexer.isWord(byte), byte > 0x20 { return value }
      throw problem(
        "a pattern knows no '\\' before \(written(value))", from: start,
        help: ["\\d \\w \\s \\b \\n \\r \\t \\xHH", "\\\\ for a backslash"])
    }
  }

  /// `\x41` or `\x{1F600}`
  private mutating func hexadecimal(from start: Int) throws(LiteralError) -> UInt32 {
    let isLong = take("{")
    var digits = ""
    while !isAtEnd, digits.utf8.count < (isLong ? 6 : 2), let byte = UInt8(exactly: marks[index].value),
      Unicode.Scalar(byte).properties.isASCIIHexDigit
    {
      digits.unicodeScalars.append(Unicode.Scalar(byte))
      index += 1
    }
    let isClosed = isLong ? take("}") : digits.utf8.count == 2
    guard isClosed, let value = UInt32(digits, radix: 16), Unicode.Scalar(value) != nil else {
      throw problem("this names no character", from: start, help: ["\\x41", "\\x{20AC}"])
    }
    return value
  }

  /// `[a-z^-]`, from behind the bracket.
  private mutating func set(from start: Int) throws(LiteralError) -> PatternSet {
    var set = PatternSet()
    let isNegated = take("^")
    if isAt("]") {
      index += 1
      throw problem("this class is empty", from: start, help: ["\\] for the bracket itself"])
    }
    while !isAt("]") {
      if isAtEnd {
        index = start + 1
        throw problem("this class has no end", from: start, help: ["]", "\\[ for the bracket itself"])
      }
      if looksAt("[:") {
        index += 2
        throw problem("a class in a class is not known", from: index - 2, help: ["\\d \\w \\s \\p{L}", "\\["])
      }
      try element(into: &set)
    }
    index += 1
    return set.sealed(isNegated: isNegated, ignoresCase: ignoresCase)
  }

  /// One character, range or named class of a class.
  private mutating func element(into set: inout PatternSet) throws(LiteralError) {
    let start = index
    if take("\\") {
      if let named = try namedSet(from: start) { return set.add(named) }
      index = start
    }
    let first = try character()
    guard isAt("-"), index + 1 < marks.count, !isAt("]", 1) else { return set.add(first...first) }
    index += 1
    let last = try character()
    guard first <= last else { throw problem("this range runs backwards", from: start) }
    set.add(first...last)
  }

  private mutating func character() throws(LiteralError) -> UInt32 {
    let start = index
    if take("\\") { return try escaped(from: start) }
    index += 1
    return marks[start].value
  }
}
