import Foundation
import Testing

@Suite("The language's conformance cases")
struct ConformanceTests {
  static let given: Set<String> = ["file", "parameter", "message", "original", "sent", "input", "steps"]

  @Test("Program, input and what is expected agree", arguments: ConformanceCase.all)
  func agrees(_ test: ConformanceCase) throws {
    let actual = test.actual()
    let expected = test.sections.filter { !Self.given.contains($0.name) }
    if ProcessInfo.processInfo.environment["HILT_ACCEPT"] != nil {
      try accept(test, actual)
      return
    }
    let shown = { (sections: [ConformanceCase.Section]) in
      sections.map { "---------- \($0.name) \($0.argument)".trimmed + "\n" + $0.text }.joined()
    }
    #expect(shown(actual) == shown(expected), "\(test)")
    #expect(!actual.isEmpty, "\(test) expects nothing")
  }

  /// With HILT_ACCEPT set, what came is written into the case. Read the difference before it is committed.
  private func accept(_ test: ConformanceCase, _ actual: [ConformanceCase.Section]) throws {
    var text = test.program
    for section in test.sections.filter({ Self.given.contains($0.name) }) + actual {
      text += "---------- \(section.name) \(section.argument)".trimmed + "\n" + section.text
    }
    try text.write(to: test.url, atomically: true, encoding: .utf8)
  }

  @Test("There are cases")
  func some() {
    #expect(ConformanceCase.all.count > 40)
  }
}
