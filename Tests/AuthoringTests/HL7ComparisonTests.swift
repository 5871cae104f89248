import Testing

@testable import Authoring

@Suite struct HL7ComparisonTests {
  private let header = "MSH|^~\\&|A|B|C|D|2026||ADT^A01|1|P|2.5.1\r"

  private func differences(_ expected: String, _ actual: String, ignoring: String...) -> [String] {
    HL7Comparison.differences(
      Array((header + expected).utf8), Array((header + actual).utf8), ignoring: ignoring.compactMap(IgnoredPlace.init)
    ).map { "\($0.line): \($0.text)" }
  }

  @Test func `separators with nothing behind them, line ends and empty lines make no difference`() {
    #expect(differences("PID|1||42^^^&&^~|a\r", "PID|1||42|a||||\n\n") == [])
    #expect(differences("PID|1||42\r\nPV1|1\r\n", "PID|1||42\rPV1|1") == [])
  }

  @Test func `a difference is named by field, repetition, component and subcomponent`() {
    #expect(
      differences("PID|||1~2^^^X&Y||Miller^Anna||F\r", "PID|||1~2^^^X&Z||Miller^Anne||M\r") == [
        "2: PID-3[2].4.2: expected \"Y\", got \"Z\"", "2: PID-5[1].2: expected \"Anna\", got \"Anne\"",
        "2: PID-7: expected \"F\", got \"M\"",
      ])
    #expect(differences("PID|||1~2\r", "PID|||1\r") == ["2: PID-3[2]: expected \"2\", got \"\""])
    #expect(differences("PID|||a\r", "PID|||a&b\r") == ["2: PID-3.1.2: expected \"\", got \"b\""])
  }

  @Test func `a segment too many or too few is said once, and those behind it are compared`() {
    #expect(
      differences("NK1|1\rNK1|2\rPV1|1|I\r", "NK1|1\rPV1|1|O\r") == [
        "3: NK1[2]: expected, and there is none", "4: PV1-2: expected \"I\", got \"O\"",
      ])
    #expect(differences("PV1|1\r", "PV1|1\rZZZ|x\r") == ["3: ZZZ: not expected: \"ZZZ|x\""])
  }

  @Test func `what is ignored makes no difference`() {
    #expect(differences("PID|1|a|b^c\rNK1|1\r", "PID|1|x|b^y\r", ignoring: "PID-2", "PID-3[1].2", "NK1") == [])
    #expect(differences("PID|1|a\r", "PID|1|x\r", ignoring: "PID-3", "PV1-2", "PID[2]-2").count == 1)
    #expect(IgnoredPlace("PID-") == nil && IgnoredPlace("pid-3") == nil && IgnoredPlace("PID-3.x") == nil)
  }

  @Test func `separators are those of each message, and another is a difference itself`() {
    let expected = Array("MSH|^~\\&|A\rPID|||a^b\r".utf8)
    let actual = Array("MSH$!~\\&$A\rPID$$$a!b\r".utf8)
    #expect(
      HL7Comparison.differences(expected, actual, ignoring: []).map(\.text) == [
        "MSH-1: expected \"|\", got \"$\"", "MSH-2: expected \"^~\\&\", got \"!~\\&\"",
      ])
  }

  @Test func `no bytes stop it`() {
    for bytes: [UInt8] in [[], [0x0D], Array("MSH".utf8), Array("MSH|".utf8), [0xFF, 0x00, 0x0A], Array("|\r||".utf8)] {
      #expect(HL7Comparison.differences(bytes, bytes, ignoring: []) == [])
      _ = HL7Comparison.differences(bytes, Array(header.utf8), ignoring: [])
    }
  }
}
