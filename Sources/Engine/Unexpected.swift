package import ConnectorKit
package import HL7
package import Hilt
import Messages

/// Whether a message is one that a transform takes: `in hl7 2.3..2.6 ADT_*`.
package enum Unexpected {
  /// Why it isn't, in the words of table 0357: 200 of a type that isn't taken, 201 of an event that isn't where others
  /// of its type are, 203 of a version; `nil` where it is taken.
  ///
  /// - Parameter who: takes it: the channel, or one of its destinations.
  package static func refusal(
    of header: HL7Header, by input: HiltProgram.FormatClause, who: String = "this channel"
  ) -> Rejection? {
    guard input.format == .hl7v2 else { return nil }
    if !takes(structure: header, input.structures) {
      let wanted = input.structures.joined(separator: ", ")
      let code = header.messageCode ?? ""
      let takesOthers = !code.isEmpty && input.structures.contains { $0.hasPrefix("\(code)_") }
      return Rejection(
        .reject, takesOthers ? 201 : 200, "\(who) takes \(wanted), and MSH-9 \(type(header))",
        at: takesOthers ? "MSH-9.2" : "MSH-9")
    }
    guard let from = input.versionFrom.flatMap(number), let to = input.versionUpTo.flatMap(number) else { return nil }
    guard let version = header.version.flatMap(number), (from...max(from, to)).contains(version) else {
      let wanted = input.versionFrom == input.versionUpTo ? "" : "..\(input.versionUpTo ?? "")"
      return Rejection(
        .reject, 203,
        "\(who) takes version \(input.versionFrom ?? "")\(wanted), and MSH-12 \(shown([header.version]))",
        at: "MSH-12")
    }
    return nil
  }

  /// `^` would be escaped in an answer: `ADT_A01` is how structures are written.
  private static func type(_ header: HL7Header) -> String {
    let event = [header.messageCode, header.triggerEvent]
    let joined = event.compactMap(\.self).joined(separator: "_")
    guard let structure = header.messageStructure, structure != joined else { return shown(event) }
    return shown(event + [structure])
  }

  /// What stands in a field of codes, as far as it looks like codes; anything else is not repeated.
  private static func shown(_ components: [String?]) -> String {
    let valued = components.compactMap(\.self)
    if valued.isEmpty { return "is empty" }
    let areCodes = valued.allSatisfy { code in
      (1...7).contains(code.utf8.count) && code.utf8.allSatisfy { isCodeByte($0) }
    }
    guard areCodes else { return "is something else" }
    let structure = valued.count > 2 ? " (\(valued[2]))" : ""
    return "is \(valued.prefix(2).joined(separator: "_"))\(structure)"
  }

  private static func isCodeByte(_ byte: UInt8) -> Bool {
    (0x30...0x39).contains(byte) || (0x41...0x5A).contains(byte) || byte == UInt8(ascii: "_")
      || byte == UInt8(ascii: ".")
  }

  /// `ADT_*` takes every message of that code, `ADT_A08` those of the event. `ADT_A01` takes the messages of that
  /// structure, whether MSH-9.3 says so or, where it says nothing that HL7 knows, the event does: an ADT^A04 too.
  private static func takes(structure header: HL7Header, _ structures: [String]) -> Bool {
    if structures.isEmpty { return true }
    let code = header.messageCode ?? ""
    let event = header.triggerEvent.map { "\(code)_\($0)" }
    let isNamed = structures.contains { structure in
      if structure.hasSuffix("_*") { return structure.dropLast(2) == code }
      return structure == header.messageStructure || structure == event
    }
    return isNamed || HL7Tables.structure(of: header).map { structures.contains($0.name) } ?? false
  }

  /// `2.5.1` as a number that can be compared; `nil` where it is none.
  private static func number(_ version: String) -> Int? {
    let parts = version.split(separator: ".", omittingEmptySubsequences: false).map { Int($0) ?? -1 }
    guard (1...3).contains(parts.count), parts.allSatisfy({ (0...99).contains($0) }) else { return nil }
    return (parts + [0, 0]).prefix(3).reduce(0) { $0 * 100 + $1 }
  }
}
