package import ConnectorKit
import DICOM
import Messages

/// An AE title (PS3.5 6.2): at most 16 characters of ASCII without a backslash, blanks around it don't count.
package struct AETitle: SettingValue, Hashable {
  package let text: String

  /// One that the program itself names.
  init(known text: String) { self.text = text }

  init?(_ text: String) {
    let isFit = text.utf8.allSatisfy { (0x20...0x7E).contains($0) && $0 != 0x5C }
    guard isFit, !text.isEmpty, text.utf8.count <= 16, text.first != " ", text.last != " " else { return nil }
    self.text = text
  }

  package static func read(_ node: SettingNode, _ reader: SettingReader) -> AETitle? {
    guard let title = node.scalar.flatMap({ AETitle($0) }) else {
      reader.expected(
        "an AE title", node, help: ["1 to 16 letters, digits and signs, without a backslash and without blanks around"])
      return nil
    }
    return title
  }

  package static var kind: SettingKind { .scalar("AE title") }
}

/// What has a UID of the standard, by its keyword or by the UID itself.
package struct DICOMName: SettingValue, Hashable {
  package let uid: String
  package var text: String { uid }

  package static func read(_ node: SettingNode, _ reader: SettingReader) -> DICOMName? {
    guard let word = node.scalar else {
      reader.expected("a keyword of the standard, or a UID,", node)
      return nil
    }
    if let known = DICOMDictionary.uid(keyword: word) { return DICOMName(uid: known.uid) }
    if DICOMUID.isValid(word) { return DICOMName(uid: word) }
    let near = nearest(to: word, among: DICOMDictionary.uidNames.map(\.keyword))
    reader.problem(
      "C104", "`\(word)` is neither a keyword of the standard (PS3.6 annex A) nor a UID", at: node.place,
      label: near.map { "did you mean `\($0)`?" },
      help: ["CTImageStorage, 1.2.840.10008.5.1.4.1.1.2, JPEGBaseline8Bit, 1.2.840.10008.1.2.4.50"])
    return nil
  }

  package static var kind: SettingKind { .scalar("keyword or UID") }
}
