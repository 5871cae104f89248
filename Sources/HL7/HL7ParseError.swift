/// Why bytes are not an HL7 v2 message: what is wrong and where, never the content.
package struct HL7ParseError: Error, Hashable, CustomStringConvertible {
  package enum Kind: Sendable, Hashable {
    case empty
    /// The first segment is not MSH.
    case noHeader
    /// A file or batch header (FHS, BHS) stands first: `HL7Batch` splits it.
    case batch
    /// A second MSH: two messages in one.
    case secondHeader
    /// MSH ends before the delimiters are declared.
    case truncatedHeader
    /// MSH-1 or MSH-2 hold letters, digits, control characters, one character twice, or more than five.
    case delimiters
    /// UTF-16 or UTF-32: in these a delimiter is not one byte.
    case wideCharacters
    /// A byte-order mark where the channel reads strictly.
    case byteOrderMark
    /// A line feed after a segment's end, where only CR may end one.
    case lineFeed
    /// MSH-18 declares a character set that is not read here, and the message holds more than ASCII. `standard` is its
    /// name where it is one of HL7 table 0211; any other value is the sender's own and is not repeated.
    case characterSet(standard: String?)
    case tooLarge(byteCountMax: Int)
    case tooManyFields(fieldCountMax: Int)
  }

  package let kind: Kind
  /// Bytes before the place, from the message's first byte.
  package let offset: Int
  /// The segment, counted from 1; `nil` before the first.
  package let segment: Int?

  package init(_ kind: Kind, offset: Int, segment: Int? = nil) {
    self.kind = kind
    self.offset = offset
    self.segment = segment
  }

  /// The field that is wrong, where it is one.
  package var field: HL7Path? {
    switch kind {
    case .delimiters, .truncatedHeader: HL7Path("MSH-2")
    case .characterSet: HL7Path("MSH-18")
    default: nil
    }
  }

  package var description: String {
    let place = segment.map { "segment \($0), byte \(offset)" } ?? "byte \(offset)"
    return "\(reason) (\(place))"
  }

  private var reason: String {
    switch kind {
    case .empty: "there is nothing to read"
    case .noHeader: "the message does not begin with an MSH segment"
    case .batch: "a batch header stands where a message should begin"
    case .secondHeader: "a second MSH segment: these are several messages"
    case .truncatedHeader: "MSH ends before it declares the delimiters"
    case .delimiters: "MSH-1 and MSH-2 must be up to six different punctuation characters"
    case .wideCharacters: "the text is UTF-16 or UTF-32; a message needs one byte for each delimiter"
    case .byteOrderMark: "a byte-order mark stands before MSH; `segment-end: any` takes it"
    case .lineFeed: "a segment ends in more than CR; `segment-end: any` takes LF and CRLF"
    case .characterSet(let standard):
      "MSH-18 declares \(standard ?? "a character set that HL7 table 0211 does not have"), which is not read here; "
        + "`charset` with `charset-declared: ignore` reads the message as another"
    case .tooLarge(let byteCountMax): "the message has more than \(byteCountMax) bytes"
    case .tooManyFields(let fieldCountMax): "the message has more than \(fieldCountMax) fields"
    }
  }
}
