import FHIR
import HL7
import Messages
import Text

extension Checker {
  /// `new ORM_O01`: a message with a header and nothing else.
  mutating func new(_ name: Word, _ entries: [Entry], _ span: Span) -> Typed {
    if name.text == "Bundle" { return newBundle(entries, span) }
    if let type = typeOfFHIR(name.text) {
      for entry in entries { _ = typed(entry.value) }
      return broken(
        .unknownName, "\(FHIRKind.shown(type.name)) is a record; only a bundle is begun and added to", at: span,
        help: ["\(type.name) { … }", "new Bundle { type: \"transaction\" }"])
    }
    guard entries.isEmpty else {
      for entry in entries { _ = typed(entry.value) }
      return broken(
        .type, "a new message is written field by field", at: span, help: ["let m = new \(name.text)", "m.PID-3 = …"])
    }
    guard let out = outputs.first(where: { $0.format == .hl7v2 }), let version = out.versionUpTo else {
      return broken(
        .header, "a new message needs its version", at: span, help: ["out hl7 2.5.1"])
    }
    guard out.versionFrom == out.versionUpTo else {
      return broken(
        .header, "a new message has one version, and 'out' names a range", at: span, help: ["out hl7 \(version)"])
    }
    let parts = name.text.split(separator: "_").map(String.init)
    guard let code = parts.first, parts.count <= 2, parts.count == 2 || code == "ACK" else {
      return broken(.unknownName, "'\(name.text)' is no message structure", at: name.span, help: ["new ADT_A08"])
    }
    let event = parts.count == 2 ? parts[1] : nil
    let named = event.flatMap { HL7Events.structure(code: code, event: $0, version: version) } ?? name.text
    guard let structure = HL7Tables.structure(named, version: version) else {
      let near = nearest(name.text, among: HL7Tables.structureNames)
      return broken(
        .notInStandard, "HL7 \(version) has no message \(name.text)", at: name.span,
        help: near.map { ["did you mean '\($0)'?"] } ?? [])
    }
    let draft = layout.draftCount
    layout.draftCount += 1
    madeOf[draft] = [structure]
    made[draft] = loopDepth
    let header = NewHeader(code: code, event: event, structure: named, version: version, zone: zone)
    return Typed(.message(.draft(draft)), at: span) { run in
      try run.make(draft, header, at: span)
      return .absent
    }
  }
}

/// What the header of a new message says.
struct NewHeader: Sendable {
  var code: String
  var event: String?
  var structure: String
  var version: String
  /// Of the program.
  var zone: TimeZoneRules?
}

extension Run {
  /// A message that holds MSH alone: the time at which the input came, a control id of its own, its type and version,
  /// the input's processing id and character set.
  func make(_ draft: Int, _ header: NewHeader, at span: Span) throws {
    try step(at: span)
    madeCount += 1
    do {
      var new = try HL7Draft.blank(charset: input?.charset ?? .utf8)
      func set(_ field: Int, _ content: HL7Content) throws {
        try new.set(content, at: HL7Position(field), of: 0)
      }
      if case .stamp(let stamp) = Attributes.received(attributes, in: header.zone) {
        try set(7, .text(stamp.hl7(.second)))
      }
      // MSH-9.3 is there since 2.3.1.
      let hasStructure =
        HL7Versions("2.3.1", upTo: "2.9")?.contains(HL7Versions(header.version, upTo: header.version) ?? []) ?? true
      let type = [header.code, header.event, hasStructure ? header.structure : nil]
      try set(9, .parts(type.map { $0.map { .text($0) } ?? .absent }))
      try set(10, .text(controlID))
      let processing = input?.field(11, of: 0)
      try set(11, processing.flatMap { $0.presence == .valued ? .piece($0) : nil } ?? .text("P"))
      try set(12, .text(header.version))
      if let input {
        let declared = input.field(18, of: 0)
        if declared.presence == .valued { try set(18, .piece(declared)) }
      } else {
        try set(18, .text("UNICODE UTF-8"))
      }
      drafts[draft] = new
      begin(draft, isNew: true)
      observed?.begin(draft, as: nil)
    } catch {
      throw Interrupt.failure(Failure(.stopping, .unwritable, "a new message can't be made: \(error)", at: span))
    }
  }

  /// At most 20 characters, as MSH-10 has before 2.7: the random part of the message's id, and which message it is of
  /// those that one input gives.
  private var controlID: String {
    var id = "0"
    if case .text(let text)? = attributes["id"] { id = String(text.suffix(16)).uppercased() }
    return madeCount == 1 ? id : "\(id)-\(String(madeCount, radix: 36).uppercased())"
  }
}
