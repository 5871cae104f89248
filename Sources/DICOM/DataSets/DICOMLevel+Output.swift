/// What was changed, as bytes between ranges of the source.
extension DICOMStretches {
  mutating func add(_ level: DICOMLevel, _ base: DICOMIndex) {
    for node in level.nodes {
      if node.tag.isGroupLength, level.changedGroups.contains(node.tag.group) {
        add(level.groupLength(node.tag, base), level.encoding, base)
      } else {
        add(node, level.encoding, base)
      }
    }
  }

  private mutating func add(_ node: DICOMLevel.Node, _ encoding: DICOMEncoding, _ base: DICOMIndex) {
    switch node {
    case .original(_, let place): add(base.entries[place].start..<base.entries[place].end)
    case .value(let tag, let vr, let bytes):
      add(DICOMEncoder.header(tag, vr, length: bytes.count, encoding))
      add(bytes)
    case .moved(let tag, let vr, let range):
      add(DICOMEncoder.header(tag, vr, length: range.count, encoding))
      add(range)
    case .sequence(let sequence):
      let length = sequence.hasUndefinedLength ? nil : sequence.items.reduce(0) { $0 + $1.byteCount(base) }
      add(DICOMEncoder.header(sequence.tag, sequence.vr, length: length, sequence.encoding))
      for item in sequence.items { add(item, sequence.inner, base) }
      if length == nil { add(DICOMEncoder.header(.sequenceDelimiter, .un, length: 0, sequence.inner)) }
    }
  }

  private mutating func add(_ item: DICOMLevel.Item, _ encoding: DICOMEncoding, _ base: DICOMIndex) {
    guard let level = item.level else {
      if let place = item.place { add(base.entries[place].start..<base.entries[place].end) }
      return
    }
    let length = item.hasUndefinedLength ? nil : level.byteCount(base)
    add(DICOMEncoder.header(.item, .un, length: length, encoding))
    add(level, base)
    if length == nil { add(DICOMEncoder.header(.itemDelimiter, .un, length: 0, encoding)) }
  }
}

extension DICOMLevel {
  func byteCount(_ base: DICOMIndex) -> Int { nodes.reduce(0) { $0 + $1.byteCount(encoding, base) } }

  /// (gggg,0000) as it is now: how many bytes the group has behind it.
  fileprivate func groupLength(_ tag: DICOMTag, _ base: DICOMIndex) -> Node {
    let count = nodes.reduce(0) {
      $1.tag.group == tag.group && $1.tag != tag ? $0 + $1.byteCount(encoding, base) : $0
    }
    var bytes: [UInt8] = []
    bytes.append(uint32: UInt32(truncatingIfNeeded: count), isBigEndian: encoding.isBigEndian)
    return .value(tag, .ul, bytes)
  }
}

extension DICOMLevel.Node {
  fileprivate func byteCount(_ encoding: DICOMEncoding, _ base: DICOMIndex) -> Int {
    switch self {
    case .original(_, let place): base.entries[place].end - base.entries[place].start
    case .value(let tag, let vr, let bytes): DICOMEncoder.headerBytes(tag, vr, encoding) + bytes.count
    case .moved(let tag, let vr, let range): DICOMEncoder.headerBytes(tag, vr, encoding) + range.count
    case .sequence(let sequence):
      DICOMEncoder.headerBytes(sequence.tag, sequence.vr, sequence.encoding)
        + sequence.items.reduce(sequence.hasUndefinedLength ? 8 : 0) { $0 + $1.byteCount(base) }
    }
  }
}

extension DICOMLevel.Item {
  /// With its header.
  fileprivate func byteCount(_ base: DICOMIndex) -> Int {
    if let level { return 8 + level.byteCount(base) + (hasUndefinedLength ? 8 : 0) }
    guard let place else { return 0 }
    return base.entries[place].end - base.entries[place].start
  }
}
