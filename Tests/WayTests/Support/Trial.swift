import Admin
import Foundation
import Partners
import Store
import Synchronization

/// One way under trial: senders and partners in this process note all that they do, the engine in its own is broken
/// again and again, and at the end the notes are laid side by side.
///
/// The channel has four lanes: a partner that gets one message at a time, one that is sent ahead to, one whose messages
/// are ordered by the last digit of their number, and a folder.
final class Trial: Sendable {
  let project: Project
  let port: Int
  let strict: Partner
  let ahead: Partner
  let keyed: Partner
  private let strictHistory = HistoryLog()
  private let aheadHistory = HistoryLog()
  private let keyedHistory = HistoryLog()
  private let sent = HistoryLog()
  private let generator: MessageGenerator
  static let window = 8
  static let inFlight = 8

  init(seed: UInt64, in folder: String? = nil) async throws {
    project = try Project(in: folder)
    port = try project.port()
    strict = try await Partner.start(history: strictHistory, keepsBytes: false)
    ahead = try await Partner.start(history: aheadHistory, keepsBytes: false)
    keyed = try await Partner.start(history: keyedHistory, keepsBytes: false)
    generator = MessageGenerator(seed: seed)
    try project.write(
      "Channels/adt.yaml",
      """
      channel: adt
      source:
        mllp: {port: \(port)}
      destinations:
        strict:
          mllp: {host: 127.0.0.1, port: \(strict.port), timeout: 5s}
          retry: {first: 20ms, factor: 1, longest: 20ms}
        ahead:
          mllp: {host: 127.0.0.1, port: \(ahead.port), timeout: 5s}
          window: \(Self.window)
          retry: {first: 20ms, factor: 1, longest: 20ms}
        keyed:
          mllp: {host: 127.0.0.1, port: \(keyed.port), timeout: 5s}
          order: {by: ["right(MSH-10, 1)"], in-flight: \(Self.inFlight)}
          retry: {first: 20ms, factor: 1, longest: 20ms}
        folder:
          file: {directory: ../out, name: "{MSH-10}.hl7"}
          retry: {first: 20ms, factor: 1, longest: 20ms}
      columns: {mrn: "PID-3[1].1"}
      """)
  }

  func message(_ number: Int) -> [UInt8] { generator.message(number) }
  func controlID(_ number: Int) -> String { generator.controlID(number) }

  /// Sends until it is cancelled, or until so many are answered; what gets no answer goes again on a new connection.
  func load(
    count: Int = 1_000_000, connections: Int = 4, rate: Double? = nil, giveUpAfter: Duration = .seconds(60)
  ) async throws -> SendReport {
    var plan = SendPlan(PartnerEndpoint(port: port))
    plan.connections = connections
    plan.rate = rate
    plan.timeout = .seconds(10)
    plan.resend = SendPlan.Resend(giveUpAfter: giveUpAfter)
    plan.history = sent
    let generator = generator
    return try await MLLPSender(plan).send(count: count) { generator.message($0) }
  }

  /// How many different messages were acknowledged so far.
  var acknowledgedCount: Int {
    Set(
      sent.events.lazy.filter { $0.kind == .answered && AcknowledgementCode(rawValue: $0.value)?.isAcceptance == true }
        .map(\.key)
    ).count
  }

  /// Notes that something was broken. Once when it is gone, and once more before the next one starts: a partner reads
  /// what the dead one left in its socket a little later.
  func incident(_ what: String) {
    strictHistory.incident(what)
    aheadHistory.incident(what)
    keyedHistory.incident(what)
  }

  /// Everything is delivered, nothing is in its way any more: lays the notes side by side.
  func verdict() async throws -> [String] {
    var problems: [String] = []
    let all: @Sendable (String) -> String = { _ in "" }
    let digit: @Sendable (String) -> String = { String($0.suffix(1)) }
    for (name, log, inFlightMax, orderKey) in [
      ("strict", strictHistory, 32 + 1, all), ("ahead", aheadHistory, 32 + Self.window, all),
      ("keyed", keyedHistory, 32 + Self.inFlight, digit),
    ] {
      let events = (sent.events + log.events).enumerated()
        .sorted { ($0.element.at, $0.offset) < ($1.element.at, $1.offset) }.map(\.element)
      var check = HistoryCheck(bytesUnchanged: true, ordered: true, inFlightMax: inFlightMax)
      check.orderKey = orderKey
      let report = check.report(events)
      if !report.isGood { problems.append("\(name): \(report)") }
    }
    problems += folderProblems()
    return problems
  }

  /// Each acknowledged message stands in one file, whole, and no file is there twice.
  private func folderProblems() -> [String] {
    var hashes: [String: String] = [:]
    var accepted: Set<String> = []
    for event in sent.events {
      if event.kind == .sent { hashes[event.key] = event.value }
      if event.kind == .answered, AcknowledgementCode(rawValue: event.value)?.isAcceptance == true {
        accepted.insert(event.key)
      }
    }
    var problems: [String] = []
    var seen: Set<String> = []
    for name in project.names(in: "out") {
      let key = String(name.dropLast(4))
      if !name.hasSuffix(".hl7") || hashes[key] == nil { problems.append("folder: \(name) should not be there") }
      if ContentHash.text(project.read("out/" + name)) != hashes[key] {
        problems.append("folder: \(name) is torn or changed")
      }
      seen.insert(key)
    }
    let lost = accepted.subtracting(seen)
    if !lost.isEmpty {
      problems.append("folder: \(lost.count) were acknowledged and are not there, such as \(lost.min() ?? "")")
    }
    return problems
  }

  /// Ends the engine in order once nothing waits, and gives all that is wrong.
  func finish(within seconds: Double = 60) async throws -> [String] {
    try await project.drained(within: seconds)
    let ledger = try await project.ledger("adt")
    var problems = try await verdict()
    for lane in ledger.lanes where lane.dead + lane.cancelled + lane.discarded + lane.waiting > 0 {
      problems.append("\(lane.name): not everything was delivered: \(lane)")
    }
    if let engine = project.running {
      let ending = await engine.stop()
      if ending != .exited(0) {
        problems.append("the engine ended with \(String(describing: ending)): \(engine.launch.errors)")
      }
    }
    return problems
  }
}
