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
    for path in paths {
      guard let content = FileManager.default.contents(atPath: path) else {
        throw Failure("there is no file \(path), or it can't be read", code: 2)
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
      let summary =
        "\(paths.count) file\(paths.count == 1 ? "" : "s") checked: \(errorCount) error\(errorCount == 1 ? "" : "s")"
      Terminal.line(errorCount > 0 ? Terminal.red(summary) : summary)
    }
    if errorCount > 0 { throw ExitCode(1) }
  }

  private func show(_ issue: FHIRIssue, _ path: String, _ bytes: [UInt8]) {
    let start = issue.offset - issue.column + 1
    let end = bytes[issue.offset...].firstIndex(of: 0x0A) ?? bytes.count
    // As an editor counts them.
    let column = String(decoding: bytes[start..<issue.offset], as: UTF8.self).count + 1
    Terminal.line("\(path):\(issue.line):\(column): \(issue.severity.rawValue) \(issue.code.rawValue): \(issue.text)")
    if !issue.expression.isEmpty { Terminal.line("  at \(issue.expression)") }
    // A resource is often one line.
    guard end - start <= 160 else { return }
    let number = "\(issue.line)"
    Terminal.line("  \(number) | \(String(decoding: bytes[start..<end], as: UTF8.self))")
    let margin = String(repeating: " ", count: number.count)
    Terminal.line("  \(margin) | \(String(repeating: " ", count: column - 1))^")
  }
}
