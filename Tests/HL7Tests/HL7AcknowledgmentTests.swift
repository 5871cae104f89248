import HL7
import Testing
import Text

@Suite struct HL7AcknowledgmentTests {
  private let refusal = HL7Refusal(
    code: 101, text: "no MRN | at all",
    path: HL7Path("PID", 1, HL7Position(3, repetition: 2, component: 4, subcomponent: 1)))

  private func header(
    _ version: String = "2.5.1", accept: String = "", application: String = "", type: String = "ADT^A01^ADT_A01",
    more: String = ""
  ) throws -> HL7Header {
    let line = "MSH|^~\\&|PAS^1.2&x|NORTH|HUB|HQ|2026||\(type)|4711|P^T|\(version)|||\(accept)|\(application)\(more)"
    return HL7Header(try message(line + "\nPID|1"))
  }

  private func answer(
    _ header: HL7Header, _ verdict: HL7Acknowledgment.Verdict = .accepted,
    _ acknowledgment: HL7Acknowledgment = HL7Acknowledgment()
  ) -> String? {
    answers(header, verdict, acknowledgment).first
  }

  /// The accept acknowledgement, then that of the application.
  private func answers(
    _ header: HL7Header, _ verdict: HL7Acknowledgment.Verdict, _ acknowledgment: HL7Acknowledgment = HL7Acknowledgment()
  ) -> [String] {
    let wanted = acknowledgment.wanted(header, verdict)
    return [wanted.accept, wanted.application].compactMap(\.self).map {
      text(acknowledgment.answer(to: header, $0, verdict, controlID: "A1", time: "20260131120000+0100"))
    }
  }

  @Test func `sender and receiver change places and the message is named`() throws {
    #expect(
      try answer(header()) == """
        MSH|^~\\&|HUB|HQ|PAS^1.2&x|NORTH|20260131120000+0100||ACK^A01^ACK|A1|P^T|2.5.1
        MSA|AA|4711

        """)
    let named = HL7Acknowledgment(sendingApplication: "ENGINE|1")
    #expect(try answer(header(), .accepted, named)?.hasPrefix("MSH|^~\\&|ENGINE\\F\\1|HQ|PAS^1.2&x|NORTH|") == true)
  }

  @Test func `an answer that was made elsewhere is addressed to the sender, and keeps all else`() throws {
    let made = try message(
      "MSH|^~\\&|LAB|X|HUB2|Y|20260101||RSP^K22^RSP_K21|77|P|2.5\nMSA|AA|other|found\nQAK|1|OK\nPID|1||Z&Q")
    let addressed = HL7Acknowledgment().addressed(made, to: try header(), controlID: "A1")
    #expect(
      addressed.map { text($0) } == """
        MSH|^~\\&|HUB|HQ|PAS^1.2&x|NORTH|20260101||RSP^K22^RSP_K21|A1|P|2.5
        MSA|AA|4711|found
        QAK|1|OK
        PID|1||Z&Q

        """)
    let named = HL7Acknowledgment(sendingApplication: "ENGINE").addressed(made, to: try header(), controlID: "A1")
    #expect(named.map { text($0) }?.hasPrefix("MSH|^~\\&|ENGINE|HQ|PAS^1.2&x|NORTH|") == true)
    let nameless = try message("MSH|^~\\&|LAB|X|||2026||RSP^K22|77|P|2.5\nPID|1")
    #expect(HL7Acknowledgment().addressed(nameless, to: try header(), controlID: "A1") == nil)
  }

  @Test func `from 2.5 on the error's place stands in ERR-2`() throws {
    #expect(
      try answer(header(), .error(refusal))?.split(separator: "\n").suffix(2) == [
        "MSA|AE|4711|no MRN \\F\\ at all",
        "ERR||PID^1^3^2^4^1|101^Required field missing^HL70357|E||||no MRN \\F\\ at all",
      ])
    let line = try answer(header("2.8"), .rejected(HL7Refusal(code: 207)))?.split(separator: "\n")
    #expect(line?.suffix(2) == ["MSA|AR|4711", "ERR|||207^Application error^HL70357|E"])
    #expect(try answer(header("2.7"), .error(refusal))?.contains("MSA|AE|4711\n") == true)
  }

  @Test func `before 2.5 everything stands in ERR-1`() throws {
    #expect(
      try answer(header("2.3"), .error(refusal))?.split(separator: "\n").suffix(2) == [
        "MSA|AE|4711|no MRN \\F\\ at all", "ERR|PID^1^3^101&Required field missing&HL70357",
      ])
    let forced = HL7Acknowledgment(errorForm: .location)
    #expect(try answer(header("2.3"), .error(refusal), forced)?.contains("ERR||PID^1^3^2^4^1|") == true)
    let none = HL7Acknowledgment(errorForm: .none)
    #expect(try answer(header("2.3"), .error(refusal), none)?.contains("ERR") == false)
  }

  @Test(arguments: [
    ("2.1", "|ACK|"), ("2.2", "|ACK^A01|"), ("2.3", "|ACK^A01|"), ("2.3.1", "|ACK^A01^ACK|"),
    ("2.8.2", "|ACK^A01^ACK|"),
    ("", "|ACK^A01|"), ("junk", "|ACK^A01|"),
  ]) func `the type of the answer is that of the version`(version: String, type: String) throws {
    #expect(try answer(header(version))?.contains(type) == true)
  }

  /// HL7 v2.9 chapter 2.9.2: original mode holds where MSH-15 and MSH-16 are both null or not present. Chapter 2.9.3,
  /// where one of them is valued: the receiver tells by an accept acknowledgement whether it has the message safe,
  /// where MSH-15 asks for that, and then what its application made of it, where MSH-16 does. Table 0155: AL always, NE
  /// never, ER where it is refused, SU where it is taken; nothing in the one field is NE where the other has something.
  /// Whether checks of content belong to the first or to the second, the standard leaves to the receiver.
  ///
  /// In `enhanced` a message that was stored and is refused is safe: CA, and the application says why; where that shall
  /// not speak, the accept acknowledgement is all there is to say it with. In `auto` there is one answer, which says it
  /// all.
  @Test(
    arguments: [
      // MSH-15, MSH-16, what was accepted is answered with, what was refused; in the mode `auto`, and in `enhanced`
      ("", "", "AA", "AE", "CA", "CE"), ("", "NE", "", "", "CA", "CE"), ("", "AL", "AA", "AE", "CA AA", "CA AE"),
      ("", "ER", "", "AE", "CA", "CA AE"), ("", "SU", "AA", "", "CA AA", "CE"),
      ("NE", "", "", "", "", ""), ("AL", "", "CA", "CE", "CA", "CE"), ("ER", "", "", "CE", "", "CE"),
      ("SU", "", "CA", "", "CA", ""), ("al", "", "CA", "CE", "CA", "CE"),
      ("AL", "AL", "CA", "CE", "CA AA", "CA AE"), ("AL", "NE", "CA", "CE", "CA", "CE"),
      ("AL", "ER", "CA", "CE", "CA", "CA AE"), ("AL", "SU", "CA", "CE", "CA AA", "CE"),
      ("NE", "AL", "AA", "AE", "AA", "AE"), ("NE", "NE", "", "", "", ""), ("NE", "ER", "", "AE", "", "AE"),
      ("NE", "SU", "AA", "", "AA", ""),
      ("ER", "AL", "AA", "CE", "AA", "AE"), ("ER", "NE", "", "CE", "", "CE"), ("ER", "ER", "", "CE", "", "AE"),
      ("ER", "SU", "AA", "CE", "AA", "CE"),
      ("SU", "AL", "CA", "AE", "CA AA", "CA AE"), ("SU", "NE", "CA", "", "CA", ""),
      ("SU", "ER", "CA", "AE", "CA", "CA AE"), ("SU", "SU", "CA", "", "CA AA", ""),
    ]) func `MSH-15 and MSH-16 say whether and how to answer`(
      accept: String, application: String, good: String, bad: String, goodOfTwo: String, badOfTwo: String
    ) throws
  {
    let header = try header(accept: accept, application: application)
    func codes(
      _ verdict: HL7Acknowledgment.Verdict, _ mode: HL7Acknowledgment.Mode = .auto, isStored: Bool = true
    ) -> String {
      let wanted = HL7Acknowledgment(mode: mode).wanted(header, verdict, isStored: isStored)
      return [wanted.accept, wanted.application].compactMap(\.self).joined(separator: " ")
    }
    for (mode, good, bad) in [(HL7Acknowledgment.Mode.auto, good, bad), (.enhanced, goodOfTwo, badOfTwo)] {
      #expect(codes(.accepted, mode) == good, "\(mode)")
      #expect(codes(.error(refusal), mode) == bad, "\(mode)")
      let rejected = bad.replacing("CE", with: "CR").replacing("AE", with: "AR")
      #expect(codes(.rejected(refusal), mode) == rejected, "\(mode)")
    }
    #expect(codes(.accepted, .original) == "AA")
    #expect(codes(.accepted, .none) == "")
    // What was not stored was not accepted: one refusal, and no application speaks behind CE or CR.
    let unstored = codes(.error(refusal), .enhanced, isStored: false)
    #expect(unstored == (["", "AL", "ER", "al"].contains(accept) ? "CE" : badOfTwo.split(separator: " ").last ?? ""))
    #expect(!HL7Acknowledgment().wantsBoth(header))
    let wantsBoth = goodOfTwo.contains("CA") && !["", "NE"].contains(application)
    #expect(HL7Acknowledgment(mode: .enhanced).wantsBoth(header) == wantsBoth)
  }

  @Test func `the application acknowledgement of enhanced mode wants no answer itself`() throws {
    let both = answers(
      try header(accept: "AL", application: "AL"), .error(refusal), HL7Acknowledgment(mode: .enhanced))
    #expect(both.map { $0.split(separator: "\n").count } == [2, 3])
    #expect(both[0].contains("MSA|CA|4711\n") && both[0].contains("|2.5.1\n"))
    #expect(both[1].contains("|2.5.1|||NE|NE\n") && both[1].contains("MSA|AE|4711|no MRN"))
  }

  @Test func `an acknowledgement is never acknowledged`() throws {
    #expect(try answer(header(type: "ACK")) == nil)
    #expect(try answer(header(type: "ACK^A01^ACK", more: "")) == nil)
    let response = try message("MSH|^~\\&|A|B|C|D|||RSP^K22|1|P|2.5\nMSA|AA|1")
    #expect(answer(HL7Header(response)) == nil)
    #expect(HL7Header(response.bytes).map { answer($0) } == .some(nil))
    let own = try #require(answer(header()))
    #expect(answer(HL7Header(try message(own))) == nil)
  }

  @Test func `but its receipt is, where it asks for that`() throws {
    func codes(_ accept: String, _ application: String, _ mode: HL7Acknowledgment.Mode = .auto) throws -> [String] {
      answers(
        try header(accept: accept, application: application, type: "ACK"), .accepted, HL7Acknowledgment(mode: mode)
      ).compactMap { $0.split(separator: "\n").last.map(String.init) }
    }
    #expect(try codes("AL", "NE") == ["MSA|CA|4711"])
    #expect(try codes("AL", "AL") == ["MSA|CA|4711"])
    #expect(try codes("NE", "AL") == [])
    #expect(try codes("", "", .enhanced) == ["MSA|CA|4711"])
    #expect(try codes("", "", .original) == ["MSA|AA|4711"])
  }

  @Test func `as little as a readable MSH is answered and less is not`() throws {
    let full = segments("MSH|^~\\&|A|B|C|D|||ADT^A01|99|P|2.5\nPID|1|\nMSH|^~\\&|second")
    let header = try #require(HL7Header(full))
    #expect(header.controlID == "99")
    #expect(answer(header, .rejected(refusal))?.contains("MSA|AR|99|") == true)
    #expect(HL7Header(Array(full.prefix(20)))?.sendingApplication == "A")
    let noControlID = try #require(HL7Header(Array("MSH|^~\\&|".utf8)))
    #expect(answer(noControlID, .error(refusal))?.contains("\nMSA|AE||no MRN") == true)
    for bytes in ["", "MSH", "MSH|", "PID|1", "MSH|aaaa|x", "\u{0}\u{1}"] {
      #expect(HL7Header(Array(bytes.utf8)) == nil)
    }
  }

  @Test func `the answer has the delimiters and the character set of the message`() throws {
    var bytes = segments("MSH*:!?%*P%x:y*B*C*D***ADT:A01:ADT_A01*4*P*2.5******8859/1")
    bytes.insert(0xFC, at: 9)
    let header = HL7Header(try HL7Message(bytes))
    let answer = HL7Acknowledgment().answer(
      to: header, "AE", .error(HL7Refusal(code: 207, text: "Łódź: ü*")), controlID: "A1", time: "2026")
    let read = try HL7Message(answer)
    #expect(try read.delimiters == HL7Message(bytes).delimiters)
    #expect(read.charset == .iso8859Part1)
    #expect(try read.value(at: path("MSH-5.1")) == .text("üP"))
    #expect(try read.value(at: path("MSH-18")) == .text("8859/1"))
    #expect(try read.value(at: path("ERR-8")) == .text("??d?: ?*"))
  }

  @Test func `a message whose character set is not supported is answered in ASCII of its own`() throws {
    let head = Array("MSH|^~\\&|".utf8) + [0xA4, 0xA4]
    let bytes = head + Array("|B|C|D|||ADT^A01|5|P|2.5||||||BIG-5\rPID|".utf8) + [0xA4, 0xA4, 0x0D]
    #expect(parseError(bytes)?.kind == .characterSet(standard: "BIG-5"))
    let header = try #require(HL7Header(bytes))
    let answer = try #require(self.answer(header, .rejected(HL7Refusal(code: 207, text: "é"))))
    #expect(answer.contains("MSA|AR|5|?\n"))
    #expect(answer.hasPrefix("MSH|^~\\&|C|D||B|") && answer.contains("|BIG-5\n"))
    #expect(answer.utf8.allSatisfy { $0 < 0x80 })
  }

  @Test func `every answer is a message that the reader of answers takes`() throws {
    for verdict in [HL7Acknowledgment.Verdict.accepted, .error(refusal), .rejected(refusal)] {
      for version in ["2.1", "2.3", "2.5.1", "2.8"] {
        let acknowledgment = HL7Acknowledgment()
        let code = try #require(try acknowledgment.wanted(header(version), verdict).application)
        let bytes = try acknowledgment.answer(to: header(version), code, verdict, controlID: "A1", time: "2026")
        let answer = try HL7Answer(bytes)
        #expect(answer.controlID == "4711")
        #expect(answer.code.isAccepted == (verdict == .accepted))
        #expect(answer.text == (verdict == .accepted ? nil : "no MRN | at all"))
      }
    }
  }
}

@Suite struct HL7AnswerTests {
  private func answer(_ lines: String) throws -> HL7Answer { try HL7Answer(segments("MSH|^~\\&|A\n" + lines)) }

  @Test func `each code says what follows`() throws {
    for code in HL7Answer.Code.allCases {
      let answer = try answer("MSA|\(code.rawValue)|7")
      #expect(answer.code == code)
      #expect(answer.controlID == "7")
    }
    #expect(HL7Answer.Code.allCases.filter(\.isAccepted) == [.AA, .CA])
    #expect(HL7Answer.Code.allCases.filter(\.isRejection) == [.AR, .CR])
    #expect(HL7Answer.Code.allCases.filter(\.isCommit) == [.CA, .CE, .CR])
  }

  @Test func `the partner's reason is found where its version puts it`() throws {
    #expect(try answer("MSA|AE|7|why").text == "why")
    #expect(try answer("MSA|AE|7\nERR||PID^1|101^Required field missing^HL70357|E||||say why").text == "say why")
    #expect(try answer("MSA|AE|7\nERR||PID^1|101^Required field missing^HL70357|E").text == "Required field missing")
    #expect(try answer("MSA|AE|7\nERR|PID^1^3^101&Required field missing&HL70357").text == "Required field missing")
    #expect(try answer("MSA|AA|7").text == nil)
    #expect(try answer("MSA|AA").controlID == nil)
  }

  @Test func `what is no answer says so`() throws {
    #expect(throws: HL7Answer.Trouble.noMSA) { try answer("PID|1") }
    for msa in ["MSA|XX|7", "MSA||7", "MSA", "MSA|\"\"|7", "MSA|aa|7", "MSA|A|7"] {
      #expect(throws: HL7Answer.Trouble.unknownCode) { try answer(msa) }
    }
    for garbage in ["", "garbage", "<html>", "MSH"] {
      #expect { try HL7Answer(Array(garbage.utf8)) } throws: { error in
        guard case .unreadable = error as? HL7Answer.Trouble else { return false }
        return true
      }
    }
  }

  @Test func `a control id that is no text of the set is an error and a broken reason is not`() throws {
    let head = Array("MSH|^~\\&|A\rMSA|AA|".utf8)
    #expect { try HL7Answer(head + [0xFF, 0x0D]) } throws: { error in
      guard case .text = error as? HL7Answer.Trouble else { return false }
      return true
    }
    let answer = try HL7Answer(head + Array("7|".utf8) + [0xFF, 0x0D])
    #expect(answer.controlID == "7" && answer.text == nil)
  }
}
