import ConnectorKit
package import Text

/// `{xpath: "//c:patient", namespaces: {c: "urn:hl7-org:v3"}}`: which elements of an XML document are meant.
package struct ElementPath: Sendable {
  package let xpath: XPath
  /// As it is written in a channel file.
  package let text: String

  static func read(
    _ node: SettingNode, _ entries: [SettingNode.Entry], _ reader: SettingReader
  ) -> ElementPath? {
    let known = ["xpath", "namespaces"]
    for entry in entries where !known.contains(entry.key) { reader.unknown(entry, known: known) }
    guard let path = node["xpath"] else { return nil }
    guard let source = path.scalar else {
      reader.expected("a path", path, help: ["xpath: /list/patient"])
      return nil
    }
    var namespaces: [String: String] = [:]
    if let given = node["namespaces"] {
      guard case .map(let entries) = given.kind else {
        reader.expected("prefixes with their namespaces", given, help: ["namespaces: {c: \"urn:hl7-org:v3\"}"])
        return nil
      }
      for entry in entries {
        guard let namespace = entry.value.scalar, !namespace.isEmpty else {
          reader.expected("the address of a namespace", entry.value, help: ["\(entry.key): \"urn:hl7-org:v3\""])
          return nil
        }
        namespaces[entry.key] = namespace
      }
    }
    do {
      let xpath = try XPath(source, namespaces: namespaces)
      guard xpath.findsNodes else {
        reader.problem("C103", "this gives a value, and no elements", at: path.place, help: ["xpath: /list/patient"])
        return nil
      }
      let declared = namespaces.sorted { $0.key < $1.key }.map { "\($0): \"\($1)\"" }.joined(separator: ", ")
      return ElementPath(
        xpath: xpath, text: "{xpath: \"\(source)\"" + (declared.isEmpty ? "}" : ", namespaces: {\(declared)}}"))
    } catch {
      reader.problem(
        "C103", "this is no path that can be read: \(error.reason)", at: path.place,
        label: "character \(error.offset + 1)", help: ["namespaces: {c: \"urn:hl7-org:v3\"} declares the prefix `c`"])
      return nil
    }
  }
}
