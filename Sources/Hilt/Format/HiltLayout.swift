package import Messages

/// The one layout of Hilt: what `hilum fmt` makes of a program.
///
/// It works on the tokens and never on the tree, so that a construct is laid out without being known here, and a
/// program with mistakes too. Lines stay where their author ended them; what is decided is where they begin, and what
/// stands between two tokens of a line.
package enum HiltLayout {
  /// Lays a program out.
  ///
  /// - Parameter file: the name under which its problems are shown.
  /// - Returns: the text, which is the same text where nothing is to be changed. It is `nil` where the program can't be
  ///   cut into tokens: then the problems say why.
  package static func laidOut(_ text: String, file: String) -> (text: String?, problems: [Problem]) {
    let source = Source(text, file: file)
    var problems = Problems(source)
    guard source.bytes.count <= Source.bytesMax else {
      problems.report(.size, "a program has at most \(Source.bytesMax >> 20) MiB", at: Span(0, 1))
      return (nil, problems.sorted)
    }
    let tokens = Lexer.tokens(of: source, problems: &problems)
    guard problems.all.isEmpty else { return (nil, problems.sorted) }
    guard let lines = LayoutLine.lines(of: source, tokens) else { return (text, []) }
    let result = written(lines)
    // What is said here of spaces can't be wrong about a program without its author losing it.
    return (isSame(source, tokens, Source(result, file: file)) ? result : text, [])
  }

  private static func written(_ lines: [LayoutLine]) -> String {
    var lines = lines
    LayoutIndentation.indent(&lines)
    let columns = LayoutColumns(lines).columns()
    var text = ""
    for (index, line) in lines.enumerated() {
      if line.hasBlankBefore, index > 0, !lines[index - 1].opens, !line.closes { text += "\n" }
      var column = 0
      for (piece, start) in zip(line.pieces, columns[index]) {
        text += String(repeating: " ", count: max(0, start - column)) + piece.text
        column = start + piece.width
      }
      text += "\n"
    }
    return text
  }

  /// Whether both texts have the same tokens in the same lines, and the same comments.
  private static func isSame(_ before: Source, _ tokens: [Token], _ after: Source) -> Bool {
    var problems = Problems(after)
    let others = Lexer.tokens(of: after, problems: &problems)
    guard problems.all.isEmpty, tokens.count == others.count else { return false }
    for (token, other) in zip(tokens, others) where token.kind != .end {
      guard token.kind == other.kind, token.newlineBefore == other.newlineBefore else { return false }
      // What a text says is in its kind.
      if case .piece = token.kind { continue }
      guard before.text(token.span) == after.text(other.span) else { return false }
    }
    return LayoutLine.lines(of: before, tokens)?.compactMap(\.comment)
      == LayoutLine.lines(of: after, others)?.compactMap(\.comment)
  }
}
