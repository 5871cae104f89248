import Authoring
import ConnectorKit
import Definitions
import Engine
import FHIR
import Foundation
import HL7
import Hilt
import Messages
import Store
import Text

/// One transform, or one channel, tried on messages of one file.
struct MessageTrial {
  private let program: HiltProgram?
  private let definition: ChannelDefinition?
  private let file: String
  private let isBrief: Bool
  /// Which turn of loops is shown; empty shows the last.
  private let turns: [Int]
  private let showsOrigins: Bool
  private let reading: HL7ReadingOptions
  /// Of a reply transform.
  var sent: HL7Message?
  var original: HL7Message?
  private var limits = HiltLimits()

  init(
    _ program: HiltProgram?, _ definition: ChannelDefinition?, _ file: String, brief: Bool, turns: [Int], origins: Bool
  ) {
    self.program = program
    self.definition = definition
    self.file = file
    isBrief = brief
    self.turns = turns
    showsOrigins = origins
    reading = definition.map { HL7ReadingOptions($0.hl7) } ?? HL7ReadingOptions()
    if let definition {
      limits = HiltLimits(stepsMax: definition.limits.stepsMax, emitsMax: definition.limits.emitsMax)
    }
  }

  /// Shows what becomes of a message. Whether it ended as transform and channel mean: nothing failed.
  func show(_ came: [UInt8]) -> Bool {
    let bytes: [UInt8]
    switch prepared(came) {
    case .success(let mended): bytes = mended
    case .failure: return showRoute(came)
    }
    if bytes != came { Terminal.line("  prepare: \(came.count) bytes became \(bytes.count)") }
    let message: HL7Message?
    do throws(HL7ParseError) {
      message = try read(bytes)
    } catch {
      Terminal.line(Terminal.red("  can't be read: \(error)"))
      return false
    }
    guard let program, takes(message, program) else { return showRoute(came) }
    let result = program.run(input(message, bytes), tracing: !isBrief, observing: showsOrigins)
    if !isBrief { margin(program.text, result.trace) }
    if let refusal = refusal(of: message, program) {
      Terminal.line(Terminal.yellow("  a channel would refuse this message: \(refusal)"))
    }
    if let namespace = unknownNamespace(bytes, program) {
      Terminal.line(
        Terminal.yellow(
          "  the sample is in a namespace that the head does not name: in xml \"\(Terminal.safe(namespace))\""))
    }
    for note in result.notes { Terminal.line("  note: \(Terminal.safe(note.text)) (\(note.place))") }
    guard show(result, of: program, message) else { return false }
    for (number, emitted) in result.emitted.enumerated() {
      show(emitted, bytes, message, result.origins.filter { $0.output == number })
    }
    return result.decision == .routed ? showRoute(came) : true
  }

  var format: Format { program?.input.format ?? definition?.format ?? .hl7v2 }

  /// The message, where it is HL7.
  private func read(_ bytes: [UInt8]) throws(HL7ParseError) -> HL7Message? {
    format == .hl7v2 ? try HL7Message(bytes, reading) : nil
  }

  private func input(_ message: HL7Message?, _ bytes: [UInt8]) -> HiltInput {
    let source: [String: Value] = ["file": .record(["name": .text(file)])]
    return HiltInput(
      message, original: original, sent: sent, bytes: message == nil ? bytes : [],
      attributes: [
        "id": .text("00000000000000000000000000"), "channel": .text(definition?.name.text ?? "try"),
        "received": .integer(Terminal.nowMilliseconds), "source": .record(source),
      ], limits: limits)
  }

  /// All of it, for an editor.
  func tried(_ came: [UInt8], _ number: Int) -> TriedMessage {
    var tried = TriedMessage(file: file, message: number)
    let bytes: [UInt8]
    switch prepared(came) {
    case .success(let mended): bytes = mended
    case .failure:
      if let definition { tried.take(route(came, definition), definition) }
      return tried
    }
    do throws(HL7ParseError) {
      let message = try read(bytes)
      if let program, takes(message, program) {
        let result = program.run(input(message, bytes), tracing: true, observing: true)
        tried.take(result, program, bytes) { text($0, $1, message) }
        tried.refusal = refusal(of: message, program)
        guard result.decision == .routed else { return tried }
      }
    } catch {
      tried.fail("it can't be read: \(error)")
      return tried
    }
    if let definition {
      tried.take(route(came, definition), definition)
    }
    return tried
  }

  /// What was made: HL7 in the character set that it declares, DICOM as a tree.
  private func text(_ output: [UInt8], _ format: Format, _ input: HL7Message?) -> String {
    if format == .dicom { return String(decoding: ObjectTree.of(output), as: UTF8.self) }
    let charset = (try? HL7Message(output, reading))?.charset ?? input?.charset ?? .utf8
    return (try? charset.decode(output[...])) ?? String(decoding: output, as: UTF8.self)
  }

  /// What `prepare:` of the channel makes of the bytes; a failure where it decides about them itself.
  private func prepared(_ bytes: [UInt8]) -> Result<[UInt8], Ended> {
    guard let definition, definition.prepare != nil else { return .success(bytes) }
    let attributes = input(nil, bytes).attributes
    switch Pipeline(definition).prepared(Payload(definition.format, bytes), attributes) {
    case .payload(let mended, _):
      if case .bytes(let bytes) = mended.content { return .success(bytes) }
      return .success(bytes)
    case .ended: return .failure(Ended())
    }
  }

  private struct Ended: Error {}

  private func route(_ bytes: [UInt8], _ definition: ChannelDefinition) -> Decided {
    Pipeline(definition).run(
      Payload(definition.format, bytes), ["file": .record(["name": .text(file)])], id: Identifier(high: 0, low: 0),
      receivedAt: Terminal.nowMilliseconds)
  }

  /// The channel gives a transform only what it takes.
  private func takes(_ message: HL7Message?, _ program: HiltProgram) -> Bool {
    guard let message else { return true }
    return definition == nil || Unexpected.refusal(of: HL7Header(message), by: program.input) == nil
  }

  /// Why a channel would not give a message to the transform that is tried on it; with a channel it isn't given.
  private func refusal(of message: HL7Message?, _ program: HiltProgram) -> String? {
    guard definition == nil, !program.isReply, let message,
      let refusal = Unexpected.refusal(of: HL7Header(message), by: program.input)
    else { return nil }
    let reason = refusal.text.replacing("this channel takes", with: "the transform takes")
    return "\(refusal.kind.rawValue) \(refusal.number) \(Terminal.safe(reason))"
  }

  /// The namespace of a document's root, where the program can find nothing in it: no path says why.
  private func unknownNamespace(_ bytes: [UInt8], _ program: HiltProgram) -> String? {
    guard program.input.format == .xml, let name = try? XMLDocument(bytes).root.name, !name.namespace.isEmpty,
      !program.namespaces.contains(name.namespace)
    else { return nil }
    return name.namespace
  }

  private func show(_ result: HiltResult, of program: HiltProgram, _ message: HL7Message?) -> Bool {
    switch result.decision {
    case .routed: Terminal.line(Terminal.green("  routed: \(result.emitted.count) emitted"))
    case .dropped(let reason): Terminal.line(Terminal.yellow("  dropped: \(Terminal.safe(reason))"))
    case .held(let reason): Terminal.line(Terminal.yellow("  held: \(Terminal.safe(reason))"))
    case .rejected(let refusal):
      let place = refusal.path.map { " at \($0)" } ?? ""
      Terminal.line(
        Terminal.yellow("  rejected: \(refusal.shownCode)\(place) \(Terminal.safe(refusal.reason))"))
      if let path = refusal.path { showKind(of: path, in: message) }
    case .done: Terminal.line(Terminal.green("  done: the delivery has arrived"))
    case .answered: Terminal.line(Terminal.green("  answered: the delivery has arrived, and the sender is told"))
    case .retry(let reason): Terminal.line(Terminal.yellow("  retry: \(Terminal.safe(reason))"))
    case .dead(let reason): Terminal.line(Terminal.red("  dead: \(Terminal.safe(reason))"))
    case .failed(let failure):
      let path = failure.path.map { "\n  in the message at \($0)" } ?? ""
      let text = program.text(of: failure.problem.place)
      Terminal.line(Terminal.red("  failed: " + failure.problem.rendered(source: text) + path))
      // E903 is about a place of the output.
      if let path = failure.path, failure.problem.code != "E903" { showKind(of: path, in: message) }
      return false
    }
    return true
  }

  /// What kind of thing came at the place that is wrong.
  private func showKind(of path: String, in message: HL7Message?) {
    guard let message, let place = HL7Path(path) else { return }
    guard message.segment(place.segment, occurrence: place.occurrence) != nil else {
      return Terminal.line("    the message that came has no such \(place.segment) segment")
    }
    let piece = message.piece(at: place)
    let kind =
      switch piece.presence {
      case .absent: "is empty"
      case .null: "is \"\" (delete what is there)"
      case .valued: "has \(Self.count(piece)), \(piece.bytes.count) bytes"
      }
    Terminal.line("    \(path) \(kind)")
  }

  private static func count(_ piece: HL7Piece) -> String {
    if piece.level == .field, piece.repetitionCount > 1 { return "\(piece.repetitionCount) repetitions" }
    if piece.level < .component, piece.componentCount > 1 {
      let valued = piece.components.indices.filter { piece.components[$0].presence == .valued }.map { String($0 + 1) }
      return "component \(valued.joined(separator: ", ")) of \(piece.componentCount)"
    }
    return "one value"
  }

  /// What the channel decides, and where the message would go.
  private func showRoute(_ bytes: [UInt8]) -> Bool {
    guard let definition else { return true }
    let decided = route(bytes, definition)
    let reason = Terminal.safe(decided.steps.last { $0.lane == nil }?.text ?? decided.reason ?? "")
    switch decided.state {
    case .routed: break
    case .failed:
      Terminal.line(Terminal.red("  channel \(definition.name): failed: \(reason)"))
      return false
    default:
      Terminal.line(Terminal.yellow("  channel \(definition.name): \(decided.state.rawValue): \(reason)"))
      return true
    }
    for delivery in decided.deliveries {
      let name = definition.destinations[delivery.lane].name
      if let reason = delivery.dead {
        Terminal.line(Terminal.red("  \(name): dead from the start: \(Terminal.safe(reason))"))
      } else {
        Terminal.line(Terminal.green("  goes to \(name)"))
      }
    }
    for step in decided.steps where step.kind == .unrouted {
      Terminal.line(Terminal.yellow("  does not go to \(step.lane ?? ""): \(Terminal.safe(step.text))"))
    }
    return decided.deliveries.allSatisfy { $0.dead == nil }
  }

  private func show(_ emitted: HiltEmitted, _ bytes: [UInt8], _ input: HL7Message?, _ origins: [HiltOrigin]) {
    let to = emitted.destinations.map { " to " + $0.joined(separator: ", ") } ?? ""
    switch emitted.made(of: bytes) {
    case nil: Terminal.line("  emitted\(to): the message as it came")
    case let output? where emitted.format == .bytes:
      Terminal.line("  emitted\(to): \(output.count) bytes")
    case let output?:
      Terminal.line("  emitted\(to):")
      let before = Set(
        Self.readable(bytes, format == .dicom ? .dicom : .bytes).split(whereSeparator: { $0 == 0x0D || $0 == 0x0A })
          .map(Array.init))
      let charset = (try? HL7Message(output, reading))?.charset ?? input?.charset ?? .utf8
      let written = Dictionary(grouping: origins, by: \.segment)
      for (number, line) in Self.readable(output, emitted.format).split(whereSeparator: { $0 == 0x0D || $0 == 0x0A })
        .enumerated()
      {
        let text = Terminal.safe((try? charset.decode(line)) ?? String(decoding: line, as: UTF8.self))
        Terminal.line(before.contains(Array(line)) ? "      " + text : "    " + Terminal.green("* ") + text)
        for origin in written[number + 1] ?? [] {
          let from = origin.inputs.isEmpty ? "" : ", from \(origin.inputs.joined(separator: ", "))"
          Terminal.line("        \(origin.path) ← line \(origin.line)\(from)")
        }
      }
      if emitted.format == .fhir { warn(ofFaultsIn: output) }
    }
  }

  /// What R4 doesn't allow, and a receiver may refuse: rules across elements are not looked at while a program runs.
  private func warn(ofFaultsIn resource: [UInt8]) {
    for issue in FHIRValidation.issues(resource).prefix(10) {
      Terminal.line(Terminal.red("    R4 doesn't allow this: \(issue.expression): \(issue.text)"))
    }
  }

  /// JSON has a line for each value, XML and DICOM one for each element, as a person reads it.
  private static func readable(_ output: [UInt8], _ format: Format) -> [UInt8] {
    if format == .dicom { return ObjectTree.of(output) }
    if format == .xml, let document = try? XMLDocument(output) {
      var writer = XMLWriter(isPretty: true)
      writer.node(document.root)
      return writer.bytes
    }
    guard format == .fhir || format == .json, let document = try? JSONDocument(output) else { return output }
    var writer = JSONWriter(isPretty: true)
    writer.node(document.root)
    return writer.bytes
  }

  /// The program's lines, each with what it gave behind it; of a loop the value of the turn that is asked for, else the
  /// last one's and how many turns there were.
  private func margin(_ source: String, _ trace: [HiltTraceEntry]) {
    let picked = trace.filter { zip(turns, $0.turns).allSatisfy { $0 == $1 } }
    let byLine = Dictionary(grouping: picked, by: \.line)
    let lines = source.split(omittingEmptySubsequences: false, whereSeparator: \.isNewline)
    // The text of a block in a channel file has that file's lines before it, empty.
    let first = lines.firstIndex { !$0.isEmpty } ?? 0
    for (index, line) in lines.enumerated().dropFirst(first) {
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
