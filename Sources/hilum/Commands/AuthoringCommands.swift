import ArgumentParser
import Authoring
import Definitions
import Foundation
import Hilt
import Messages

struct CheckCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "check", abstract: "Checks channel files, transforms and tables: all problems at once.",
    discussion: """
      Without a path it checks ./Channels and everything it reaches, certificates and folders too. Exits 1 where there
      is an error, and with --strict where there is a warning. --fix makes the changes that problems of transforms carry
      and are sure, says which, and checks again. --cost says for each transform how its work grows with what repeats:
      O(OBR x OBX) where a loop over OBX stands in one over OBR. --env checks the channels as they are in an
      environment. --fhir checks resources of FHIR R4 instead: names, types, cardinalities, codes and rules of the
      standard; with --json it prints an OperationOutcome for each file.

      Example:
        hilum check
        hilum check --env prod
        hilum check --fix
        hilum check Channels/adt-to-ehr.yaml Transforms/adt-normalise.hilt
        hilum check --fhir patient.json
      """)
  @Argument(help: "Channel files, transforms, or folders of channel files.") var paths: [String] = []
  @Flag(help: "A warning counts as an error.") var strict = false
  @Flag(help: "Make the changes that are sure, then check again.") var fix = false
  @Flag(help: "The files are resources of FHIR R4 in JSON.") var fhir = false
  @Flag(help: "Say how the work of each transform grows.") var cost = false
  @Flag(help: "Print JSON.") var json = false
  @Option(help: "The engine's own settings.") var settings = "hilum.yaml"
  @OptionGroup var environment: EnvironmentOption

  func run() throws {
    if fhir { return try ResourceCheck(paths).run(json: json) }
    let site = try Site.settings(settings)
    let paths = paths.isEmpty ? [Site.shown(site.channels)] : paths
    let loader = Site.loader(site, environment: environment.name, looksAround: true)
    if fix { try mend { try check(paths, loader).problems } }
    var checked = try check(paths, loader)
    let errors = checked.problems.count { $0.severity == .error }
    let warnings = checked.problems.count - errors
    if json {
      try Terminal.json(checked.problems.map(ShownProblem.init))
    } else {
      for problem in checked.problems {
        Terminal.line(problem.rendered(source: checked.text(of: problem.place.file)))
      }
      for file in cost ? checked.programs : [] {
        Terminal.line("\(file): \(HiltProgram.cost(of: checked.text(of: file) ?? ""))")
      }
      let summary =
        "\(checked.count) file\(checked.count == 1 ? "" : "s") checked: \(errors) errors, \(warnings) warnings"
      Terminal.line(errors > 0 ? Terminal.red(summary) : summary)
    }
    if errors > 0 || strict && warnings > 0 { throw ExitCode(1) }
  }

  /// Makes the changes, and says which; beside JSON on standard error.
  private func mend(_ check: () throws -> [Problem]) throws {
    for change in try Fixes.apply(check) {
      for problem in change.done {
        let text = "fixed \(problem.place): \(problem.code): \(problem.message)"
        if json { Terminal.error(text) } else { Terminal.line(text) }
      }
    }
  }

  private func check(_ paths: [String], _ loader: ChannelLoader) throws -> Checked {
    var checked = Checked()
    var channels: [String] = []
    for path in paths {
      var isFolder: ObjCBool = false
      guard FileManager.default.fileExists(atPath: path, isDirectory: &isFolder) else {
        throw Failure("there is no file or folder \(path)", code: 2)
      }
      if isFolder.boolValue {
        checked.add(loader.load(folder: path))
      } else if path.hasSuffix(".hilt") {
        checked.add(try Transform(path))
      } else {
        channels.append(path)
      }
    }
    if !channels.isEmpty { checked.add(loader.load(channels)) }
    return checked
  }

  private struct Checked {
    var problems: [Problem] = []
    var sources: [String: String] = [:]
    var count = 0

    /// The files of transforms that were reached.
    var programs: [String] { sources.keys.filter { $0.hasSuffix(".hilt") }.sorted() }

    mutating func add(_ loaded: LoadedChannels) {
      problems += loaded.problems
      sources.merge(loaded.sources) { first, _ in first }
      count += Set(loaded.files.map(\.path)).count + loaded.templateCount
    }

    mutating func add(_ transform: Transform) {
      problems += transform.problems
      sources[transform.path] = transform.source
      count += 1
    }

    mutating func text(of file: String) -> String? {
      if let text = sources[file] { return text }
      let text = FileManager.default.contents(atPath: file).map { String(decoding: $0, as: UTF8.self) }
      sources[file] = text
      return text
    }
  }
}

/// A problem as JSON.
private struct ShownProblem: Encodable {
  let file: String
  let line: Int
  let column: Int
  let severity: String
  let code: String
  let message: String
  let help: [String]
  let notes: [String]
  /// What `--fix` would do.
  let fix: Fix?

  struct Fix: Encodable {
    let line: Int
    let column: Int
    let length: Int
    let replacement: String
  }

  init(_ problem: Problem) {
    file = problem.place.file
    line = problem.place.line
    column = problem.place.column
    severity = problem.severity.rawValue
    code = problem.code
    message = problem.message
    help = problem.help
    notes = problem.notes
    fix = problem.fix.map {
      Fix(line: $0.place.line, column: $0.place.column, length: $0.place.length, replacement: $0.replacement)
    }
  }
}

/// A transform read from its file.
struct Transform {
  let path: String
  let source: String
  let program: HiltProgram?
  let problems: [Problem]

  init(_ path: String, parameters: [String: Value] = [:]) throws {
    do { source = String(decoding: try ProgramFiles.read(path), as: UTF8.self) } catch {
      throw Failure("\(error)", code: 2)
    }
    self.path = path
    (program, problems) = HiltProgram.compile(
      source, file: path, parameters: parameters, files: NeighbouringFiles(of: path))
  }

  /// The text of a file in which a problem was found: the transform's own, or that of a table or library beside it.
  func text(of file: String) -> String? {
    if file == path { return source }
    let beside = URL(filePath: path).deletingLastPathComponent().appending(path: file).path
    return [file, beside].lazy.compactMap { FileManager.default.contents(atPath: $0) }.first
      .map { String(decoding: $0, as: UTF8.self) }
  }
}

struct ExplainCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "explain", abstract: "The page of a problem's code: cause, example, what to do.",
    discussion: "Example:\n  hilum explain E301")
  @Argument(help: "The code; without one all codes are listed.") var code: String?

  func run() throws {
    guard let code else { return Terminal.line(ErrorPages.codes.joined(separator: " ")) }
    guard let page = ErrorPages.page(code) else {
      throw Failure("There is no code \(Terminal.safe(code)). `hilum explain` lists them all.", code: 2)
    }
    Terminal.line(page)
  }
}
