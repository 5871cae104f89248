import HL7

/// What a branch on OBX-2 says of OBX-5: where the standard leaves the type of a field to the message, the message's
/// own word for it counts as soon as the program has asked for it.
extension Checker {
  /// The fact that what a name or path stands for is one of some texts: `o-2=CE|CWE`.
  static func equals(_ names: Set<String>, _ constant: Datum?) -> Set<String> {
    let texts: [String]
    switch constant {
    case .text(let text): texts = [text]
    case .list(let values): texts = values.compactMap { if case .text(let text) = $0 { text } else { nil } }
    default: return []
    }
    guard !texts.isEmpty else { return [] }
    return Set(names.map { "\($0)=\(texts.joined(separator: "|"))" })
  }

  /// What holds of a subject in an arm with literals.
  mutating func equals<Body>(_ subject: Expression, _ arm: Arm<Body>) -> Set<String> {
    let texts = arm.patterns.compactMap { pattern -> Datum? in
      guard case .value(let value) = pattern, case .text(let parts) = value.kind, parts.count == 1,
        case .literal(let text) = parts[0]
      else { return nil }
      return .text(text)
    }
    guard texts.count == arm.patterns.count else { return [] }
    let names = fact(subject)
    return names.union(Self.equals(names, .list(texts)))
  }

  /// The kind of a field that has been read so far, with what is known of its type.
  ///
  /// - Parameter step: the field, behind its segment.
  func narrowed(_ kind: Kind, _ place: HL7Place, before step: Step) -> Kind {
    // OBX-2 names the type of OBX-5.
    guard place.code == "OBX", place.field == 5, let versions = kind.types["varies"], !place.message.isDraft else {
      return kind
    }
    let segment = Span(Int(place.span.start), Int(step.span.start))
    let prefix = canonical(Expression(kind: .null, span: segment)) + "-2="
    guard let fact = facts.filter({ $0.hasPrefix(prefix) }).min(by: { $0.utf8.count < $1.utf8.count }) else {
      return kind
    }
    let types = fact.dropFirst(prefix.count).split(separator: "|").map(String.init)
    guard types.allSatisfy({ HL7Tables.type($0) != nil || HL7Tables.primitiveNames.contains($0) }) else { return kind }
    var narrowed = kind
    narrowed.types = [:]
    for type in types {
      // Who names a type that his version doesn't have means it all the same.
      let own = HL7Tables.type(type).map { versions.intersection($0.versions) } ?? versions
      narrowed.types[type] = own.isEmpty ? versions : own
    }
    return narrowed
  }
}
