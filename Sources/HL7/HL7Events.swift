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
    let named = text(9, 3)
    let code = text(9, 1)
    let event = text(9, 2)
    for version in versions(from: text(12, 1)) {
      if let named, let structure = structure(named, version: version) { return structure }
      if let code, let name = HL7Events.structure(code: code, event: event, version: version) {
        return structure(name, version: version)
      }
    }
    return nil
  }

  /// A version, those before it from the newest on, those after it.
  private static func versions(from version: String?) -> [String] {
    let names = HL7Versions.names
    let held = version.map { HL7Versions.others[$0] ?? $0 }
    let index = held.flatMap { names.firstIndex(of: $0) } ?? names.count - 1
    return names[...index].reversed() + names[(index + 1)...]
  }
}
