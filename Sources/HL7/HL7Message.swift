package import Text

/// An HL7 v2 message: its bytes exactly as they came, and an index of where segments and fields stand.
///
/// Parsing is tolerant: any segment and any number of fields is taken; only what makes the message unreadable is an
/// error. A segment is addressed by its number from 0 (`segmentIDs`), a field by the standard's numbers from 1.
package struct HL7Message: HL7Reading {
  /// One reference holds it all, so that a message is copied for the price of one counter.
  private let content: Content

  private final class Content: Sendable {
    let bytes: [UInt8]
    let index: HL7Index
    let delimiters: HL7Delimiters
    let charset: Charset
    let options: HL7ReadingOptions

    init(
      _ bytes: [UInt8], _ index: HL7Index, _ delimiters: HL7Delimiters, _ charset: Charset, _ options: HL7ReadingOptions
    ) {
      self.bytes = bytes
      self.index = index
      self.delimiters = delimiters
      self.charset = charset
      self.options = options
    }
  }

  /// The bytes as they came, byte-order mark and blank lines included.
  package var bytes: [UInt8] { content.bytes }
  package var delimiters: HL7Delimiters { content.delimiters }
  /// The set in which text is decoded: MSH-18's or the channel's, as the options say.
  package var charset: Charset { content.charset }
  package var options: HL7ReadingOptions { content.options }
  var index: HL7Index { content.index }

  /// Indexes a message. Its text is decoded later, where it is read.
  package init(_ bytes: [UInt8], _ options: HL7ReadingOptions = HL7ReadingOptions()) throws(HL7ParseError) {
    let byteCountMax = Int(UInt32.max) - 64
    guard bytes.count <= byteCountMax else {
      throw HL7ParseError(.tooLarge(byteCountMax: byteCountMax), offset: byteCountMax)
    }
    let opening = try HL7Opening(bytes[...], options)
    guard
      let index = HL7Index(
        bytes, from: opening.start, separator: opening.delimiters.field, lineFeedEnds: options.segmentEnd == .any,
        fieldCountMax: options.fieldCountMax)
    else {
      throw HL7ParseError(.tooManyFields(fieldCountMax: options.fieldCountMax), offset: 0)
    }
    try Self.checkStarts(of: index, bytes, strict: options.segmentEnd == .cr)
    let charset = try Self.charset(bytes, index, opening.delimiters, options)
    content = Content(bytes, index, opening.delimiters, charset, options)
  }

  private static func checkStarts(of index: HL7Index, _ bytes: [UInt8], strict: Bool) throws(HL7ParseError) {
    if strict, let lineFeed = bytes[..<index.end(of: 0)].firstIndex(of: 0x0A) {
      throw HL7ParseError(.lineFeed, offset: lineFeed, segment: 1)
    }
    let header = HL7SegmentCode.msh.rawValue
    for segment in 1..<max(1, index.segmentCount) {
      let start = index.start(of: segment)
      if strict, bytes[start] == 0x0A { throw HL7ParseError(.lineFeed, offset: start, segment: segment + 1) }
      guard index.segments[segment].code != header else {
        throw HL7ParseError(.secondHeader, offset: start, segment: segment + 1)
      }
    }
  }

  /// MSH-18 where it is trusted and valued, else the channel's.
  private static func charset(
    _ bytes: [UInt8], _ index: HL7Index, _ delimiters: HL7Delimiters, _ options: HL7ReadingOptions
  ) throws(HL7ParseError) -> Charset {
    guard options.charsetDeclared == .trust, index.separatorCount(of: 0) >= 17 else { return options.charset }
    let range = index.field(17, of: 0)
    guard !range.isEmpty else { return options.charset }
    let field = HL7Piece(bytes, range, level: .field, delimiters: delimiters, charset: .ascii)
    guard field.leaf.presence == .valued else { return options.charset }
    let name = try? field.leaf.text()
    if let charset = name.flatMap({ HL7CharacterSet.charset(declared: $0) }) { return charset }
    // Every set of table 0211 has ASCII where it is not switched, so a message of ASCII needs no other.
    guard index.isASCII, !bytes.contains(0x1B) else {
      let standard = name.flatMap { HL7CharacterSet.unsupported(declared: $0) }
      throw HL7ParseError(.characterSet(standard: standard), offset: range.lowerBound, segment: 1)
    }
    return .ascii
  }

  package var segmentCount: Int { index.segmentCount }
  package var segmentIDs: [Int] { Array(0..<index.segmentCount) }

  package func code(of segment: Int) -> HL7SegmentCode? {
    guard let code = rawCode(of: segment) else { return nil }
    return code.isWellFormed ? code : nil
  }

  @inline(__always)
  func rawCode(of segment: Int) -> HL7SegmentCode? {
    guard segment >= 0, segment < index.segmentCount else { return nil }
    let code = index.segments[segment].code
    return code == 0 ? nil : HL7SegmentCode(rawValue: code)
  }

  package func segment(_ code: HL7SegmentCode, occurrence: Int) -> Int? {
    guard occurrence >= 1 else { return nil }
    var segment = content.index.firstSegment(code, from: 0)
    for _ in 1..<occurrence {
      guard let before = segment else { return nil }
      segment = content.index.firstSegment(code, from: before + 1)
    }
    return segment
  }

  package func firstSegment(_ code: HL7SegmentCode) -> (segment: Int, isOnly: Bool)? {
    guard let first = content.index.firstSegment(code, from: 0) else { return nil }
    return (first, content.index.firstSegment(code, from: first + 1) == nil)
  }

  package func segments(named code: HL7SegmentCode) -> [Int] {
    (0..<index.segmentCount).filter { rawCode(of: $0) == code }
  }

  package func fieldCount(of segment: Int) -> Int {
    guard segment >= 0, segment < index.segmentCount else { return 0 }
    let count = index.separatorCount(of: segment)
    return segment == 0 ? count + 1 : count
  }

  package func field(_ number: Int, of segment: Int) -> HL7Piece {
    guard let range = fieldRange(number, of: segment) else {
      return HL7Piece([], level: .field, delimiters: delimiters, charset: charset)
    }
    let level: HL7Piece.Level = segment == 0 && number <= 2 ? .delimiters : .field
    return HL7Piece(content.bytes, range, level: level, delimiters: content.delimiters, charset: content.charset)
  }

  /// Where a field stands in `bytes`; `nil` where the segment ends before it.
  package func fieldRange(_ number: Int, of segment: Int) -> Range<Int>? {
    content.index.fieldRange(number, of: segment)
  }

  /// Where a segment stands in `bytes`, without what ends it.
  package func segmentRange(_ segment: Int) -> Range<Int>? {
    guard segment >= 0, segment < index.segmentCount else { return nil }
    return index.start(of: segment)..<index.end(of: segment)
  }

  /// Segments whose name is not three capitals or digits: mostly lines broken within a field.
  package var oddSegments: [Int] { segmentIDs.filter { code(of: $0) == nil } }
}

extension HL7Message: CustomStringConvertible, CustomReflectable {
  /// Format, size and number of segments; never content.
  package var description: String { "hl7v2, \(bytes.count) bytes, \(segmentCount) segments" }
  package var customMirror: Mirror { Mirror(self, children: ["message": description]) }
}
