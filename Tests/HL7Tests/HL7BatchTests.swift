import HL7
import Testing

@Suite struct HL7BatchTests {
  private func split(_ source: String, _ options: HL7ReadingOptions = HL7ReadingOptions()) throws -> [String] {
    let bytes = Array(source.utf8)
    return try HL7Batch(bytes, options).messages.map { String(decoding: bytes[$0], as: UTF8.self) }
  }

  @Test func `one message is a batch of one`() throws {
    #expect(try split("MSH|^~\\&|A\rPID|1\r") == ["MSH|^~\\&|A\rPID|1\r"])
    #expect(try split("MSH|^~\\&|A") == ["MSH|^~\\&|A"])
    let batch = try HL7Batch(segments(adt))
    #expect(!batch.hasEnvelope && batch.announcedMessageCount == nil)
  }

  @Test func `messages stand behind each other, with any line ends`() throws {
    for end in ["\r", "\n", "\r\n"] {
      let a = "MSH|^~\\&|A\(end)PID|1\(end)"
      let b = "MSH|^~\\&|B\(end)"
      #expect(try split(a + b) == [a, b])
      #expect(try split("\u{FEFF}\(end)" + a + end + end + b + end) == [a, b])
    }
  }

  @Test func `envelopes are taken off and their count is known`() throws {
    let source =
      "FHS|^~\\&|X\rBHS|^~\\&|X\rMSH|^~\\&|A\rPID|1\rMSH|^~\\&|B\rBTS|2|ok\rBHS|^~\\&\rMSH|^~\\&|C\rBTS|1\rFTS|2\r"
    let bytes = Array(source.utf8)
    let batch = try HL7Batch(bytes)
    #expect(try split(source) == ["MSH|^~\\&|A\rPID|1\r", "MSH|^~\\&|B\r", "MSH|^~\\&|C\r"])
    #expect(batch.hasEnvelope)
    #expect(batch.announcedMessageCount == 3)
  }

  @Test func `an envelope without messages is empty and a strange count is no count`() throws {
    #expect(try split("BHS|^~\\&|X\rBTS|0\r").isEmpty)
    let batch = try HL7Batch(Array("BHS|^~\\&\rMSH|^~\\&|A\rBTS|99999999999999999999\rFTS|x".utf8))
    #expect(batch.announcedMessageCount == nil)
    #expect(batch.messages.count == 1)
  }

  @Test func `where only CR ends a segment LF may still stand between messages`() throws {
    let strict = HL7ReadingOptions(segmentEnd: .cr)
    let source = "MSH|^~\\&|A\rOBX|1|x\nMSH|y\r\nMSH|^~\\&|B\r\n\n"
    let messages = try split(source, strict)
    #expect(messages == ["MSH|^~\\&|A\rOBX|1|x\nMSH|y\r", "MSH|^~\\&|B\r"])
    for message in messages { #expect(throws: Never.self) { try HL7Message(Array(message.utf8), strict) } }
  }

  @Test func `what is neither message nor envelope is refused`() {
    for source in ["", "PID|1\rMSH|^~\\&|A", "hello", "M"] {
      #expect(throws: HL7ParseError.self) { try HL7Batch(Array(source.utf8)) }
    }
  }

  @Test func `random bytes never trap and slices stay in order`() throws {
    let seed = UInt64.random(in: 0..<1 << 40)
    var generator = SeededGenerator(seed: seed)
    let alphabet = Array("MSHBTF|^\r\n1".utf8)
    for _ in 0..<3_000 {
      let start = ["MSH|^~\\&|", "FHS|^~\\&|", "BHS|", ""][Int.random(in: 0..<4, using: &generator)]
      let bytes =
        Array(start.utf8)
        + (0..<Int.random(in: 0...60, using: &generator)).map { _ in
          alphabet[Int.random(in: 0..<alphabet.count, using: &generator)]
        }
      let options = HL7ReadingOptions(segmentEnd: Bool.random(using: &generator) ? .any : .cr)
      guard let batch = try? HL7Batch(bytes, options) else { continue }
      var last = 0
      for range in batch.messages {
        #expect(range.lowerBound >= last && range.upperBound <= bytes.count && !range.isEmpty, "seed \(seed)")
        last = range.upperBound
      }
    }
  }
}
