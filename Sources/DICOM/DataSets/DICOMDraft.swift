/// A data set that is being changed, or made from nothing. What isn't touched stays a range of the bytes that came.
package struct DICOMDraft: Sendable {
  let base: DICOMIndex
  package private(set) var syntax: DICOMTransferSyntax
  var top: DICOMLevel
  /// Something was set or removed.
  package private(set) var isChanged = false
  /// Nothing of the file that it comes from goes along but elements: no preamble, meta group or padding.
  package private(set) var isNewFile = false

  /// Of a whole data set, or of the meta group of a file.
  package init(_ dataSet: DICOMDataSet) {
    precondition(dataSet.item < 0, "a draft is of a data set, not of an item")
    base = dataSet.index
    syntax = base.syntax
    // Where the elements aren't written as the transfer syntax says, new ones go as their neighbours do.
    top = DICOMLevel(base, in: -1, base.entries.first?.encoding ?? base.encoding)
  }

  /// The same elements in another transfer syntax; values stand where they are where their byte order is the same.
  /// What is deflated is done apart (`DICOMDeflater`).
  ///
  /// - Throws: `cannot` where pixels would have to be compressed or uncompressed.
  package init(_ dataSet: DICOMDataSet, as syntax: DICOMTransferSyntax) throws(DICOMError) {
    self.init(dataSet)
    guard
      dataSet.syntax.isEncapsulated == syntax.isEncapsulated || !top.nodes.contains(where: { $0.tag == .pixelData }),
      syntax == dataSet.syntax || !syntax.isEncapsulated || !dataSet.syntax.isEncapsulated
    else {
      throw DICOMError(.cannot("pixels are neither compressed nor uncompressed here"), offset: 0, path: "")
    }
    let encoding = syntax.encoding
    guard encoding != base.encoding || syntax != self.syntax else { return }
    self.syntax = syntax
    var nodes: [DICOMLevel.Node] = []
    // A length of a group would be another one.
    for element in dataSet.elements where !element.tag.isGroupLength {
      nodes.append(try DICOMLevel.Node(moved: element, encoding))
    }
    top = DICOMLevel(nodes: nodes, encoding: encoding)
    isChanged = true
  }

  /// Without any element.
  package init(new syntax: DICOMTransferSyntax) {
    base = DICOMIndex(syntax: syntax, encoding: syntax.encoding, range: 0..<0)
    self.syntax = syntax
    top = DICOMLevel(nodes: [], encoding: syntax.encoding)
  }

  /// Sets the value of an element, which comes into being where it isn't there, as do the sequences and items on the
  /// way to it and the block of a private element.
  ///
  /// - Parameter vr: `nil`: as it stands there, or as the dictionary has it.
  package mutating func set(_ path: DICOMPath, _ value: DICOMValue, vr: DICOMVR? = nil) throws(DICOMError) {
    let base = base
    try edit(path, makes: true) { (level, tag, item, sets) throws(DICOMError) in
      guard item == nil else { throw Self.refusal(.cannot("an item has no value"), path) }
      guard let vr = vr ?? level.vr(of: tag, base) ?? DICOMDictionary.vrs(tag)?.first else {
        throw Self.refusal(.cannot("the VR of a private element must be said"), path)
      }
      do throws(DICOMEncoder.Refusal) {
        let bytes = try DICOMEncoder.bytes(value, vr, level.encoding, sets)
        if tag == .specificCharacterSet, !level.isPlain(base), DICOMCharacterSets(declared: bytes[...]) != sets {
          throw DICOMEncoder.Refusal(
            kind: .cannot("texts in the character set that is declared now would be read as another"))
        }
        level.put(.value(tag, vr, bytes))
      } catch {
        throw Self.refusal(error.kind, path)
      }
    }
  }

  /// Declares other character sets for the texts at the top, which stay as they are: what was declared wrongly.
  package mutating func relabel(characterSets names: [String]) throws(DICOMError) {
    try edit(DICOMPath(.specificCharacterSet), makes: true) { (level, tag, _, _) throws(DICOMError) in
      var bytes = Array(names.joined(separator: "\\").utf8)
      if bytes.count & 1 == 1 { bytes.append(0x20) }
      level.put(.value(tag, .cs, bytes))
    }
  }

  /// Removes an element, or with a number at the end an item. Nothing happens where it isn't there.
  package mutating func remove(_ path: DICOMPath) throws(DICOMError) {
    guard contains(path) else { return }
    let base = base
    try edit(path, makes: false) { (level, tag, item, _) throws(DICOMError) in
      if let item { level.removeItem(tag, item, base) } else { level.remove(tag) }
    }
  }

  /// Makes a sequence of so many empty items, in place of what was there.
  package mutating func setItems(_ path: DICOMPath, count: Int) throws(DICOMError) {
    try edit(path, makes: true) { (level, tag, _, _) throws(DICOMError) in
      let items = (0..<count).map { _ in DICOMLevel.Item(level: DICOMLevel(nodes: [], encoding: level.encoding)) }
      level.put(
        .sequence(
          DICOMLevel.SequenceNode(tag: tag, vr: .sq, encoding: level.encoding, inner: level.encoding, items: items)))
    }
  }

  /// Puts an element of another data set in, as it stands there.
  package mutating func copy(_ element: DICOMElement, to path: DICOMPath) throws(DICOMError) {
    try edit(path, makes: true) { (level, tag, _, sets) throws(DICOMError) in
      level.put(try DICOMLevel.Node(copy: element, as: tag, level.encoding, sets))
    }
  }

  /// What an element at the top says in ASCII; `nil` where it isn't there or empty.
  package func text(of tag: DICOMTag) -> String? {
    guard let bytes = top.bytes(tag, base), let vr = top.vr(of: tag, base) else { return nil }
    let text = DICOMText.trimmed(bytes, vr)
    return text.isEmpty ? nil : String(decoding: text, as: UTF8.self)
  }

  package func contains(_ path: DICOMPath) -> Bool { top.contains(path.steps[...], base) }

  // MARK: Edits

  /// Puts other elements in the place of all.
  mutating func replace(_ level: DICOMLevel, isNewFile: Bool = false) {
    top = level
    isChanged = true
    self.isNewFile = isNewFile
  }

  typealias Change = (inout DICOMLevel, DICOMTag, Int?, DICOMCharacterSets) throws(DICOMError) -> Void

  private mutating func edit(_ path: DICOMPath, makes: Bool, _ change: Change) throws(DICOMError) {
    // What fails on the way leaves nothing behind.
    var changed = top
    let sets = changed.characterSets(base) ?? .standard
    try changed.edit(path.steps[...], sets, DICOMLevel.Edit(base: base, path: path, makes: makes), change)
    top = changed
    isChanged = true
  }

  static func refusal(_ kind: DICOMError.Kind, _ path: DICOMPath) -> DICOMError {
    DICOMError(kind, offset: 0, path: "\(path)")
  }
}

/// Where the bytes of what was changed come from.
package enum DICOMStretch: Sendable, Hashable {
  case bytes([UInt8])
  /// As they stand in the source.
  case range(Range<Int>)

  package var byteCount: Int {
    switch self {
    case .bytes(let bytes): bytes.count
    case .range(let range): range.count
    }
  }
}

extension DICOMDraft {
  /// The data set as stretches of new bytes and of the source.
  package func stretches() -> [DICOMStretch] {
    var output = DICOMStretches()
    guard isChanged else {
      output.add(base.range)
      return output.all
    }
    output.add(top, base)
    // What a file was filled up with.
    if !isNewFile, let last = base.entries.last(where: { $0.parent < 0 }) {
      output.add(last.end..<max(last.end, base.range.upperBound))
    }
    return output.all
  }

  /// The data set as bytes.
  ///
  /// - Throws: `notInMemory` where not all of the source was kept.
  package func bytes() throws(DICOMError) -> [UInt8] {
    var bytes: [UInt8] = []
    for stretch in stretches() {
      switch stretch {
      case .bytes(let new): bytes += new
      case .range(let range):
        guard let old = base.store.slice(range) else {
          throw DICOMError(.notInMemory, offset: range.lowerBound, path: "")
        }
        bytes += old
      }
    }
    return bytes
  }

  /// The changed data set, read again.
  package func dataSet(limits: DICOMLimits = DICOMLimits()) throws(DICOMError) -> DICOMDataSet {
    let plain = syntax.isDeflated ? DICOMTransferSyntax.explicitLittle : syntax
    return try DICOMObject(try bytes(), syntax: plain, limits: limits).dataSet
  }
}

/// Stretches as they are put together: neighbours become one.
struct DICOMStretches {
  private(set) var all: [DICOMStretch] = []

  mutating func add(_ range: Range<Int>) {
    if range.isEmpty { return }
    if case .range(let last)? = all.last, last.upperBound == range.lowerBound {
      all[all.count - 1] = .range(last.lowerBound..<range.upperBound)
    } else {
      all.append(.range(range))
    }
  }

  mutating func add(_ bytes: [UInt8]) {
    if bytes.isEmpty { return }
    if case .bytes(var last)? = all.last {
      all[all.count - 1] = .bytes([])
      last += bytes
      all[all.count - 1] = .bytes(last)
    } else {
      all.append(.bytes(bytes))
    }
  }
}
