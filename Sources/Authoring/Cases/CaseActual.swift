import ConnectorKit
import DICOM
import Definitions
import Engine
import Foundation
import HL7
import Hilt
import Messages
import Store

/// What really came of a case's input.
struct CaseActual: Sendable {
  struct Output: Sendable {
    /// `out.ehr.1.hl7`
    var name: String
    var format: Format
    var bytes: [UInt8]
  }
  /// The lines of `outcome.txt`: how it ended, then what is said beside it.
  var outcome: [String]
  var outputs: [Output] = []
  /// The numbers of the statements that ran.
  var statements: Set<Int> = []

  /// Gives each output its name: numbered for each destination.
  private mutating func add(_ bytes: [UInt8], _ format: Format, to destination: String?) -> String {
    let start = destination.map { "out.\($0)." } ?? "out."
    let number = outputs.count { $0.name.hasPrefix(start) && (destination != nil || !$0.isNamed) } + 1
    let name = "\(start)\(number).\(Self.ending(format))"
    outputs.append(Output(name: name, format: format, bytes: bytes))
    return name
  }

  private static func ending(_ format: Format) -> String {
    switch format {
    case .hl7v2: "hl7"
    case .fhir, .json: "json"
    case .xml: "xml"
    // What is expected of it is what a person reads.
    case .dicom: "tree"
    case .delimited: "csv"
    case .text: "txt"
    case .bytes: "bin"
    }
  }

  /// A message as senders send it: a file that was saved with LF alone has CR at the ends of its segments.
  static func asSent(_ bytes: [UInt8]) -> [UInt8] {
    var content = bytes
    if bytes.starts(with: [0xEF, 0xBB, 0xBF]) { content.removeFirst(3) }
    guard content.contains(0x0A) else { return content }
    if content.contains(0x0D) {
      return content.indices.filter { content[$0] != 0x0A || $0 == 0 || content[$0 - 1] != 0x0D }
        .map { content[$0] == 0x0A ? 0x0D : content[$0] }
    }
    return content.map { $0 == 0x0A ? 0x0D : $0 }
  }

  // MARK: A transform

  /// - Parameter beside: what a reply transform sees beside the partner's answer.
  init(
    _ program: HiltProgram, _ input: (name: String, bytes: [UInt8]), _ settings: CaseSettings,
    beside: (original: HL7Message?, sent: HL7Message?) = (nil, nil)
  ) {
    let isHL7 = program.input.format == .hl7v2
    let bytes = isHL7 ? Self.asSent(input.bytes) : input.bytes
    var message: HL7Message?
    do throws(HL7ParseError) {
      if isHL7 { message = try HL7Message(bytes) }
    } catch {
      self.init(outcome: ["failed: \(input.name) can't be read: \(error)"])
      return
    }
    if let message, !program.isReply,
      let refusal = Unexpected.refusal(of: HL7Header(message), by: program.input)
    {
      let place = refusal.place.map { " at \($0)" } ?? ""
      self.init(outcome: ["rejected \(refusal.kind.rawValue) \(refusal.number)\(place): \(refusal.text)"])
      return
    }
    let result = program.run(
      HiltInput(
        message, original: beside.original, sent: beside.sent, bytes: isHL7 ? [] : bytes,
        attributes: Self.attributes(settings, input.name)), observing: true)
    self.init(outcome: [Self.outcome(result.decision)], statements: result.statements)
    outcome += result.notes.map { "note: \($0.text)" }
    for emitted in result.emitted {
      let content = emitted.made(of: bytes) ?? bytes
      for destination in emitted.destinations.map({ $0.map(Optional.some) }) ?? [nil] {
        let name = add(content, emitted.format, to: destination)
        outcome += emitted.meta.sorted { $0.key < $1.key }.map {
          "meta of \(name): \($0.key) = \($0.value.text ?? "…")"
        }
      }
    }
    if case .answered(let answer) = result.decision {
      _ = add(answer.made(of: bytes) ?? bytes, answer.format, to: "answer")
    }
  }

  init(outcome: [String], statements: Set<Int> = []) {
    self.outcome = outcome
    self.statements = statements
  }

  /// What is fixed unless the case says otherwise, so that a case gives the same whenever it is run.
  static func attributes(_ settings: CaseSettings, _ input: String) -> [String: Value] {
    var attributes: [String: Value] = [
      "id": .text("00000000000000000000000000"), "channel": .text("test"),
      "received": .integer(CaseSettings.standardReceived),
      "source": .record(["file": .record(["name": .text(input)])]),
    ]
    attributes.merge(settings.attributes) { _, given in given }
    return attributes
  }

  static func outcome(_ decision: HiltDecision) -> String {
    switch decision {
    case .routed: return "routed"
    case .dropped(let reason): return "dropped: \(reason)"
    case .held(let reason): return "held: \(reason)"
    case .rejected(let refusal):
      let place = refusal.path.map { " at \($0)" } ?? ""
      return "rejected \(refusal.shownCode)\(place): \(refusal.reason)"
    case .done: return "done"
    case .retry(let reason): return "retry: \(reason)"
    case .dead(let reason): return "dead: \(reason)"
    case .answered: return "answered"
    case .failed(let failure):
      if failure.isDecision { return "failed: \(failure.problem.message)" }
      return "failed \(failure.problem.code)\(failure.path.map { " at \($0)" } ?? ""): \(failure.problem.message)"
    }
  }

  // MARK: A channel

  init(_ channel: ChannelDefinition, _ input: (name: String, bytes: [UInt8]), _ settings: CaseSettings) {
    let bytes = channel.format == .hl7v2 && channel.prepare == nil ? Self.asSent(input.bytes) : input.bytes
    var source: [String: Value] = ["file": .record(["name": .text(input.name)])]
    if case .record(let given)? = settings.attributes["source"] { source.merge(given) { _, given in given } }
    var received = CaseSettings.standardReceived
    if case .integer(let given)? = settings.attributes["received"] { received = given }
    let decided = Pipeline(channel).run(
      Payload(channel.format, bytes), source, id: Identifier(high: 0, low: 0), receivedAt: received)
    self.init(outcome: [Self.outcome(decided, channel.format)])
    outcome += decided.steps.filter { $0.kind == .note }.map { step in
      "note\(step.lane.map { " of \($0)" } ?? ""): \(step.text)"
    }
    for delivery in decided.deliveries where decided.state == .routed {
      let name = channel.destinations[delivery.lane].name
      if let reason = delivery.dead {
        outcome.append("dead at \(name): \(reason)")
        continue
      }
      let payload = delivery.output.map { decided.outputs[$0] } ?? Payload(channel.format, bytes)
      guard case .bytes(let content) = payload.content else { continue }
      let file = add(content, payload.format, to: name)
      for (setting, values) in delivery.rendered.sorted(by: { $0.key < $1.key }) {
        outcome.append("\(setting) of \(file): \(values.map(\.text).joined())")
      }
    }
  }

  private static func outcome(_ decided: Decided, _ format: Format) -> String {
    if let refusal = decided.rejection {
      let place = refusal.place.map { " at \($0)" } ?? ""
      let isDICOM = format == .dicom
      let code =
        isDICOM
        ? DIMSEStatus(UInt16(truncatingIfNeeded: refusal.number)).digits : "\(refusal.kind.rawValue) \(refusal.number)"
      return "rejected \(code)\(place): \(refusal.text)"
    }
    // Where the program says so moves with every edit of it.
    let reason = decided.reason.map { $0.replacing(/, [^ ,]+:\d+:\d+$/, with: "") }
    return reason.map { "\(decided.state.rawValue): \($0)" } ?? decided.state.rawValue
  }
}

extension CaseActual.Output {
  /// It names its destination: `out.ehr.1.hl7`.
  fileprivate var isNamed: Bool { name.split(separator: ".").count > 3 }
}
