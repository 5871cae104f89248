/// A value that travels beside a message: what a source knows of it (`message.source.peer`), what a transform
/// attached to what it emitted (`meta`), how far a source has read.
public enum Value: Sendable, Hashable, Codable {
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
