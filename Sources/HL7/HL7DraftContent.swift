import Text

/// What a draft holds: the message it began from, and the fields that were written since.
///
/// Changed by its only owner: Swift's own checks of that at run time would cost more than the changes.
final class HL7DraftContent: @unchecked Sendable {
  /// One field that was written.
  struct Edit: Sendable {
    let field: Int32
    /// The edit of the next edited field of the same segment, in ascending order.
    var next: Int32
    /// Where its bytes stand in `written`.
    var range: Range<Int>
  }

  static let none: Int32 = -1
  static let removed: Int32 = -2

  let base: HL7Message
  @exclusivity(unchecked) var charset: Charset
  @exclusivity(unchecked) private(set) var edits: [Edit] = []
  /// The bytes of all edits, so that none has an array of its own. They are appended, then kept with `keep`.
  @exclusivity(unchecked) var written: [UInt8] = []
  /// How many of the written bytes are of no edit any more.
  @exclusivity(unchecked) private var staleByteCount = 0
  /// For each segment id the edit of its first edited field, or `none`, or `removed`. Empty as long as there is no
  /// edit.
  @exclusivity(unchecked) private(set) var heads: [Int32] = []
  /// Names of segments that were added; the first has the id `base.segmentCount`.
  @exclusivity(unchecked) private(set) var added: [HL7SegmentCode] = []
  /// `nil`: the order of the base.
  @exclusivity(unchecked) var order: [Int]?

  init(_ message: HL7Message) {
    base = message
    charset = message.charset
  }

  init(copying other: HL7DraftContent) {
    base = other.base
    charset = other.charset
    edits = other.edits
    written = other.written
    staleByteCount = other.staleByteCount
    heads = other.heads
    added = other.added
    order = other.order
  }

  func exists(_ segment: Int) -> Bool {
    guard segment >= 0, segment < base.segmentCount + added.count else { return false }
    return heads.isEmpty || heads[segment] != Self.removed
  }

  /// The edit of a segment's first edited field; negative where there is none.
  func head(of segment: Int) -> Int { heads.isEmpty ? Int(Self.none) : Int(heads[segment]) }

  /// Where a field's bytes stand: in `written`, or in the base. An empty range where the segment ends before it.
  func place(ofField number: Int, _ segment: Int) -> (range: Range<Int>, isWritten: Bool) {
    var edit = head(of: segment)
    while edit >= 0 {
      if Int(edits[edit].field) == number { return (edits[edit].range, true) }
      edit = Int(edits[edit].next)
    }
    return (base.fieldRange(number, of: segment) ?? 0..<0, false)
  }

  func bytes(at place: (range: Range<Int>, isWritten: Bool)) -> ArraySlice<UInt8> {
    place.isWritten ? copy(of: place.range)[...] : base.bytes[place.range]
  }

  /// Of what was written: who keeps it would otherwise keep all that was, and the next write would copy that.
  func copy(of range: Range<Int>) -> [UInt8] { Array(written[range]) }

  /// Makes what was written from an offset on the raw bytes of a field.
  func keep(_ start: Int, asField number: Int, of segment: Int) {
    let range = start..<written.count
    makeHeads()
    var before = Self.none
    var edit = heads[segment]
    while edit >= 0, edits[Int(edit)].field < number {
      before = edit
      edit = edits[Int(edit)].next
    }
    if edit >= 0, edits[Int(edit)].field == number {
      staleByteCount += edits[Int(edit)].range.count
      edits[Int(edit)].range = range
      if staleByteCount > written.count / 2 + 4_096 { dropStale() }
      return
    }
    if edits.isEmpty { edits.reserveCapacity(12) }
    edits.append(Edit(field: Int32(number), next: edit, range: range))
    let last = Int32(edits.count - 1)
    if before >= 0 { edits[Int(before)].next = last } else { heads[segment] = last }
  }

  /// A field that is written over and over leaves no more behind than stands there.
  private func dropStale() {
    var kept: [UInt8] = []
    kept.reserveCapacity(written.count - staleByteCount)
    for index in edits.indices {
      let start = kept.count
      kept.append(contentsOf: written[edits[index].range])
      edits[index].range = start..<kept.count
    }
    written = kept
    staleByteCount = 0
  }

  private func makeHeads() {
    guard heads.isEmpty else { return }
    heads = [Int32](filled: Self.none, count: base.segmentCount + added.count)
  }

  /// Names one more segment; the caller puts it in order.
  func add(_ code: HL7SegmentCode) -> Int {
    makeHeads()
    added.append(code)
    heads.append(Self.none)
    return base.segmentCount + added.count - 1
  }

  func remove(_ segment: Int) {
    makeHeads()
    heads[segment] = Self.removed
  }
}

extension Array {
  /// As `init(repeating:count:)`, which looks up its storage's type each time: that takes longer than to fill a short
  /// array.
  @inlinable package init(filled element: Element, count: Int) {
    self = []
    if count == 0 { return }
    append(contentsOf: repeatElement(element, count: count))
  }
}
