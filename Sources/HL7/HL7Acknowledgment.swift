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
    /// One answer: CA, CE, CR where MSH-15 wants one, else AA, AE, AR where MSH-16 does, or neither is valued.
    case auto
    /// AA, AE, AR, whatever MSH-15 and MSH-16 say.
    case original
    /// Both: CA, CE, CR where MSH-15 wants one, without MSH-15 always; AA, AE, AR behind it where MSH-16 wants one.
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

  /// Which of the two acknowledgements of enhanced mode (HL7 v2.9 chapter 2.9.3) are to be given; in original mode
  /// there is only that of the application.
  package struct Wanted: Sendable, Hashable {
    /// CA, CE or CR.
    package var accept: String?
    /// AA, AE or AR.
    package var application: String?
  }

  /// What a sender is to be told of a message.
  ///
  /// What was stored is safe, whatever came of it: its refusal is told by the application where that shall speak
  /// (MSH-16), and by the accept acknowledgement where it shall not. What was not stored was not accepted.
  package func wanted(_ header: HL7Header, _ verdict: Verdict, isStored: Bool = true) -> Wanted {
    var (accept, application) = (header.acceptCondition, header.applicationCondition)
    switch mode {
    case .none: return Wanted()
    case .original: return Wanted(application: verdict.applicationCode)
    case .enhanced: accept = accept ?? "AL"
    case .auto where accept == nil && application == nil:
      return header.isAcknowledgment ? Wanted() : Wanted(application: verdict.applicationCode)
    case .auto: break
    }
    if header.isAcknowledgment { application = nil }
    let tells = application.map { Self.isWanted($0, verdict) } ?? false
    // One answer must say it all.
    let isAccepted = verdict.refusal == nil || isStored && tells && mode == .enhanced
    let acceptance = isAccepted ? Verdict.accepted : verdict
    var wanted = Wanted()
    if let accept, Self.isWanted(accept, acceptance) { wanted.accept = acceptance.acceptCode }
    // What was not accepted has been refused with that: no application speaks behind it.
    let speaksBehind = isAccepted && mode == .enhanced
    if tells, speaksBehind || wanted.accept == nil { wanted.application = verdict.applicationCode }
    return wanted
  }

  /// The sender wants to hear that its message is safe, and later what came of it: the two need not come together.
  package func wantsBoth(_ header: HL7Header) -> Bool {
    guard mode == .enhanced, wantsApplication(header) else { return false }
    return Self.isWanted(header.acceptCondition ?? "AL", .accepted)
  }

  /// MSH-16 asks for an application acknowledgement, be it in one case only.
  package func wantsApplication(_ header: HL7Header) -> Bool {
    guard let application = header.applicationCondition, application != "NE" else { return false }
    return !header.isAcknowledgment
  }

  /// An answer, ready for a frame, in the message's own delimiters, version and character set.
  ///
  /// - Parameters:
  ///   - code: MSA-1.
  ///   - verdict: what ERR and MSA-3 are made of, where the code is that of a refusal.
  ///   - controlID: MSH-10 of the answer.
  ///   - time: MSH-7 of the answer, as HL7 writes it: `20260131235959+0100`.
  package func answer(
    to header: HL7Header, _ code: String, _ verdict: Verdict, controlID: String, time: String
  ) -> [UInt8] {
    let refusal = code == "CA" ? nil : verdict.refusal
    let original = header.segment
    let version = header.versionNumber
    // What a set that is not read here has beyond ASCII can be neither checked nor written.
    let charset = header.hasForeignCharset ? .ascii : original.charset
    var output = HL7SegmentWriter(delimiters: original.delimiters, charset: charset)
    output.begin("MSH")
    output.encodingCharacters()
    if let sendingApplication { output.text(sendingApplication) } else { output.copy(5, of: original) }
    output.copy(6, of: original)
    output.copy(3, of: original)
    output.copy(4, of: original)
    output.text(time)
    output.skip(1)
    output.content(Self.type(header, version))
    output.text(controlID)
    output.copy(11, of: original)
    output.copy(12, of: original)
    if header.acceptCondition != nil || header.applicationCondition != nil, code.hasPrefix("A") {
      // In enhanced mode it is a message of its own, and this one wants no answer.
      output.skip(2)
      output.text("NE")
      output.text("NE")
      output.skip(1)
    } else {
      output.skip(5)
    }
    output.copy(18, of: original)
    output.end()
    output.begin("MSA")
    output.text(code)
    output.copy(10, of: original)
    // MSA-3 was withdrawn with 2.7; until then it is an ST of at most 80 characters.
    if let text = refusal?.text, version < 20_700 { output.text(String(text.prefix(80))) }
    output.end()
    if let refusal { appendError(refusal, version, &output) }
    return output.bytes
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
  private static func type(_ header: HL7Header, _ version: Int) -> HL7Content {
    guard let event = header.triggerEvent, version == 0 || version >= 20_200 else { return .text("ACK") }
    return version >= 20_301
      ? .parts([.text("ACK"), .text(event), .text("ACK")]) : .parts([.text("ACK"), .text(event)])
  }

  private func appendError(_ refusal: HL7Refusal, _ version: Int, _ output: inout HL7SegmentWriter) {
    var form = errorForm
    if form == .auto { form = version >= 20_500 ? .location : .code }
    guard form != .none else { return }
    let path = refusal.path
    let position = path?.position
    func number(_ value: Int?) -> HL7Content { value.map { .text(String($0)) } ?? .absent }
    let segment: HL7Content = path.map { .text($0.segment.description) } ?? .absent
    let code: [HL7Content] = [.text(String(refusal.code)), .text(Self.name(of: refusal.code)), .text("HL70357")]
    output.begin("ERR")
    if form == .location {
      let location = [
        segment, number(path?.occurrence), number(position?.field), number(position?.repetition),
        number(position?.component), number(position?.subcomponent),
      ]
      output.skip(1)
      output.content(.parts(location))
      output.content(.parts(code))
      output.text("E")
      output.skip(3)
      if let text = refusal.text { output.text(text) }
    } else {
      output.content(.parts([segment, number(path?.occurrence), number(position?.field), .parts(code)]))
    }
    output.end()
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
