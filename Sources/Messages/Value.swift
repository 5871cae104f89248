/// A value that travels beside a message: what a source knows of it (`message.source.peer`), what a transform
/// attached to what it emitted (`meta`), how far a source has read.
public enum Value: Sendable, Hashable {
  case text(String)
  case integer(Int64)
  case boolean(Bool)
  case list([Value])
  case record([String: Value])

  /// The value at a dotted path inside records; `nil` where there is none.
  public subscript(path: String) -> Value? {
    var value = self
    for name in path.split(separator: ".") {
      guard case .record(let fields) = value, let next = fields[String(name)] else { return nil }
      value = next
    }
    return value
  }

  /// The text of a text; digits of an integer; `true` or `false`; `nil` for a list or a record.
  public var text: String? {
    switch self {
    case .text(let text): text
    case .integer(let number): String(number)
    case .boolean(let flag): flag ? "true" : "false"
    case .list, .record: nil
    }
  }
}

/// As JSON a value is what it looks like: `"10.1.2.3"`, `5`, `true`, `["a"]`, `{"name": "a.hl7"}`.
extension Value: Codable {
  public init(from decoder: any Decoder) throws {
    let container = try decoder.singleValueContainer()
    if let flag = try? container.decode(Bool.self) {
      self = .boolean(flag)
    } else if let number = try? container.decode(Int64.self) {
      self = .integer(number)
    } else if let text = try? container.decode(String.self) {
      self = .text(text)
    } else if let values = try? container.decode([Value].self) {
      self = .list(values)
    } else {
      self = .record(try container.decode([String: Value].self))
    }
  }

  public func encode(to encoder: any Encoder) throws {
    var container = encoder.singleValueContainer()
    switch self {
    case .text(let text): try container.encode(text)
    case .integer(let number): try container.encode(number)
    case .boolean(let flag): try container.encode(flag)
    case .list(let values): try container.encode(values)
    case .record(let fields): try container.encode(fields)
    }
  }
}
