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

  /// The answer that a receipt stands for, without its frame; `nil` where none is to be sent.
  func answer(_ header: HL7Header?, _ receipt: Receipt) -> [UInt8]? {
    switch receipt {
    case .accepted(_, reply: .some(let reply)):
      return self.reply(header, reply) ?? answer(header, .accepted)
    case .accepted, .failed, .duplicate:
      return answer(header, .accepted)
    case .rejected(let rejection):
      let refusal = HL7Refusal(
        code: rejection.number, text: rejection.text, path: rejection.place.flatMap { HL7Path($0) })
      let isError = onReject.map { $0 == .error } ?? (rejection.kind == .error)
      return answer(header, isError ? .error(refusal) : .rejected(refusal))
    case .unavailable:
      return nil
    }
  }

  /// What the channel answers with, addressed to the sender; `nil` where it can't be.
  private func reply(_ header: HL7Header?, _ reply: Payload) -> [UInt8]? {
    guard let header, acknowledgment.mode != .none, reply.format == .hl7v2, case .bytes(let bytes) = reply.content,
      let message = try? HL7Message(bytes, reading)
    else { return nil }
    return acknowledgment.addressed(message, to: header, controlID: controlID())
  }

  /// The refusal of a frame that is larger than allowed; `nil` where its MSH can't be read.
  func oversize(_ head: [UInt8], bytesMax: Int) -> [UInt8]? {
    guard let header = HL7Header(head, reading) else { return nil }
    let refusal = HL7Refusal(code: 207, text: "the message has more than \(bytesMax) bytes")
    return answer(header, .rejected(refusal))
  }

  func answer(_ header: HL7Header?, _ verdict: HL7Acknowledgment.Verdict) -> [UInt8]? {
    guard let header, acknowledgment.mode != .none else { return nil }
    return acknowledgment.answer(to: header, verdict, controlID: controlID(), time: timestamp())
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
