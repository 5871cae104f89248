/// A data set, or an item of a sequence: elements in the order in which they stand there. What it holds is read when it
/// is asked for.
package struct DICOMDataSet: Sendable {
  let index: DICOMIndex
  /// The entry of an item; -1: the data set itself.
  let item: Int

  init(index: DICOMIndex, item: Int) {
    self.index = index
    self.item = item
  }

  package var elements: Elements { Elements(self) }

  package var isEmpty: Bool { item < 0 ? index.entries.isEmpty : Int(index.entries[item].next) == item + 1 }

  /// `nil`: there is no such element.
  package subscript(tag: DICOMTag) -> DICOMElement? {
    index.find(tag, in: item).map { DICOMElement(index: index, place: $0) }
  }

  /// By keyword; `nil` also where the standard has none of that name.
  package subscript(keyword: String) -> DICOMElement? {
    DICOMDictionary.attribute(keyword: keyword).flatMap { self[$0.tag] }
  }

  /// What a path leads to.
  package subscript(path path: DICOMPath) -> DICOMElement? {
    var dataSet = self
    for (number, step) in path.steps.enumerated() {
      guard let tag = dataSet.tag(step.tag), let element = dataSet[tag] else { return nil }
      if number == path.steps.count - 1 { return step.item == nil ? element : nil }
      let items = element.items
      let wanted = step.item ?? 1
      guard wanted >= 1, wanted <= items.count else { return nil }
      dataSet = items[wanted - 1]
    }
    return nil
  }

  /// What a tag leads to, and how many elements were passed on the way: what finding it costs.
  package func find(_ tag: DICOMPath.Tag) -> (element: DICOMElement?, passed: Int) {
    var passed = 0
    if case .privateBlock(let group, let creator, _) = tag {
      for element in elements {
        passed += 1
        if element.tag.group == group, element.tag.isPrivateCreator, element.creatorName == creator { break }
      }
    }
    guard let tag = self.tag(tag) else { return (nil, passed) }
    for element in elements {
      passed += 1
      if element.tag == tag { return (element, passed) }
    }
    return (nil, passed)
  }

  /// How many elements, items and fragments the whole that it is of has.
  package var entryCount: Int { index.entries.count }

  /// Where an element of a path is in this data set; `nil`: the private block isn't there.
  package func tag(_ tag: DICOMPath.Tag) -> DICOMTag? {
    switch tag {
    case .standard(let tag): return tag
    case .privateBlock(let group, let creator, let element):
      return privateBlock(group, creator).map { DICOMTag(group, $0 << 8 | UInt16(element)) }
    }
  }

  /// The block that a maker has in a group: 0x10 where `(gggg,0010)` names it.
  package func privateBlock(_ group: UInt16, _ creator: String) -> UInt16? {
    for element in elements
    where element.tag.group == group && element.tag.isPrivateCreator && element.creatorName == creator {
      return element.tag.element
    }
    return nil
  }

  package var characterSets: DICOMCharacterSets { index.characterSets(in: item) }

  /// The transfer syntax of the whole.
  package var syntax: DICOMTransferSyntax { index.syntax }

  /// Where it stands: the whole data set, or an item with its header and delimiter.
  package var range: Range<Int> {
    item < 0 ? index.range : index.entries[item].start..<index.entries[item].end
  }

  /// The bytes of a range of the source; `nil` where not all of them were kept.
  package func bytes(_ range: Range<Int>) -> ArraySlice<UInt8>? { index.store.slice(range) }

  package struct Elements: Sequence, IteratorProtocol {
    private let index: DICOMIndex
    private var place: Int
    private let end: Int

    fileprivate init(_ dataSet: DICOMDataSet) {
      index = dataSet.index
      place = dataSet.item + 1
      end = dataSet.item < 0 ? index.entries.count : Int(index.entries[dataSet.item].next)
    }

    package mutating func next() -> DICOMElement? {
      guard place < end else { return nil }
      defer { place = Int(index.entries[place].next) }
      return DICOMElement(index: index, place: place)
    }
  }
}

/// Shown or logged, a data set says its size and never what it holds.
extension DICOMDataSet: CustomStringConvertible, CustomDebugStringConvertible, CustomReflectable {
  package var description: String { "DICOM data set, \(range.count) bytes" }
  package var debugDescription: String { description }
  package var customMirror: Mirror { Mirror(self, children: ["dataSet": description]) }
}

extension DICOMObject: CustomStringConvertible, CustomDebugStringConvertible, CustomReflectable {
  package var description: String { "DICOM object, \(syntax)" }
  package var debugDescription: String { description }
  package var customMirror: Mirror { Mirror(self, children: ["object": description]) }
}
