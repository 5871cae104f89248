extension DICOMDraft {
  /// An index of the elements as they are now. Those of the source stand where they stood; of what is new and of what
  /// was moved the value alone is there, what is new behind the bytes of the source.
  func index() -> DICOMIndex {
    guard isChanged else { return base }
    var index = DICOMIndex(store: base.store, syntax: syntax, encoding: top.encoding, range: base.range)
    index.append(top, parent: -1, base)
    return index
  }
}

extension DICOMEntry {
  /// Its value has a header in front of it: it can be written as it stands there.
  var hasHeader: Bool { start < value }
}

extension DICOMIndex {
  fileprivate mutating func append(_ level: DICOMLevel, parent: Int32, _ base: DICOMIndex) {
    for node in level.nodes {
      switch node {
      case .original(_, let place): copy(base, place, parent: parent)
      case .value(let tag, let vr, let bytes):
        let start = store.end
        store.append(bytes)
        append(tag, vr, .element, start..<store.end, level.encoding, parent)
      case .moved(let tag, let vr, let range): append(tag, vr, .element, range, level.encoding, parent)
      case .sequence(let sequence): append(sequence, parent: parent, base)
      }
    }
  }

  private mutating func append(_ sequence: DICOMLevel.SequenceNode, parent: Int32, _ base: DICOMIndex) {
    let place = entries.count
    append(sequence.tag, sequence.vr, .sequence, store.end..<store.end, sequence.encoding, parent)
    entries[place].hasUndefinedLength = sequence.hasUndefinedLength
    for item in sequence.items {
      if let level = item.level {
        let inner = entries.count
        append(.item, .un, .item, store.end..<store.end, level.encoding, Int32(place))
        entries[inner].hasUndefinedLength = item.hasUndefinedLength
        append(level, parent: Int32(inner), base)
        entries[inner].next = Int32(entries.count)
      } else if let source = item.place {
        copy(base, source, parent: Int32(place))
      }
    }
    entries[place].next = Int32(entries.count)
  }

  private mutating func append(
    _ tag: DICOMTag, _ vr: DICOMVR, _ kind: DICOMEntry.Kind, _ value: Range<Int>, _ encoding: DICOMEncoding,
    _ parent: Int32
  ) {
    entries.append(
      DICOMEntry(
        tag: tag, vr: vr, kind: kind, hasUndefinedLength: false, encoding: encoding, parent: parent,
        next: Int32(entries.count + 1), start: value.lowerBound, value: value.lowerBound, end: value.upperBound))
  }

  /// With all that is in it.
  private mutating func copy(_ base: DICOMIndex, _ place: Int, parent: Int32) {
    let shift = Int32(entries.count - place)
    for source in place..<Int(base.entries[place].next) {
      var entry = base.entries[source]
      entry.parent = source == place ? parent : entry.parent + shift
      entry.next += shift
      entries.append(entry)
    }
  }
}
