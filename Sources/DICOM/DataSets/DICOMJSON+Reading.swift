package import Text

/// Why JSON is no data set: where, and what.
package struct DICOMJSONError: Error, Hashable, CustomStringConvertible {
  package let path: String
  package let reason: String
  package var description: String { path.isEmpty ? reason : "\(path): \(reason)" }
}

extension DICOMJSON {
  /// Reads an object as a data set.
  ///
  /// - Parameters:
  ///   - syntax: in which it is to be written.
  ///   - bulk: gives the bytes behind a BulkDataURI, in little endian.
  package static func read(
    _ node: JSONNode, as syntax: DICOMTransferSyntax, limits: DICOMLimits = DICOMLimits(),
    bulk: (String) throws -> [UInt8] = { _ in throw DICOMJSONError(path: "", reason: "there is nothing to fetch from") }
  ) throws -> DICOMDraft {
    var draft = DICOMDraft(new: syntax)
    // The texts are UTF-8, which the data set says where it needs to.
    let sets = DICOMCharacterSets.utf8
    var level = try withoutActuallyEscaping(bulk) { bulk in
      try DICOMJSONReading(encoding: syntax.encoding, sets: sets, limits: limits, bulk: bulk).level(node, "", 0)
    }
    if level.position(.specificCharacterSet) != nil || !level.isPlain(draft.base, allowsEscapes: true) {
      level.put(.value(.specificCharacterSet, .cs, Array("ISO_IR 192".utf8)))
    }
    draft.replace(level)
    return draft
  }
}

private struct DICOMJSONReading {
  let encoding: DICOMEncoding
  let sets: DICOMCharacterSets
  let limits: DICOMLimits
  let bulk: (String) throws -> [UInt8]

  func level(_ node: JSONNode, _ path: String, _ depth: Int) throws -> DICOMLevel {
    guard node.kind == .object else { throw DICOMJSONError(path: path, reason: "a data set is an object") }
    guard depth <= limits.depthMax else {
      throw DICOMJSONError(path: path, reason: "sequences are nested more than \(limits.depthMax) deep")
    }
    var nodes: [DICOMLevel.Node] = []
    for (key, value) in node.members {
      guard let name = key.text, let tag = DICOMTag(name) ?? DICOMDictionary.tag(name) else {
        throw DICOMJSONError(path: path, reason: "a key is no tag of eight digits")
      }
      if tag.isGroupLength { continue }
      let path = path.isEmpty ? "\(tag)" : "\(path).\(tag)"
      guard value.kind == .object else { throw DICOMJSONError(path: path, reason: "an element is an object") }
      let known = DICOMDictionary.vrs(tag)?.first
      guard let vr = value["vr"]?.text.flatMap({ DICOMVR($0) }) ?? (value["vr"] == nil ? known : nil) else {
        throw DICOMJSONError(path: path, reason: "\"vr\" is none of PS3.5")
      }
      nodes.append(try self.node(tag, vr, value, path, depth))
    }
    nodes.sort { $0.tag < $1.tag }
    return DICOMLevel(nodes: nodes, encoding: encoding)
  }

  private func node(
    _ tag: DICOMTag, _ vr: DICOMVR, _ node: JSONNode, _ path: String, _ depth: Int
  ) throws -> DICOMLevel.Node {
    if vr == .sq {
      var items: [DICOMLevel.Item] = []
      for (number, item) in (node["Value"]?.elements.enumerated().map { ($0, $1) } ?? []) {
        items.append(DICOMLevel.Item(level: try level(item, "\(path)[\(number + 1)]", depth + 1)))
      }
      return .sequence(
        DICOMLevel.SequenceNode(tag: tag, vr: .sq, encoding: encoding, inner: encoding, items: items))
    }
    if tag == .specificCharacterSet { return .value(tag, .cs, Array("ISO_IR 192".utf8)) }
    let value = try value(vr, node, path)
    do throws(DICOMEncoder.Refusal) {
      return .value(tag, vr, try DICOMEncoder.bytes(value, vr, encoding, sets))
    } catch {
      throw DICOMJSONError(path: path, reason: DICOMError(error.kind, offset: 0, path: "").reason)
    }
  }

  private func value(_ vr: DICOMVR, _ node: JSONNode, _ path: String) throws -> DICOMValue {
    if let inline = node["InlineBinary"] {
      guard let bytes = inline.text.flatMap(Self.bytes(base64:)) else {
        throw DICOMJSONError(path: path, reason: "\"InlineBinary\" is no base64")
      }
      return .bytes(turned(bytes, vr))
    }
    if let uri = node["BulkDataURI"] {
      guard let text = uri.text else { throw DICOMJSONError(path: path, reason: "\"BulkDataURI\" is no text") }
      return .bytes(turned(try bulk(text), vr))
    }
    guard let list = node["Value"] else { return .bytes([]) }
    guard list.kind == .list else { throw DICOMJSONError(path: path, reason: "\"Value\" is no list") }
    let values = Array(list.elements)
    func each<Part>(_ what: String, _ read: (JSONNode) -> Part?) throws -> [Part] {
      try values.map { value in
        guard let part = read(value) else { throw DICOMJSONError(path: path, reason: "a value of \(vr) is \(what)") }
        return part
      }
    }
    switch vr {
    case .us, .ss, .ul, .sl, .uv, .sv:
      return .integers(try each("a whole number") { ($0.number ?? $0.text).flatMap { Int128($0) } })
    case .fl, .fd: return .floats(try each("a number", float))
    case .at: return .tags(try each("a tag of eight digits") { $0.text.flatMap { DICOMTag($0) } })
    case .pn: return .texts(try each("a name with its writings", name))
    case .is, .ds: return .texts(try each("a number") { $0.kind == .null ? "" : $0.number ?? $0.text })
    default:
      guard vr.isText else { throw DICOMJSONError(path: path, reason: "a value of \(vr) is bytes") }
      return .texts(try each("a text") { $0.kind == .null ? "" : $0.text })
    }
  }

  /// Of base64 that has no white space in it.
  private static func bytes(base64 text: String) -> [UInt8]? {
    text.utf8.contains { $0 <= 0x20 } ? nil : Base64Text.bytes(Array(text.utf8))
  }

  private func float(_ node: JSONNode) -> Double? {
    if let number = node.number { return Double(number) }
    switch node.text?.lowercased() {
    case "nan": return .nan
    case "inf", "infinity": return .infinity
    case "-inf", "-infinity": return -.infinity
    case let text?: return Double(text)
    case nil: return nil
    }
  }

  private func name(_ node: JSONNode) -> String? {
    if node.kind == .null { return "" }
    if let text = node.text { return text }
    guard node.kind == .object else { return nil }
    return DICOMPersonName(
      alphabetic: node["Alphabetic"]?.text ?? "", ideographic: node["Ideographic"]?.text ?? "",
      phonetic: node["Phonetic"]?.text ?? ""
    ).text
  }

  private func turned(_ bytes: [UInt8], _ vr: DICOMVR) -> [UInt8] {
    encoding.isBigEndian && vr.wordBytes > 1 ? DICOMEncoder.swapped(bytes[...], vr.wordBytes) : bytes
  }
}
