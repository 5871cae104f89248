/// An element of a data set: what it says of itself, and its value as it is asked for.
package struct DICOMElement: Sendable {
  let index: DICOMIndex
  let place: Int

  init(index: DICOMIndex, place: Int) {
    self.index = index
    self.place = place
  }

  var entry: DICOMEntry { index.entries[place] }

  package var tag: DICOMTag { entry.tag }
  /// As it stands there; in implicit syntaxes as the dictionary has it.
  package var writtenVR: DICOMVR { entry.vr }
  /// How its value is read: what was passed on as UN is what the standard says that it is.
  package var vr: DICOMVR {
    let entry = entry
    if entry.kind == .sequence { return .sq }
    guard entry.vr == .un, let vrs = DICOMDictionary.vrs(entry.tag), vrs.count == 1 else { return entry.vr }
    // Items that weren't seen to be such stay bytes.
    return vrs[0] == .sq ? .un : vrs[0]
  }
  package var attribute: DICOMAttribute? { DICOMDictionary.attribute(tag) }
  /// `PatientName`; of private elements the tag.
  package var keyword: String { attribute?.keyword ?? tag.description }
  /// `(0040,0275)[2].(0040,0009)`
  package var path: String { index.path(of: place) }

  /// The whole element in the source, with header and delimiter.
  package var range: Range<Int> { entry.start..<entry.end }
  /// Its value in the source.
  package var valueRange: Range<Int> { entry.valueRange }
  package var hasUndefinedLength: Bool { entry.hasUndefinedLength }
  package var isEmpty: Bool { entry.valueRange.isEmpty }
  package var isSequence: Bool { entry.kind == .sequence }
  /// Pixel data in fragments.
  package var isEncapsulated: Bool { entry.kind == .encapsulated }

  /// Of a sequence its items; of anything else none.
  package var items: [DICOMDataSet] {
    guard isSequence else { return [] }
    return children.map { DICOMDataSet(index: index, item: $0) }
  }

  /// Of encapsulated pixel data where each fragment's bytes are, without the basic offset table.
  package var fragments: [Range<Int>] {
    isEncapsulated ? children.dropFirst().map { index.entries[$0].valueRange } : []
  }

  /// Where the basic offset table is, which may be empty; `nil` of anything but encapsulated pixel data.
  package var offsetTable: Range<Int>? {
    isEncapsulated ? children.first.map { index.entries[$0].valueRange } : nil
  }

  private var children: [Int] {
    var children: [Int] = []
    var next = place + 1
    while next < Int(entry.next) {
      children.append(next)
      next = Int(index.entries[next].next)
    }
    return children
  }

  /// The bytes of its value as they stand there.
  ///
  /// - Throws: `notInMemory` for pixels and other long values of what came as a stream.
  package func bytes() throws(DICOMError) -> ArraySlice<UInt8> {
    guard let bytes = index.store.slice(entry.valueRange) else { throw error(.notInMemory) }
    return bytes
  }

  func error(_ kind: DICOMError.Kind) -> DICOMError { DICOMError(kind, offset: entry.start, path: path) }

  /// Of a private creator its name.
  var creatorName: String? {
    guard let bytes = index.store.slice(entry.valueRange) else { return nil }
    return String(decoding: DICOMText.trimmed(bytes, .lo), as: UTF8.self)
  }

  /// Who owns the block that this private element is in.
  package var privateCreator: String? {
    guard let creator = tag.privateCreator, let place = index.find(creator, in: container) else { return nil }
    return DICOMElement(index: index, place: place).creatorName
  }

  /// The item that it stands in; -1: at the top.
  private var container: Int { Int(entry.parent) }

  var characterSets: DICOMCharacterSets { index.characterSets(in: container) }
}

extension DICOMElement: CustomStringConvertible, CustomDebugStringConvertible, CustomReflectable {
  package var description: String { "\(tag) \(vr), \(valueRange.count) bytes" }
  package var debugDescription: String { description }
  package var customMirror: Mirror { Mirror(self, children: ["element": description]) }
}
