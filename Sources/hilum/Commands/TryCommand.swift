import ArgumentParser
import Authoring
import ConnectorKit
import Definitions
import Engine
import Foundation
import HL7
import Hilt
import Messages
import Partners

struct TryCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "try",
    abstract: "Shows what a transform makes of sample messages, with values in the margin. Sends nothing.",
    discussion: """
      A file may hold several messages; lines may end in CR, LF or CRLF. With --channel they are read as that channel
      reads them (its `hl7:` block; a file with LF alone as if it had CR), its own transform is tried unless another is
      named, and it is said to which of its destinations the message would go.

      Of a loop the last turn's values stand in the margin; --turn 3 shows those of the third turn, --turn 2.1 those of
      the first turn of a loop in the second. --origins says of each field that was written which line wrote it and
      which places of the message went in. --json gives all of it to an editor.

      Example:
        hilum try Transforms/adt-normalise.hilt samples/a01.hl7
        hilum try Transforms/adt-normalise.hilt samples/a01.hl7 --turn 2 --origins
        hilum try --channel adt-to-ehr samples/a01.hl7
        hilum try --channel Channels/adt-to-ehr.yaml Transforms/draft.hilt samples/a01.hl7
      """)
  @Option(help: "A channel's file, or its name.") var channel: String?
  @Argument(help: "The transform (NAME.hilt; with --channel it may be left out), then files with messages.")
  var files: [String]
  @Option(name: .customLong("with"), help: "NAME=VALUE for a parameter of the transform.") var parameters: [String] = []
  @Flag(help: "Only the outcome and what is emitted.") var brief = false
  @Option(help: "Which turn of loops to show: 3, or 2.1 for a loop in a loop.") var turn: String?
  @Flag(help: "Which line wrote each field, and what went in.") var origins = false
  @Flag(help: "Print JSON: outcome, emitted, notes, trace, origins.") var json = false
  @Option(help: "Of a reply transform: a file with the message that the partner was sent.") var sent: String?
  @Option(help: "Of a reply transform: a file with the message that came in.") var original: String?
  @Option(help: "The engine's own settings.") var settings = "hilum.yaml"
  @OptionGroup var environment: EnvironmentOption

  func run() throws {
    let turns = try turns()
    var definition = try channel.map(definition)
    let namesTransform = definition == nil || files.first?.hasSuffix(".hilt") == true
    let program = namesTransform ? try program(files.first ?? "") : definition?.transform
    if !namesTransform, !parameters.isEmpty {
      throw Failure("--with is for a transform that is named here; the channel's own has its values there.", code: 2)
    }
    let messages = namesTransform ? Array(files.dropFirst()) : files
    guard !messages.isEmpty else { throw Failure("Name a file with messages as well.", code: 2) }
    definition?.transform = program
    var isGood = true
    var shown: [TriedMessage] = []
    let (sent, original) = (try sent.map(only), try original.map(only))
    for file in messages {
      var trial = MessageTrial(program, definition, file, brief: brief, turns: turns, origins: origins)
      (trial.sent, trial.original) = (sent, original)
      for (number, bytes) in try samples(file, trial.format, definition).enumerated() {
        if json {
          shown.append(trial.tried(bytes, number + 1))
          isGood = shown.last?.isGood == true && isGood
          continue
        }
        Terminal.line(Terminal.bold("\(file) message \(number + 1)"))
        isGood = trial.show(bytes) && isGood
      }
    }
    if json { try Terminal.json(shown) }
    if !isGood { throw ExitCode(1) }
  }

  /// `2.1` as numbers.
  private func turns() throws -> [Int] {
    guard let turn else { return [] }
    let numbers = turn.split(separator: ".", omittingEmptySubsequences: false).map { Int($0) ?? 0 }
    guard numbers.allSatisfy({ $0 > 0 }) else {
      throw Failure("--turn is a number from 1, or one for each loop: 2.1", code: 2)
    }
    return numbers
  }

  private func program(_ path: String) throws -> HiltProgram {
    var values: [String: Value] = [:]
    for parameter in parameters {
      guard let equals = parameter.firstIndex(of: "=") else {
        throw Failure("\(parameter) is not NAME=VALUE.", code: 2)
      }
      values[String(parameter[..<equals])] = .text(String(parameter[parameter.index(after: equals)...]))
    }
    let loaded = try Transform(path, parameters: values)
    for problem in loaded.problems { Terminal.error(problem.rendered(source: loaded.text(of: problem.place.file))) }
    guard let program = loaded.program else { throw ExitCode(1) }
    return program
  }

  /// The channel of a file, or of a name among the channels of this project.
  private func definition(_ channel: String) throws -> ChannelDefinition {
    let site = try Site.settings(settings)
    var loader = Site.loader(site, environment: environment.name)
    loader.isTrial = true
    let isFile = FileManager.default.fileExists(atPath: channel)
    let loaded = isFile ? loader.load([channel]) : loader.load(folder: Site.shown(site.channels))
    guard let file = isFile ? loaded.files.first : loaded.files.first(where: { $0.name?.text == channel }) else {
      let known = loaded.files.compactMap { $0.name?.text }.joined(separator: ", ")
      throw Failure(
        "There is no channel file and no channel \(channel)\(known.isEmpty ? "" : "; the channels are \(known)").",
        code: 2)
    }
    for problem in file.problems { Terminal.error(problem.rendered(source: loaded.sources[problem.place.file])) }
    guard let definition = file.definition else { throw ExitCode(1) }
    return definition
  }

  /// The one HL7 message of a file.
  private func only(_ file: String) throws -> HL7Message {
    do {
      let messages = try MessageFiles.read([file])
      guard messages.count == 1 else {
        throw Failure("\(file) holds \(messages.count) messages; one is wanted.", code: 2)
      }
      return try HL7Message(messages[0])
    } catch let failure as Failure {
      throw failure
    } catch {
      throw Failure("\(file): \(error)", code: 2)
    }
  }

  private func samples(_ file: String, _ format: Format, _ definition: ChannelDefinition?) throws -> [[UInt8]] {
    guard format == .hl7v2 else {
      do { return [try ProgramFiles.read(file)] } catch { throw Failure("\(error)", code: 2) }
    }
    do {
      let split = try MessageFiles.read([file])
      guard let definition, let bytes = FileManager.default.contents(atPath: file).map(Array.init) else { return split }
      // A file with LF alone was saved by an editor: no sender means that.
      guard definition.hl7.segmentEnd == .any || bytes.contains(0x0D) else { return split }
      guard let batch = try? HL7Batch(bytes, HL7ReadingOptions(definition.hl7)), !batch.messages.isEmpty else {
        return [bytes]
      }
      return batch.messages.map { Array(bytes[$0]) }
    } catch {
      throw Failure("\(error)", code: 2)
    }
  }
}
