import ConnectorKit
import HL7
package import Hilt
package import Messages

/// Reads a profile: what a site's messages have beyond the standard. docs/profiles.md describes the file.
package struct ProfileReader {
  private let reader = SettingReader(folder: "/")

  /// - Parameter file: the name under which its problems are shown.
  package static func read(_ bytes: [UInt8], file: String) -> HiltProfile.Reading {
    let yaml = YAMLReader.read(bytes, file: file)
    guard let node = yaml.node else { return HiltProfile.Reading(profile: nil, problems: yaml.problems) }
    let profile = ProfileReader()
    let read = profile.profile(node)
    return HiltProfile.Reading(profile: read, problems: yaml.problems + profile.reader.problems)
  }

  private func profile(_ node: SettingNode) -> HiltProfile {
    var profile = HiltProfile(name: "")
    for entry in entries(node, known: ["profile", "about", "segments", "types", "structures"]) {
      switch entry.key {
      case "profile": profile.name = text(entry.value, "the profile's name") ?? ""
      case "segments":
        for one in entries(entry.value) {
          guard let code = HL7SegmentCode(one.key) else {
            reader.problem(
              "C104", "`\(one.key)` is no segment: three capitals, or digits after the first", at: one.keyPlace,
              help: ["ZPV"])
            continue
          }
          profile.segments[code] = segment(one.value)
        }
      case "types":
        for one in entries(entry.value) {
          guard isType(one.key, at: one.keyPlace) else { continue }
          for inner in entries(one.value, known: ["components"]) { profile.types[one.key] = parts(inner.value) }
        }
      case "structures":
        for one in entries(entry.value) {
          if let name = structure(one.value) { profile.structures[one.key] = name }
        }
      default: break
      }
    }
    if profile.name.isEmpty {
      reader.problem(
        "C102", "`profile` is missing: a profile begins with its name", at: node.place, help: ["profile: acme"])
    }
    return profile
  }

  private func segment(_ node: SettingNode) -> HiltProfile.Segment {
    var segment = HiltProfile.Segment()
    for entry in entries(node, known: ["about", "after", "fields"]) {
      switch entry.key {
      case "after":
        let name = text(entry.value, "a segment") ?? ""
        segment.after = HL7SegmentCode(name)
        if segment.after == nil { reader.expected("a segment such as `PV1`", entry.value) }
      case "fields": segment.fields = parts(entry.value)
      default: break
      }
    }
    return segment
  }

  /// `1: {type: ST, repeats: yes, name: ward}` or `1: ST`
  private func parts(_ node: SettingNode) -> [Int: HiltProfile.Part] {
    var parts: [Int: HiltProfile.Part] = [:]
    for entry in entries(node) {
      guard let number = Int(entry.key), (1...1_000).contains(number) else {
        reader.problem("C104", "`\(entry.key)` is no number from 1 to 1000", at: entry.keyPlace, help: ["1: ST"])
        continue
      }
      if let type = entry.value.scalar {
        if isType(type, at: entry.value.place) { parts[number] = HiltProfile.Part(type: type) }
        continue
      }
      var part = HiltProfile.Part(type: "varies")
      for one in entries(entry.value, known: ["type", "repeats", "name"]) {
        switch one.key {
        case "type":
          let name = text(one.value, "a data type") ?? ""
          if isType(name, at: one.value.place) { part.type = name }
        case "repeats":
          switch one.value.scalar {
          case "yes": part.repeats = true
          case "no": part.repeats = false
          default: reader.expected("`yes` or `no`", one.value)
          }
        default: break
        }
      }
      parts[number] = part
    }
    return parts
  }

  private func isType(_ name: String, at place: Place) -> Bool {
    let known = HL7Tables.typeNames + HL7Tables.primitiveNames
    if name == "varies" || known.contains(name) { return true }
    reader.problem(
      "C104", "HL7 has no data type `\(name)`", at: place,
      label: nearest(to: name, among: known).map { "did you mean `\($0)`?" })
    return false
  }

  private func structure(_ node: SettingNode) -> String? {
    guard let name = text(node, "a message structure") else { return nil }
    if HL7Tables.structureNames.contains(name) { return name }
    reader.problem(
      "C104", "HL7 has no message structure `\(name)`", at: node.place,
      label: nearest(to: name, among: HL7Tables.structureNames).map { "did you mean `\($0)`?" })
    return nil
  }

  private func text(_ node: SettingNode, _ what: String) -> String? {
    if let text = node.scalar { return text }
    reader.expected(what, node)
    return nil
  }

  private func entries(_ node: SettingNode, known: [String]? = nil) -> [SettingNode.Entry] {
    guard case .map(let entries) = node.kind else {
      reader.expected("a block of keys", node)
      return []
    }
    for entry in entries {
      if let known, !known.contains(entry.key) { reader.unknown(entry, known: known) }
    }
    return entries
  }
}
