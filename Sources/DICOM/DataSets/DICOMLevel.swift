/// The elements of a data set or item that is being changed.
struct DICOMLevel: Sendable {
  private(set) var nodes: [Node]
  let encoding: DICOMEncoding
  /// Groups in which something changed: their lengths are counted anew.
  private(set) var changedGroups: Set<UInt16> = []

  /// One element.
  indirect enum Node: Sendable {
    /// As it stands in the source.
    case original(DICOMTag, place: Int)
    case value(DICOMTag, DICOMVR, [UInt8])
    /// Another header before a value of the source.
    case moved(DICOMTag, DICOMVR, Range<Int>)
    case sequence(SequenceNode)

    var tag: DICOMTag {
      switch self {
      case .original(let tag, _), .value(let tag, _, _), .moved(let tag, _, _): tag
      case .sequence(let sequence): sequence.tag
      }
    }
  }

  /// A sequence that has changed, or is new.
  struct SequenceNode: Sendable {
    var tag: DICOMTag
    /// SQ, or the UN of one that was passed on.
    var vr: DICOMVR
    /// Of its header.
    var encoding: DICOMEncoding
    /// Of what stands in it.
    var inner: DICOMEncoding
    var hasUndefinedLength = false
    var items: [Item]
  }

  struct Item: Sendable {
    /// Where it stands in the source, untouched; `nil`: `level` has it.
    var place: Int?
    var level: DICOMLevel?
    var hasUndefinedLength: Bool

    init(place: Int, hasUndefinedLength: Bool) {
      self.place = place
      self.hasUndefinedLength = hasUndefinedLength
    }

    init(level: DICOMLevel, hasUndefinedLength: Bool = false) {
      self.level = level
      self.hasUndefinedLength = hasUndefinedLength
    }
  }

  init(nodes: [Node], encoding: DICOMEncoding) {
    self.nodes = nodes
    self.encoding = encoding
  }

  /// Of the source, untouched.
  init(_ base: DICOMIndex, in item: Int, _ encoding: DICOMEncoding) {
    nodes = DICOMDataSet(index: base, item: item).elements.map { .original($0.tag, place: $0.place) }
    self.encoding = encoding
  }

  // MARK: Elements

  func position(_ tag: DICOMTag) -> Int? { nodes.firstIndex { $0.tag == tag } }

  mutating func put(_ node: Node) {
    changedGroups.insert(node.tag.group)
    if let known = position(node.tag) {
      nodes[known] = node
    } else {
      nodes.insert(node, at: nodes.firstIndex { $0.tag > node.tag } ?? nodes.count)
    }
  }

  mutating func remove(_ tag: DICOMTag) {
    changedGroups.insert(tag.group)
    nodes.removeAll { $0.tag == tag }
  }

  /// How the value of an element is read that is here.
  func vr(of tag: DICOMTag, _ base: DICOMIndex) -> DICOMVR? {
    switch position(tag).map({ nodes[$0] }) {
    case .value(_, let vr, _)?, .moved(_, let vr, _)?: vr
    case .original(_, let place)?: DICOMElement(index: base, place: place).vr
    case .sequence?: .sq
    case nil: nil
    }
  }

  /// Where an element is here. A private block that isn't there is made, where that is wanted.
  mutating func tag(_ tag: DICOMPath.Tag, makes: Bool, _ base: DICOMIndex) -> DICOMTag? {
    guard case .privateBlock(let group, let creator, let element) = tag else {
      if case .standard(let tag) = tag { return tag }
      return nil
    }
    var free: UInt16 = 0x10
    for node in nodes where node.tag.group == group && node.tag.isPrivateCreator {
      if let name = bytes(node, base), DICOMText.trimmed(name, .lo).elementsEqual(creator.utf8) {
        return DICOMTag(group, node.tag.element << 8 | UInt16(element))
      }
      free = max(free, node.tag.element + 1)
    }
    guard makes, free <= 0xFF else { return nil }
    var name = Array(creator.utf8)
    if name.count & 1 == 1 { name.append(0x20) }
    put(.value(DICOMTag(group, free), .lo, name))
    return DICOMTag(group, free << 8 | UInt16(element))
  }

  /// The bytes of a value here.
  func bytes(_ tag: DICOMTag, _ base: DICOMIndex) -> ArraySlice<UInt8>? {
    position(tag).flatMap { bytes(nodes[$0], base) }
  }

  private func bytes(_ node: Node, _ base: DICOMIndex) -> ArraySlice<UInt8>? {
    switch node {
    case .original(_, let place): base.store.slice(base.entries[place].valueRange)
    case .value(_, _, let bytes): bytes[...]
    case .moved(_, _, let range): base.store.slice(range)
    case .sequence: nil
    }
  }

  /// The character sets that are declared here; `nil` where none are.
  func characterSets(_ base: DICOMIndex) -> DICOMCharacterSets? {
    bytes(.specificCharacterSet, base).map { DICOMCharacterSets(declared: $0) }
  }
}
