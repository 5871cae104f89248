/// Why bytes are no data set: what is wrong, where, and at which element. It never holds a value.
package struct DICOMError: Error, Hashable, CustomStringConvertible {
  package enum Kind: Sendable, Hashable {
    /// The bytes end in the middle of something.
    case truncated
    /// A length reaches beyond what holds the element.
    case overrun(length: Int)
    /// A sequence holds something else than items, or an item stands where an element should.
    case unexpected(DICOMTag)
    /// An item or sequence ends before what stands in it does, or without the delimiter that it needs.
    case unended
    /// A length that isn't known ahead, of something that must say it.
    case undefinedLength(DICOMVR)
    case tooDeep(depthMax: Int)
    case tooManyElements(elementsMax: Int)
    /// What isn't pixels has more bytes than are kept in memory.
    case tooLarge(bytesMax: Int)
    /// zlib doesn't read what is said to be deflated.
    case notDeflated
    /// It grows so much that it was surely made to.
    case inflatedTooMuch(bytesMax: Int)
    /// Bytes are asked for of which only the place is known.
    case notInMemory
    /// There is neither a file nor an element.
    case empty
    /// (0008,0005) names a character set that isn't read here, and the text is more than ASCII.
    case characterSet
    /// The text isn't in the character set that (0008,0005) declares; counted from the value's first byte.
    case undecodable(at: Int)
    /// The character set that (0008,0005) declares lacks a character of the text.
    case unencodable
    /// The value has not as many bytes as its numbers need.
    case size(DICOMVR)
    /// The value isn't what its VR says.
    case malformed(DICOMVR)
    /// It was asked for as something that this VR isn't.
    case kindOfValue(DICOMVR)
    /// What was written or asked for can't be.
    case cannot(String)
  }

  package let kind: Kind
  /// From the first byte of the file, or of the data set where it came without a file; of a deflated one, as it is
  /// inflated.
  package let offset: Int
  /// `(0040,0275)[2].(0040,0009)`; items count from 1. Empty at the top.
  package let path: String

  package init(_ kind: Kind, offset: Int, path: String) {
    self.kind = kind
    self.offset = offset
    self.path = path
  }

  package var description: String {
    "\(reason) (\(path.isEmpty ? "" : "at \(path), ")byte \(offset))"
  }

  package var reason: String {
    switch kind {
    case .truncated: "the bytes end in the middle of an element"
    case .overrun(let length): "the length \(length) reaches beyond the item, sequence or data set that it stands in"
    case .unexpected(let tag): "\(tag) stands where it can't"
    case .unended: "an item or sequence ends before what stands in it does"
    case .undefinedLength(let vr): "an element of \(vr) has an undefined length, which only SQ, UN and pixel data may"
    case .tooDeep(let depthMax): "sequences are nested more than \(depthMax) deep"
    case .tooManyElements(let elementsMax): "there are more than \(elementsMax) elements"
    case .tooLarge(let bytesMax): "there are more than \(bytesMax) bytes besides pixels"
    case .notDeflated: "the transfer syntax says that the data set is deflated, and it isn't"
    case .inflatedTooMuch(let bytesMax): "the deflated data set grows beyond \(bytesMax) bytes, or beyond any sense"
    case .notInMemory: "only the place of this value is known, its bytes were not kept"
    case .empty: "there is nothing to read"
    case .characterSet: "(0008,0005) names a character set that is not read here"
    case .undecodable(let offset): "byte \(offset) of the value is not in the character set of (0008,0005)"
    case .unencodable: "the character set of (0008,0005) lacks a character of the text; ISO_IR 192 has all"
    case .size(let vr): "the length of the value is no multiple of what a number of \(vr) has"
    case .malformed(let vr): "the value is not what \(vr) may be"
    case .kindOfValue(let vr): "a value of \(vr) is not read this way"
    case .cannot(let why): why
    }
  }
}

/// Something that a data set should not have, and that it is read with all the same.
package struct DICOMNote: Sendable, Hashable, CustomStringConvertible {
  package enum Kind: Sendable, Hashable {
    case oddLength
    /// The element has a smaller tag than the one before it.
    case order
    case duplicate
    /// Such an element has no place in a data set.
    case group
    /// A VR that the standard doesn't have.
    case unknownVR
    /// An element without VR in an explicit syntax.
    case implicitElement
    /// The first element isn't written as the transfer syntax says.
    case otherSyntax
    /// A delimiter where nothing was open, or with a length.
    case delimiter
    case noPreamble
    case noTransferSyntax
    case unknownTransferSyntax
    /// (0002,0000) doesn't say how long the group is.
    case metaLength
    /// Bytes behind the last element that are none.
    case trailing
    /// The bytes end early, which the reader was told to live with.
    case truncated
  }

  package let kind: Kind
  package let offset: Int
  package let tag: DICOMTag?

  package init(_ kind: Kind, offset: Int, tag: DICOMTag? = nil) {
    self.kind = kind
    self.offset = offset
    self.tag = tag
  }

  package var description: String { "\(reason) (\(tag.map { "at \($0), " } ?? "")byte \(offset))" }

  private var reason: String {
    switch kind {
    case .oddLength: "the length is odd"
    case .order: "the element stands behind one with a greater tag"
    case .duplicate: "the element stands there twice; the first counts"
    case .group: "elements of this group have no place in a data set"
    case .unknownVR: "the standard has no such VR; the value is read as UN"
    case .implicitElement: "the element has no VR, though the transfer syntax is explicit"
    case .otherSyntax: "the data set is not written as its transfer syntax says; it is read as it is written"
    case .delimiter: "a delimiter has a length, or ends nothing"
    case .noPreamble: "the file has no preamble with DICM"
    case .noTransferSyntax: "the file doesn't say its transfer syntax; it is read as it looks"
    case .unknownTransferSyntax: "the transfer syntax is not one of PS3.6; it is read as explicit, little endian"
    case .metaLength: "(0002,0000) doesn't say the length of the file meta group"
    case .trailing: "bytes without meaning follow the last element"
    case .truncated: "the bytes end in the middle of an element"
    }
  }
}

/// What is refused before it costs anything, and what is kept.
package struct DICOMLimits: Sendable, Hashable {
  /// Sequences in one another.
  package var depthMax: Int
  /// Elements, items and fragments.
  package var elementsMax: Int
  /// Of a stream: what is kept of it at most. Pixels and other long values are not.
  package var keptBytesMax: Int
  /// Of a stream: a value that is longer is not kept, only its place is.
  package var keptValueBytesMax: Int
  /// What a deflated data set may grow to.
  package var inflatedBytesMax: Int
  /// How many times its size a deflated data set may grow to, once it is larger than `inflatedBytesFree`.
  package var inflatedRatioMax: Int
  package var inflatedBytesFree = 16 << 20
  /// What ends early is read as far as it goes, with a note.
  package var acceptsTruncated: Bool

  package init(
    depthMax: Int = 128, elementsMax: Int = 2_000_000, keptBytesMax: Int = 128 << 20, keptValueBytesMax: Int = 1 << 20,
    inflatedBytesMax: Int = 1 << 30, inflatedRatioMax: Int = 200, acceptsTruncated: Bool = false
  ) {
    self.depthMax = depthMax
    self.elementsMax = elementsMax
    self.keptBytesMax = keptBytesMax
    self.keptValueBytesMax = keptValueBytesMax
    self.inflatedBytesMax = inflatedBytesMax
    self.inflatedRatioMax = inflatedRatioMax
    self.acceptsTruncated = acceptsTruncated
  }
}
