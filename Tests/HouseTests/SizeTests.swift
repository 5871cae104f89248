import Testing

/// Files and functions that fit in a head, and lines that fit on a screen.
@Suite struct SizeTests {
  static let fileLinesMax = 600
  /// From here on a file should be thought about.
  static let fileLinesWanted = 400
  static let columnsMax = 120
  static let functionLinesMax = 100

  /// Files that may be longer, each with its reason.
  static let longFiles: [String: String] = [:]

  static func sources() throws -> [String] {
    try House.files(in: "Sources", "swift") + House.files(in: "Tests", "swift") + ["Package.swift"]
  }

  @Test func `a file is short`() throws {
    for file in try Self.sources() {
      let count = try House.lines(file).count
      guard Self.longFiles[file] == nil else { continue }
      #expect(count <= Self.fileLinesMax, "\(file) has \(count) lines: it holds more than one idea")
      if count > Self.fileLinesWanted, count <= Self.fileLinesMax {
        Issue.record("\(file) has \(count) lines", severity: .warning)
      }
    }
  }

  @Test func `a line fits on a screen`() throws {
    for file in try Self.sources() {
      for (number, line) in try House.lines(file).enumerated() where line.utf8.count > Self.columnsMax {
        let columns = line.count
        #expect(columns <= Self.columnsMax, "\(file):\(number + 1) has \(columns) columns")
      }
    }
  }

  @Test func `a function is short`() throws {
    for file in try Self.sources() {
      for (name, line, count) in Self.functions(try House.lines(file)) where count > Self.functionLinesMax {
        Issue.record("\(file):\(line): the body of `\(name)` has \(count) lines")
      }
    }
  }

  @Test func `the length of a function is measured from brace to brace`() {
    let text: [Substring] = [
      "struct A {", "  func one() {", "    two", "  }", "  func two(", "    a: Int", "  ) -> Int {", "    1", "    2",
      "  }",
      "  func three()", "  init() { self = x }", "}",
    ]
    #expect(Self.functions(text).map(\.name) == ["one", "two"])
    #expect(Self.functions(text).map(\.count) == [1, 2])
  }

  /// Functions and initializers that have a body of lines: name, first line, lines in the body. Relies on the layout
  /// that `make lint` holds: a body ends with a brace at the indentation of its function.
  static func functions(_ lines: [Substring]) -> [(name: String, line: Int, count: Int)] {
    var found: [(String, Int, Int)] = []
    for (index, line) in lines.enumerated() where line.contains("func ") || line.contains("init") {
      guard let name = name(of: line), let open = opening(lines, from: index) else { continue }
      let end = lines[(open + 1)...].firstIndex { $0.hasPrefix("\(line.prefix(line.indentation))}") }
      guard let end else { continue }
      found.append((name, index + 1, end - open - 1))
    }
    return found
  }

  private static func name(of line: Substring) -> String? {
    let words = line.split(separator: " ")
    if words.first?.hasPrefix("//") == true { return nil }
    if let index = words.firstIndex(of: "func"), index + 1 < words.count {
      let rest = words[index + 1]
      return rest.hasPrefix("`")
        ? String(line.split(separator: "`")[1]) : String(rest.prefix { $0 != "(" && $0 != "<" })
    }
    let modifiers: Set<Substring> = [
      "public", "package", "private", "fileprivate", "convenience", "required", "override",
    ]
    let first = words.first { !modifiers.contains($0) }
    return first?.hasPrefix("init(") == true || first?.hasPrefix("init?(") == true ? "init" : nil
  }

  /// The line on which the body opens; `nil` where it has none, or has it on one line.
  private static func opening(_ lines: [Substring], from start: Int) -> Int? {
    let indentation = lines[start].indentation
    if lines[start].hasSuffix("{") { return start }
    for index in (start + 1)..<max(start + 1, min(start + 20, lines.count)) {
      let line = lines[index]
      if line.indentation <= indentation {
        return line.drop { $0 == " " }.hasPrefix(")") && line.hasSuffix("{") || line.drop { $0 == " " } == "{"
          ? index : nil
      }
    }
    return nil
  }
}
