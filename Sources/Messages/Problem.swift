/// Something wrong in a text that a person wrote: a channel file, a transform, a table.
///
/// All problems of a text are collected and shown at once. `code` has a page of its own in `docs/errors`
/// (`hilum explain CODE`).
public struct Problem: Sendable, Hashable {
  public enum Severity: String, Sendable, Hashable, Comparable {
    case warning, error
    public static func < (a: Severity, b: Severity) -> Bool { a == .warning && b == .error }
  }

  public var code: String
  public var severity: Severity
  /// What is wrong and why, in one sentence without a full stop.
  public var message: String
  public var place: Place
  /// Stands behind the carets: the short form of the reason, or what stands there instead.
  public var label: String?
  /// What to do. More than one where there is a choice.
  public var help: [String]
  /// A change of the text that mends it, where one exists and is safe to apply unseen.
  public var fix: Fix?
  /// How the place comes to be part of what was checked, one line each: `used by Channels/site-7.yaml:2:11`.
  public var notes: [String] = []

  public struct Fix: Sendable, Hashable {
    public var place: Place
    public var replacement: String
    public init(place: Place, replacement: String) {
      self.place = place
      self.replacement = replacement
    }
  }

  public init(
    _ code: String, _ message: String, at place: Place, severity: Severity = .error, label: String? = nil,
    help: [String] = [], fix: Fix? = nil
  ) {
    self.code = code
    self.severity = severity
    self.message = message
    self.place = place
    self.label = label
    self.help = help
    self.fix = fix
  }
}

/// A stretch of a file. Lines and columns count from 1; columns count characters as an editor does (grapheme clusters).
public struct Place: Sendable, Hashable, Comparable, CustomStringConvertible {
  public var file: String
  public var line: Int
  public var column: Int
  /// How many columns it covers; at least 1. What runs over a line's end is cut at that line's end when it is shown.
  public var length: Int

  public init(file: String, line: Int, column: Int, length: Int = 1) {
    self.file = file
    self.line = line
    self.column = column
    self.length = length
  }

  public var description: String { "\(file):\(line):\(column)" }
  public static func < (a: Place, b: Place) -> Bool {
    (a.file, a.line, a.column, a.length) < (b.file, b.line, b.column, b.length)
  }
}

extension Problem {
  /// The problem as a person sees it: `file:line:column`, what and why, the line, carets and what to do.
  ///
  /// - Parameter source: the text of the file, or `nil` where it can't be shown.
  public func rendered(source: String?) -> String {
    var text = "\(place): \(severity.rawValue) \(code): \(message)"
    if let line = source.flatMap({ Self.line(place.line, of: $0) }) {
      let number = String(place.line)
      let margin = String(repeating: " ", count: number.count)
      let before = line.prefix(place.column - 1).map { $0 == "\t" ? "\t" : " " }.joined()
      let room = max(1, line.count - (place.column - 1))
      let carets = String(repeating: "^", count: max(1, min(place.length, room)))
      text += "\n  \(number) | \(line)\n  \(margin) | \(before)\(carets)"
      if let label { text += " \(label)" }
    } else if let label {
      text += " (\(label))"
    }
    if !help.isEmpty { text += "\n  help: " + help.joined(separator: "  |  ") }
    for note in notes { text += "\n  note: " + note }
    return text
  }

  private static func line(_ number: Int, of source: String) -> String? {
    guard number >= 1 else { return nil }
    let lines = source.split(maxSplits: number, omittingEmptySubsequences: false) { $0 == "\n" || $0 == "\r\n" }
    return lines.count >= number ? String(lines[number - 1]) : nil
  }
}
