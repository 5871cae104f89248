import ArgumentParser
import Authoring
import Definitions
import Foundation

struct TestCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "test", abstract: "Runs the cases beside transforms and channels, and compares what comes.",
    discussion: """
      A case is a folder Transforms/NAME.tests/CASE/ beside Transforms/NAME.hilt, or Channels/NAME.tests/CASE/ beside
      Channels/NAME.yaml. It holds
        in.hl7                     the input
        out.N.hl7                  what comes, or out.DESTINATION.N.hl7
        outcome.txt                how it ends: routed, dropped: why, rejected AE 101 at PID-3: why …, then its notes
        params.yaml                parameters, message (received, source …) and ignore; may be left out
        sent.hl7, original.hl7     of a reply transform: what the partner was sent, what came in; may be left out
        ignore.txt                 places whose difference counts for nothing, one a line; may be left out
      HL7 is compared field by field. Write in.hl7 alone, and let --accept write the rest. Nothing is sent.

      Example:
        hilum test
        hilum test Transforms/adt-normalise.hilt --accept
        hilum test --junit test-results.xml
      """)
  @Argument(help: "Transforms, channels, cases, or folders with them; else ./Transforms and ./Channels.")
  var paths: [String] = []
  @Flag(help: "Write what comes as what is expected, and say which files.") var accept = false
  @Option(help: "Also write the results as JUnit XML.") var junit: String?
  @Option(help: "The engine's own settings.") var settings = "hilum.yaml"
  @OptionGroup var environment: EnvironmentOption

  func run() throws {
    let folders: [CaseFolder]
    do {
      folders = try CaseFolder.find(paths.isEmpty ? FormatCommand.standard() : paths)
    } catch let trouble as ProgramFiles.Trouble {
      throw Failure("\(trouble)", code: trouble.isMissing ? 2 : 1)
    }
    var loader = Site.loader(try Site.settings(settings), environment: environment.name)
    loader.isTrial = true
    let report = CaseTrial(accepts: accept) { loader.load([$0]) }.run(folders, each: show)
    for coverage in report.coverage { Terminal.line("\(coverage)") }
    if let junit {
      do {
        try ProgramFiles.replace(junit, with: Array(report.junit().utf8))
      } catch { throw Failure("\(error)") }
    }
    if report.results.isEmpty {
      Terminal.line("No cases: make a folder Transforms/NAME.tests/CASE with an in.hl7, then `hilum test --accept`.")
    }
    let summary = "\(report.passedCount) passed, \(report.failedCount) failed"
    Terminal.line(report.failedCount > 0 ? Terminal.red(summary) : summary)
    if report.failedCount > 0 { throw ExitCode(1) }
  }

  private func show(_ result: CaseResult) {
    for name in result.written { Terminal.line("wrote \(result.folder.path)/\(name)") }
    for name in result.removed { Terminal.line("removed \(result.folder.path)/\(name)") }
    guard !result.isPassed else { return }
    Terminal.line(Terminal.red("failed: \(result.folder.path)"))
    for failure in result.failures {
      for line in failure.split(separator: "\n") { Terminal.line("  \(Terminal.safe(String(line)))") }
    }
  }
}
