internal import Foundation

/// A steady rate of arrivals by schedule, and how long each message takes from its sending to its partner: what a
/// clinician feels, as against how much an engine can bear.
package struct SteadyLoad: Sendable {
  package var rate: Double
  package var seconds: Int
  package var seed: UInt64 = 1
  /// Where the subject's folder is made.
  package var directory: String

  package init(rate: Double, seconds: Int, directory: String) {
    self.rate = rate
    self.seconds = seconds
    self.directory = directory
  }

  package struct Report: Sendable, CustomStringConvertible {
    package var subject: String
    package var rate: Double
    package var answer: LatencySummary
    /// `nil` where the subject delivers to nobody.
    package var partner: LatencySummary?
    package var cpuMillisecondsPerMessage: Double
    package var rssBytesMax: Int

    package var description: String {
      """
      \(subject), \(Int(rate)) messages/s offered
        sent to acknowledged  \(answer)\(partner.map { "\n  sent to partner       \($0)" } ?? "")
        CPU \(Decimals.text(cpuMillisecondsPerMessage, places: 4)) ms a message, memory at most \(rssBytesMax >> 20) MiB
      """
    }
  }

  /// - Throws: what the subject throws, and where a message did not arrive: such a run gives no figures.
  package func run(_ subject: any BenchSubject) async throws -> Report {
    let folder = "\(directory)/bench-\(UUID().uuidString)"
    try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(atPath: folder) }
    let history = HistoryLog()
    var receiving = ReceivePlan(always: ReceiverBehaviour())
    receiving.history = history
    let partner = MLLPReceiver(receiving)
    try await partner.start()
    let delivers = subject.destinationCount > 0
    do {
      let port = try await subject.start(directory: folder, partnerPorts: delivers ? [partner.port] : [])
      let before = try subject.usage()
      var sending = SendPlan(PartnerEndpoint(port: port))
      sending.rate = rate
      sending.connections = 4
      sending.window = 16
      sending.history = history
      let count = Int(rate) * seconds
      let generator = MessageGenerator(seed: seed)
      let messages = (0..<count).map(generator.message)
      let report = try await MLLPSender(sending).send(count: count) { messages[$0] }
      if delivers { _ = try await partner.receptions(atLeast: count) }
      let after = try subject.usage()
      guard report.isAllAccepted else { throw PartnerError.child("not every message was accepted: \(report)") }
      await subject.stop()
      await partner.stop()
      return Report(
        subject: subject.name, rate: rate, answer: report.latency.summary,
        partner: delivers ? Self.wayTimes(history.events).summary : nil,
        cpuMillisecondsPerMessage: (after.cpuSeconds - before.cpuSeconds) * 1000 / Double(count),
        rssBytesMax: after.rssBytesMax)
    } catch {
      await subject.stop()
      await partner.stop()
      throw error
    }
  }

  /// From the moment a message was sent to the moment its partner had it.
  static func wayTimes(_ events: [HistoryEvent]) -> LatencyHistogram {
    var sent: [String: UInt64] = [:]
    var times = LatencyHistogram()
    for event in events.sorted(by: { $0.at < $1.at }) {
      if event.kind == .sent { sent[event.key] = event.at }
      if event.kind == .received, let start = sent[event.key] { times.add(nanoseconds: event.at - start) }
    }
    return times
  }
}
