/// What a test sender does.
package struct SendPlan: Sendable {
  package var endpoint: PartnerEndpoint
  /// Used where the endpoint says TLS.
  package var tls = PartnerTLS()
  /// Messages a second, sent at the times of a schedule whether or not answers come; `nil` sends as answers come.
  /// Latency is then counted from the scheduled time: a sender that waits for a slow engine would hide the slowness.
  package var rate: Double?
  package var connections = 1
  /// How many messages may wait for their answer on one connection.
  package var window = 1
  /// How long an answer may take. After that the connection is closed: a late answer must not be taken for the next
  /// one's.
  package var timeout: Duration = .seconds(30)
  /// Whether what was not answered is sent again on a new connection, and for how long a partner may be away.
  package var resend: Resend?
  package var controlIDs = ControlIDs.asGiven
  /// Where sent messages and answers are noted.
  package var history: HistoryLog?
  /// What the lanes of the history are called: this, a dot and the connection's number.
  package var lane = "client"

  package struct Resend: Sendable {
    /// Between a lost connection and the next try.
    package var pause: Duration
    package var giveUpAfter: Duration
    package init(pause: Duration = .milliseconds(20), giveUpAfter: Duration = .seconds(60)) {
      self.pause = pause
      self.giveUpAfter = giveUpAfter
    }
  }

  package enum ControlIDs: Sendable, Hashable {
    case asGiven
    /// MSH-10 is replaced by the prefix and the message's number: a file that is sent a thousand times is a thousand
    /// messages.
    case fresh(prefix: String)
  }

  package init(_ endpoint: PartnerEndpoint) { self.endpoint = endpoint }
}

/// What became of one message.
package struct SendOutcome: Sendable, Hashable {
  package enum Failure: String, Sendable, Hashable, CaseIterable {
    case notConnected = "no connection"
    case connectionLost = "connection lost"
    case noAnswerInTime = "no answer in time"
    case unreadableAnswer = "an answer that is no acknowledgement"
    case answerToAnother = "an answer to another message"
    case abandoned = "given up"
  }

  /// Its place among the messages, from 0.
  package var number: Int
  /// MSH-10; empty where it has none.
  package var controlID: String
  /// MSA-1 of its answer.
  package var code: AcknowledgementCode?
  /// Why, where the answer is no acceptance.
  package var refusal: Refusal?
  package var failure: Failure?
  /// From when it was sent for the last time (or was to be sent, with a rate) to its answer; 0 without an answer.
  package var nanoseconds: UInt64 = 0
  /// How often it was sent.
  package var attempts = 0
  /// The connection it was given to, from 0.
  package var connection = 0
}

/// What a test sender did.
package struct SendReport: Sendable, CustomStringConvertible {
  /// One for each message, by number.
  package var outcomes: [SendOutcome]
  package var latency = LatencyHistogram()
  package var seconds = 0.0
  /// Answers to messages that were answered already.
  package var extraAnswers = 0
  /// How often a connection was lost.
  package var connectionsLost = 0

  package func count(_ code: AcknowledgementCode) -> Int { outcomes.count { $0.code == code } }
  package func count(_ failure: SendOutcome.Failure) -> Int { outcomes.count { $0.failure == failure } }
  /// Messages with AA or CA.
  package var acceptedCount: Int { outcomes.count { $0.code?.isAcceptance == true } }
  package var isAllAccepted: Bool { acceptedCount == outcomes.count }
  /// Messages that were answered and not taken.
  package var refused: [SendOutcome] { outcomes.filter { $0.refusal != nil } }

  package var description: String {
    let answers = AcknowledgementCode.allCases.map { ($0.rawValue, count($0)) }
    let failures = SendOutcome.Failure.allCases.map { ($0.rawValue, count($0)) }
    let parts = (answers + failures).filter { $0.1 > 0 }.map { "\($0.1) \($0.0)" }
    let rate = seconds > 0 ? Int((Double(outcomes.count) / seconds).rounded()) : 0
    var text = "\(outcomes.count) messages in \(Decimals.text(seconds, places: 2)) s (\(rate)/s): "
    text += parts.isEmpty ? "nothing sent" : parts.joined(separator: ", ")
    if let first = refused.first, let code = first.code {
      let count = refused.count
      let condition = first.refusal?.condition.map { ", condition \($0)" } ?? ""
      let place = first.refusal?.place.map { " at \($0)" } ?? ""
      text += "\n\(count) refused, \(count == 1 ? "" : "the first ")with \(code.rawValue)\(condition)\(place)"
    }
    if latency.count > 0 { text += "\nlatency \(latency.summary)" }
    if extraAnswers > 0 { text += "\n\(extraAnswers) answers came to messages that were answered before" }
    if connectionsLost > 0 { text += "\na connection was lost \(connectionsLost) times" }
    return text
  }
}

extension LatencySummary: CustomStringConvertible {
  package var description: String {
    let values = [("p50", p50), ("p95", p95), ("p99", p99), ("max", longest)]
    return values.map { "\($0.0) \(Decimals.text($0.1, places: 3)) ms" }.joined(separator: ", ")
  }
}

/// Numbers with a fixed count of decimals, without Foundation.
enum Decimals {
  static func text(_ value: Double, places: Int) -> String {
    guard value.isFinite, abs(value) < 1e12 else { return "-" }
    var scale = 1.0
    for _ in 0..<places { scale *= 10 }
    let scaled = Int64((abs(value) * scale).rounded())
    let sign = value < 0 && scaled > 0 ? "-" : ""
    guard places > 0 else { return sign + String(scaled) }
    let whole = scaled / Int64(scale)
    let rest = String(scaled % Int64(scale))
    return "\(sign)\(whole)." + String(repeating: "0", count: places - rest.count) + rest
  }
}
