/// Makes the index of a data set, as its bytes come: headers are read, values are stepped over. It allocates by what
/// has come, never by a length that is declared, and calls nothing recursively.
struct DICOMParser {
  private(set) var entries: [DICOMEntry] = []
  private(set) var notes: [DICOMNote] = []
  /// The next header.
  private(set) var at: Int
  private var open: [Open] = []
  private let limits: DICOMLimits
  private let groupOnly: UInt16?
  private var sequenceDepth = 0

  /// What isn't ended yet.
  private struct Open {
    /// -1 at the top.
    var entry: Int
    var kind: DICOMEntry.Kind
    /// Its end where that is known.
    var end: Int?
    /// No byte of what is in it may lie behind this.
    var limit: Int
    var encoding: DICOMEncoding
    /// Of a sequence, how many items came.
    var count = 0
    var last: DICOMTag?
    /// Where (0028,0103) said how pixels are read.
    var pixelRepresentation: Int?
  }

  /// What the parser wants next.
  enum Step {
    /// More bytes, or the end.
    case more
    /// This value is not needed: it is long, or pixels.
    case value(Range<Int>)
    /// It came to the end of what it was to read.
    case done
  }

  /// - Parameter groupOnly: the reading ends before an element of another group.
  init(at offset: Int, _ encoding: DICOMEncoding, limits: DICOMLimits, groupOnly: UInt16? = nil) {
    at = offset
    self.limits = limits
    self.groupOnly = groupOnly
    open = [Open(entry: -1, kind: .item, end: nil, limit: .max, encoding: encoding)]
  }

  mutating func note(_ kind: DICOMNote.Kind, at offset: Int, _ tag: DICOMTag? = nil) {
    let note = DICOMNote(kind, offset: offset, tag: tag)
    // A header of which not all had come is looked at again.
    if notes.count < 100, !notes.suffix(2).contains(note) { notes.append(note) }
  }

  /// Reads headers as far as bytes have come.
  mutating func run(_ store: DICOMStore) throws(DICOMError) -> Step {
    while true {
      closeWhatEnds()
      let rest = store.end - at
      // What follows may be shorter than an element, such as the compression of nothing.
      if let groupOnly, open.count == 1, rest >= 2,
        store.bytes.uint16(at: at - store.shift, isBigEndian: open[0].encoding.isBigEndian) != groupOnly
      {
        return .done
      }
      if rest < 8 {
        if open[open.count - 1].limit - at < 8 { throw error(.unended) }
        return .more
      }
      let place = at - store.shift
      let top = open[open.count - 1]
      let big = top.encoding.isBigEndian
      let tag = DICOMTag(
        store.bytes.uint16(at: place, isBigEndian: big), store.bytes.uint16(at: place + 2, isBigEndian: big))
      guard top.limit - at >= 8 else { throw error(.unended) }
      if tag.group == 0xFFFE {
        if let skipped = try delimiterOrItem(tag, store, place) { return .value(skipped) }
        continue
      }
      guard top.kind == .item else { throw error(.unexpected(tag)) }
      guard let header = try header(tag, store, place) else { return .more }
      // Whether it holds items is seen at its first bytes.
      if mayHideItems(header), store.end < at + header.bytes + 8 { return .more }
      if let skipped = try element(header, store) { return .value(skipped) }
    }
  }

  /// Nothing more comes.
  ///
  /// - Throws: `truncated` where something is open, or a value is not all there.
  mutating func finish(_ store: DICOMStore) throws(DICOMError) {
    closeWhatEnds()
    let end = store.end
    if open.count == 1, at <= end {
      guard at < end else { return }
      // Some writers fill up their files.
      if let rest = store.slice(at..<end), rest.allSatisfy({ $0 == 0 }) {
        note(.trailing, at: at)
        return
      }
    }
    guard limits.acceptsTruncated else { throw error(.truncated, min(at, end)) }
    note(.truncated, at: min(at, end))
    if let last = entries.indices.last, entries[last].end > end {
      entries[last].value = min(entries[last].value, end)
      entries[last].end = end
    }
    at = end
    while open.count > 1 { close() }
  }

  // MARK: Ends

  private mutating func closeWhatEnds() {
    while open.count > 1, let end = open[open.count - 1].end, end == at { close() }
  }

  private mutating func close() {
    let last = open.removeLast()
    entries[last.entry].end = at
    entries[last.entry].next = Int32(entries.count)
    if last.kind == .sequence || last.kind == .encapsulated { sequenceDepth -= 1 }
  }

  /// - Returns: the value of a fragment, where it isn't needed.
  private mutating func delimiterOrItem(
    _ tag: DICOMTag, _ store: DICOMStore, _ place: Int
  ) throws(DICOMError) -> Range<Int>? {
    let top = open[open.count - 1]
    let length = store.bytes.uint32(at: place + 4, isBigEndian: top.encoding.isBigEndian)
    switch (tag, top.kind) {
    case (.item, .sequence):
      try push(
        DICOMEntry(
          tag: tag, vr: .un, kind: .item, hasUndefinedLength: length == .max, encoding: top.encoding,
          parent: Int32(top.entry), next: 0, start: at, value: at + 8, end: at + 8),
        length: length, encoding: top.encoding)
      return nil
    case (.item, .encapsulated):
      guard length != .max else { throw error(.undefinedLength(.ob)) }
      let isTable = top.count == 0
      let range = try fragment(Int(length), top)
      return isTable && length <= limits.keptValueBytesMax ? nil : range
    case (.itemDelimiter, .item) where top.end == nil && top.entry >= 0,
      (.sequenceDelimiter, .sequence) where top.end == nil,
      (.sequenceDelimiter, .encapsulated) where true:
      if length != 0 { note(.delimiter, at: at, tag) }
      at += 8
      close()
      return nil
    case (.itemDelimiter, .item), (.sequenceDelimiter, .sequence), (.sequenceDelimiter, .item):
      // Nothing that is open ends by one: harmless where it stands alone.
      guard length == 0, top.entry < 0 || top.end != nil && (tag == .itemDelimiter) == (top.kind == .item) else {
        throw error(.unexpected(tag))
      }
      note(.delimiter, at: at, tag)
      at += 8
      return nil
    default: throw error(.unexpected(tag))
    }
  }

  private mutating func fragment(_ length: Int, _ top: Open) throws(DICOMError) -> Range<Int> {
    let value = at + 8
    guard length <= top.limit - value else { throw error(.overrun(length: length)) }
    if length & 1 == 1 { note(.oddLength, at: at, .item) }
    try append(
      DICOMEntry(
        tag: .item, vr: entries[top.entry].vr, kind: .fragment, hasUndefinedLength: false, encoding: top.encoding,
        parent: Int32(top.entry), next: 0, start: at, value: value, end: value + length))
    open[open.count - 1].count += 1
    at = value + length
    return value..<at
  }

  // MARK: Elements

  private struct Header {
    var tag: DICOMTag
    var vr: DICOMVR
    var length: UInt32
    var bytes: Int
    var encoding: DICOMEncoding
  }

  /// `nil`: not all of it has come.
  private mutating func header(
    _ tag: DICOMTag, _ store: DICOMStore, _ place: Int
  ) throws(DICOMError) -> Header? {
    let top = open[open.count - 1]
    let big = top.encoding.isBigEndian
    let implicitLength = store.bytes.uint32(at: place + 4, isBigEndian: big)
    guard top.encoding.isExplicit else {
      return Header(tag: tag, vr: implied(tag, store), length: implicitLength, bytes: 8, encoding: top.encoding)
    }
    let (first, second) = (store.bytes[place + 4], store.bytes[place + 5])
    let short = store.bytes.uint16(at: place + 6, isBigEndian: big)
    let known = DICOMVR(first, second)
    if let known, !known.hasLongLength {
      return Header(tag: tag, vr: known, length: UInt32(short), bytes: 8, encoding: top.encoding)
    }
    if known == nil {
      let isName = (0x41...0x5A).contains(first) && (0x41...0x5A).contains(second)
      guard isName else {
        note(.implicitElement, at: at, tag)
        return Header(
          tag: tag, vr: implied(tag, store), length: implicitLength, bytes: 8,
          encoding: DICOMEncoding(isExplicit: false, isBigEndian: big))
      }
      // New ones have the long form (PS3.5 section 6.2); where its two empty bytes aren't empty it is the short one.
      if short != 0 {
        note(.unknownVR, at: at, tag)
        return Header(tag: tag, vr: .un, length: UInt32(short), bytes: 8, encoding: top.encoding)
      }
    }
    guard store.end - at >= 12 else {
      if top.limit - at < 12 { throw error(.unended) }
      return nil
    }
    if known == nil { note(.unknownVR, at: at, tag) }
    let length = store.bytes.uint32(at: place + 8, isBigEndian: big)
    return Header(tag: tag, vr: known ?? .un, length: length, bytes: 12, encoding: top.encoding)
  }

  /// - Returns: the value, where it isn't needed.
  private mutating func element(_ header: Header, _ store: DICOMStore) throws(DICOMError) -> Range<Int>? {
    let top = open[open.count - 1]
    var entry = DICOMEntry(
      tag: header.tag, vr: header.vr, kind: .element, hasUndefinedLength: header.length == .max,
      encoding: header.encoding, parent: Int32(top.entry), next: 0, start: at, value: at + header.bytes,
      end: at + header.bytes)
    if entry.value > top.limit { throw error(.unended) }
    noteOrder(header.tag)
    if header.length != .max, Int(header.length) > top.limit - entry.value {
      throw error(.overrun(length: Int(header.length)), header.tag)
    }
    if header.length != .max, header.length & 1 == 1 { note(.oddLength, at: at, header.tag) }
    if let inner = try content(header, store) {
      entry.kind = inner.kind
      if inner.kind == .sequence { entry.vr = header.vr == .un ? .un : .sq }
      // PS3.5 annex A.4 has OB for all that is in fragments.
      if inner.kind == .encapsulated, !header.encoding.isExplicit { entry.vr = .ob }
      try push(entry, length: header.length, encoding: inner.encoding)
      return nil
    }
    entry.end = entry.value + Int(header.length)
    try append(entry)
    if header.tag == .pixelRepresentation, header.length == 2 {
      open[open.count - 1].pixelRepresentation = entry.value
    }
    at = entry.end
    let isPixels =
      top.entry < 0
      && (header.tag == .pixelData || header.tag == .floatPixelData || header.tag == .doubleFloatPixelData)
    return isPixels || Int(header.length) > limits.keptValueBytesMax ? entry.value..<entry.end : nil
  }

  /// What the value of an element is made of; `nil` where it is a value.
  private func content(
    _ header: Header, _ store: DICOMStore
  ) throws(DICOMError) -> (kind: DICOMEntry.Kind, encoding: DICOMEncoding)? {
    if header.vr == .sq { return (.sequence, header.encoding) }
    if mayHideItems(header), let bytes = store.slice(at + header.bytes..<at + header.bytes + 8),
      bytes.uint32(at: bytes.startIndex, isBigEndian: false) == 0xE000_FFFE
    {
      let length = bytes.uint32(at: bytes.startIndex + 4, isBigEndian: false)
      if length == .max || length <= header.length - 8 { return (.sequence, .implicitLittle) }
    }
    if header.length == .max {
      switch header.vr {
      // A sequence that somebody passed on who didn't know it (PS3.5 section 6.2.2): always implicit, little endian.
      case .un: return (.sequence, header.encoding.isExplicit ? .implicitLittle : header.encoding)
      case .ob, .ow: return (.encapsulated, header.encoding)
      default: throw error(.undefinedLength(header.vr), header.tag)
      }
    }
    return nil
  }

  /// The standard has it as a sequence, and somebody passed it on as UN.
  private func mayHideItems(_ header: Header) -> Bool {
    header.vr == .un && header.length != .max && header.length >= 8 && DICOMDictionary.vrs(header.tag) == [.sq]
  }

  private mutating func noteOrder(_ tag: DICOMTag) {
    let top = open.count - 1
    if let last = open[top].last, tag <= last { note(tag == last ? .duplicate : .order, at: at, tag) }
    open[top].last = tag
    if tag.isOutsideOfDataSets, groupOnly == nil { note(.group, at: at, tag) }
  }

  /// The VR of an element that doesn't say it.
  private func implied(_ tag: DICOMTag, _ store: DICOMStore) -> DICOMVR {
    guard let vrs = DICOMDictionary.vrs(tag), let first = vrs.first else { return .un }
    if vrs.count == 1 { return first }
    // (0028,3006) and the retired (0028,1200), pixels, overlays: PS3.5 annex A.1 has OW for all that may be.
    if vrs.contains(.ow) { return .ow }
    for level in open.reversed() {
      guard let offset = level.pixelRepresentation else { continue }
      guard let bytes = store.slice(offset..<offset + 2) else { break }
      return bytes[bytes.startIndex] == 0 && bytes[bytes.startIndex + 1] == 0 ? .us : .ss
    }
    return first
  }

  // MARK: The index

  private mutating func append(_ entry: DICOMEntry) throws(DICOMError) {
    guard entries.count < limits.elementsMax else { throw error(.tooManyElements(elementsMax: limits.elementsMax)) }
    entries.append(entry)
    entries[entries.count - 1].next = Int32(entries.count)
  }

  /// Goes into a sequence, an item, or encapsulated pixel data.
  private mutating func push(_ entry: DICOMEntry, length: UInt32, encoding: DICOMEncoding) throws(DICOMError) {
    let top = open[open.count - 1]
    if length != .max, Int(length) > top.limit - entry.value { throw error(.overrun(length: Int(length)), entry.tag) }
    if entry.kind != .item {
      guard sequenceDepth < limits.depthMax else { throw error(.tooDeep(depthMax: limits.depthMax)) }
      sequenceDepth += 1
    } else {
      open[open.count - 1].count += 1
    }
    try append(entry)
    let end = length == .max ? nil : entry.value + Int(length)
    open.append(
      Open(
        entry: entries.count - 1, kind: entry.kind, end: end, limit: min(top.limit, end ?? .max), encoding: encoding))
    at = entry.value
  }

  private func error(_ kind: DICOMError.Kind, _ tag: DICOMTag? = nil, _ offset: Int? = nil) -> DICOMError {
    var path = ""
    for level in open.dropFirst() {
      let entry = entries[level.entry]
      if entry.kind == .item {
        path += "[\(open.first { $0.entry == Int(entry.parent) }?.count ?? 1)]"
      } else {
        path += path.isEmpty ? "\(entry.tag)" : ".\(entry.tag)"
      }
    }
    if let tag, tag != .item { path += path.isEmpty ? "\(tag)" : ".\(tag)" }
    return DICOMError(kind, offset: offset ?? at, path: path)
  }

  private func error(_ kind: DICOMError.Kind, _ offset: Int) -> DICOMError { error(kind, nil, offset) }
}
