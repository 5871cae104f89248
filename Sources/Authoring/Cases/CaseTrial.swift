package import Definitions
import FHIR
import Foundation
package import Hilt
package import Messages

/// Runs cases: `hilum test`.
package struct CaseTrial {
  /// Reads a channel file with all it reaches.
  private let load: (String) -> LoadedChannels
  /// Write what came instead of comparing it.
  private let accepts: Bool
  private let clock = ContinuousClock()

  package init(accepts: Bool = false, load: @escaping (String) -> LoadedChannels) {
    self.accepts = accepts
    self.load = load
  }

  /// Runs cases one after the other.
  ///
  /// - Parameter each: gets each result as it comes.
  package func run(_ folders: [CaseFolder], each: (CaseResult) -> Void = { _ in }) -> CaseReport {
    var report = CaseReport()
    var reached: [String: Set<Int>] = [:]
    var lines: [String: [Int]] = [:]
    for folder in folders {
      let start = clock.now
      var outcome = Outcome()
      do {
        try run(folder, &outcome)
      } catch {
        outcome.failures.append("\(error)")
      }
      if let program = outcome.program {
        reached[folder.subject.path, default: []].formUnion(outcome.statements)
        lines[folder.subject.path] = program.statementLines
      }
      let result = CaseResult(
        folder: folder, failures: outcome.failures, written: outcome.written, removed: outcome.removed,
        duration: clock.now - start)
      report.results.append(result)
      each(result)
    }
    report.coverage = lines.keys.sorted().map {
      CaseCoverage(file: $0, lines: lines[$0] ?? [], reached: reached[$0] ?? [])
    }
    return report
  }

  private struct Outcome {
    var failures: [String] = []
    var written: [String] = []
    var removed: [String] = []
    var program: HiltProgram?
    var statements: Set<Int> = []
  }

  private func run(_ folder: CaseFolder, _ outcome: inout Outcome) throws {
    let settings = try CaseSettings(folder)
    let input = try folder.input()
    guard let actual = try actual(folder, input, settings, &outcome) else { return }
    outcome.statements = actual.statements
    if accepts {
      try accept(actual, folder, settings, &outcome)
    } else {
      outcome.failures += try compare(actual, folder, settings)
    }
    for output in actual.outputs where output.bytes != input.bytes { outcome.failures += Self.faults(output) }
  }

  private func actual(
    _ folder: CaseFolder, _ input: (name: String, bytes: [UInt8]), _ settings: CaseSettings, _ outcome: inout Outcome
  ) throws -> CaseActual? {
    switch folder.subject {
    case .missing(let base):
      outcome.failures = ["there is no \(base).hilt and no \(base).yaml beside it"]
      return nil
    case .transform(let path):
      let text = try ProgramFiles.text(path)
      let (program, problems) = HiltProgram.compile(
        text, file: path, parameters: settings.parameters, files: NeighbouringFiles(of: path))
      guard let program else {
        let errors = problems.filter { $0.severity == .error }.map { $0.rendered(source: text) }
        outcome.failures = errors
        if errors.isEmpty { outcome.failures = ["\(path) is a library: cases belong to what imports it"] }
        return nil
      }
      outcome.program = program
      let beside = (original: try folder.message("original.hl7"), sent: try folder.message("sent.hl7"))
      return CaseActual(program, input, settings, beside: beside)
    case .channel(let path):
      guard settings.parameters.isEmpty else {
        outcome.failures = ["the parameters of a channel's transform stand in the channel, not in params.yaml"]
        return nil
      }
      let loaded = load(path)
      guard let definition = loaded.definitions.first else {
        let errors = loaded.problems.filter { $0.severity == .error }
        outcome.failures = errors.map { $0.rendered(source: loaded.sources[$0.place.file]) }
        if errors.isEmpty { outcome.failures = ["\(path) holds no channel"] }
        return nil
      }
      return CaseActual(definition, input, settings)
    }
  }

  // MARK: Comparing

  private func compare(_ actual: CaseActual, _ folder: CaseFolder, _ settings: CaseSettings) throws -> [String] {
    let expected = try folder.outputs()
    let outcome = try folder.outcome()
    guard outcome != nil || !expected.isEmpty else {
      return ["nothing is expected yet: `hilum test --accept \(folder.path)` writes what came"]
    }
    var failures: [String] = []
    if let outcome {
      failures += Self.lines(outcome, actual.outcome, CaseFolder.outcomeName)
    } else if actual.outcome.first != "routed" {
      failures.append("expected outputs, got \(actual.outcome.first ?? "nothing")")
    }
    for name in expected.keys.sorted() where !actual.outputs.contains(where: { $0.name == name }) {
      failures.append("\(name): expected, and nothing of that name came")
    }
    for output in actual.outputs {
      guard let wanted = expected[output.name] else {
        failures.append("\(output.name): not expected, and it came")
        continue
      }
      failures += Self.differences(wanted, output, settings).map { "\(output.name):\($0.line): \($0.text)" }
    }
    return failures
  }

  /// What R4 doesn't allow in a resource that is given out: no expectation makes that right. What goes on as it came is
  /// its sender's.
  private static func faults(_ output: CaseActual.Output) -> [String] {
    guard output.format == .fhir else { return [] }
    return FHIRValidation.issues(output.bytes).prefix(10).map { "\(output.name): \($0.expression): \($0.text)" }
  }

  private static func differences(
    _ expected: [UInt8], _ output: CaseActual.Output, _ settings: CaseSettings
  ) -> [HL7Comparison.Difference] {
    switch output.format {
    case .hl7v2: return HL7Comparison.differences(expected, output.bytes, ignoring: settings.ignored)
    case .fhir, .json:
      return JSONComparison.differences(expected, output.bytes) ?? text(expected, output.bytes)
    case .xml: return XMLComparison.differences(expected, output.bytes) ?? text(expected, output.bytes)
    case .delimited, .text: return text(expected, output.bytes)
    case .dicom: return text(expected, ObjectTree.of(output.bytes))
    case .bytes:
      guard expected != output.bytes else { return [] }
      let offset = zip(expected, output.bytes).prefix { $0 == $1 }.count
      return [
        HL7Comparison.Difference(
          line: 1, text: "expected \(expected.count) bytes, got \(output.bytes.count); they differ from byte \(offset)")
      ]
    }
  }

  private static func text(_ expected: [UInt8], _ actual: [UInt8]) -> [HL7Comparison.Difference] {
    let ones = CaseFolder.lines(String(decoding: expected, as: UTF8.self))
    let others = CaseFolder.lines(String(decoding: actual, as: UTF8.self))
    for index in 0..<max(ones.count, others.count) {
      let one = index < ones.count ? "\"\(ones[index])\"" : "nothing more"
      let other = index < others.count ? "\"\(others[index])\"" : "nothing more"
      if one != other { return [HL7Comparison.Difference(line: index + 1, text: "expected \(one), got \(other)")] }
    }
    return []
  }

  private static func lines(_ expected: [String], _ actual: [String], _ name: String) -> [String] {
    var failures: [String] = []
    // How it ended first; then what is missing and what nobody expects, in any order.
    if expected.first != actual.first {
      failures.append("\(name):1: expected \"\(expected.first ?? "")\", got \"\(actual.first ?? "")\"")
    }
    var rest = Array(actual.dropFirst())
    for (index, line) in expected.enumerated().dropFirst() {
      if let found = rest.firstIndex(of: line) {
        rest.remove(at: found)
      } else {
        failures.append("\(name):\(index + 1): expected \"\(line)\", and it did not come")
      }
    }
    return failures + rest.map { "\(name): not expected: \"\($0)\"" }
  }

  // MARK: Accepting

  /// Writes what came where it differs from what is expected, and removes what is expected and did not come.
  private func accept(
    _ actual: CaseActual, _ folder: CaseFolder, _ settings: CaseSettings, _ outcome: inout Outcome
  ) throws {
    let expected = try folder.outputs()
    for output in actual.outputs {
      if let wanted = expected[output.name], Self.differences(wanted, output, settings).isEmpty { continue }
      try ProgramFiles.write("\(folder.path)/\(output.name)", Self.written(output))
      outcome.written.append(output.name)
    }
    let lines = actual.outcome.map { $0 + "\n" }.joined()
    let there = try folder.outcome()
    if there.map({ Self.lines($0, actual.outcome, "").isEmpty }) != true {
      try ProgramFiles.write("\(folder.path)/\(CaseFolder.outcomeName)", Array(lines.utf8))
      outcome.written.append(CaseFolder.outcomeName)
    }
    for name in expected.keys.sorted() where !actual.outputs.contains(where: { $0.name == name }) {
      try FileManager.default.removeItem(atPath: "\(folder.path)/\(name)")
      outcome.removed.append(name)
    }
  }

  /// HL7 with a line for each segment, JSON with one for each value, XML and DICOM with one for each element, so that a
  /// person can read what changed.
  private static func written(_ output: CaseActual.Output) -> [UInt8] {
    switch output.format {
    case .hl7v2: output.bytes.map { $0 == 0x0D ? 0x0A : $0 }
    case .fhir, .json: JSONComparison.pretty(output.bytes) ?? output.bytes
    case .xml: XMLComparison.pretty(output.bytes) ?? output.bytes
    case .dicom: ObjectTree.of(output.bytes)
    default: output.bytes
    }
  }
}

/// The files that a program names, relative to its own folder.
package struct NeighbouringFiles: HiltFiles {
  private let folder: String

  package init(of program: String) { folder = URL(fileURLWithPath: program).deletingLastPathComponent().path }

  package func read(_ path: String) throws -> [UInt8] {
    try ProgramFiles.read(path.hasPrefix("/") ? path : "\(folder)/\(path)")
  }

  package func profile(_ bytes: [UInt8], file: String) -> HiltProfile.Reading { ProfileReader.read(bytes, file: file) }

  /// A program alone names keys that its channels will give.
  package func key(_ name: String) -> HiltKey? { .forTrials(name) }
}
