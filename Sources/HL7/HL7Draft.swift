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

  let base: HL7Message
  package private(set) var charset: Charset
  private var edits: [Edit] = []
  /// For each segment id the newest edit, or `none`, or `removed`. Empty as long as there is no edit.
  private var heads: [Int32] = []
  /// Names of segments that were added; the first has the id `base.segmentCount`.
  private var added: [HL7SegmentCode] = []
  /// `nil`: the order of the base.
  private var order: [Int]?

  private struct Edit: Sendable {
    let field: Int32
    /// The edit of another field of the same segment.
    let next: Int32
    var bytes: [UInt8]
  }

  private static let none: Int32 = -1
  private static let removed: Int32 = -2

  package init(_ message: HL7Message) {
    base = message
    charset = message.charset
  }

  /// A draft of a message that holds nothing but MSH with its delimiters.
  package static func blank(
    delimiters: HL7Delimiters = .standard, charset: Charset = .utf8
  ) throws(HL7ParseError) -> HL7Draft {
    let header = Array("MSH".utf8) + [delimiters.field] + delimiters.encodingCharacters + [0x0D]
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
    if let edit = edit(ofField: number, segment) {
      edits[edit].bytes = bytes
      return
    }
    if heads.isEmpty {
      heads = [Int32](repeating: Self.none, count: base.segmentCount + added.count)
      edits.reserveCapacity(12)
    }
    edits.append(Edit(field: Int32(number), next: heads[segment], bytes: bytes))
    heads[segment] = Int32(edits.count - 1)
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
    self.order = nil
    defer { self.order = order }
    var place = order.count
    if let segment, segment != order.last {
      guard let index = order.firstIndex(of: segment) else { throw HL7EditError(.noSegment, segment: code) }
      place = index + 1
    }
    let id = base.segmentCount + added.count
    added.append(code)
    if heads.isEmpty {
      heads = [Int32](repeating: Self.none, count: id + 1)
    } else {
      heads.append(Self.none)
    }
    order.insert(id, at: place)
    return id
  }

  /// Removes a segment; its id is not given again.
  package mutating func removeSegment(_ segment: Int) throws(HL7EditError) {
    guard segment != 0 else { throw HL7EditError(.fixedHeader) }
    guard exists(segment) else { throw HL7EditError(.noSegment) }
    if heads.isEmpty { heads = [Int32](repeating: Self.none, count: base.segmentCount + added.count) }
    heads[segment] = Self.removed
    var order = order ?? base.segmentIDs
    self.order = nil
    if let place = order.lastIndex(of: segment) { order.remove(at: place) }
    self.order = order
  }

  /// Goes over to another character set: every field that is not plain ASCII is written anew. MSH-18 is not touched.
  mutating func recode(to target: Charset) throws(HL7EditError) {
    var recoded = self
    recoded.charset = target
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

// MARK: Output

extension HL7Draft {
  /// The message as bytes. Without changes these are the bytes of the base.
  package func serialized() -> [UInt8] {
    guard isChanged else { return base.bytes }
    var output = Output(base: base.bytes, end: base.lineEnd(default: 0x0D))
    output.bytes.reserveCapacity(base.bytes.count + edits.reduce(64) { $0 + $1.bytes.count + 2 })
    output.copy(0..<base.index.start(of: 0))
    for segment in segmentIDs {
      if segment < base.segmentCount {
        write(baseSegment: segment, to: &output)
      } else {
        write(addedSegment: segment, to: &output)
      }
    }
    output.flush()
    return output.bytes
  }

  private func write(baseSegment segment: Int, to output: inout Output) {
    let start = base.index.start(of: segment)
    let end = base.index.end(of: segment)
    let next = segment + 1 < base.segmentCount ? base.index.start(of: segment + 1) : base.bytes.count
    output.endSegmentIfOpen()
    if heads[segment] < 0 {
      output.copy(start..<end)
    } else {
      var copied = start
      // MSH-1 is the separator itself, so field n of MSH stands behind its separator n - 1.
      let shift = segment == 0 ? 1 : 0
      let count = base.index.separatorCount(of: segment)
      var written = count
      for edit in sortedEdits(of: segment) {
        let number = Int(edit.field) - shift
        if number <= count {
          let range = base.index.field(number, of: segment)
          output.copy(copied..<range.lowerBound)
          output.append(edit.bytes)
          copied = range.upperBound
        } else if !edit.bytes.isEmpty {
          output.copy(copied..<end)
          copied = end
          output.append(delimiters.field, times: number - written)
          output.append(edit.bytes)
          written = number
        }
      }
      output.copy(copied..<end)
    }
    output.copy(end..<next)
    output.isOpen = end == next
  }

  private func write(addedSegment segment: Int, to output: inout Output) {
    output.endSegmentIfOpen()
    let code = added[segment - base.segmentCount].rawValue
    output.append([UInt8(code >> 16 & 0xFF), UInt8(code >> 8 & 0xFF), UInt8(code & 0xFF)])
    var written = 0
    for edit in sortedEdits(of: segment) where !edit.bytes.isEmpty {
      output.append(delimiters.field, times: Int(edit.field) - written)
      output.append(edit.bytes)
      written = Int(edit.field)
    }
    if written == 0 { output.append(delimiters.field, times: 1) }
    output.append(output.end)
  }

  private func sortedEdits(of segment: Int) -> [Edit] {
    var sorted: [Edit] = []
    var edit = heads[segment]
    while edit >= 0 {
      let item = edits[Int(edit)]
      edit = item.next
      var place = sorted.count
      while place > 0, sorted[place - 1].field > item.field { place -= 1 }
      sorted.insert(item, at: place)
    }
    return sorted
  }

  /// Bytes on their way out. Neighbouring stretches of the base are gathered and copied at once.
  private struct Output {
    var bytes: [UInt8] = []
    private let base: [UInt8]
    /// What ends a segment that is added.
    let end: [UInt8]
    private var pending = 0..<0
    /// The last segment written has nothing behind it that ends it.
    var isOpen = false

    init(base: [UInt8], end: [UInt8]) {
      self.base = base
      self.end = end
    }

    mutating func copy(_ range: Range<Int>) {
      if pending.upperBound == range.lowerBound {
        pending = pending.lowerBound..<range.upperBound
      } else {
        flush()
        pending = range
      }
    }

    mutating func flush() {
      bytes.append(contentsOf: base[pending])
      pending = pending.upperBound..<pending.upperBound
    }

    mutating func append(_ more: [UInt8]) {
      flush()
      bytes.append(contentsOf: more)
    }

    mutating func append(_ byte: UInt8, times: Int) {
      flush()
      for _ in 0..<max(0, times) { bytes.append(byte) }
    }

    mutating func endSegmentIfOpen() {
      if isOpen { append(end) }
      isOpen = false
    }
  }
}

extension HL7Message {
  /// What ends the first segment: CR, LF or CRLF.
  fileprivate func lineEnd(default byte: UInt8) -> [UInt8] {
    let ends = bytes[index.end(of: 0)...].prefix(2)
    if ends.elementsEqual([0x0D, 0x0A]) { return [0x0D, 0x0A] }
    return [ends.first ?? byte]
  }
}
