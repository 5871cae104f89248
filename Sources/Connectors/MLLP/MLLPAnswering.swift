import ConnectorKit
import HL7
import Messages
import Synchronization
import Text

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#else
  import Darwin
#endif

/// Makes the answers of one source out of receipts. Shared by its connections.
final class MLLPAnswering: Sendable {
  private let acknowledgment: HL7Acknowledgment
  private let onReject: MLLPAckSettings.OnReject?
  private let reading: HL7ReadingOptions
  /// The next control id of an answer. It starts at the clock, so that no two runs give the same.
  private let nextNumber: Atomic<UInt64>
  private let clock: @Sendable () -> Int64
  private let moment: Mutex<(second: Int64, text: String)>

  /// - Parameter clock: seconds since 1970.
  init(
    _ settings: MLLPAckSettings, _ hl7: HL7Settings, clock: @escaping @Sendable () -> Int64 = { Int64(time(nil)) }
  ) {
    let mode: HL7Acknowledgment.Mode =
      switch settings.mode {
      case .auto: .auto
      case .original: .original
      case .enhanced: .enhanced
      case .none: .none
      }
    let errorForm: HL7Acknowledgment.ErrorForm =
      switch settings.err {
      case .auto: .auto
      case .location: .location
      case .code: .code
      case .none: .none
      }
    acknowledgment = HL7Acknowledgment(mode: mode, sendingApplication: settings.from, errorForm: errorForm)
    onReject = settings.onReject
    reading = HL7ReadingOptions(hl7)
    self.clock = clock
    nextNumber = Atomic(UInt64(max(0, clock())) << 24)
    moment = Mutex((.min, ""))
  }

  /// What a message says of itself; for one without a readable MSH, what an answer to it can say.
  func header(_ message: [UInt8]) -> HL7Header? {
    HL7Header(message, reading) ?? Self.nameless
  }

  /// A frame without a readable MSH is answered all the same: a sender that waits for its answer would wait for ever,
  /// and one that is cut off would send the same again for ever.
  private static let nameless = HL7Header(Array("MSH|^~\\&|||||||ACKLESS||P|2.3.1".utf8))

  /// What a sender is sent for one message, without frames: enhanced mode has two acknowledgements, and one or both may
  /// not be wanted.
  struct Answers: Equatable {
    /// CA, CE or CR: goes first.
    var accept: [UInt8]?
    /// AA, AE or AR, or what the channel answers with.
    var application: [UInt8]?
  }

  /// The answers that a receipt stands for.
  func answers(_ header: HL7Header?, _ receipt: Receipt) -> Answers {
    switch receipt {
    case .accepted(_, reply: .some(let reply)):
      return self.reply(header, reply) ?? answers(header, .accepted)
    case .accepted, .failed, .duplicate:
      return answers(header, .accepted)
    case .rejected(let rejection):
      let refusal = HL7Refusal(
        code: rejection.number, text: rejection.text, path: rejection.place.flatMap { HL7Path($0) })
      let isError = onReject.map { $0 == .error } ?? (rejection.kind == .error)
      return answers(header, isError ? .error(refusal) : .rejected(refusal))
    case .unavailable:
      return Answers()
    }
  }

  /// What the channel answers with, addressed to the sender; `nil` where it can't be.
  private func reply(_ header: HL7Header?, _ reply: Payload) -> Answers? {
    guard let header, acknowledgment.mode != .none, reply.format == .hl7v2, case .bytes(let bytes) = reply.content,
      let answer = try? HL7Answer(bytes, reading)
    else { return nil }
    if answer.isPlain, isEnhanced(header), !acknowledgment.wantsApplication(header) {
      // The sender wants to hear no more than whether it is accepted.
      if answer.code.isAccepted { return answers(header, .accepted) }
      let refusal = HL7Refusal(code: answer.number ?? 207, text: answer.text)
      return answers(header, answer.code.isRejection ? .rejected(refusal) : .error(refusal))
    }
    guard let addressed = acknowledgment.addressed(answer.message, to: header, controlID: controlID()) else {
      return nil
    }
    let accept = acknowledgment.mode == .enhanced ? acknowledgment.wanted(header, .accepted).accept : nil
    return Answers(accept: accept.map { self.answer(header, $0, .accepted) }, application: addressed)
  }

  private func isEnhanced(_ header: HL7Header) -> Bool {
    header.acceptCondition != nil || header.applicationCondition != nil
  }

  /// Of a message that is safe while what becomes of it is open: CA, where its sender wants that and the outcome behind
  /// it.
  ///
  /// - Parameter isRejected: it will be refused; `nil` then where only the accept acknowledgement can tell it.
  func commitment(_ header: HL7Header, isRejected: Bool) -> [UInt8]? {
    let verdict = isRejected ? HL7Acknowledgment.Verdict.error(HL7Refusal(code: 207)) : .accepted
    guard acknowledgment.wantsBoth(header), acknowledgment.wanted(header, verdict).accept == "CA" else { return nil }
    return answer(header, "CA", verdict)
  }

  func wantsBoth(_ header: HL7Header) -> Bool { acknowledgment.wantsBoth(header) }

  /// The refusal of a frame that is larger than allowed; `nil` where its MSH can't be read.
  func oversize(_ head: [UInt8], bytesMax: Int) -> [UInt8]? {
    guard let header = HL7Header(head, reading), !header.isAcknowledgment else { return nil }
    let refusal = HL7Refusal(code: 207, text: "the message has more than \(bytesMax) bytes")
    let wanted = acknowledgment.wanted(header, .rejected(refusal), isStored: false)
    return (wanted.accept ?? wanted.application).map { answer(header, $0, .rejected(refusal)) }
  }

  func answers(_ header: HL7Header?, _ verdict: HL7Acknowledgment.Verdict) -> Answers {
    guard let header else { return Answers() }
    let wanted = acknowledgment.wanted(header, verdict)
    return Answers(
      accept: wanted.accept.map { answer(header, $0, verdict) },
      application: wanted.application.map { answer(header, $0, verdict) })
  }

  private func answer(_ header: HL7Header, _ code: String, _ verdict: HL7Acknowledgment.Verdict) -> [UInt8] {
    acknowledgment.answer(to: header, code, verdict, controlID: controlID(), time: timestamp())
  }

  /// Within the 20 characters that MSH-10 has before version 2.7.
  private func controlID() -> String {
    String(nextNumber.wrappingAdd(1, ordering: .relaxed).newValue, radix: 36, uppercase: true)
  }

  /// `20260131235959+0100`, made once a second.
  private func timestamp() -> String {
    let now = clock()
    return moment.withLock { moment in
      if moment.second != now { moment = (now, HL7Moment.text(seconds: now)) }
      return moment.text
    }
  }
}

/// Times as HL7 writes them (chapter 2.A.22, DTM), in this machine's zone.
enum HL7Moment {
  static func text(seconds: Int64) -> String {
    var time = time_t(seconds)
    var parts = tm()
    guard localtime_r(&time, &parts) != nil else { return "" }
    func digits(_ number: Int, _ width: Int) -> String {
      let text = String(number)
      return String(repeating: "0", count: max(0, width - text.count)) + text
    }
    let offset = abs(parts.tm_gmtoff) / 60
    return digits(Int(parts.tm_year) + 1900, 4) + digits(Int(parts.tm_mon) + 1, 2) + digits(Int(parts.tm_mday), 2)
      + digits(Int(parts.tm_hour), 2) + digits(Int(parts.tm_min), 2) + digits(Int(parts.tm_sec), 2)
      + (parts.tm_gmtoff < 0 ? "-" : "+") + digits(offset / 60, 2) + digits(offset % 60, 2)
  }
}

extension HL7ReadingOptions {
  /// How the channel's `hl7:` block says messages are to be read, as far as an acknowledgement needs it.
  init(_ settings: HL7Settings) {
    self.init(
      charset: settings.charset.flatMap { Charset(named: $0) } ?? .utf8,
      charsetDeclared: settings.charsetDeclared == .trust ? .trust : .ignore)
  }
}
