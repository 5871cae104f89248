import Messages
import Text

/// What the engine knows of a message beside its bytes.
enum Attributes {
  /// Behind `message.`; a name that ends in `*` holds any names.
  static let known = [
    "id", "received", "channel", "source.peer", "source.file.name", "source.http.path", "source.http.header.*",
    "source.dicom.calling", "source.dicom.called", "source.query.*", "source.channel", "source.message",
    "source.batch.id", "source.batch.number", "source.batch.count", "source.gathered.count", "source.event",
    "source.kind",
  ]

  static func isKnown(_ keys: [String]) -> Bool {
    let path = keys.joined(separator: ".")
    return known.contains { name in
      guard name.hasSuffix("*") else { return name == path }
      return path.hasPrefix(name.dropLast()) && path.utf8.count >= name.utf8.count
    }
  }

  /// When the message came, by the clock of a zone; without one by UTC.
  static func received(_ attributes: [String: Value], in zone: TimeZoneRules?) -> Datum {
    guard case .integer(let milliseconds) = attributes["received"] else { return .absent }
    let stamp = Stamp(milliseconds: milliseconds)
    return .stamp(zone.flatMap { stamp.moved(to: $0) } ?? stamp)
  }

  static func find(_ keys: [String], in attributes: [String: Value], at span: Span) throws -> Datum {
    guard let first = keys.first, var value = attributes[first] else { return .absent }
    for key in keys.dropFirst() {
      guard case .record(let fields) = value, let next = fields[key] else { return .absent }
      value = next
    }
    switch value {
    case .text(let text): return .text(text)
    case .integer(let number): return .text(String(number))
    case .boolean(let flag): return .text(flag ? "true" : "false")
    case .list, .record: return .absent
    }
  }
}
