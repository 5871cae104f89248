import Text

/// JSON that the server sends, put together piece by piece.
package indirect enum JSONValue: Sendable, Equatable {
  case null
  case boolean(Bool)
  case number(Int)
  case text(String)
  case list([JSONValue])
  /// In the order in which it is written.
  case object([(key: String, value: JSONValue)])
  /// A value that came, sent back as it is: the id of a request.
  case raw([UInt8])

  package static func == (a: JSONValue, b: JSONValue) -> Bool { a.bytes == b.bytes }

  package var bytes: [UInt8] {
    var writer = JSONWriter()
    write(to: &writer)
    return writer.bytes
  }

  private func write(to writer: inout JSONWriter) {
    switch self {
    case .null: writer.null()
    case .boolean(let flag): writer.boolean(flag)
    case .number(let number): writer.number(String(number))
    case .text(let text): writer.text(text)
    case .list(let values):
      writer.beginList()
      for value in values { value.write(to: &writer) }
      writer.endList()
    case .object(let members):
      writer.beginObject()
      for member in members {
        writer.key(member.key)
        member.value.write(to: &writer)
      }
      writer.endObject()
    case .raw(let bytes):
      // It was read before: it can be read again.
      if let document = try? JSONDocument(bytes) { writer.node(document.root) } else { writer.null() }
    }
  }
}

extension JSONValue: ExpressibleByStringLiteral, ExpressibleByIntegerLiteral, ExpressibleByBooleanLiteral,
  ExpressibleByArrayLiteral, ExpressibleByDictionaryLiteral, ExpressibleByNilLiteral
{
  package init(stringLiteral text: String) { self = .text(text) }
  package init(integerLiteral number: Int) { self = .number(number) }
  package init(booleanLiteral flag: Bool) { self = .boolean(flag) }
  package init(arrayLiteral values: JSONValue...) { self = .list(values) }
  package init(nilLiteral: ()) { self = .null }
  package init(dictionaryLiteral members: (String, JSONValue)...) {
    self = .object(members.map { (key: $0.0, value: $0.1) })
  }

  /// The same object with one more member, unless there is nothing to add.
  func adding(_ key: String, _ value: JSONValue?) -> JSONValue {
    guard case .object(let members) = self, let value else { return self }
    return .object(members + [(key: key, value: value)])
  }
}

extension JSONNode {
  /// Of a number without a fraction.
  var integer: Int? { number.flatMap { Int($0) } }
}
