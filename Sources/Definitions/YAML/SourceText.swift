import Messages

/// The text of a file that a person wrote, by lines, as problems about it need it.
struct SourceText: Sendable {
  /// The name of the file as it is shown to people.
  let file: String
  let text: String
  private let lines: [Line]

  private struct Line {
    let text: Substring
    /// Every character is one byte: places in the line are found without walking it.
    let isASCII: Bool
  }

  init(file: String, text: String) {
    self.file = file
    self.text = text
    self.lines = text.split(omittingEmptySubsequences: false) { $0 == "\n" || $0 == "\r\n" }
      .map { Line(text: $0, isASCII: $0.utf8.allSatisfy { $0 < 0x80 }) }
  }

  /// The number of lines; a text that ends with a line break has an empty last one.
  var lineCount: Int { lines.count }

  /// A line, counted from 1; empty where there is none.
  func line(_ number: Int) -> Substring {
    lines.indices.contains(number - 1) ? lines[number - 1].text : ""
  }

  /// What stands in the line from a place on.
  func rest(at place: Place) -> Substring {
    let line = line(place.line)
    guard isASCII(place.line) else { return line.dropFirst(place.column - 1) }
    return line[line.utf8.index(line.startIndex, offsetBy: min(place.column - 1, line.utf8.count))...]
  }

  /// The place of a mark whose column counts Unicode scalars from 1, as YAML's parser does; ours count characters.
  func place(line number: Int, scalarColumn: Int, length: Int = 1) -> Place {
    var column = min(max(1, scalarColumn), line(number).utf8.count + 1)
    if !isASCII(number) { column = String(line(number).unicodeScalars.prefix(column - 1)).count + 1 }
    return Place(file: file, line: max(1, number), column: column, length: max(1, length))
  }

  private func isASCII(_ number: Int) -> Bool {
    lines.indices.contains(number - 1) && lines[number - 1].isASCII
  }

  /// Where the content of a scalar begins that stands at a place: behind its quote, or in the line under a block's `|`.
  func contentStart(of place: Place) -> Place {
    var start = place
    switch rest(at: place).first {
    case "\"", "'":
      start.column += 1
    case "|", ">":
      start.line += 1
      while start.line < lineCount, line(start.line).allSatisfy(\.isWhitespace) { start.line += 1 }
      start.column = line(start.line).prefix { $0 == " " }.count + 1
    default: break
    }
    return start
  }

  /// The text with what stands at these places made unreadable: a secret that was written into a file by mistake is not
  /// repeated where the mistake is shown.
  func hiding(_ places: [Place]) -> String {
    guard !places.isEmpty else { return text }
    var lines = lines.map { String($0.text) }
    for place in places where lines.indices.contains(place.line - 1) {
      let line = lines[place.line - 1]
      let start = line.index(line.startIndex, offsetBy: place.column - 1, limitedBy: line.endIndex) ?? line.endIndex
      let end = line.index(start, offsetBy: place.length, limitedBy: line.endIndex) ?? line.endIndex
      let stars = String(repeating: "*", count: line.distance(from: start, to: end))
      lines[place.line - 1].replaceSubrange(start..<end, with: stars)
    }
    return lines.joined(separator: "\n")
  }
}
