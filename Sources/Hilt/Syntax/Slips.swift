import HL7

/// What people write who come from other languages, found among the tokens: each is said once, with what is meant, and
/// where that is sure read as it.
struct Slips {
  private let source: Source
  private let tokens: [Token]
  private var mended: [Token] = []

  static func mended(_ tokens: [Token], _ source: Source, _ problems: inout Problems) -> [Token] {
    var slips = Slips(source: source, tokens: tokens)
    var index = 0
    while index < tokens.count { index = slips.take(index, &problems) }
    return slips.mended
  }

  private init(source: Source, tokens: [Token]) {
    self.source = source
    self.tokens = tokens
  }

  private func kind(_ index: Int) -> Token.Kind { tokens[min(index, tokens.count - 1)].kind }

  private func word(_ index: Int) -> String? {
    guard index >= 0, index < tokens.count, tokens[index].kind == .word else { return nil }
    return tokens[index].meant ?? source.text(tokens[index].span)
  }

  /// Takes one token, or a slip with all its tokens.
  ///
  /// - Returns: the index behind it.
  private mutating func take(_ index: Int, _ problems: inout Problems) -> Int {
    if let next = subscripts(index, &problems) ?? countingLoop(index, &problems) { return next }
    var token = tokens[index]
    if let meant = capitals(index) {
      problems.report(
        .syntax, "'\(source.text(token.span))' is written '\(meant)'", at: token.span, help: [meant],
        fix: (token.span, meant))
      token.meant = meant
    }
    mended.append(token)
    return index + 1
  }

  // MARK: Words

  /// `AND`: an operator of words in capitals.
  private func capitals(_ index: Int) -> String? {
    guard let word = word(index), word != word.lowercased(), index > 0 else { return nil }
    let lower = word.lowercased()
    guard ["and", "or", "not", "in", "then", "else"].contains(lower) else { return nil }
    // These are followed by names of HL7.
    let names = ["each", "new", "add", "after", "in", "is"]
    if case .word = kind(index - 1), names.contains(self.word(index - 1) ?? "") { return nil }
    let isPath = [.sign(.dot), .sign(.slash)].contains(kind(index - 1)) || kind(index + 1) == .sign(.minus)
    return isPath ? nil : lower
  }

  // MARK: msg['PID']['PID.8']['PID.8.1']

  /// A place as Mirth's scripts name it, with the step that gives its text.
  private mutating func subscripts(_ start: Int, _ problems: inout Problems) -> Int? {
    guard let root = word(start), start == 0 || kind(start - 1) != .sign(.dot) else { return nil }
    var keys: [String] = []
    var index = start + 1
    while kind(index) == .sign(.leftBracket), let (key, next) = key(index) {
      keys.append(key)
      index = next
    }
    guard let first = keys.first, let code = HL7SegmentCode(first), isText(start + 2) else {
      return nil
    }
    if kind(index) == .sign(.dot), word(index + 1) == "toString", kind(index + 2) == .sign(.leftParen),
      kind(index + 3) == .sign(.rightParen)
    {
      index += 4
    }
    let span = tokens[start].span...tokens[index - 1].span
    let place = Self.place(code, Array(keys.dropFirst()))
    let holder = root == "msg" ? "" : root == "tmp" ? "out." : "\(root)."
    let meant = place.map { holder + $0 }
    // Which one a name stands for is not known.
    let like = Self.place(code, keys.dropFirst().filter { !$0.hasPrefix("[") }) ?? "\(code)-1"
    problems.retract(in: span)
    problems.report(
      .path, "a place is written with dashes and points", at: span, help: [meant ?? holder + like],
      fix: meant.map { (span, $0) })
    var token = tokens[start]
    token.kind = .mistaken
    token.span = span
    mended.append(token)
    return index
  }

  private func isText(_ index: Int) -> Bool { kind(index) == .textStart }

  /// What stands in the brackets that begin at an index: a text, a number or a name.
  private func key(_ index: Int) -> (String, next: Int)? {
    switch kind(index + 1) {
    case .textStart:
      guard case .piece(let text) = kind(index + 2), kind(index + 3) == .textEnd,
        kind(index + 4) == .sign(.rightBracket)
      else { return nil }
      return (text, index + 5)
    case .digits, .word:
      guard kind(index + 2) == .sign(.rightBracket), index + 2 < tokens.count else { return nil }
      return ("[" + source.text(tokens[index + 1].span), index + 3)
    default: return nil
    }
  }

  /// `PID-5[1].1` of the keys `PID.5` and `PID.5.1`; `nil` where the keys don't say it.
  private static func place(_ code: HL7SegmentCode, _ keys: [String]) -> String? {
    var segment = ""
    var repetition = ""
    var numbers: [Int] = []
    for key in keys {
      if key.hasPrefix("[") {
        guard let number = Int(key.dropFirst()), number < 1_000 else { return nil }
        if numbers.isEmpty { segment = "[\(number + 1)]" } else { repetition = "[\(number + 1)]" }
        continue
      }
      let parts = key.split(separator: ".").dropFirst().map { Int($0) }
      guard key.hasPrefix("\(code)."), !parts.contains(nil) else { return nil }
      numbers = parts.compactMap(\.self)
    }
    guard let field = numbers.first, (2...3).contains(numbers.count + 1) || numbers.count == 3 else {
      return numbers.isEmpty ? "\(code)\(segment)" : nil
    }
    let all = HL7Tables.segment(code)?.part(field) ?? []
    let common = all.filter { !$0.versions.isDisjoint(with: HL7Versions("2.5.1", upTo: "2.5.1") ?? .all) }
    let known = common.isEmpty ? all : common
    let isComposite = known.isEmpty || known.contains { HL7Tables.type($0.type) != nil && $0.type != "TS" }
    if repetition.isEmpty, known.last?.repeats == true { repetition = "[1]" }
    var text = "\(code)\(segment)-\(field)\(repetition)"
    for number in numbers.dropFirst() where isComposite || number != 1 { text += ".\(number)" }
    return text
  }

  // MARK: for (var i = 0; i < n; i++)

  /// A longer head is no loop that anybody wrote.
  private static let headTokensMax = 100

  /// A loop's head in parentheses: its name stays, the rest is left out.
  private mutating func countingLoop(_ start: Int, _ problems: inout Problems) -> Int? {
    guard word(start) == "for" else { return nil }
    var open = start + 1
    if word(open) == "each" || word(open) == "await" { open += 1 }
    guard kind(open) == .sign(.leftParen) else { return nil }
    var depth = 0
    var end = open
    var name: Token?
    let line = source.line(of: Int(tokens[start].span.start))
    while end < min(tokens.count, start + Self.headTokensMax), source.line(of: Int(tokens[end].span.start)) == line {
      if kind(end) == .sign(.leftParen) { depth += 1 }
      if kind(end) == .sign(.rightParen) { depth -= 1 }
      if name == nil, let word = word(end), !["var", "let", "const"].contains(word) { name = tokens[end] }
      if depth == 0 { break }
      end += 1
    }
    guard let name, end < tokens.count, kind(end) == .sign(.rightParen), depth == 0 else { return nil }
    let span = tokens[start].span...tokens[end].span
    problems.retract(in: span)
    problems.report(
      .syntax, "a loop goes over a list, and counts by itself", at: span,
      help: ["for x in PID-3[*] { … }", "for x, i in PID-3[*] { … }"])
    mended.append(tokens[start])
    mended.append(name)
    mended.append(Token(kind: .mistaken, span: span, newlineBefore: false, spaceBefore: true))
    return end + 1
  }
}
