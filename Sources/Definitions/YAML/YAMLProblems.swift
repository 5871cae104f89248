import Messages
import Yams

/// What YAML's parser says, in the words of the person who wrote the file.
///
/// The parser stops at the first mistake and names what it expected in the terms of its grammar. The table gives, for
/// each thing that goes wrong in practice, what it means in a channel file.
struct YAMLMistake {
  private static let table: [(words: String, message: String, help: [String])] = [
    (
      "undefined alias", "a value that begins with `*` is an alias in YAML, and channel files have none",
      ["put quotes around the value"]
    ),
    (
      "while scanning an alias", "a value that begins with `*` is an alias in YAML, and channel files have none",
      ["put quotes around the value"]
    ),
    (
      "while scanning an anchor", "a value that begins with `&` is an anchor in YAML, and channel files have none",
      ["put quotes around the value"]
    ),
    (
      "mapping values are not allowed",
      "a second `: ` stands in this line, or the line is indented deeper than those beside it",
      ["put quotes around a value that holds `: `", "give the keys of one block the same indentation"]
    ),
    (
      "could not find expected ':'", "this line is no `key: value`",
      ["write a colon and a space behind the key", "indent text that goes on deeper than its key"]
    ),
    (
      "did not find expected key", "this does not fit the block that it stands in",
      [
        "give the keys of one block the same indentation",
        "put quotes around a whole value that holds a quote, a bracket or a brace",
      ]
    ),
    (
      "did not find expected '-' indicator", "this does not fit the list that it stands in",
      ["begin every element of a list with `- `, with the same indentation"]
    ),
    (
      "did not find expected ',' or '}'", "a `{` is not closed, or a comma is missing",
      ["close the block with `}`", "part its entries with commas"]
    ),
    (
      "did not find expected ',' or ']'", "a `[` is not closed, or a comma is missing",
      ["close the list with `]`", "part its elements with commas"]
    ),
    ("unexpected end of stream", "a quote is opened here and never closed", ["close the text with the same quote"]),
    (
      "unknown escape character", "`\\` begins an escape inside double quotes, and this is none of YAML's",
      ["use single quotes where a backslash is meant as it stands"]
    ),
    (
      "block sequence entries are not allowed", "a list cannot begin in this place",
      ["put the first `- ` into a line of its own under the key"]
    ),
    (
      "block collections are not allowed", "a block cannot begin in this place",
      ["begin it in a line of its own under the key"]
    ),
    (
      "control characters are not allowed", "a control character stands here that no text may hold", ["remove it"]
    ),
    ("Maximum nesting level", "blocks stand in blocks here, far too deep", ["a channel file needs a few levels"]),
  ]

  /// The problem of a syntax error.
  static func problem(_ error: YamlError, in source: SourceText) -> Problem {
    switch error {
    case .scanner(let context, let words, let mark, _), .parser(let context, let words, let mark, _),
      .composer(let context, let words, let mark, _):
      return problem(words: words, context: context, at: mark, in: source)
    case .reader(let words, let offset, _, _):
      return problem(words: words, at: place(characterOffset: offset ?? 0, in: source))
    default:
      return Problem("C110", "this file cannot be read as YAML", at: source.place(line: 1, scalarColumn: 1))
    }
  }

  private static func problem(
    words: String, context: YamlError.Context?, at mark: Mark, in source: SourceText
  ) -> Problem {
    var place = source.place(line: mark.line, scalarColumn: mark.column)
    if words.contains("another document") {
      return Problem(
        "C116", "a second document begins here; one file holds one channel", at: place,
        help: ["put what stands behind `---` into a file of its own", "remove the `---`"])
    }
    if let tab = tab(near: place, in: source) { return tab }
    if let hilt = UnquotedHilt.problem(near: place, contextLine: context?.mark.line, in: source) { return hilt }
    // What was opened and never closed shows itself where it was opened, not where the parser gave up.
    let isLate =
      ["unexpected end of stream", "could not find expected ':'"].contains { words.contains($0) }
      || words.contains("did not find expected ','") && context?.mark.line != mark.line
      || isPastTheEnd(place, in: source)
    if isLate, let opened = context?.mark {
      place = source.place(line: opened.line, scalarColumn: opened.column)
    }
    return problem(words: [words, context?.text ?? ""].joined(separator: " "), at: place)
  }

  private static func problem(words: String, at place: Place) -> Problem {
    if let known = table.first(where: { words.contains($0.words) }) {
      let isRefused = known.message.contains("channel files have none")
      return Problem(isRefused ? "C114" : "C110", known.message, at: place, help: known.help)
    }
    if words.contains("cannot start any token") {
      return Problem(
        "C110", "no value can begin with this character", at: place, help: ["put quotes around the value"])
    }
    return Problem("C110", "this is not YAML: \(words.trimmingSpaces)", at: place)
  }

  /// YAML allows no tab in an indentation, and the parser's own words don't say so.
  private static func tab(near place: Place, in source: SourceText) -> Problem? {
    for number in [place.line, place.line - 1] {
      let line = source.line(number)
      guard let column = line.prefix(while: { $0 == " " || $0 == "\t" }).firstIndex(of: "\t") else { continue }
      let tabs = line[column...].prefix { $0 == "\t" }.count
      return Problem(
        "C111", "a tab stands in the indentation of this line; YAML wants spaces",
        at: Place(
          file: source.file, line: number, column: line.distance(from: line.startIndex, to: column) + 1, length: tabs),
        help: ["indent with two spaces a level"])
    }
    return nil
  }

  private static func isPastTheEnd(_ place: Place, in source: SourceText) -> Bool {
    place.line >= source.lineCount && source.rest(at: place).isEmpty
  }

  private static func place(characterOffset: Int, in source: SourceText) -> Place {
    let before = source.text.prefix(max(0, characterOffset))
    let lines = before.split(omittingEmptySubsequences: false) { $0 == "\n" || $0 == "\r\n" }
    return Place(file: source.file, line: max(1, lines.count), column: (lines.last?.count ?? 0) + 1)
  }
}

extension String {
  /// Without spaces at both ends.
  fileprivate var trimmingSpaces: String {
    String(drop { $0 == " " }.reversed().drop { $0 == " " }.reversed())
  }
}
