import ConnectorKit
import Dispatch
import HL7
import Messages
import Store

/// Makes a sender's receipt out of what its message's deliveries came to.
struct VerdictReader: Sendable {
  /// A larger answer is read on a worker, and not on the store's own thread.
  private static let inPlaceBytesMax = 64 << 10
  private static let workers = DispatchQueue(label: "hilum.verdict", attributes: .concurrent)

  let reading: HL7ReadingOptions

  func read(_ verdicts: [DeliveryVerdict], of message: MessageID, _ then: @escaping @Sendable (Receipt) -> Void) {
    let bytes = verdicts.reduce(0) { $0 + ($1.reply?.byteCount ?? 0) }
    guard bytes > Self.inPlaceBytesMax else { return then(receipt(verdicts, of: message)) }
    Self.workers.async { then(receipt(verdicts, of: message)) }
  }

  /// Of several deliveries the first that was not taken speaks for all, otherwise the last.
  func receipt(_ verdicts: [DeliveryVerdict], of message: MessageID) -> Receipt {
    let deciding = verdicts.first { $0.state != .delivered } ?? verdicts.last
    return deciding.map { receipt($0, message) } ?? .accepted(message, reply: nil)
  }

  private func receipt(_ verdict: DeliveryVerdict, _ message: MessageID) -> Receipt {
    if let answer = verdict.answer { return .accepted(message, reply: answer) }
    let answer = partnersAnswer(verdict.reply)
    switch verdict.state {
    case .delivered:
      // A response with content of its own is passed on; of a plain acknowledgement its code was all.
      guard let answer, !answer.isPlain, answer.code.isAccepted else { return .accepted(message, reply: nil) }
      return .accepted(message, reply: verdict.reply)
    case .dead:
      if let answer, !answer.code.isAccepted {
        if !answer.isPlain { return .accepted(message, reply: verdict.reply) }
        return refusal(
          answer.code.isRejection ? .reject : .error, answer.number ?? 207, answer.text ?? "the receiver refused it",
          message)
      }
      return refusal(.error, 207, "not delivered: \(verdict.summary)", message)
    case .discarded: return refusal(.error, 207, "not delivered: its delivery was discarded", message)
    case .cancelled where verdict.isWithdrawn: return .unavailable(reason: "its delivery was withdrawn")
    case .cancelled: return refusal(.error, 207, "not delivered: its delivery was cancelled", message)
    case .waiting, .held: return .unavailable(reason: "its delivery waits")
    }
  }

  private func partnersAnswer(_ reply: Payload?) -> HL7Answer? {
    guard let reply, reply.format == .hl7v2, case .bytes(let bytes) = reply.content else { return nil }
    return try? HL7Answer(bytes, reading)
  }

  private func refusal(_ kind: Rejection.Kind, _ number: Int, _ text: String, _ message: MessageID) -> Receipt {
    var rejection = Rejection(kind, number, text)
    rejection.message = message
    return .rejected(rejection)
  }
}
