import Text

/// Why a message is not taken, as MSA and ERR tell it.
package struct HL7Refusal: Sendable, Hashable {
  /// HL7 table 0357: 100 segment sequence error, 101 required field missing, 102 data type error, 103 table value not
  /// found, 200 unsupported message type, 201 event code, 202 processing id, 203 version id, 204 unknown key,
  /// 205 duplicate key, 206 application record locked, 207 application internal error.
  package var code: Int
  /// A sentence for the person at the other end. It must not hold content of the message.
  package var text: String?
  package var path: HL7Path?

  package init(code: Int, text: String? = nil, path: HL7Path? = nil) {
    self.code = code
    self.text = text
    self.path = path
  }
}

/// Builds the answer to a message (HL7 v2.9 chapter 2.9).
package struct HL7Acknowledgment: Sendable {
  package enum Mode: Sendable, Hashable {
    /// Enhanced where MSH-15 or MSH-16 is valued, else original.
    case auto
    /// AA, AE, AR, whatever MSH-15 and MSH-16 say.
    case original
    /// CA, CE, CR where MSH-15 wants one; without MSH-15 always.
    case enhanced
    /// No answer.
    case none
  }

  package enum ErrorForm: Sendable, Hashable {
    /// As the version of the message has it.
    case auto
    /// ERR-2, ERR-3, ERR-4, ERR-8, as from version 2.5 on.
    case location
    /// ERR-1 with everything in it, as before 2.5.
    case code
    /// No ERR segment.
    case none
  }

  package enum Verdict: Sendable, Hashable {
    case accepted
    /// AE or CE: sent again, it may be taken.
    case error(HL7Refusal)
    /// AR or CR: sent again as it is, it will not be taken.
    case rejected(HL7Refusal)
  }

  package var mode: Mode
  /// MSH-3 of the answer; `nil`: the message's MSH-5.
  package var sendingApplication: String?
  package var errorForm: ErrorForm

  package init(mode: Mode = .auto, sendingApplication: String? = nil, errorForm: ErrorForm = .auto) {
    self.mode = mode
    self.sendingApplication = sendingApplication
    self.errorForm = errorForm
  }

  /// The answer, ready for a frame, in the message's own delimiters, version and character set.
  ///
  /// Where both an accept and an application acknowledgement are asked for (MSH-15 and MSH-16), this is the accept
  /// acknowledgement; the other is a message of its own.
  ///
  /// - Parameters:
  ///   - controlID: MSH-10 of the answer.
  ///   - time: MSH-7 of the answer, as HL7 writes it: `20260131235959+0100`.
  /// - Returns: `nil` where none is wanted or the message is an acknowledgement itself.
  package func answer(to header: HL7Header, _ verdict: Verdict, controlID: String, time: String) -> [UInt8]? {
    guard !header.isAcknowledgment, let code = code(header, verdict) else { return nil }
    let original = header.segment
    guard var draft = try? HL7Draft.blank(delimiters: original.delimiters, charset: original.charset) else {
      return nil
    }
    // A field of the sender's that can't be written again is left out: an answer without it is better than none.
    func copy(_ source: Int, to target: Int) {
      try? draft.set(.piece(original.field(source, of: 0)), at: HL7Position(target), of: 0)
    }
    copy(18, to: 18)
    copy(5, to: 3)
    copy(6, to: 4)
    copy(3, to: 5)
    copy(4, to: 6)
    copy(11, to: 11)
    copy(12, to: 12)
    if let sendingApplication { write(sendingApplication, 3, 0, &draft) }
    write(time, 7, 0, &draft)
    try? draft.set(type(header), at: HL7Position(9), of: 0)
    write(controlID, 10, 0, &draft)
    guard let msa = try? draft.insertSegment("MSA") else { return nil }
    write(code, 1, msa, &draft)
    try? draft.set(.piece(original.field(10, of: 0)), at: HL7Position(2), of: msa)
    if let refusal = verdict.refusal {
      // MSA-3 was withdrawn with 2.7; until then it is an ST of at most 80 characters.
      if let text = refusal.text, header.versionNumber < 20_700 { write(String(text.prefix(80)), 3, msa, &draft) }
      appendError(refusal, header, &draft)
    }
    return draft.serialized()
  }

  private func code(_ header: HL7Header, _ verdict: Verdict) -> String? {
    let accept = header.text(15)
    let application = header.text(16)
    switch mode {
    case .none: return nil
    case .original: return verdict.applicationCode
    case .enhanced: return Self.isWanted(accept ?? "AL", verdict) ? verdict.acceptCode : nil
    case .auto:
      if accept == nil, application == nil { return verdict.applicationCode }
      if let accept, Self.isWanted(accept, verdict) { return verdict.acceptCode }
      // Only the application acknowledgement is asked for: the verdict is known already, so this is it.
      guard accept == nil || accept == "NE", let application else { return nil }
      return Self.isWanted(application, verdict) ? verdict.applicationCode : nil
    }
  }

  /// HL7 table 0155. A code that the table does not have is read as «always».
  private static func isWanted(_ condition: String, _ verdict: Verdict) -> Bool {
    switch condition {
    case "NE": false
    case "ER": verdict.refusal != nil
    case "SU": verdict.refusal == nil
    default: true
    }
  }

  /// MSH-9: the event is repeated from 2.2 on, the structure is named from 2.3.1 on.
  private func type(_ header: HL7Header) -> HL7Content {
    guard let event = header.triggerEvent, header.versionNumber == 0 || header.versionNumber >= 20_200 else {
      return .text("ACK")
    }
    return header.versionNumber >= 20_301
      ? .parts([.text("ACK"), .text(event), .text("ACK")]) : .parts([.text("ACK"), .text(event)])
  }

  private func appendError(_ refusal: HL7Refusal, _ header: HL7Header, _ draft: inout HL7Draft) {
    var form = errorForm
    if form == .auto { form = header.versionNumber >= 20_500 ? .location : .code }
    guard form != .none, let err = try? draft.insertSegment("ERR") else { return }
    let path = refusal.path
    let position = path?.position
    func number(_ value: Int?) -> HL7Content { value.map { .text(String($0)) } ?? .absent }
    let segment: HL7Content = path.map { .text($0.segment.description) } ?? .absent
    let code: [HL7Content] = [.text(String(refusal.code)), .text(Self.name(of: refusal.code)), .text("HL70357")]
    if form == .location {
      let location = [
        segment, number(path?.occurrence), number(position?.field), number(position?.repetition),
        number(position?.component), number(position?.subcomponent),
      ]
      try? draft.set(.parts(location), at: HL7Position(2), of: err)
      try? draft.set(.parts(code), at: HL7Position(3), of: err)
      write("E", 4, err, &draft)
      if let text = refusal.text { write(text, 8, err, &draft) }
    } else {
      let location = [segment, number(path?.occurrence), number(position?.field), .parts(code)]
      try? draft.set(.parts(location), at: HL7Position(1), of: err)
    }
  }

  /// Writes text of our own. A character that the sender's set lacks becomes a question mark: the answer must go out.
  private func write(_ text: String, _ field: Int, _ segment: Int, _ draft: inout HL7Draft) {
    do {
      try draft.set(.text(text), at: HL7Position(field), of: segment)
    } catch {
      let plain = String(text.unicodeScalars.map { $0.isASCII ? Character($0) : "?" })
      try? draft.set(.text(plain), at: HL7Position(field), of: segment)
    }
  }

  /// The text of a code in table 0357.
  static func name(of code: Int) -> String {
    switch code {
    case 0: "Message accepted"
    case 100: "Segment sequence error"
    case 101: "Required field missing"
    case 102: "Data type error"
    case 103: "Table value not found"
    case 200: "Unsupported message type"
    case 201: "Unsupported event code"
    case 202: "Unsupported processing id"
    case 203: "Unsupported version id"
    case 204: "Unknown key identifier"
    case 205: "Duplicate key identifier"
    case 206: "Application record locked"
    default: "Application error"
    }
  }
}

extension HL7Acknowledgment.Verdict {
  var refusal: HL7Refusal? {
    switch self {
    case .accepted: nil
    case .error(let refusal), .rejected(let refusal): refusal
    }
  }

  var applicationCode: String {
    switch self {
    case .accepted: "AA"
    case .error: "AE"
    case .rejected: "AR"
    }
  }

  var acceptCode: String {
    switch self {
    case .accepted: "CA"
    case .error: "CE"
    case .rejected: "CR"
    }
  }
}
