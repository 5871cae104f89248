package import Text

/// How a channel's `hl7:` settings say a message is to be read.
package struct HL7ReadingOptions: Sendable, Hashable {
  package enum SegmentEnd: Sendable, Hashable {
    /// Only CR ends a segment, as the standard says.
    case cr
    /// CR, LF and CRLF; blank lines and a UTF-8 byte-order mark are passed over.
    case any
  }

  package enum DeclaredCharset: Sendable, Hashable {
    /// MSH-18 decides where it is valued.
    case trust
    /// `charset` decides whatever MSH-18 says.
    case ignore
  }

  package var segmentEnd: SegmentEnd
  /// The character set of messages that declare none.
  package var charset: Charset
  package var charsetDeclared: DeclaredCharset
  /// More separators than this are refused, so that the index of a hostile message stays bounded (4 bytes each).
  package var fieldCountMax: Int

  package init(
    segmentEnd: SegmentEnd = .any, charset: Charset = .utf8, charsetDeclared: DeclaredCharset = .trust,
    fieldCountMax: Int = 4_000_000
  ) {
    self.segmentEnd = segmentEnd
    self.charset = charset
    self.charsetDeclared = charsetDeclared
    self.fieldCountMax = fieldCountMax
  }
}
