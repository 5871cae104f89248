import ArgumentParser
import FHIR
import Foundation

/// `hilum check --fhir`: resources against the tables and rules of R4.
struct ResourceCheck {
  private let paths: [String]

  init(_ paths: [String]) { self.paths = paths }

  func run(json: Bool) throws {
    if paths.isEmpty { throw Failure("which files? hilum check --fhir FILE…", code: 2) }
    var errorCount = 0
    var unread: [String] = []
    for path in paths {
      guard let content = FileManager.default.contents(atPath: path) else {
        unread.append(
          Self.isFolder(path) ? "\(path) is a folder: name its files" : "there is no file \(path), or it can't be read")
        continue
      }
      let bytes = Array(content)
      let issues = FHIRValidation.issues(bytes)
      errorCount += issues.count { $0.severity == .error }
      if json {
        Terminal.line(String(decoding: FHIROutcome.bytes(issues, isPretty: paths.count == 1), as: UTF8.self))
      } else {
        for issue in issues { show(issue, path, bytes) }
      }
    }
    if !json {
      let count = paths.count - unread.count
      let summary =
        "\(count) file\(count == 1 ? "" : "s") checked: \(errorCount) error\(errorCount == 1 ? "" : "s")"
      Terminal.line(errorCount > 0 ? Terminal.red(summary) : summary)
    }
    if !unread.isEmpty { throw Failure(unread.joined(separator: "\n"), code: 2) }
    if errorCount > 0 { throw ExitCode(1) }
  }

  private static func isFolder(_ path: String) -> Bool {
    var isFolder: ObjCBool = false
    return FileManager.default.fileExists(atPath: path, isDirectory: &isFolder) && isFolder.boolValue
  }

  private func show(_ issue: FHIRIssue, _ path: String, _ bytes: [UInt8]) {
    // A byte order mark is no column.
    let mark = issue.line == 1 && bytes.starts(with: [0xEF, 0xBB, 0xBF]) ? 3 : 0
    let start = min(issue.offset, issue.offset - issue.column + 1 + mark)
    let end = bytes[issue.offset...].firstIndex { $0 == 0x0A || $0 == 0x0D } ?? bytes.count
    let before = Self.shown(bytes[start..<issue.offset])
    // As an editor counts them.
    let column = before.count + 1
    Terminal.line("\(path):\(issue.line):\(column): \(issue.severity.rawValue) \(issue.code.rawValue): \(issue.text)")
    if !issue.expression.isEmpty { Terminal.line("  at \(issue.expression)") }
    // A resource is often one line.
    guard end - start <= 160 else { return }
    let number = "\(issue.line)"
    Terminal.line("  \(number) | \(before)\(Self.shown(bytes[issue.offset..<end]))")
    let margin = String(repeating: " ", count: number.count)
    Terminal.line("  \(margin) | \(String(before.map { $0 == "\t" ? "\t" : " " }))^")
  }

  /// What came from elsewhere, with nothing in it that speaks to the terminal.
  private static func shown(_ bytes: ArraySlice<UInt8>) -> String {
    String(
      String(decoding: bytes, as: UTF8.self).map { character in
        character != "\t" && character.unicodeScalars.contains { $0.value < 0x20 || (0x7F..<0xA0).contains($0.value) }
          ? "\u{FFFD}" : character
      })
  }
}
