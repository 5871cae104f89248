extension HL7Draft {
  /// The message as bytes. Without changes these are the bytes of the base.
  package func serialized() -> [UInt8] {
    guard isChanged else { return base.bytes }
    let content = content
    return content.base.bytes.withUnsafeBufferPointer { base in
      content.written.withUnsafeBufferPointer { written in
        var output = HL7DraftOutput(content, base, written)
        output.writeAll()
        return output.bytes
      }
    }
  }
}

/// A draft's bytes on their way out. Neighbouring stretches of the base are gathered and copied at once.
private struct HL7DraftOutput {
  private(set) var bytes: [UInt8] = []
  private let content: HL7DraftContent
  private let index: HL7Index
  private let separator: UInt8
  private let base: UnsafeBufferPointer<UInt8>
  private let written: UnsafeBufferPointer<UInt8>
  private var pending = 0..<0
  /// The last segment written has nothing behind it that ends it.
  private var isOpen = false

  init(_ content: HL7DraftContent, _ base: UnsafeBufferPointer<UInt8>, _ written: UnsafeBufferPointer<UInt8>) {
    self.content = content
    self.base = base
    self.written = written
    index = content.base.index
    separator = content.base.delimiters.field
    bytes.reserveCapacity(base.count + written.count + content.edits.count + content.added.count * 8 + 16)
  }

  mutating func writeAll() {
    copy(0..<index.start(of: 0))
    if let order = content.order {
      for segment in order { write(segment) }
    } else {
      for segment in 0..<index.segmentCount { write(segment) }
    }
    flush()
  }

  private mutating func write(_ segment: Int) {
    if isOpen { appendLineEnd() }
    isOpen = false
    guard segment < index.segmentCount else { return write(addedSegment: segment) }
    let end = index.end(of: segment)
    let next = segment + 1 < index.segmentCount ? index.start(of: segment + 1) : base.count
    let head = content.head(of: segment)
    if head < 0 {
      copy(index.start(of: segment)..<end)
    } else {
      write(editsFrom: head, of: segment)
    }
    copy(end..<next)
    isOpen = end == next
  }

  private mutating func write(editsFrom head: Int, of segment: Int) {
    let end = index.end(of: segment)
    var copied = index.start(of: segment)
    // MSH-1 is the separator itself, so field n of MSH stands behind its separator n - 1.
    let shift = segment == 0 ? 1 : 0
    let count = index.separatorCount(of: segment)
    var reached = count
    var next = head
    while next >= 0 {
      let edit = content.edits[next]
      let number = Int(edit.field) - shift
      if number <= count {
        let range = index.field(number, of: segment)
        copy(copied..<range.lowerBound)
        append(edit.range)
        copied = range.upperBound
      } else if !edit.range.isEmpty {
        copy(copied..<end)
        copied = end
        append(separator, times: number - reached)
        append(edit.range)
        reached = number
      }
      next = Int(edit.next)
    }
    copy(copied..<end)
  }

  private mutating func write(addedSegment segment: Int) {
    let code = content.added[segment - index.segmentCount].rawValue
    for shift: UInt32 in [16, 8, 0] { append(UInt8(truncatingIfNeeded: code >> shift), times: 1) }
    var reached = 0
    var next = content.head(of: segment)
    while next >= 0 {
      let edit = content.edits[next]
      if !edit.range.isEmpty {
        append(separator, times: Int(edit.field) - reached)
        append(edit.range)
        reached = Int(edit.field)
      }
      next = Int(edit.next)
    }
    if reached == 0 { append(separator, times: 1) }
    appendLineEnd()
  }

  /// Ends a segment as the first segment of the base is ended: CR, LF or CRLF; CR where nothing ends it.
  private mutating func appendLineEnd() {
    let ends = base[index.end(of: 0)...].prefix(2)
    append(ends.first ?? 0x0D, times: 1)
    if ends.elementsEqual([0x0D, 0x0A]) { append(0x0A, times: 1) }
  }

  // MARK: Bytes

  private mutating func copy(_ range: Range<Int>) {
    if pending.upperBound != range.lowerBound {
      flush()
    } else if !pending.isEmpty {
      pending = pending.lowerBound..<range.upperBound
      return
    }
    pending = range
  }

  private mutating func flush() {
    if !pending.isEmpty { bytes.append(contentsOf: UnsafeBufferPointer(rebasing: base[pending])) }
    pending = 0..<0
  }

  private mutating func append(_ range: Range<Int>) {
    flush()
    bytes.append(contentsOf: UnsafeBufferPointer(rebasing: written[range]))
  }

  private mutating func append(_ byte: UInt8, times: Int) {
    flush()
    for _ in 0..<max(0, times) { bytes.append(byte) }
  }
}
