/// How far each line is indented: two spaces for each line that opened brackets which are still open, two for a header,
/// two for a line that goes on with what the line before it began.
struct LayoutIndentation {
  private static let step = 2
  private static let headers: Set<String> = ["in", "out", "zone", "profile", "import", "param"]
  /// Statements whose lists go on behind a comma.
  private static let listing: Set<String> = headers.union(["emit", "table", "const"])
  /// Words with which no statement begins.
  private static let continuing: Set<String> = ["and", "or", "catch", "then", "matches", "where", "with", "meta", "at"]
  /// Words with which no statement ends.
  private static let unfinished: Set<String> = [
    "and", "or", "not", "in", "then", "else", "catch", "matches", "to", "with", "where", "is",
  ]

  /// What is open around the line at work: the file, or brackets.
  private struct Frame {
    /// Where lines inside begin.
    var inside: Int
    /// Where a line begins that closes it.
    var outside: Int
    /// The first word of the statement or entry at work.
    var first = ""
    /// The last line of it that began here ended with something that wants more.
    var isUnfinished = false
  }

  private var frames = [Frame(inside: 0, outside: 0)]
  private var isHeader = false

  static func indent(_ lines: inout [LayoutLine]) {
    var indentation = LayoutIndentation()
    var next = 0
    var isFirst = true
    for index in lines.indices {
      if lines[index].isComment {
        next = max(next, index)
        while next < lines.count, lines[next].isComment { next += 1 }
        lines[index].indentation = indentation.comment(before: next < lines.count ? lines[next] : nil)
      } else {
        indentation.line(&lines[index], isFirst: isFirst)
        isFirst = false
      }
    }
  }

  /// A comment alone stands where the line of code behind it does, or the block's lines where that closes the block.
  private func comment(before next: LayoutLine?) -> Int {
    guard let frame = frames.last else { return 0 }
    guard let next, !next.closes else { return frame.inside }
    return self.start(of: next).indentation
  }

  /// Where a line begins that closes nothing.
  private func start(of line: LayoutLine) -> (indentation: Int, isContinued: Bool) {
    guard let frame = frames.last else { return (0, false) }
    let isInHeader = isHeader && frames.count == 1
    let isContinued = frame.isUnfinished && !begins(line) || continues(line, frame)
    let base = isInHeader && (isContinued || isHeaderLine(line)) ? Self.step : frame.inside
    return (base + (isContinued ? Self.step : 0), isContinued)
  }

  /// `let x`, `emit x`: a statement begins, even where the one before it is not finished yet.
  private func begins(_ line: LayoutLine) -> Bool {
    let tokens = line.tokens
    guard tokens.count > 1, tokens[tokens.startIndex + 1].kind == .word else { return false }
    return tokens[tokens.startIndex].isWord(["let", "var", "emit", "remove", "when", "require", "table", "const", "fn"])
  }

  private func continues(_ line: LayoutLine, _ frame: Frame) -> Bool {
    let tokens = line.tokens
    guard let first = tokens.first, !frame.first.isEmpty, !isKey(line) else { return false }
    switch first.kind {
    case .word where first.text == "else": return !["if", "else", "}"].contains(frame.first)
    case .word:
      guard first.isWord(Self.continuing), tokens.count > 1 else { return false }
      // `at.PID-3 = …` is a statement about something of that name.
      let second = tokens[tokens.startIndex + 1].sign
      if second == .assign || second == .append { return false }
      return !(first.isWord(["at", "meta"]) && (second == .dot || second == .minus || second == .leftBracket))
    case .sign(let sign):
      switch sign {
      case .dot, .comma, .minus, .leftParen, .leftBracket, .leftBrace, .rightParen, .rightBracket, .rightBrace:
        return false
      default: return true
      }
    default: return false
    }
  }

  /// `at: …`: a record's key may be any word.
  private func isKey(_ line: LayoutLine) -> Bool {
    let tokens = line.tokens
    return tokens.count > 1 && tokens[tokens.startIndex + 1].sign == .colon
  }

  private func isHeaderLine(_ line: LayoutLine) -> Bool {
    let tokens = line.tokens
    guard let first = tokens.first, first.isWord(Self.headers), tokens.count > 1 else { return false }
    let second = tokens[tokens.startIndex + 1]
    return second.kind == .word || second.kind == .literal
  }

  private mutating func line(_ line: inout LayoutLine, isFirst: Bool) {
    if isFirst, line.tokens.first?.isWord(["transform", "library"]) == true {
      isHeader = true
      frames[0].first = "transform"
      line.indentation = 0
      return brackets(of: line, base: 0, isContinued: false, leading: 0)
    }
    let leading = line.tokens.prefix { $0.sign.map(LayoutPiece.closers.contains) ?? false }.count
    var closed: Frame?
    for _ in 0..<min(leading, frames.count - 1) { closed = frames.popLast() }
    if let closed {
      line.indentation = closed.outside
      frames[frames.count - 1].isUnfinished = false
      return brackets(of: line, base: closed.outside, isContinued: false, leading: leading)
    }
    let (start, isContinued) = start(of: line)
    if isHeader, frames.count == 1, !isContinued, !isHeaderLine(line) { isHeader = false }
    line.indentation = start
    if !isContinued { frames[frames.count - 1].first = line.tokens.first?.text ?? "" }
    brackets(of: line, base: isContinued ? start - Self.step : start, isContinued: isContinued, leading: leading)
  }

  /// Opens and closes the brackets of a line behind its leading closers, and notes whether it ends unfinished.
  private mutating func brackets(of line: LayoutLine, base: Int, isContinued: Bool, leading: Int) {
    let depth = frames.count
    let tokens = line.tokens.dropFirst(leading)
    for (index, token) in zip(tokens.indices, tokens) {
      guard let sign = token.sign else { continue }
      if LayoutPiece.openers.contains(sign) {
        // The block of a condition that went over several lines stands below its first word.
        let isBlock =
          sign == .leftBrace && index == tokens.endIndex - 1 && frames.count == depth
          && ["if", "for", "else", "match", "when", "}"].contains(frames[depth - 1].first)
        let outside = isBlock ? base : line.indentation
        frames.append(Frame(inside: outside + Self.step, outside: outside))
      } else if LayoutPiece.closers.contains(sign), frames.count > 1 {
        frames.removeLast()
      }
    }
    // Brackets that this line opened have nothing before them yet.
    frames[frames.count - 1].isUnfinished = frames.count <= depth && endsUnfinished(line)
  }

  private func endsUnfinished(_ line: LayoutLine) -> Bool {
    guard let last = line.tokens.last else { return false }
    switch last.kind {
    case .word: return last.isWord(Self.unfinished) && line.tokens.count > 1
    case .sign(let sign):
      switch sign {
      case .comma: return frames.count == 1 || Self.listing.contains(frames[frames.count - 1].first) && !isKey(line)
      case .leftParen, .leftBracket, .leftBrace, .rightParen, .rightBracket, .rightBrace, .star, .dot, .range:
        return false
      default: return true
      }
    default: return false
    }
  }
}
