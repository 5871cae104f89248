/// One element, item or fragment in the index of a data set: where it stands.
struct DICOMEntry: Sendable {
  enum Kind: UInt8, Sendable {
    case element
    /// Its value is items.
    case sequence
    case item
    /// Encapsulated pixel data: a basic offset table and fragments.
    case encapsulated
    case fragment
  }

  var tag: DICOMTag
  /// How the value is read. In explicit syntaxes what stands there, but UN for what isn't known.
  var vr: DICOMVR
  var kind: Kind
  var hasUndefinedLength: Bool
  var encoding: DICOMEncoding
  /// The entry that this one stands in; -1 at the top.
  var parent: Int32
  /// The entry behind this one and all that is in it.
  var next: Int32
  /// The first byte of its header.
  var start: Int
  /// The first byte of its value.
  var value: Int
  /// Behind its value, and its delimiter where it has one.
  var end: Int

  /// Its value without a delimiter.
  var valueRange: Range<Int> { value..<(hasUndefinedLength ? max(value, end - 8) : end) }
}

/// The index of a data set over its bytes.
struct DICOMIndex: Sendable {
  var store = DICOMStore()
  var entries: [DICOMEntry] = []
  var syntax: DICOMTransferSyntax
  /// How the elements at the top are written.
  var encoding: DICOMEncoding
  /// Where the data set begins and ends in the store.
  var range: Range<Int>

  /// The character set that holds for what stands in an item; -1: at the top.
  func characterSets(in item: Int) -> DICOMCharacterSets {
    var item = item
    while true {
      if let place = find(.specificCharacterSet, in: item), let bytes = store.slice(entries[place].valueRange) {
        return DICOMCharacterSets(declared: bytes)
      }
      guard item >= 0 else { return .standard }
      // The item stands in a sequence, which stands in an item or at the top.
      item = Int(entries[Int(entries[item].parent)].parent)
    }
  }

  /// The first element with a tag in an item, or at the top (-1).
  func find(_ tag: DICOMTag, in item: Int) -> Int? {
    var place = item + 1
    let end = item < 0 ? entries.count : Int(entries[item].next)
    while place < end {
      if entries[place].tag == tag { return place }
      place = Int(entries[place].next)
    }
    return nil
  }

  /// `(0040,0275)[2].(0040,0009)`
  func path(of place: Int) -> String {
    var parts: [String] = []
    var place = place
    while place >= 0 {
      let entry = entries[place]
      let parent = Int(entry.parent)
      if entry.kind == .item || entry.kind == .fragment {
        var number = 1
        var sibling = parent + 1
        while sibling < place {
          number += 1
          sibling = Int(entries[sibling].next)
        }
        parts.append("[\(number)]")
      } else {
        parts.append(parent >= 0 ? ".\(entry.tag)" : "\(entry.tag)")
      }
      place = parent
    }
    return parts.reversed().joined()
  }
}
