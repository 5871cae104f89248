/// What stands in a draft now.
extension DICOMDraft {
  package enum Held: Sendable {
    /// A value: of a draft that changed it, without what is around it but the character set.
    case value(DICOMElement)
    /// With so many items.
    case sequence(itemCount: Int)
  }

  /// The element that a path leads to; `nil`: there is none.
  package func held(_ path: DICOMPath) -> Held? {
    guard let last = path.steps.last, last.item == nil else { return nil }
    var level = top
    var sets = level.bytes(.specificCharacterSet, base)
    for step in path.steps.dropLast() {
      guard let tag = level.tag(step.tag, makes: false, base), let item = level.item(tag, step.item ?? 1, base) else {
        return nil
      }
      level = item
      sets = level.bytes(.specificCharacterSet, base) ?? sets
    }
    guard let tag = level.tag(last.tag, makes: false, base), let position = level.position(tag) else { return nil }
    if let count = level.itemCount(tag, base) { return .sequence(itemCount: count) }
    switch level.nodes[position] {
    case .original(_, let place): return .value(DICOMElement(index: base, place: place))
    case .value(_, let vr, let bytes): return .value(Self.element(tag, vr, bytes, level.encoding, sets))
    case .moved(_, let vr, let range):
      return base.store.slice(range).map { .value(Self.element(tag, vr, Array($0), level.encoding, sets)) }
    case .sequence: return nil
    }
  }

  /// How many elements and items stand around what a path leads to: what a change there costs.
  package func siblingCount(_ path: DICOMPath) -> Int {
    var level = top
    var count = level.nodes.count
    for step in path.steps.dropLast() {
      guard let tag = level.tag(step.tag, makes: false, base) else { break }
      count += level.itemCount(tag, base) ?? 0
      guard let item = level.item(tag, step.item ?? 1, base) else { break }
      level = item
      count += level.nodes.count
    }
    return count
  }

  /// An element beside the one that says its character set.
  private static func element(
    _ tag: DICOMTag, _ vr: DICOMVR, _ bytes: [UInt8], _ encoding: DICOMEncoding, _ sets: ArraySlice<UInt8>?
  ) -> DICOMElement {
    let declared = tag == .specificCharacterSet ? [] : Array(sets ?? [])
    func entry(_ tag: DICOMTag, _ vr: DICOMVR, _ range: Range<Int>, next: Int32) -> DICOMEntry {
      DICOMEntry(
        tag: tag, vr: vr, kind: .element, hasUndefinedLength: false, encoding: encoding, parent: -1, next: next,
        start: range.lowerBound, value: range.lowerBound, end: range.upperBound)
    }
    var index = DICOMIndex(
      syntax: .explicitLittle, encoding: encoding, range: 0..<declared.count + bytes.count)
    index.store = DICOMStore(declared + bytes)
    if !declared.isEmpty { index.entries = [entry(.specificCharacterSet, .cs, 0..<declared.count, next: 1)] }
    let place = index.entries.count
    index.entries.append(
      entry(tag, vr, declared.count..<declared.count + bytes.count, next: Int32(place + 1)))
    return DICOMElement(index: index, place: place)
  }
}
