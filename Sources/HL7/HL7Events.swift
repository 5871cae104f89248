import Synchronization

/// Which structure a message has by its code and its event, MSH-9.1 and MSH-9.2. Many events share one: an ADT^A04 has
/// the structure ADT_A01 (table 0354 of the standard).
package enum HL7Events {
  /// The name of the structure; `nil` where the version has none for the event.
  ///
  /// - Parameters:
  ///   - code: MSH-9.1, such as `ADT`.
  ///   - event: MSH-9.2, such as `A04`; an acknowledgement needs none.
  package static func structure(code: String, event: String?, version: String) -> String? {
    guard let version = HL7Versions(version, upTo: version) else { return nil }
    let shared = event.flatMap { event in
      entries(code).first { $0.versions.isSuperset(of: version) && $0.events.contains(event) }?.structure
    }
    let own = event.map { "\(code)_\($0)" }
    // Versions 2.1 and 2.2 give most events a structure of their own. An ACK is the same for all events.
    return [shared, own, code].compactMap(\.self).first { name in
      HL7Tables.structureVersions(name).isSuperset(of: version)
    }
  }

  /// The names of all events, with the codes of their messages, that share the structure of another or have their own:
  /// `ADT_A04`, `ADT_A01`.
  package static let names: [String] = {
    let shared = HL7Tables.names("E").flatMap { code in
      entries(code).flatMap { entry in entry.events.map { "\(code)_\($0)" } }
    }
    return Set(shared + HL7Tables.structureNames).sorted()
  }()

  /// The versions in which an event shares a structure: `ADT_A04`. None where it always has its own.
  package static func versions(of name: String) -> HL7Versions {
    let parts = name.split(separator: "_", maxSplits: 1).map(String.init)
    guard parts.count == 2 else { return [] }
    return entries(parts[0]).filter { $0.events.contains(parts[1]) }.reduce(into: []) { $0.formUnion($1.versions) }
  }

  private struct Entry: Sendable {
    let versions: HL7Versions
    let structure: String
    let events: [String]
  }

  /// What was read of the text, as it is asked for.
  private static let read = Mutex<[String: [Entry]]>([:])

  private static func entries(_ code: String) -> [Entry] {
    if let known = read.withLock({ $0[code] }) { return known }
    guard let lines = HL7Tables.lines("E \(code)") else { return [] }
    // ` ffc ADT_A01 A04 A08 A13`
    let entries = lines.compactMap { line -> Entry? in
      let words = line.split(separator: " ").map(String.init)
      guard words.count > 2 else { return nil }
      return Entry(versions: HL7Tables.mask(words[0][...]), structure: words[1], events: Array(words[2...]))
    }
    read.withLock { $0[code] = entries }
    return entries
  }
}

extension HL7Tables {
  /// The structure of a message, as the version in MSH-12 has it: the one that MSH-9.3 names, else the one of the code
  /// and event in MSH-9.1 and 9.2.
  ///
  /// A version that is missing or unknown counts as the newest. Where the message's version doesn't have the structure
  /// (an ORM^O01 is withdrawn in 2.7, and sent), it is that of the last version before which does, else of the first
  /// one after. `nil` where no version knows the message.
  package static func structure(of message: some HL7Reading) -> HL7Structure? {
    guard let header = message.segmentIDs.first, message.code(of: header) == .msh else { return nil }
    let text = { (field: Int, component: Int) in
      (try? message.value(at: HL7Position(field, component: component), of: header))?.text
    }
    return structure(named: text(9, 3), code: text(9, 1), event: text(9, 2), version: text(12, 1))
  }

  /// The structure of a message by its header alone.
  package static func structure(of header: HL7Header) -> HL7Structure? {
    structure(
      named: header.messageStructure, code: header.messageCode, event: header.triggerEvent, version: header.version)
  }

  private static func structure(named: String?, code: String?, event: String?, version: String?) -> HL7Structure? {
    let names = HL7Versions.names
    let held = version.map { HL7Versions.others[$0] ?? $0 }
    let own = held.flatMap { names.firstIndex(of: $0) } ?? names.count - 1
    let inVersion = { (index: Int) -> HL7Structure? in
      if let named, let structure = structure(named, version: names[index]) { return structure }
      let name = code.flatMap { HL7Events.structure(code: $0, event: event, version: names[index]) }
      return name.flatMap { structure($0, version: names[index]) }
    }
    return (0...own).reversed().lazy.compactMap(inVersion).first
      ?? (own..<names.count).dropFirst().lazy.compactMap(inVersion).first
  }
}
