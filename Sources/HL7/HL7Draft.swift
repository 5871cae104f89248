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
  private var content: Content

  /// Changed by its only owner: Swift's own checks of that at run time would cost more than the changes.
  private final class Content: @unchecked Sendable {
    let base: HL7Message
    @exclusivity(unchecked) var charset: Charset
    @exclusivity(unchecked) var edits: [Edit] = []
    @exclusivity(unchecked) var editedByteCount = 0
    /// For each segment id the edit of its first edited field, or `none`, or `removed`. Empty as long as there is no
    /// edit.
    @exclusivity(unchecked) var heads: [Int32] = []
    /// Names of segments that were added; the first has the id `base.segmentCount`.
    @exclusivity(unchecked) var added: [HL7SegmentCode] = []
    /// `nil`: the order of the base.
    @exclusivity(unchecked) var order: [Int]?

    init(_ message: HL7Message, _ charset: Charset) {
      base = message
      self.charset = charset
    }

    init(copying other: Content) {
      base = other.base
      charset = other.charset
      edits = other.edits
      editedByteCount = other.editedByteCount
      heads = other.heads
      added = other.added
      order = other.order
    }
  }

  private struct Edit: Sendable {
    let field: Int32
    /// The edit of the next edited field of the same segment, in ascending order.
    var next: Int32
    var bytes: [UInt8]
  }

  private static let none: Int32 = -1
  private static let removed: Int32 = -2

  package init(_ message: HL7Message) { content = Content(message, message.charset) }

  /// The content, for one who writes: other copies of the draft don't see what is written.
  private mutating func owned() -> Content {
    if !isKnownUniquelyReferenced(&content) { content = Content(copying: content) }
    return content
  }

  var base: HL7Message { content.base }
  package var charset: Charset { content.charset }
  private var edits: [Edit] { content.edits }
  private var heads: [Int32] { content.heads }
  private var added: [HL7SegmentCode] { content.added }
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
  package var isChanged: Bool { !heads.isEmpty || order != nil }

  // MARK: Reading

  package var segmentIDs: [Int] { order ?? base.segmentIDs }

  package func code(of segment: Int) -> HL7SegmentCode? {
    guard let code = rawCode(of: segment), code.isWellFormed else { return nil }
    return code
  }

  private func rawCode(of segment: Int) -> HL7SegmentCode? {
    guard exists(segment) else { return nil }
    return segment < base.segmentCount ? base.rawCode(of: segment) : added[segment - base.segmentCount]
  }

  func exists(_ segment: Int) -> Bool {
    guard segment >= 0, segment < base.segmentCount + added.count else { return false }
    return heads.isEmpty || heads[segment] != Self.removed
  }

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
    guard let order else { return base.firstSegment(code) }
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
    var edit = heads.isEmpty ? Self.none : heads[segment]
    while edit >= 0 {
      count = max(count, Int(edits[Int(edit)].field))
      edit = edits[Int(edit)].next
    }
    return count
  }

  package func field(_ number: Int, of segment: Int) -> HL7Piece {
    guard exists(segment) else { return HL7Piece([], level: .field, delimiters: delimiters, charset: charset) }
    if let edit = edit(ofField: number, segment) {
      return HL7Piece(edits[edit].bytes[...], level: .field, delimiters: delimiters, charset: charset)
    }
    let piece = base.field(number, of: segment)
    guard piece.charset != charset else { return piece }
    return HL7Piece(piece.bytes, level: piece.level, delimiters: delimiters, charset: charset)
  }

  private func edit(ofField number: Int, _ segment: Int) -> Int? {
    var edit = heads.isEmpty ? Self.none : heads[segment]
    while edit >= 0 {
      if Int(edits[Int(edit)].field) == number { return Int(edit) }
      edit = edits[Int(edit)].next
    }
    return nil
  }

  // MARK: Writing

  /// Replaces the raw bytes of a field. The caller has escaped them.
  mutating func replaceField(_ number: Int, of segment: Int, with bytes: [UInt8]) {
    let content = owned()
    if content.heads.isEmpty {
      content.heads = [Int32](repeating: Self.none, count: base.segmentCount + added.count)
      content.edits.reserveCapacity(12)
    }
    content.editedByteCount += bytes.count + 1
    var before = Self.none
    var edit = content.heads[segment]
    while edit >= 0, content.edits[Int(edit)].field < number {
      before = edit
      edit = content.edits[Int(edit)].next
    }
    if edit >= 0, content.edits[Int(edit)].field == number {
      content.edits[Int(edit)].bytes = bytes
      return
    }
    content.edits.append(Edit(field: Int32(number), next: edit, bytes: bytes))
    let last = Int32(content.edits.count - 1)
    if before >= 0 { content.edits[Int(before)].next = last } else { content.heads[segment] = last }
  }

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
    let id = base.segmentCount + added.count
    let content = owned()
    content.order = nil
    content.added.append(code)
    if content.heads.isEmpty {
      content.heads = [Int32](repeating: Self.none, count: id + 1)
    } else {
      content.heads.append(Self.none)
    }
    order.insert(id, at: place)
    content.order = order
    return id
  }

  /// Removes a segment; its id is not given again.
  package mutating func removeSegment(_ segment: Int) throws(HL7EditError) {
    guard segment != 0 else { throw HL7EditError(.fixedHeader) }
    guard exists(segment) else { throw HL7EditError(.noSegment) }
    let content = owned()
    if content.heads.isEmpty {
      content.heads = [Int32](repeating: Self.none, count: base.segmentCount + added.count)
    }
    content.heads[segment] = Self.removed
    var order = content.order ?? base.segmentIDs
    content.order = nil
    if let place = order.lastIndex(of: segment) { order.remove(at: place) }
    content.order = order
  }

  /// Goes over to another character set: every field that is not plain ASCII is written anew. MSH-18 is not touched.
  mutating func recode(to target: Charset) throws(HL7EditError) {
    var recoded = self
    recoded.owned().charset = target
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
        var bytes: [UInt8] = []
        do {
          try encoder.append(piece, at: .field, to: &bytes)
        } catch {
          throw HL7EditError(error, segment: code(of: segment), position: HL7Position(number))
        }
        recoded.replaceField(number, of: segment, with: bytes)
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
  package var description: String { "draft of \(base), \(edits.count) fields written" }
  package var customMirror: Mirror { Mirror(self, children: ["draft": description]) }
}

// MARK: Output

extension HL7Draft {
  /// The message as bytes. Without changes these are the bytes of the base.
  package func serialized() -> [UInt8] {
    guard isChanged else { return base.bytes }
    return base.bytes.withUnsafeBufferPointer { bytes in
      var output = Output(base: bytes, capacity: bytes.count + content.editedByteCount + added.count * 8 + 16)
      output.copy(0..<base.index.start(of: 0))
      if let order {
        for segment in order { write(segment, to: &output) }
      } else {
        for segment in 0..<base.segmentCount { write(segment, to: &output) }
      }
      output.flush()
      return output.bytes
    }
  }

  private func write(_ segment: Int, to output: inout Output) {
    if output.isOpen { appendLineEnd(to: &output) }
    output.isOpen = false
    guard segment < base.segmentCount else { return write(addedSegment: segment, to: &output) }
    let index = base.index
    let end = index.end(of: segment)
    let next = segment + 1 < index.segmentCount ? index.start(of: segment + 1) : base.bytes.count
    if heads.isEmpty || heads[segment] < 0 {
      output.copy(index.start(of: segment)..<end)
    } else {
      write(editsOf: segment, index, to: &output)
    }
    output.copy(end..<next)
    output.isOpen = end == next
  }

  private func write(editsOf segment: Int, _ index: HL7Index, to output: inout Output) {
    let end = index.end(of: segment)
    var copied = index.start(of: segment)
    // MSH-1 is the separator itself, so field n of MSH stands behind its separator n - 1.
    let shift = segment == 0 ? 1 : 0
    let count = index.separatorCount(of: segment)
    var written = count
    var next = Int(heads[segment])
    while next >= 0 {
      let number = Int(edits[next].field) - shift
      if number <= count {
        let range = index.field(number, of: segment)
        output.copy(copied..<range.lowerBound)
        output.append(edits[next].bytes)
        copied = range.upperBound
      } else if !edits[next].bytes.isEmpty {
        output.copy(copied..<end)
        copied = end
        output.append(delimiters.field, times: number - written)
        output.append(edits[next].bytes)
        written = number
      }
      next = Int(edits[next].next)
    }
    output.copy(copied..<end)
  }

  private func write(addedSegment segment: Int, to output: inout Output) {
    let code = added[segment - base.segmentCount].rawValue
    for shift: UInt32 in [16, 8, 0] { output.append(UInt8(truncatingIfNeeded: code >> shift), times: 1) }
    var written = 0
    var next = heads.isEmpty ? Int(Self.none) : Int(heads[segment])
    while next >= 0 {
      if !edits[next].bytes.isEmpty {
        output.append(delimiters.field, times: Int(edits[next].field) - written)
        output.append(edits[next].bytes)
        written = Int(edits[next].field)
      }
      next = Int(edits[next].next)
    }
    if written == 0 { output.append(delimiters.field, times: 1) }
    appendLineEnd(to: &output)
  }

  /// Ends a segment as the first segment of the base is ended: CR, LF or CRLF; CR where nothing ends it.
  private func appendLineEnd(to output: inout Output) {
    let ends = base.bytes[base.index.end(of: 0)...].prefix(2)
    output.append(ends.first ?? 0x0D, times: 1)
    if ends.elementsEqual([0x0D, 0x0A]) { output.append(0x0A, times: 1) }
  }

  /// Bytes on their way out. Neighbouring stretches of the base are gathered and copied at once.
  private struct Output {
    var bytes: [UInt8] = []
    private let base: UnsafeBufferPointer<UInt8>
    private var pending = 0..<0
    /// The last segment written has nothing behind it that ends it.
    var isOpen = false

    init(base: UnsafeBufferPointer<UInt8>, capacity: Int) {
      self.base = base
      bytes.reserveCapacity(capacity)
    }

    mutating func copy(_ range: Range<Int>) {
      if pending.upperBound != range.lowerBound {
        flush()
      } else if !pending.isEmpty {
        pending = pending.lowerBound..<range.upperBound
        return
      }
      pending = range
    }

    mutating func flush() {
      if !pending.isEmpty { bytes.append(contentsOf: UnsafeBufferPointer(rebasing: base[pending])) }
      pending = 0..<0
    }

    mutating func append(_ more: [UInt8]) {
      flush()
      bytes.append(contentsOf: more)
    }

    mutating func append(_ byte: UInt8, times: Int) {
      flush()
      for _ in 0..<max(0, times) { bytes.append(byte) }
    }
  }
}
