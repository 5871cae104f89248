import Foundation
import Messages
import Testing

@Suite struct ValueTests {
  private let value = Value.record([
    "peer": .text("10.1.2.3"), "number": .integer(1), "zero": .integer(0), "flag": .boolean(true), "one": .text("1"),
    "list": .list([.text("a"), .integer(.max)]), "file": .record(["name": .text("a.hl7")]), "none": .list([]),
  ])

  @Test func `a value is plain JSON`() throws {
    let encoder = JSONEncoder()
    encoder.outputFormatting = .sortedKeys
    let text = String(decoding: try encoder.encode(value), as: UTF8.self)
    #expect(
      text == """
        {"file":{"name":"a.hl7"},"flag":true,"list":["a",9223372036854775807],"none":[],"number":1,"one":"1",\
        "peer":"10.1.2.3","zero":0}
        """)
  }

  @Test func `a value comes back from JSON as it was`() throws {
    #expect(try JSONDecoder().decode(Value.self, from: try JSONEncoder().encode(value)) == value)
  }
}
