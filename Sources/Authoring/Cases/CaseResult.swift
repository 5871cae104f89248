/// What came of one case.
package struct CaseResult: Sendable {
  package let folder: CaseFolder
  /// What is not as expected, a line each; empty where the case passed.
  package let failures: [String]
  /// What `--accept` wrote and removed, by file name.
  package let written: [String]
  package let removed: [String]
  package let duration: Duration

  package var isPassed: Bool { failures.isEmpty }
}

/// Which statements of a transform its cases reached.
package struct CaseCoverage: Sendable, CustomStringConvertible {
  package let file: String
  package let reached: Int
  package let statements: Int
  /// The lines of those that no case reached.
  package let missedLines: [Int]

  init(file: String, lines: [Int], reached: Set<Int>) {
    self.file = file
    statements = lines.count
    self.reached = reached.count
    var seen: Set<Int> = []
    missedLines = lines.indices.filter { !reached.contains($0) }.map { lines[$0] }.filter { seen.insert($0).inserted }
      .sorted()
  }

  /// `adt-normalise.hilt: 31 of 34 statements reached; not: lines 40, 52, 53`
  package var description: String {
    let start = "\(file): \(reached) of \(statements) statement\(statements == 1 ? "" : "s") reached"
    guard !missedLines.isEmpty else { return start }
    let word = missedLines.count == 1 ? "line" : "lines"
    return "\(start); not: \(word) \(missedLines.map(String.init).joined(separator: ", "))"
  }
}

/// What came of all cases.
package struct CaseReport: Sendable {
  package var results: [CaseResult] = []
  package var coverage: [CaseCoverage] = []

  package var passedCount: Int { results.count(where: \.isPassed) }
  package var failedCount: Int { results.count - passedCount }
}

extension CaseReport {
  /// The report in the form that CI systems read: a suite for each program or channel, a test for each case.
  package func junit() -> String {
    var subjects: [String] = []
    for result in results where subjects.last != result.folder.subject.path {
      subjects.append(result.folder.subject.path)
    }
    var text = "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n"
    text += "<testsuites name=\"hilum test\" \(Self.counts(results[...]))>\n"
    for subject in subjects {
      let cases = results.filter { $0.folder.subject.path == subject }
      text += "  <testsuite name=\"\(Self.escaped(subject))\" \(Self.counts(cases[...]))>\n"
      for result in cases { text += Self.test(result, subject) }
      text += "  </testsuite>\n"
    }
    return text + "</testsuites>\n"
  }

  private static func test(_ result: CaseResult, _ subject: String) -> String {
    let start =
      "    <testcase classname=\"\(escaped(subject))\" name=\"\(escaped(result.folder.name))\" "
      + "time=\"\(seconds(result.duration))\""
    guard let first = result.failures.first else { return start + "/>\n" }
    let all = escaped(result.failures.joined(separator: "\n"))
    return start + ">\n      <failure message=\"\(escaped(first))\">\(all)</failure>\n    </testcase>\n"
  }

  private static func counts(_ results: ArraySlice<CaseResult>) -> String {
    let failed = results.count { !$0.isPassed }
    let time = results.reduce(Duration.zero) { $0 + $1.duration }
    return "tests=\"\(results.count)\" failures=\"\(failed)\" errors=\"0\" skipped=\"0\" time=\"\(seconds(time))\""
  }

  /// Digits and a point, whatever the machine's language.
  private static func seconds(_ duration: Duration) -> String {
    let (seconds, attoseconds) = duration.components
    let milliseconds = attoseconds / 1_000_000_000_000_000
    let digits = String(milliseconds)
    return "\(seconds).\(String(repeating: "0", count: max(0, 3 - digits.count)))\(digits)"
  }

  /// What XML 1.0 can't hold at all becomes a replacement character.
  static func escaped(_ text: String) -> String {
    var escaped = ""
    for scalar in text.unicodeScalars {
      switch scalar {
      case "&": escaped += "&amp;"
      case "<": escaped += "&lt;"
      case ">": escaped += "&gt;"
      case "\"": escaped += "&quot;"
      case "'": escaped += "&apos;"
      case "\n": escaped += "&#10;"
      case "\r": escaped += "&#13;"
      case "\t": escaped += "&#9;"
      case _ where scalar.value < 0x20 || scalar.value == 0xFFFE || scalar.value == 0xFFFF: escaped += "\u{FFFD}"
      default: escaped.unicodeScalars.append(scalar)
      }
    }
    return escaped
  }
}
