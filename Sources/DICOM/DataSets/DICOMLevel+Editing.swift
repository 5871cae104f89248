/// Going down to what is changed.
extension DICOMLevel {
  /// What an edit knows at every level.
  struct Edit {
    var base: DICOMIndex
    var path: DICOMPath
    /// What isn't there comes into being.
    var makes: Bool

    func refusal(_ why: String) -> DICOMError { DICOMDraft.refusal(.cannot(why), path) }
  }

  mutating func edit(
    _ steps: ArraySlice<DICOMPath.Step>, _ sets: DICOMCharacterSets, _ edit: Edit, _ change: DICOMDraft.Change
  ) throws(DICOMError) {
    guard let step = steps.first, let tag = tag(step.tag, makes: edit.makes, edit.base) else {
      throw edit.refusal("the group has no block left for another maker's private elements")
    }
    if steps.count == 1 { return try change(&self, tag, step.item, sets) }
    let number = step.item ?? 1
    var sequence =
      sequence(tag, edit.base)
      ?? SequenceNode(tag: tag, vr: .sq, encoding: encoding, inner: encoding, items: [])
    if number == sequence.items.count + 1, edit.makes {
      sequence.items.append(Item(level: DICOMLevel(nodes: [], encoding: sequence.inner)))
    }
    guard number <= sequence.items.count else {
      throw edit.refusal("the sequence has \(sequence.items.count) items, and items are made one behind the other")
    }
    var level = level(of: sequence.items[number - 1], edit.base)
    let inner = level.characterSets(edit.base) ?? sets
    try level.edit(steps.dropFirst(), inner, edit, change)
    sequence.items[number - 1] = Item(
      level: level, hasUndefinedLength: sequence.items[number - 1].hasUndefinedLength)
    put(.sequence(sequence))
  }

  /// The elements of an item, to be changed or looked at.
  private func level(of item: Item, _ base: DICOMIndex) -> DICOMLevel {
    if let level = item.level { return level }
    guard let place = item.place else { return DICOMLevel(nodes: [], encoding: encoding) }
    return DICOMLevel(base, in: place, base.entries[place].encoding)
  }

  /// A sequence that is here; `nil` where there is none.
  private func sequence(_ tag: DICOMTag, _ base: DICOMIndex) -> SequenceNode? {
    switch position(tag).map({ nodes[$0] }) {
    case .sequence(let sequence)?: return sequence
    case .original(_, let place)?: return SequenceNode(place, base)
    default: return nil
    }
  }

  /// The elements of an item; `nil`: there is none of that number.
  func item(_ tag: DICOMTag, _ number: Int, _ base: DICOMIndex) -> DICOMLevel? {
    guard let items = sequence(tag, base)?.items, number >= 1, number <= items.count else { return nil }
    return level(of: items[number - 1], base)
  }

  /// How many items a sequence has; `nil`: it is none.
  func itemCount(_ tag: DICOMTag, _ base: DICOMIndex) -> Int? { sequence(tag, base)?.items.count }

  mutating func removeItem(_ tag: DICOMTag, _ number: Int, _ base: DICOMIndex) {
    guard var sequence = sequence(tag, base), number >= 1, number <= sequence.items.count else { return }
    sequence.items.remove(at: number - 1)
    put(.sequence(sequence))
  }

  func contains(_ steps: ArraySlice<DICOMPath.Step>, _ base: DICOMIndex) -> Bool {
    var level = self
    guard let step = steps.first, let tag = level.tag(step.tag, makes: false, base), position(tag) != nil else {
      return false
    }
    if steps.count == 1, step.item == nil { return true }
    guard let items = sequence(tag, base)?.items else { return false }
    let number = step.item ?? 1
    guard number >= 1, number <= items.count else { return false }
    return steps.count == 1 || self.level(of: items[number - 1], base).contains(steps.dropFirst(), base)
  }

  /// No text that (0008,0005) of this level speaks for is more than ASCII.
  ///
  /// - Parameter allowsEscapes: nothing is switched by them, as none were read.
  func isPlain(_ base: DICOMIndex, allowsEscapes: Bool = false) -> Bool {
    func isPlain(_ bytes: ArraySlice<UInt8>?) -> Bool {
      bytes?.allSatisfy { $0 < 0x80 && ($0 != 0x1B || allowsEscapes) } ?? false
    }
    return nodes.allSatisfy { node in
      switch node {
      case .value(_, let vr, let bytes): return !vr.followsCharacterSet || isPlain(bytes[...])
      case .moved(_, let vr, let range): return !vr.followsCharacterSet || isPlain(base.store.slice(range))
      case .sequence(let sequence):
        return sequence.items.allSatisfy { level(of: $0, base).isPlain(base, allowsEscapes: allowsEscapes) }
      case .original(_, let place):
        return base.entries[place..<Int(base.entries[place].next)].allSatisfy { entry in
          entry.kind != .element || !entry.vr.followsCharacterSet || isPlain(base.store.slice(entry.valueRange))
        }
      }
    }
  }
}

extension DICOMLevel.SequenceNode {
  /// A sequence of the source, with its items as they stand there; `nil` where it is none.
  init?(_ place: Int, _ base: DICOMIndex) {
    let entry = base.entries[place]
    guard entry.kind == .sequence else { return nil }
    let items = DICOMElement(index: base, place: place).items.map { item in
      DICOMLevel.Item(place: item.item, hasUndefinedLength: base.entries[item.item].hasUndefinedLength)
    }
    let isPassedOn = entry.vr == .un && entry.encoding.isExplicit
    self.init(
      tag: entry.tag, vr: entry.vr, encoding: entry.encoding, inner: isPassedOn ? .implicitLittle : entry.encoding,
      hasUndefinedLength: entry.hasUndefinedLength, items: items)
  }
}

/// Elements of other data sets.
extension DICOMLevel.Node {
  /// With another header, and the value where it stands in the source; where its byte order changes, turned round.
  init(moved element: DICOMElement, _ encoding: DICOMEncoding) throws(DICOMError) {
    let entry = element.entry
    if entry.kind == .sequence {
      self = .sequence(
        try Self.sequence(element, encoding) { (element) throws(DICOMError) in
          try DICOMLevel.Node(moved: element, encoding)
        })
      return
    }
    guard entry.kind == .element else {
      throw element.error(.cannot("compressed pixels stay in the transfer syntax that they are in"))
    }
    // A value that is longer than its VR's length field can say is passed on as UN (PS3.5 section 6.2.2).
    let isLong = encoding.isExplicit && !entry.vr.hasLongLength && entry.valueRange.count > 0xFFFE
    let vr = isLong ? .un : entry.vr
    if entry.encoding.isBigEndian == encoding.isBigEndian || entry.vr.wordBytes == 1 {
      self = .moved(entry.tag, vr, entry.valueRange)
    } else {
      self = .value(entry.tag, vr, DICOMEncoder.swapped(try element.bytes(), entry.vr.wordBytes))
    }
  }

  /// With its value in memory, in the character sets of the place where it goes.
  init(
    copy element: DICOMElement, as tag: DICOMTag, _ encoding: DICOMEncoding, _ sets: DICOMCharacterSets
  ) throws(DICOMError) {
    let entry = element.entry
    if entry.kind == .sequence {
      var sequence = try Self.sequence(element, encoding) { (element) throws(DICOMError) in
        // An item may say its own.
        let declared = element.characterSets
        let isOwn = element.index.find(.specificCharacterSet, in: Int(element.entry.parent)) != nil
        return try DICOMLevel.Node(copy: element, as: element.tag, encoding, isOwn ? declared : sets)
      }
      sequence.tag = tag
      self = .sequence(sequence)
      return
    }
    guard entry.kind == .element else {
      throw element.error(.cannot("compressed pixels stay in the file that they are in"))
    }
    let bytes = try element.bytes()
    let vr = element.vr
    if vr.followsCharacterSet, !bytes.allSatisfy({ $0 < 0x80 && $0 != 0x1B }), element.characterSets != sets {
      guard sets.isKnown, let text = sets.encode(try element.texts(), isName: vr == .pn) else {
        throw element.error(.unencodable)
      }
      self = .value(tag, vr, text.count & 1 == 1 ? text + [vr.padding] : text)
      return
    }
    let isTurned = entry.encoding.isBigEndian != encoding.isBigEndian && entry.vr != .un
    self = .value(tag, vr, isTurned ? DICOMEncoder.swapped(bytes, vr.wordBytes) : Array(bytes))
  }

  private static func sequence(
    _ element: DICOMElement, _ encoding: DICOMEncoding,
    _ node: (DICOMElement) throws(DICOMError) -> DICOMLevel.Node
  ) throws(DICOMError) -> DICOMLevel.SequenceNode {
    var items: [DICOMLevel.Item] = []
    for item in element.items {
      var nodes: [DICOMLevel.Node] = []
      // A length of a group would be another one.
      for inner in item.elements where !inner.tag.isGroupLength { nodes.append(try node(inner)) }
      let hasUndefinedLength = element.index.entries[item.item].hasUndefinedLength
      items.append(
        DICOMLevel.Item(
          level: DICOMLevel(nodes: nodes, encoding: encoding), hasUndefinedLength: hasUndefinedLength))
    }
    return DICOMLevel.SequenceNode(
      tag: element.tag, vr: .sq, encoding: encoding, inner: encoding,
      hasUndefinedLength: element.entry.hasUndefinedLength, items: items)
  }
}
