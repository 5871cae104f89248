import Messages
import Testing

@testable import Store

@Suite struct CodingTests {
  @Test func `Records come back as they were written`() throws {
    let content = RecordContent(
      attributes: [
        "a": .list([.integer(.min), .integer(.max), .integer(-1)]), "": .record([:]), "é": .boolean(false),
      ],
      reason: "why", columns: [(5, "x"), (-1, "")],
      steps: [Step(.flagged, "t", lane: "l", at: -7), Step(.reprocessed, "", lane: nil, at: nil)], passedBy: [3, 1])
    let back = try RecordContent(decoding: content.encoded)
    #expect(back.attributes == content.attributes && back.reason == "why" && back.steps == content.steps)
    #expect(back.columns.map(\.key) == [5, -1] && back.columns.map(\.text) == ["x", ""] && back.passedBy == [3, 1])
    for format in Format.allCases { #expect(Format(code: format.code) == format) }
    for state in MessageState.allCases { #expect(MessageState(code: Int64(state.code)) == state) }
    for state in DeliveryState.allCases { #expect(DeliveryState(code: Int64(state.code)) == state) }
    for code in UInt8(0)..<12 { #expect(Step.Kind(code: code)?.code == code) }
  }

  @Test func `Bytes of any kind are read or refused, never trapped on`() {
    let seed = UInt64.random(in: 0...UInt64.max)
    var random = Seeded(seed)
    let whole = RecordContent(
      attributes: ["a": .list([.text("b"), .record(["c": .integer(5)])])], reason: "r", columns: [(1, "x")],
      steps: [Step(.note, "t")], passedBy: [2]
    ).encoded
    var read = 0
    for round in 0..<20_000 {
      var bytes = whole
      if round % 2 == 0 {
        for _ in 0..<3 {
          bytes[Int.random(in: 0..<bytes.count, using: &random)] = UInt8.random(in: 0...255, using: &random)
        }
      } else {
        bytes = (0..<Int.random(in: 0..<60, using: &random)).map { _ in UInt8.random(in: 0...255, using: &random) }
      }
      if (try? RecordContent(decoding: bytes)) != nil { read += 1 }
      if (try? ResultContent(decoding: bytes)) != nil { read += 1 }
      if (try? RenderedContent.decode(bytes)) != nil { read += 1 }
      if (try? MessageKeys(decoding: bytes)) != nil { read += 1 }
    }
    #expect(read > 0, "seed \(seed)")
  }

  @Test func `A value nested without end is refused`() {
    let bytes = [UInt8](repeating: 4, count: 1) + (0..<10_000).flatMap { _ in [UInt8(1), UInt8(4)] } + [1, 0]
    var reader = ByteReader(bytes)
    #expect(throws: ByteReader.Unreadable.self) { try reader.value() }
  }
}
