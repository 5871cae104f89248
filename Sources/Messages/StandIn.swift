/// What a program put in the place of an identifier, and what it stands for. Shown or logged, it says neither.
package struct StandIn: Sendable, Hashable {
  package enum Kind: String, Sendable, Hashable, CaseIterable {
    case pseudonym
    case uid
  }

  package var kind: Kind
  /// The name of the key by which it was made.
  package var key: String
  package var original: String
  package var text: String

  package init(_ kind: Kind, key: String, original: String, text: String) {
    self.kind = kind
    self.key = key
    self.original = original
    self.text = text
  }
}

extension StandIn: CustomStringConvertible, CustomDebugStringConvertible, CustomReflectable {
  package var description: String { "a \(kind.rawValue) by the key \(key)" }
  package var debugDescription: String { description }
  package var customMirror: Mirror { Mirror(self, children: ["standIn": description]) }
}
