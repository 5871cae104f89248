internal import CDICOMTables
import Messages
import Text

/// What the standard says of a data element (PS3.6).
package struct DICOMAttribute: Sendable, Hashable {
  /// Of a repeating group the first: (6000,3000) of (60xx,3000).
  package let tag: DICOMTag
  /// More than one where others of the data set decide; empty for items and delimiters.
  package let vrs: [DICOMVR]
  /// How many values: `1`, `1-n`, `2-2n`.
  package let multiplicity: String
  package let isRetired: Bool
  /// `PatientName`
  package let keyword: String
  /// `Patient's Name`
  package let name: String

  package var vr: DICOMVR? { vrs.first }
}

/// The data dictionary.
package enum DICOMDictionary {
  /// `nil`: the standard has no such element. Of repeating groups every one is found.
  package static func attribute(_ tag: DICOMTag) -> DICOMAttribute? {
    index(tag).map { table.attributes[$0] }
  }

  package static func attribute(keyword: String) -> DICOMAttribute? {
    table.keywords[keyword].map { table.attributes[$0] }
  }

  /// Elements by the path segments that people write: a keyword, `(0010,0010)` or `00100010`.
  package static func tag(_ text: String) -> DICOMTag? { DICOMTag(text) ?? attribute(keyword: text)?.tag }

  /// The keyword that was surely meant.
  package static func nearestKeyword(to word: String) -> String? {
    let lower = word.lowercased()
    if let same = table.lowered[lower] { return table.attributes[same].keyword }
    // Most words are far off: those of another length needn't be measured.
    let near = table.attributes.lazy.map(\.keyword).filter { abs($0.utf8.count - word.utf8.count) <= 2 }
    return nearest(to: word, among: Array(near))
  }

  /// In the order of their tags.
  package static var attributes: [DICOMAttribute] { table.attributes }

  static func index(_ tag: DICOMTag) -> Int? {
    if let known = table.tags[tag.rawValue] { return known }
    if tag.isPrivate { return nil }
    return table.repeating.first { tag.rawValue & $0.mask == $0.value }?.index
  }

  /// How the value of an element is read that doesn't say so itself; `nil` where that isn't known.
  static func vrs(_ tag: DICOMTag) -> [DICOMVR]? {
    if tag.isGroupLength { return [.ul] }
    if tag.isPrivateCreator { return [.lo] }
    return index(tag).map { table.attributes[$0].vrs }
  }

  fileprivate static let table = DICOMTable()
}

/// The name of something that has a UID.
package struct DICOMUIDName: Sendable, Hashable {
  package enum Kind: Character, Sendable, Hashable {
    case transferSyntax = "T"
    case sopClass = "S"
    case metaSOPClass = "M"
    case applicationContext = "A"
    case instance = "I"
    case frameOfReference = "F"
    case codingScheme = "C"
  }

  package let uid: String
  package let kind: Kind
  package let isRetired: Bool
  /// `CTImageStorage`
  package let keyword: String
  /// `CT Image Storage`
  package let name: String

  /// Objects of it are stored and sent, rather than asked for or acted on.
  package var isStorage: Bool {
    kind == .sopClass && (keyword.hasSuffix("Storage") || keyword.hasSuffix("StorageTrial"))
  }
}

extension DICOMDictionary {
  package static func name(ofUID uid: String) -> DICOMUIDName? { table.uids[uid].map { table.uidNames[$0] } }
  /// By its keyword.
  package static func uid(keyword: String) -> DICOMUIDName? { table.uidNames.first { $0.keyword == keyword } }
  package static var uidNames: [DICOMUIDName] { table.uidNames }
}

/// What the embedded text says, read once.
private struct DICOMTable: Sendable {
  var attributes: [DICOMAttribute] = []
  var tags: [UInt32: Int] = [:]
  var repeating: [(mask: UInt32, value: UInt32, index: Int)] = []
  var keywords: [String: Int] = [:]
  var lowered: [String: Int] = [:]
  var uidNames: [DICOMUIDName] = []
  var uids: [String: Int] = [:]

  init() {
    let text = UnsafeBufferPointer(start: hilum_dicom_tables, count: hilum_dicom_tables_bytes)
    for line in text.split(separator: UInt8(ascii: "\n")) {
      let words = line.split(separator: UInt8(ascii: " "), maxSplits: line.first == UInt8(ascii: "A") ? 6 : 5)
        .map { String(decoding: $0, as: UTF8.self) }
      if words.first == "A", words.count == 7 { attribute(words) }
      if words.first == "U", words.count == 6 { uid(words) }
    }
  }

  /// `A 00100010 PN 1 - PatientName Patient's Name`
  private mutating func attribute(_ words: [String]) {
    guard let pattern = DICOMTagPattern(words[1]) else { return }
    let index = attributes.count
    attributes.append(
      DICOMAttribute(
        tag: DICOMTag(rawValue: pattern.value), vrs: words[2].split(separator: "/").compactMap { DICOMVR($0) },
        multiplicity: words[3], isRetired: words[4] == "R", keyword: words[5], name: words[6]))
    if pattern.mask == .max {
      tags[pattern.value] = index
    } else {
      repeating.append((pattern.mask, pattern.value, index))
    }
    keywords[words[5]] = index
    lowered[words[5].lowercased()] = index
  }

  /// `U 1.2.840.10008.1.2 T - ImplicitVRLittleEndian Implicit VR Little Endian`
  private mutating func uid(_ words: [String]) {
    guard let kind = words[2].first.flatMap(DICOMUIDName.Kind.init(rawValue:)) else { return }
    uids[words[1]] = uidNames.count
    uidNames.append(
      DICOMUIDName(uid: words[1], kind: kind, isRetired: words[3] == "R", keyword: words[4], name: words[5]))
  }
}
