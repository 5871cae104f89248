package import Text

/// A copy of a message on which places are written.
///
/// It is the message it began from and a list of changed fields, so that copying costs nothing and what is not written
/// goes out byte for byte as it came. A draft without changes gives exactly the bytes of its message.
package struct HL7Draft: HL7Reading {
  /// Highest numbers that are written: beyond them a place is our own mistake or someone's attack.
  package static let fieldNumberMax = 1_000
  package static let repetitionNumberMax = 65_536
  package static let componentNumberMax = 1_000

  /// One reference holds it all, so that a draft that is read or handed on costs one counter. Who writes owns it first.
  private(set) var content: HL7DraftContent

  package init(_ message: HL7Message) { content = HL7DraftContent(message) }

  /// Before anything is written: other copies of the draft don't see it.
  mutating func own() {
    if !isKnownUniquelyReferenced(&content) { content = HL7DraftContent(copying: content) }
  }

  var base: HL7Message { content.base }
  package var charset: Charset { content.charset }
  private var order: [Int]? { content.order }

  /// A draft of a message that holds nothing but MSH with its delimiters.
  package static func blank(
    delimiters: HL7Delimiters = .standard, charset: Charset = .utf8
  ) throws(HL7ParseError) -> HL7Draft {
    var header = Array("MSH".utf8) + [delimiters.field]
    delimiters.appendEncodingCharacters(to: &header)
    header.append(0x0D)
    return HL7Draft(try HL7Message(header, HL7ReadingOptions(charset: charset)))
  }

  package var delimiters: HL7Delimiters { base.delimiters }

  /// Whether anything was written, added or removed.
  package var isChanged: Bool { !content.heads.isEmpty || order != nil }

  // MARK: Reading

  package var segmentIDs: [Int] { order ?? base.segmentIDs }

  package func code(of segment: Int) -> HL7SegmentCode? {
    guard let code = rawCode(of: segment), code.isWellFormed else { return nil }
    return code
  }

  private func rawCode(of segment: Int) -> HL7SegmentCode? {
    guard exists(segment) else { return nil }
    return segment < base.segmentCount ? base.rawCode(of: segment) : content.added[segment - base.segmentCount]
  }

  func exists(_ segment: Int) -> Bool { content.exists(segment) }

  package func segment(_ code: HL7SegmentCode, occurrence: Int) -> Int? {
    guard let order else { return base.segment(code, occurrence: occurrence) }
    guard occurrence >= 1 else { return nil }
    var left = occurrence
    for segment in order where rawCode(of: segment) == code {
      left -= 1
      if left == 0 { return segment }
    }
    return nil
  }

  package func firstSegment(_ code: HL7SegmentCode) -> (segment: Int, isOnly: Bool)? {
    // Asked before every read and write, mostly of a draft in the order of its base.
    if content.order == nil { return content.base.firstSegment(code) }
    guard let order else { return nil }
    guard let first = order.first(where: { rawCode(of: $0) == code }) else { return nil }
    return (first, order.count { rawCode(of: $0) == code } == 1)
  }

  package func segments(named code: HL7SegmentCode) -> [Int] {
    guard let order else { return base.segments(named: code) }
    return order.filter { rawCode(of: $0) == code }
  }

  package func fieldCount(of segment: Int) -> Int {
    guard exists(segment) else { return 0 }
    var count = base.fieldCount(of: segment)
    var edit = content.head(of: segment)
    while edit >= 0 {
      count = max(count, Int(content.edits[edit].field))
      edit = Int(content.edits[edit].next)
    }
    return count
  }

  package func field(_ number: Int, of segment: Int) -> HL7Piece {
    guard exists(segment) else { return HL7Piece([], level: .field, delimiters: delimiters, charset: charset) }
    let place = content.place(ofField: number, segment)
    if place.isWritten {
      return HL7Piece(content.copy(of: place.range), level: .field, delimiters: delimiters, charset: charset)
    }
    let piece = base.field(number, of: segment)
    guard piece.charset != charset else { return piece }
    return piece.decoded(as: charset, delimiters)
  }

  // MARK: Writing

  /// Adds an empty segment behind another, or at the message's end where `after` is `nil`.
  ///
  /// - Returns: the id of the new segment.
  @discardableResult
  package mutating func insertSegment(
    _ code: HL7SegmentCode, after segment: Int? = nil
  ) throws(HL7EditError) -> Int {
    guard !code.declaresDelimiters else { throw HL7EditError(.fixedHeader, segment: code) }
    var order = order ?? base.segmentIDs
    var place = order.count
    if let segment, segment != order.last {
      guard let index = order.firstIndex(of: segment) else { throw HL7EditError(.noSegment, segment: code) }
      place = index + 1
    }
    own()
    content.order = nil
    let id = content.add(code)
    order.insert(id, at: place)
    content.order = order
    return id
  }

  /// Removes a segment; its id is not given again.
  package mutating func removeSegment(_ segment: Int) throws(HL7EditError) {
    guard segment != 0 else { throw HL7EditError(.fixedHeader) }
    guard exists(segment) else { throw HL7EditError(.noSegment) }
    own()
    content.remove(segment)
    var order = content.order ?? base.segmentIDs
    content.order = nil
    if let place = order.lastIndex(of: segment) { order.remove(at: place) }
    content.order = order
  }

  /// Goes over to another character set: every field that is not plain ASCII is written anew. MSH-18 is not touched.
  mutating func recode(to target: Charset) throws(HL7EditError) {
    var recoded = self
    recoded.own()
    let content = recoded.content
    content.charset = target
    let encoder = HL7Encoder(delimiters: delimiters, charset: target)
    for segment in segmentIDs {
      if segment < base.segmentCount, let high = base.firstHighByteOfName(of: segment) {
        let error = CharsetError(kind: .undecodable, charset: charset, offset: high)
        throw HL7EditError(.text(HL7TextError(.characters(error), offset: high)))
      }
      for number in 1...max(1, fieldCount(of: segment)) {
        let piece = field(number, of: segment)
        guard piece.level == .field, piece.bytes.contains(where: { $0 >= 0x80 }) || encoder.holdsHex(piece) else {
          continue
        }
        let start = content.written.count
        do {
          try encoder.append(piece, at: .field, to: &content.written)
        } catch {
          throw HL7EditError(error, segment: code(of: segment), position: HL7Position(number))
        }
        content.keep(start, asField: number, of: segment)
      }
    }
    self = recoded
  }
}

extension HL7Message {
  fileprivate func firstHighByteOfName(of segment: Int) -> Int? {
    bytes[index.start(of: segment)..<index.nameEnd(of: segment)].firstIndex { $0 >= 0x80 }
  }
}

extension HL7Draft: CustomStringConvertible, CustomReflectable {
  /// Format, size and number of changes; never content.
  package var description: String { "draft of \(base), \(content.edits.count) fields written" }
  package var customMirror: Mirror { Mirror(self, children: ["draft": description]) }
}
