import DICOM
import HL7
import Messages
import Text

extension Run {
  /// Takes one message as it stands now. What equals the input is a reference to it.
  func emit(_ output: Output, to destinations: [String]?, meta: [String: Value], at span: Span) throws {
    try step(at: span)
    guard emitted.count < limits.emitsMax else {
      throw Interrupt.failure(
        Failure(.stopping, .limit, "the transform emitted more than \(limits.emitsMax) messages", at: span))
    }
    emitted.append(try taken(output, to: destinations, meta: meta, at: span))
    if observed != nil, case .message(let message) = output { observeEmit(of: message) }
    if isTraced {
      let names = destinations.map { $0.joined(separator: ", ") } ?? "every destination"
      record(.text("to \(names)"), at: span)
    }
  }

  /// What a program gives out.
  enum Output: Sendable {
    case message(MessageReference)
    case content(Format, [UInt8])
    /// An output of DICOM, by its number.
    case object(Int)
    /// What came, as it came.
    case input(Format)
  }

  /// One output as it stands now.
  func taken(
    _ output: Output, to destinations: [String]? = nil, meta: [String: Value] = [:], at span: Span
  ) throws -> HiltEmitted {
    switch output {
    case .message(let message):
      let content = try renamed(message, to: destinations, at: span) ?? content(of: message, at: span)
      return HiltEmitted(content: content, format: .hl7v2, destinations: destinations, meta: meta)
    case .object(let number):
      let content = try stretches(ofObject: number, at: span)
      if case .dicom(let stretches) = content { try count(stretches, at: span) }
      return HiltEmitted(content: content, format: .dicom, destinations: destinations, meta: meta)
    case .input(let format):
      return HiltEmitted(content: .input, format: format, destinations: destinations, meta: meta)
    case .content(let format, let bytes):
      try count(bytes, at: span)
      return HiltEmitted(content: .bytes(bytes), format: format, destinations: destinations, meta: meta)
    }
  }

  /// A message with a control id of its own, where one with the same id goes to the same destination already: the id
  /// that it would have had, and its number. `nil` where there is none.
  private func renamed(
    _ message: MessageReference, to destinations: [String]?, at span: Span
  ) throws -> HiltEmitted.Content? {
    let id = field(10, of: 0, in: message).bytes
    guard !id.isEmpty else { return nil }
    let same = controlIDs.filter { $0.id == id }
    controlIDs.append((id, destinations))
    let isTaken = same.contains { other in
      guard let theirs = other.destinations, let destinations else { return true }
      return theirs.contains { destinations.contains($0) }
    }
    guard isTaken, var draft = draft(of: message) else { return nil }
    let suffix = "-\(same.count + 1)"
    // MSH-10 has at most 20 characters before 2.7.
    let text = String(decoding: id, as: UTF8.self).prefix(max(1, 20 - suffix.utf8.count)) + suffix
    do {
      try draft.set(.text(String(text)), at: HL7Position(10), of: 0)
    } catch {
      throw Interrupt.failure(Failure(.stopping, .unwritable, "MSH-10 can't be written: \(error)", at: span))
    }
    let bytes = draft.serialized()
    try count(bytes, at: span)
    return .bytes(bytes)
  }

  private func draft(of message: MessageReference) -> HL7Draft? {
    switch message {
    case .input: input.map { HL7Draft($0) }
    case .original: original.map { HL7Draft($0) }
    case .sent: sent.map { HL7Draft($0) }
    case .draft(let number): drafts[number]
    }
  }

  private func content(of message: MessageReference, at span: Span) throws -> HiltEmitted.Content {
    let bytes: [UInt8]
    switch message {
    case .input: return .input
    case .original: bytes = original?.bytes ?? []
    case .sent: bytes = sent?.bytes ?? []
    case .draft(let number):
      guard let draft = drafts[number] else { return .input }
      bytes = draft.serialized()
    }
    if let input, Self.areEqual(bytes, input.bytes) { return .input }
    try count(bytes, at: span)
    return .bytes(bytes)
  }

  /// Whether a value is the message of FHIR, JSON or XML as it came.
  func isInput(_ datum: Datum) -> Bool {
    if case .element(let node) = datum { return node.document.origin == .read && node.parent == nil }
    guard case .json(let node) = datum, case .json(let root) = content else { return false }
    return node.kind == root.kind && node.range == root.range
  }

  /// More of an output needn't be made: it would be refused.
  var bytesLeft: Int { limits.outputBytesMax - outputBytes + (input?.bytes.count ?? 0) }

  private func count(_ bytes: [UInt8], at span: Span) throws {
    // The first copy of the input's own size is free, so that a large message can be changed at all.
    let free = emitted.contains { $0.content != .input } ? 0 : input?.bytes.count ?? 0
    outputBytes += max(0, bytes.count - free)
    guard outputBytes <= limits.outputBytesMax else {
      throw Interrupt.failure(
        Failure(.stopping, .limit, "the transform made more than \(limits.outputBytesMax) bytes", at: span))
    }
    try step(bytes: bytes.count, at: span)
  }

  /// What stands in the input costs nothing.
  private func count(_ stretches: [DICOMStretch], at span: Span) throws {
    try step(bytes: stretches.count << 6, at: span)
    for case .bytes(let bytes) in stretches { try count(bytes, at: span) }
  }

  /// Eight bytes at a time: an output mostly equals its input up to the first change.
  private static func areEqual(_ a: [UInt8], _ b: [UInt8]) -> Bool {
    guard a.count == b.count else { return false }
    return a.withUnsafeBytes { a in
      b.withUnsafeBytes { b in
        var offset = 0
        while offset + 8 <= a.count {
          if a.loadUnaligned(fromByteOffset: offset, as: UInt64.self)
            != b.loadUnaligned(fromByteOffset: offset, as: UInt64.self)
          {
            return false
          }
          offset += 8
        }
        return a[offset...].elementsEqual(b[offset...])
      }
    }
  }

  // MARK: Tracing

  /// Notes what a statement gave, for the margin of the program.
  func record(_ datum: Datum, at span: Span) {
    guard isTraced, trace?.count ?? 0 < 100_000 else { return }
    trace?.append((span, turns, Self.rendered(datum, depth: 0)))
  }

  /// A value as the margin shows it, cut to a length that fits a line.
  static func rendered(_ datum: Datum, depth: Int) -> String {
    let text: String
    switch datum {
    case .absent: text = "absent"
    case .null: text = "null"
    case .text(let value): text = "\"\(value)\""
    case .number(let number): text = number.description
    case .boolean(let flag): text = flag ? "true" : "false"
    case .stamp(let stamp): text = stamp.hl7()
    case .time(let time): text = time.hl7()
    case .bytes(let bytes): text = "\(bytes.count) bytes"
    case .duration(let seconds): text = "\(seconds)s"
    case .piece(let piece): text = String(decoding: piece.bytes.prefix(400), as: UTF8.self)
    case .composite(let parts):
      text = "{" + parts.map { depth > 3 ? "…" : rendered(Datum($0), depth: depth + 1) }.joined(separator: ", ") + "}"
    case .list(let values), .row(let values):
      let shown = values.prefix(20).map { depth > 3 ? "…" : rendered($0, depth: depth + 1) }
      text = "[" + shown.joined(separator: ", ") + (values.count > 20 ? ", …" : "") + "]"
    case .group(let group): text = "group \(group.number), \(group.segments.count) segments"
    case .record, .choice, .json: text = RecordWriter.text(datum, upTo: 400)
    case .element(let element): text = rendered(element)
    case .dataSet: text = "a data set of DICOM"
    }
    return text.count > 200 ? String(text.prefix(200)) + "…" : text
  }

  /// The element's tag, and the beginning of what stands in it: namespaces would leave no room for either.
  private static func rendered(_ element: XMLNode) -> String {
    func written(_ name: XMLDocument.Name) -> String {
      name.prefix.isEmpty ? name.local : "\(name.prefix):\(name.local)"
    }
    var text = "<\(element.name.map(written) ?? "")"
    for (name, value) in element.attributes.prefix(8) { text += " \(written(name))=\"\(value.prefix(60))\"" }
    guard element.hasContent else { return text + "/>" }
    let content = element.textCost > 1_000 ? "…" : element.text
    return text + ">" + content.split(whereSeparator: \.isWhitespace).prefix(20).joined(separator: " ")
  }
}
