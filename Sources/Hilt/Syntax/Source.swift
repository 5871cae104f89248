import Messages

/// A stretch of a program's text, as offsets of UTF-8 bytes.
struct Span: Sendable, Hashable {
  var start: Int32
  var end: Int32

  init(_ start: Int, _ end: Int) {
    self.start = Int32(clamping: start)
    self.end = Int32(clamping: end)
  }

  /// The stretch from the beginning of one to the end of another.
  static func ... (a: Span, b: Span) -> Span { Span(Int(a.start), Int(max(a.end, b.end))) }
}

/// The text of one program and of the libraries that it imports, and how its offsets become files, lines and columns.
///
/// The files lie one behind the other: a span says by its offsets alone in which one it is.
struct Source: Sendable {
  /// A longer text is refused (E106): a program is written by people and read by people.
  static let bytesMax = 1 << 20

  private var files: [File]

  init(_ text: String, file: String) { files = [File(text, file, base: 0)] }

  /// Adds the text of a library.
  ///
  /// - Returns: the offset at which it begins.
  mutating func add(_ text: String, file: String) -> Int {
    let last = files[files.count - 1]
    let base = last.base + last.bytes.count + 1
    files.append(File(text, file, base: base))
    return base
  }

  /// The program's own text, without what it imports.
  var bytes: [UInt8] { files[0].bytes }
  /// The program's own file.
  var file: String { files[0].name }

  private func file(of offset: Int) -> File {
    if files.count == 1 { return files[0] }
    return files.last { $0.base <= offset } ?? files[0]
  }

  /// The line of an offset in its file, from 1.
  func line(of offset: Int) -> Int {
    let file = file(of: offset)
    return file.line(of: offset - file.base)
  }

  /// Columns count characters as an editor does; what runs over the line's end is cut there.
  func place(of span: Span) -> Place {
    let file = file(of: Int(span.start))
    return file.place(Int(span.start) - file.base, Int(span.end) - file.base)
  }

  /// The file in which a span lies, and its bytes there.
  func stretch(_ span: Span) -> (file: String, bytes: Range<Int>) {
    let file = file(of: Int(span.start))
    let start = min(max(0, Int(span.start) - file.base), file.bytes.count)
    return (file.name, start..<min(max(start, Int(span.end) - file.base), file.bytes.count))
  }

  /// The whole text of one of the files.
  func text(ofFile name: String) -> String? {
    files.first { $0.name == name }.map { String(decoding: $0.bytes, as: UTF8.self) }
  }

  /// The text of a span.
  func text(_ span: Span) -> String {
    let file = file(of: Int(span.start))
    return file.text(Int(span.start) - file.base, Int(span.end) - file.base)
  }

  private final class File: Sendable {
    let name: String
    let bytes: [UInt8]
    /// The offset of its first byte among all files.
    let base: Int
    /// Where each line begins.
    private let lines: [Int]

    init(_ text: String, _ name: String, base: Int) {
      self.name = name
      self.base = base
      bytes = [UInt8](text.utf8)
      var lines = [0]
      for (offset, byte) in bytes.enumerated() where byte == UInt8(ascii: "\n") { lines.append(offset + 1) }
      self.lines = lines
    }

    func line(of offset: Int) -> Int {
      var low = 0
      var high = lines.count
      while high - low > 1 {
        let middle = (low + high) / 2
        if lines[middle] <= offset { low = middle } else { high = middle }
      }
      return low + 1
    }

    func place(_ start: Int, _ end: Int) -> Place {
      let start = min(start, bytes.count)
      let line = line(of: start)
      let lineStart = lines[line - 1]
      let lineEnd = line < lines.count ? lines[line] - 1 : bytes.count
      let end = max(start, min(end, lineEnd))
      return Place(
        file: name, line: line, column: characters(lineStart, start) + 1, length: max(1, characters(start, end)))
    }

    func text(_ start: Int, _ end: Int) -> String {
      let start = min(start, bytes.count)
      return String(decoding: bytes[start..<max(start, min(end, bytes.count))], as: UTF8.self)
    }

    private func characters(_ start: Int, _ end: Int) -> Int {
      String(decoding: bytes[start..<end], as: UTF8.self).count
    }
  }
}

/// The problems of one program, gathered over all its passes.
struct Problems {
  /// More errors than this, or more warnings, help nobody; the rest are counted in a last one.
  static let countMax = 100

  var source: Source
  private(set) var all: [Problem] = []
  private var counts: [Problem.Severity: Int] = [:]
  private var left = 0

  init(_ source: Source) { self.source = source }

  var hasErrors: Bool { counts[.error, default: 0] > 0 }

  /// Whether another error would still be shown. What is costly to say need not be said of one that would not.
  var isOpen: Bool { counts[.error, default: 0] < Self.countMax }

  mutating func report(
    _ code: Code, _ message: String, at span: Span, label: String? = nil, help: [String] = [],
    fix: (span: Span, replacement: String)? = nil
  ) {
    guard counts[code.severity, default: 0] < Self.countMax else {
      left += 1
      return
    }
    add(
      Problem(
        code.rawValue, message, at: source.place(of: span), severity: code.severity, label: label, help: help,
        fix: fix.map { Problem.Fix(place: source.place(of: $0.span), replacement: $0.replacement) }))
  }

  /// Adds to what was reported last where it comes from: the call that gave a function its values.
  ///
  /// - Parameter count: how many problems there were before.
  mutating func explain(from count: Int, _ codes: Set<Code>, _ help: String) {
    for index in min(count, all.count)..<all.count where codes.contains(where: { $0.rawValue == all[index].code }) {
      all[index].help.append(help)
    }
  }

  /// Takes back what was said of a stretch of the text: something else is said of the whole.
  mutating func retract(in span: Span) {
    let (first, last) = (
      source.place(of: Span(Int(span.start), Int(span.start))), source.place(of: Span(Int(span.end), Int(span.end)))
    )
    let before = all.count
    let isWithin = { (place: Place) in place.file == first.file && place >= first && place < last }
    for problem in all where isWithin(problem.place) { counts[problem.severity, default: 1] -= 1 }
    if before > 0 { all.removeAll { isWithin($0.place) } }
  }

  /// For what lies in another file, such as a table.
  mutating func add(_ problem: Problem) {
    guard !all.contains(problem) else { return }
    guard counts[problem.severity, default: 0] < Self.countMax else {
      left += 1
      return
    }
    counts[problem.severity, default: 0] += 1
    all.append(problem)
  }

  /// In the order of the text.
  var sorted: [Problem] {
    var sorted = all.sorted { ($0.place, $0.code) < ($1.place, $1.code) }
    if left > 0, let last = sorted.last {
      sorted.append(
        Problem(Code.syntax.rawValue, "\(left) more problems are not shown", at: last.place))
    }
    return sorted
  }
}
