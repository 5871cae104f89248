import Testing

@testable import Partners

@Suite struct `A refusal` {
  private func refusal(_ rest: String, header: String = "MSH|^~\\&|A|B|C|D|2026||ACK|9|P|2.5") -> Refusal {
    Refusal(Array("\(header)\rMSA|AE|ID-7|\(rest)\r".utf8))
  }

  @Test func `gives place, condition and text of the form from 2.5 on`() {
    let told = refusal("no identifier\rERR||PID^1^3^2^1|101^Required field missing^HL70357|E||||no identifier")
    #expect(told.place == "PID-3[2].1" && told.condition == "101" && told.text == "no identifier")
    #expect(told.words == "101 Required field missing at PID-3[2].1: no identifier")
    #expect(refusal("\rERR||OBX^3^5|207|E|||diagnosis|for people").words == "207 at OBX[3]-5: for people")
    #expect(refusal("\rERR|||207^Application error|E|||diagnosis").words == "207 Application error: diagnosis")
  }

  @Test func `gives place, condition and text of the older form`() {
    let told = refusal("no identifier\rERR|PID^1^3^101&Required field missing&HL70357")
    #expect(told.words == "101 Required field missing at PID-3: no identifier")
    #expect(refusal("no||||\rNTE|1").words == "no")
    #expect(refusal("|||204^Unknown key identifier").words == "204 Unknown key identifier")
  }

  @Test func `follows the delimiters of its answer`() {
    let bytes = Array("MSH#*~\\!#A\rMSA#AR#ID#no\rERR##PV1*1*2#103*Table value not found\r".utf8)
    #expect(Refusal(bytes).words == "103 Table value not found at PV1-2: no")
  }

  @Test func `of which nothing can be read says nothing`() {
    for text in ["", "MSH", "MSH|", "MSH|^~\\&|A\rMSA|AE|1", "MSH|\rMSA\rERR", "MSH|^~\\&|\rMSA|AE\rERR|^^^^^&&|^|^"] {
      #expect(Refusal(Array(text.utf8)).words == "", "\(text)")
    }
    #expect(Refusal([0x4D, 0x53, 0x48, 0x0D, 0xFF, 0xFE, 0x0D]).words == "")
  }

  @Test func `is counted in the summary, which names the first without its text`() {
    var report = SendReport(outcomes: (0..<3).map { SendOutcome(number: $0, controlID: "\($0)") })
    report.outcomes[0].code = .AA
    for number in 1...2 {
      report.outcomes[number].code = .AE
      report.outcomes[number].refusal = refusal("Miller\rERR||PID^1^5|103")
    }
    #expect(report.description.contains("\n2 refused, the first with AE, condition 103 at PID-5"), "\(report)")
    #expect(!report.description.contains("Miller"))
    report.outcomes[2].refusal = nil
    #expect(report.description.contains("\n1 refused, with AE"))
  }
}
