package import Text

/// Text of a message that can't be read or written: what and where, never the text.
package struct HL7TextError: Error, Hashable, CustomStringConvertible {
  package enum Kind: Sendable, Hashable {
    case characters(CharsetError)
    /// The text holds a character that must be escaped, and the message's MSH-2 declares no escape character.
    case noEscapeCharacter
  }

  package let kind: Kind
  /// Bytes before the place: in a message that came, from its first byte; otherwise from the start of the field.
  package let offset: Int
  package let path: HL7Path?

  package init(_ kind: Kind, offset: Int, path: HL7Path? = nil) {
    self.kind = kind
    self.offset = offset
    self.path = path
  }

  func at(_ path: HL7Path) -> HL7TextError { HL7TextError(kind, offset: offset, path: path) }

  package var description: String {
    let place = path.map { "\($0), byte \(offset)" } ?? "byte \(offset)"
    switch kind {
    case .characters(let error):
      return switch error.kind {
      case .undecodable: "a byte is not \(error.charset.name) (\(place))"
      case .unencodable: "the output's character set \(error.charset.name) lacks a character of the text (\(place))"
      case .unsupported: "\(error) (\(place))"
      }
    case .noEscapeCharacter: return "the text needs an escape character and MSH-2 declares none (\(place))"
    }
  }
}
