import Messages

/// Finds Hilt that stands in YAML without quotes where YAML takes its brackets, quotes or commas for its own.
enum UnquotedHilt {
  static let message = "this value needs quotes: YAML takes its brackets, quotes or commas for its own"

  /// The problem, where a syntax error at a place comes from such a value.
  static func problem(near place: Place, contextLine: Int?, in source: SourceText) -> Problem? {
    for number in [place.line, contextLine ?? place.line] {
      let line = String(source.line(number))
      guard let value = eaten(in: line) else { continue }
      let column = line.distance(from: line.startIndex, to: value.startIndex) + 1
      return problem(
        value: String(value), at: Place(file: source.file, line: number, column: column, length: value.count))
    }
    return nil
  }

  static func problem(value: String, at place: Place) -> Problem {
    let quote = value.contains("\"") ? "'" : "\""
    let quoted = quote + value + quote
    return Problem("C112", message, at: place, help: value.contains(quote) ? ["put quotes around it"] : [quoted])
  }

  /// The first value of a line that YAML can't read whole: a `{…}` with text behind it (`{MSH-10}.hl7`), or plain text
  /// in a `{…}` or `[…]` with a bracket or quote in it (`MSH-9.2 in ["A01"]`).
  private static func eaten(in line: String) -> Substring? {
    var scan = FlowScan(line)
    return scan.firstEaten()
  }
}

/// Walks one line the way YAML does, as far as needed to see where a plain value is cut short.
private struct FlowScan {
  private let line: String
  private var index: String.Index
  /// How many `{` and `[` of YAML are open.
  private var depth = 0

  init(_ line: String) {
    self.line = line
    self.index = line.startIndex
  }

  mutating func firstEaten() -> Substring? {
    skipSpaces()
    while index < line.endIndex {
      let start = index
      switch line[index] {
      case "#" where start == line.startIndex || line[line.index(before: start)] == " ": return nil
      case "\"", "'":
        skipQuoted()
        skipSpaces()
        // A quoted text is followed by what parts values, or it is the beginning of something longer.
        if let next = current, !",:]}#".contains(next) { return value(from: start) }
      case "{", "[":
        if let template = bracedTemplate(at: start) { return template }
        depth += 1
        advance()
      case "}", "]":
        depth -= 1
        advance()
      case ",", ":", "-", "?": advance()
      default:
        if skipPlain() { return value(from: start) }
      }
      skipSpaces()
    }
    return nil
  }

  private var current: Character? { index < line.endIndex ? line[index] : nil }

  private mutating func advance() { index = line.index(after: index) }

  private mutating func skipSpaces() {
    while let letter = current, letter == " " { advance() }
  }

  private mutating func skipQuoted() {
    let quote = line[index]
    advance()
    while let letter = current, letter != quote {
      advance()
      if letter == "\\", quote == "\"", index < line.endIndex { advance() }
    }
    if index < line.endIndex { advance() }
  }

  /// Skips plain text to what ends it; true where it runs into a quote or bracket that can't stand there.
  private mutating func skipPlain() -> Bool {
    while let letter = current {
      switch letter {
      case ":" where nextIsSpace: return false
      case "," where depth > 0, "}" where depth > 0, "]" where depth > 0: return false
      case "[" where depth > 0, "{" where depth > 0: return true
      case "#" where index > line.startIndex && line[line.index(before: index)] == " ": return false
      default: advance()
      }
    }
    return false
  }

  private var nextIsSpace: Bool {
    let next = line.index(after: index)
    return next == line.endIndex || line[next] == " "
  }

  /// `{MSH-10}.hl7`: one word in braces with text behind it.
  private func bracedTemplate(at start: String.Index) -> Substring? {
    guard line[start] == "{", let close = line[start...].firstIndex(of: "}") else { return nil }
    let inside = line[line.index(after: start)..<close]
    let after = line.index(after: close)
    guard !inside.isEmpty, !inside.contains(where: { ":,{[\"'".contains($0) }), after < line.endIndex,
      !" ,}]".contains(line[after])
    else { return nil }
    return value(from: start)
  }

  /// The value that begins at an index, to the end of the line or the bracket that encloses it.
  private func value(from start: String.Index) -> Substring {
    var open = 0
    var end = start
    while end < line.endIndex {
      switch line[end] {
      case "{", "[": open += 1
      case "}", "]":
        open -= 1
        if open < 0 { return trimmed(line[start..<end]) }
      case "," where open == 0 && depth > 0: return trimmed(line[start..<end])
      case "#" where end > start && line[line.index(before: end)] == " ": return trimmed(line[start..<end])
      default: break
      }
      end = line.index(after: end)
    }
    return trimmed(line[start...])
  }

  private func trimmed(_ text: Substring) -> Substring {
    var text = text
    while text.last == " " { text.removeLast() }
    return text
  }
}
