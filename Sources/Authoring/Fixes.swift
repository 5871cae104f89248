package import Messages

/// Applies the changes that problems carry.
package enum Fixes {
  /// The text with the fixes of its problems; of two that overlap the first is applied.
  ///
  /// - Returns: the text, and the problems whose fix is in it, in the order of the text.
  package static func applied(_ problems: [Problem], to text: String, file: String) -> (text: String, done: [Problem]) {
    let lines = Lines(text)
    var fixes: [(range: Range<Int>, problem: Problem, fix: Problem.Fix)] = []
    for problem in problems {
      guard let fix = problem.fix, fix.place.file == file, let range = lines.range(of: fix.place) else { continue }
      fixes.append((range, problem, fix))
    }
    fixes.sort { ($0.range.lowerBound, $0.range.upperBound) < ($1.range.lowerBound, $1.range.upperBound) }
    var result: [UInt8] = []
    var offset = 0
    var done: [Problem] = []
    for (range, problem, fix) in fixes where range.lowerBound >= offset {
      result += lines.bytes[offset..<range.lowerBound]
      result += Array(fix.replacement.utf8)
      offset = range.upperBound
      done.append(problem)
    }
    result += lines.bytes[offset...]
    return (String(decoding: result, as: UTF8.self), done)
  }

  /// Where lines begin in the bytes of a text.
  private struct Lines {
    let bytes: [UInt8]
    private var starts = [0]

    init(_ text: String) {
      bytes = Array(text.utf8)
      for (offset, byte) in bytes.enumerated() where byte == 0x0A { starts.append(offset + 1) }
    }

    /// The bytes of a place, whose columns count characters; `nil` where the line is not so long.
    func range(of place: Place) -> Range<Int>? {
      guard place.line >= 1, place.line <= starts.count, place.column >= 1, place.length >= 1 else { return nil }
      let start = starts[place.line - 1]
      let end = place.line < starts.count ? starts[place.line] - 1 : bytes.count
      let line = String(decoding: bytes[start..<end], as: UTF8.self)
      guard let first = line.index(line.startIndex, offsetBy: place.column - 1, limitedBy: line.endIndex),
        let last = line.index(first, offsetBy: place.length, limitedBy: line.endIndex)
      else { return nil }
      return start + line.utf8.distance(from: line.startIndex, to: first)..<start
        + line.utf8.distance(from: line.startIndex, to: last)
    }
  }

  /// What became of one file.
  package struct Change: Sendable {
    package let file: String
    /// The problems whose fix was applied, as they were shown then.
    package let done: [Problem]
  }

  /// Applies fixes in the files of programs, checks again, and goes on as long as that brings new fixes.
  ///
  /// - Parameter check: gives all problems of the files as they stand.
  /// - Returns: what was changed, by file.
  package static func apply(_ check: () throws -> [Problem]) throws -> [Change] {
    var changes: [Change] = []
    for _ in 0..<roundsMax {
      let problems = try check()
      var hasChanged = false
      // The text of a channel file stands in YAML's quotes: only a program's own file is what was checked.
      let files = Set(problems.compactMap { $0.fix?.place.file }).filter { $0.hasSuffix(".hilt") }
      for file in files.sorted() {
        let text = try ProgramFiles.text(file)
        let (fixed, done) = applied(problems, to: text, file: file)
        guard !done.isEmpty, fixed != text else { continue }
        try ProgramFiles.replace(file, with: Array(fixed.utf8))
        changes.append(Change(file: file, done: done))
        hasChanged = true
      }
      if !hasChanged { break }
    }
    return changes
  }

  /// A fix can bring another to light (a text's end, then a name): more often than this is no progress.
  private static let roundsMax = 10
}
