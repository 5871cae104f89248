import Foundation

/// A schema of JSON Schema draft-07, which is what editors' YAML extensions read.
indirect enum JSONSchema: Encodable {
  case object([String: JSONSchema])
  case list([JSONSchema])
  case text(String)
  case flag(Bool)

  func encode(to encoder: any Encoder) throws {
    switch self {
    case .object(let members):
      var container = encoder.container(keyedBy: Key.self)
      for (name, value) in members { try container.encode(value, forKey: Key(stringValue: name)) }
    case .list(let elements):
      var container = encoder.unkeyedContainer()
      for element in elements { try container.encode(element) }
    case .text(let text):
      var container = encoder.singleValueContainer()
      try container.encode(text)
    case .flag(let flag):
      var container = encoder.singleValueContainer()
      try container.encode(flag)
    }
  }

  private struct Key: CodingKey {
    let stringValue: String
    var intValue: Int? { nil }
    init(stringValue: String) { self.stringValue = stringValue }
    init?(intValue: Int) { nil }
  }

  /// As a file: members in the order of their names, so that it changes where the settings do.
  var printed: String {
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.sortedKeys, .prettyPrinted, .withoutEscapingSlashes]
    // Texts and flags alone: nothing in it can't be encoded.
    guard let data = try? encoder.encode(self) else { return "" }
    return String(decoding: data, as: UTF8.self) + "\n"
  }

  static func words(_ words: [String]) -> JSONSchema { .list(words.map { .text($0) }) }

  static func types(_ types: String...) -> JSONSchema {
    .object(["type": types.count == 1 ? .text(types[0]) : words(types)])
  }

  static func any(of schemas: [JSONSchema]) -> JSONSchema {
    schemas.count == 1 ? schemas[0] : .object(["anyOf": .list(schemas)])
  }

  /// The same with more said about it.
  func with(_ more: [String: JSONSchema]) -> JSONSchema {
    guard case .object(let members) = self else { return self }
    return .object(members.merging(more) { _, new in new })
  }
}
