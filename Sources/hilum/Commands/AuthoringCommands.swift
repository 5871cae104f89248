import ArgumentParser
import Definitions
import Foundation
import HL7
import Hilt
import Messages
import Partners

struct CheckCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "check", abstract: "Checks channel files, transforms and tables: all problems at once.",
    discussion: """
      Without a path it checks ./Channels and everything it reaches, certificates and folders too. Exits 1 where there
      is an error, and with --strict where there is a warning.

      Example:
        hilum check
        hilum check Channels/adt-to-ehr.yaml Transforms/adt-normalise.hilt
      """)
  @Argument(help: "Channel files, transforms, or folders of channel files.") var paths: [String] = []
  @Flag(help: "A warning counts as an error.") var strict = false
  @Flag(help: "Print JSON.") var json = false
  @Option(help: "The engine's own settings.") var settings = "hilum.yaml"

  func run() throws {
    let site = try Site.settings(settings)
    var checked = try check(paths.isEmpty ? [Site.shown(site.channels)] : paths, Site.loader(site, looksAround: true))
    let errors = checked.problems.count { $0.severity == .error }
    let warnings = checked.problems.count - errors
    if json {
      try Terminal.json(checked.problems.map(ShownProblem.init))
    } else {
      for problem in checked.problems {
        Terminal.line(problem.rendered(source: checked.text(of: problem.place.file)))
      }
      let summary =
        "\(checked.count) file\(checked.count == 1 ? "" : "s") checked: \(errors) errors, \(warnings) warnings"
      Terminal.line(errors > 0 ? Terminal.red(summary) : summary)
    }
    if errors > 0 || strict && warnings > 0 { throw ExitCode(1) }
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

    mutating func add(_ loaded: LoadedChannels) {
      problems += loaded.problems
      sources.merge(loaded.sources) { first, _ in first }
      count += loaded.files.count
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

  init(_ problem: Problem) {
    file = problem.place.file
    line = problem.place.line
    column = problem.place.column
    severity = problem.severity.rawValue
    code = problem.code
    message = problem.message
    help = problem.help
  }
}

/// A transform read from its file.
struct Transform {
  let path: String
  let source: String
  let program: HiltProgram?
  let problems: [Problem]

  init(_ path: String, parameters: [String: Value] = [:]) throws {
    guard let data = FileManager.default.contents(atPath: path) else { throw Failure("\(path) can't be read", code: 2) }
    self.path = path
    source = String(decoding: data, as: UTF8.self)
    let folder = URL(fileURLWithPath: path).deletingLastPathComponent().path
    (program, problems) = HiltProgram.compile(
      source, file: path, parameters: parameters, files: Neighbours(folder: folder))
  }

  /// The files that a transform names, relative to its own folder.
  private struct Neighbours: HiltFiles {
    let folder: String
    func read(_ path: String) throws -> [UInt8] {
      let whole = path.hasPrefix("/") ? path : "\(folder)/\(path)"
      guard let data = FileManager.default.contents(atPath: whole) else { throw Failure("it can't be read") }
      return Array(data)
    }
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

struct TryCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "try",
    abstract: "Shows what a transform makes of sample messages, with values in the margin. Sends nothing.",
    discussion: """
      A file may hold several messages; lines may end in CR, LF or CRLF.

      Example:
        hilum try Transforms/adt-normalise.hilt samples/a01.hl7
      """)
  @Argument(help: "The transform.") var transform: String
  @Argument(help: "Files with messages.") var messages: [String]
  @Option(name: .customLong("with"), help: "NAME=VALUE for a parameter of the transform.") var parameters: [String] = []
  @Flag(help: "Only the outcome and what is emitted.") var brief = false

  func run() throws {
    var values: [String: Value] = [:]
    for parameter in parameters {
      guard let equals = parameter.firstIndex(of: "=") else {
        throw Failure("\(parameter) is not NAME=VALUE.", code: 2)
      }
      values[String(parameter[..<equals])] = .text(String(parameter[parameter.index(after: equals)...]))
    }
    let loaded = try Transform(transform, parameters: values)
    for problem in loaded.problems { Terminal.error(problem.rendered(source: loaded.source)) }
    guard let program = loaded.program else { throw ExitCode(1) }
    var isGood = true
    for file in messages {
      for (number, bytes) in try samples(file).enumerated() {
        Terminal.line(Terminal.bold("\(file) message \(number + 1)"))
        isGood = show(program, loaded.source, bytes, file) && isGood
      }
    }
    if !isGood { throw ExitCode(1) }
  }

  private func samples(_ file: String) throws -> [[UInt8]] {
    do {
      return try MessageFiles.read([file])
    } catch {
      throw Failure("\(error)", code: 2)
    }
  }

  /// Whether it ended as the transform meant: nothing failed.
  private func show(_ program: HiltProgram, _ source: String, _ bytes: [UInt8], _ file: String) -> Bool {
    let message: HL7Message
    do throws(HL7ParseError) {
      message = try HL7Message(bytes)
    } catch {
      Terminal.line(Terminal.red("  can't be read: \(error)"))
      return false
    }
    let input = HiltInput(
      message,
      attributes: [
        "id": .text("00000000000000000000000000"), "channel": .text("try"),
        "received": .integer(Terminal.nowMilliseconds),
        "source": .record(["file": .record(["name": .text(file)])]),
      ])
    let result = program.run(input, tracing: !brief)
    if !brief { margin(source, result.trace) }
    for note in result.notes { Terminal.line("  note: \(Terminal.safe(note.text)) (\(note.place))") }
    switch result.decision {
    case .routed: Terminal.line(Terminal.green("  routed: \(result.emitted.count) emitted"))
    case .dropped(let reason): Terminal.line(Terminal.yellow("  dropped: \(Terminal.safe(reason))"))
    case .held(let reason): Terminal.line(Terminal.yellow("  held: \(Terminal.safe(reason))"))
    case .rejected(let refusal):
      let place = refusal.path.map { " at \($0)" } ?? ""
      Terminal.line(
        Terminal.yellow("  rejected: \(refusal.code) \(refusal.number ?? 207)\(place) \(Terminal.safe(refusal.reason))")
      )
    case .failed(let failure):
      let path = failure.path.map { "\n  in the message at \($0)" } ?? ""
      Terminal.line(Terminal.red("  failed: " + failure.problem.rendered(source: source) + path))
      return false
    }
    for emitted in result.emitted { show(emitted, bytes) }
    return true
  }

  private func show(_ emitted: HiltEmitted, _ input: [UInt8]) {
    let to = emitted.destinations.map { " to " + $0.joined(separator: ", ") } ?? ""
    switch emitted.content {
    case .input: Terminal.line("  emitted\(to): the message as it came")
    case .bytes(let output):
      Terminal.line("  emitted\(to):")
      let before = Set(input.split(whereSeparator: { $0 == 0x0D || $0 == 0x0A }).map(Array.init))
      for line in output.split(whereSeparator: { $0 == 0x0D || $0 == 0x0A }) {
        let text = Terminal.safe(String(decoding: line, as: UTF8.self))
        Terminal.line(before.contains(Array(line)) ? "      " + text : "    " + Terminal.green("* ") + text)
      }
    }
  }

  /// The program's lines, each with what it gave behind it; of a loop the last turn's value and how many turns there
  /// were.
  private func margin(_ source: String, _ trace: [HiltTraceEntry]) {
    let byLine = Dictionary(grouping: trace, by: \.line)
    for (index, line) in source.split(omittingEmptySubsequences: false, whereSeparator: \.isNewline).enumerated() {
      guard let entries = byLine[index + 1], let last = entries.last else {
        Terminal.line("  \(line)")
        continue
      }
      let turns = entries.count > 1 ? " (\(entries.count) times)" : ""
      let shown = line.count < 60 ? String(line).padding(toLength: 60, withPad: " ", startingAt: 0) : String(line)
      Terminal.line("  \(shown)  \(Terminal.green("│ " + Terminal.safe(last.text) + turns))")
    }
  }
}
