import HL7
import Testing
import Text

/// Any bytes may come over the wire; none may stop the engine.
@Suite struct HL7RandomTests {
  private let alphabet: [UInt8] =
    Array("MSHPIDOBXACKA01|||^^~~\\\\&&\"\"\r\r\n XF.br0AF#".utf8) + [0, 0x0B, 0x1C, 0x1B, 0x80, 0xC3, 0xE9, 0xFF]

  private func bytes(_ generator: inout SeededGenerator) -> [UInt8] {
    let openings = [
      "", "MSH|^~\\&|", "MSH|^~\\&#|A|B|C|D|||ADT^A01|1|P|2.5||||||8859/1\r", "MSH|^|", "\u{FEFF}MSH*:!?%*",
    ]
    let opening = Array(openings[Int.random(in: 0..<openings.count, using: &generator)].utf8)
    let isWild = Int.random(in: 0..<4, using: &generator) == 0
    return opening
      + (0..<Int.random(in: 0...120, using: &generator)).map { _ in
        isWild
          ? UInt8.random(in: 0...255, using: &generator)
          : alphabet[Int.random(in: 0..<alphabet.count, using: &generator)]
      }
  }

  @Test func `random bytes are read, answered and edited without a trap`() throws {
    let seed = UInt64.random(in: 0..<1 << 40)
    var generator = SeededGenerator(seed: seed)
    var read = 0
    for _ in 0..<4_000 {
      let bytes = bytes(&generator)
      let options = HL7ReadingOptions(
        segmentEnd: Bool.random(using: &generator) ? .any : .cr,
        charset: Charset.allCases[Int.random(in: 0..<Charset.allCases.count, using: &generator)],
        charsetDeclared: Bool.random(using: &generator) ? .trust : .ignore)
      if let header = HL7Header(bytes, options) {
        let refusal = HL7Refusal(code: 207, text: "é", path: HL7Path("PID-3"))
        _ = HL7Acknowledgment().wanted(header, .error(refusal))
        let answer = HL7Acknowledgment().answer(to: header, "AE", .error(refusal), controlID: "1", time: "2026")
        #expect(isReadable(answer, options), "seed \(seed)")
      }
      _ = try? HL7Answer(bytes, options)
      guard let message = try? HL7Message(bytes, options) else { continue }
      read += 1
      #expect(HL7Draft(message).serialized() == bytes, "seed \(seed)")
      readEverything(message)
      editAnything(message, &generator)
    }
    #expect(read > 500, "seed \(seed)")
  }

  /// The control id is given back byte for byte, so it may be what its sender's set does not have; all else is read.
  private func isReadable(_ answer: [UInt8], _ options: HL7ReadingOptions) -> Bool {
    do {
      _ = try HL7Answer(answer, options)
      return true
    } catch {
      guard case .text = error else { return false }
      return true
    }
  }

  private func readEverything(_ message: HL7Message) {
    for segment in message.segmentIDs {
      for number in 0...message.fieldCount(of: segment) + 1 {
        let field = message.field(number, of: segment)
        _ = field.presence
        _ = try? field.text()
        for repetition in field.repetitions {
          for component in repetition.components {
            for leaf in component.subcomponents { _ = try? leaf.value() }
          }
        }
        for part in 0...4 { _ = try? field.repetition(part).component(part).subcomponent(part).value() }
      }
    }
  }

  private func editAnything(_ message: HL7Message, _ generator: inout SeededGenerator) {
    var draft = HL7Draft(message)
    for _ in 0..<8 {
      let ids = draft.segmentIDs
      let segment = ids[Int.random(in: 0..<ids.count, using: &generator)]
      let position = HL7Position(
        Int.random(in: -1...30, using: &generator), repetition: Int.random(in: 0...3, using: &generator),
        component: Bool.random(using: &generator) ? Int.random(in: 0...3, using: &generator) : nil)
      let source = message.field(Int.random(in: 0...20, using: &generator), of: segment)
      let content: [HL7Content] = [
        .text("a|\r"), .formatted("\\.br\\\\"), .null, .absent, .piece(source), .parts([.piece(source), .null]),
      ]
      try? draft.set(content[Int.random(in: 0..<content.count, using: &generator)], at: position, of: segment)
      if Bool.random(using: &generator) { _ = try? draft.insertSegment(copying: segment, of: draft, after: segment) }
      if Int.random(in: 0..<4, using: &generator) == 0 { try? draft.removeSegment(segment) }
    }
    let output = draft.serialized()
    // What was written never makes a second header or changes the delimiters.
    let reread = try? HL7Message(output, message.options)
    #expect(reread == nil || reread?.delimiters == message.delimiters)
  }
}
