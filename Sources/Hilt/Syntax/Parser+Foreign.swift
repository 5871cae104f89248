/// Words that begin statements in other languages.
extension Parser {
  private static let foreign: [String: (message: String, help: [String])] = [
    "return": ("Hilt has no 'return'", ["drop \"why\" ends the message", "fn name(x) = value"]),
    "while": ("Hilt has no 'while': every loop goes over a list", ["for x in PID-3[*] { … }"]),
    "do": ("Hilt has no 'do': every loop goes over a list", ["for x in PID-3[*] { … }"]),
    "switch": ("Hilt has no 'switch'", ["match PID-8 { \"1\" => … \"2\" => … _ => … }"]),
    "case": ("Hilt has no 'case'", ["match PID-8 { \"1\" => … _ => … }"]),
    "try": ("Hilt has no 'try': a value says what then", ["date(PID-7) catch absent"]),
    "throw": ("Hilt has no 'throw'", ["fail \"why\"", "reject AE 101 \"why\" at PID-3"]),
    "function": ("a function stands in the head of the file and is one expression", ["fn name(x) = upper(x)"]),
    "break": ("Hilt has no 'break'", ["skip \"why\" leaves one turn", "for x in … where …"]),
    "continue": ("Hilt has no 'continue'", ["skip \"why\" leaves one turn"]),
    "logger": ("Hilt has no 'logger'", ["note \"…\" stands in the message's story"]),
    "console": ("Hilt has no 'console'", ["note \"…\" stands in the message's story"]),
    "print": ("Hilt has no 'print'", ["note \"…\" stands in the message's story"]),
    "channelMap": ("Hilt has no maps", ["let name = … for the program", "emit out meta { name: … } for the channel"]),
    "const": ("'const' stands before the first statement", ["let name = …"]),
  ]
  private static let maps: Set = [
    "connectorMap", "sourceMap", "responseMap", "globalMap", "globalChannelMap", "configurationMap",
  ]

  /// Words that begin a statement, of four letters or more first: of shorter ones no slip is sure.
  private static let statementWords = [
    "emit", "note", "match", "when", "require", "remove", "drop", "hold", "fail", "reject", "skip", "let", "if", "for",
    "var",
  ]
  private static let elseIf: Set = ["elseif", "elsif", "elif"]

  /// `IF`, `emt out`, `delete out.NK1`: said once, then read as the word that was meant.
  mutating func mendStatementWord() {
    let word = text(token)
    guard opensValue, !Self.words.contains(word), !Self.statementWords.contains(word), !startsDecision,
      Self.foreign[word] == nil
    else { return }
    var meant = word == "delete" ? "remove" : word == "send" ? "emit" : surelyMeant(word, among: Self.statementWords)
    if Self.statementWords.contains(word.lowercased()) { meant = word.lowercased() }
    if let meant = meant ?? (["emt", "emti", "eimt"].contains(word) ? "emit" : nil) { mend(as: meant) }
  }

  /// `elsif`, behind the block of an `if`.
  mutating func takeElseIf() -> Bool {
    guard token.kind == .word, Self.elseIf.contains(text(token)) else { return false }
    mend(as: "else if")
    advance()
    return true
  }

  private mutating func mend(as meant: String) {
    problems.report(
      .syntax, "'\(text(token))' is written '\(meant)'", at: token.span, help: [meant], fix: (token.span, meant))
    tokens[index].meant = meant
  }

  /// Whether what follows goes on from a word that begins a statement: `emt out`, and not `emt = 1` or `emt.x`.
  private var opensValue: Bool {
    let next = ahead(1)
    guard !next.newlineBefore else { return false }
    switch next.kind {
    case .word: return !["in", "is", "and", "or", "not", "with", "matches", "catch"].contains(text(next))
    case .textStart, .digits: return true
    case .sign(.leftParen): return next.spaceBefore
    default: return false
    }
  }

  /// A statement of another language: said once, with what stands for it here.
  mutating func foreignStatement() -> Abandoned? {
    guard token.kind == .word else { return nil }
    let word = text(token)
    guard let found = Self.foreign[Self.maps.contains(word) ? "channelMap" : word] else { return nil }
    let next = ahead(1)
    // A name of the program's own may be the same.
    if [.sign(.assign), .sign(.minus), .sign(.append)].contains(next.kind), !next.newlineBefore { return nil }
    let span = token.span
    // Its line ends with `;` in that language: one problem is enough.
    var last = index
    while last + 1 < tokens.count, !tokens[last + 1].newlineBefore, tokens[last + 1].kind != .end { last += 1 }
    problems.retract(in: span...Span(Int(tokens[last].span.end), Int(tokens[last].span.end) + 1))
    problems.report(.syntax, found.message, at: span, help: found.help)
    return Abandoned()
  }

  /// What stands where something else was expected, and is an operator of another language; `nil` if it is none.
  mutating func foreignOperator(behind value: Expression) -> Abandoned? {
    guard continues else { return nil }
    let left = source.text(value.span)
    if token.kind == .word, let name = Self.operators[text(token)], ahead(1).kind != .sign(.leftParen) {
      let right =
        ahead(1).kind == .textStart && index + 3 < tokens.count
        ? source.text(ahead(1).span...tokens[index + 3].span) : "…"
      return fail(.syntax, "'\(text(token))' is a function", at: token.span, help: ["\(name)(\(left), \(right))"])
    }
    if token.kind == .mistaken, source.text(token.span) == "?" {
      problems.retract(in: token.span)
      problems.report(
        .syntax, "a choice is written with words", at: token.span, help: ["if \(left) then … else …"])
      return Abandoned()
    }
    return nil
  }

  /// W110: `"${PID-8}"`. In the text that `replace` writes, `$$` is a dollar, and meant.
  mutating func warnOfDollar() {
    guard index > 0, case .piece(let piece) = tokens[index - 1].kind, piece.hasSuffix("$"), !piece.hasSuffix("$$")
    else {
      return
    }
    let brace = Int(token.span.start)
    problems.report(
      .dollar, "'$' is written as it is, and the value behind it", at: Span(brace - 1, brace + 1),
      help: ["{…} alone stands for a value", "{\"$\"}{…} for a dollar before it"])
  }

  private static let operators = [
    "contains": "contains", "includes": "contains", "starts_with": "starts_with", "startsWith": "starts_with",
    "ends_with": "ends_with", "endsWith": "ends_with",
  ]
}
