import HL7
import Text

/// Offsets of times that have none.
extension Run {
  /// A time with an offset: its own, else that of MSH-7, else the one of a zone.
  ///
  /// - Parameters:
  ///   - asksMessage: MSH-7 counts.
  ///   - what: asks for it, for the error.
  func withOffset(
    _ stamp: Stamp, _ zone: TimeZoneRules?, asksMessage: Bool, _ what: String, at span: Span
  ) throws -> Stamp {
    if stamp.offset != nil { return stamp }
    if asksMessage, let sent = stampOfMessage(at: span), let offset = sent.offset {
      try noteOtherHalf(stamp, sent, zone, at: span)
      return stamp.with(offset: Int(offset))
    }
    return try placed(stamp, in: zone, what, at: span)
  }

  /// MSH-7, whose offset holds for all times of a message that have none (HL7 v2.9 chapter 2.A.22, DTM).
  private func stampOfMessage(at span: Span) -> Stamp? {
    if let known = messageOffset { return known }
    let found = readStampOfMessage(at: span)
    messageOffset = .some(found)
    return found
  }

  private func readStampOfMessage(at span: Span) -> Stamp? {
    guard let segment = firstSegment(.msh, in: .input)?.segment else { return nil }
    let datum = Datum(field(7, of: segment, in: .input))
    guard case .text(let text)? = try? TextReading.text(datum, firstLeaf: true, run: self, at: span, path: "MSH-7")
    else { return nil }
    return Stamp(hl7: text)
  }

  /// The sender writes the program's zone in MSH-7, and a time of the other half of the year takes that offset too, as
  /// the standard says. Where the sender means the clock on its wall that is an hour off.
  private func noteOtherHalf(_ stamp: Stamp, _ sent: Stamp, _ zone: TimeZoneRules?, at span: Span) throws {
    guard let zone, let offset = sent.offset, sent.moved(to: zone)?.offset == offset,
      let placed = stamp.placed(in: zone)?.0, placed.offset != offset
    else { return }
    try noteOnce(
      "MSH-7's offset was taken for a time at which \(zone.name) has another; where the clock on the wall is meant: "
        + "instant(…, zone: \"\(zone.name)\")", at: span)
  }

  private func placed(_ stamp: Stamp, in zone: TimeZoneRules?, _ what: String, at span: Span) throws -> Stamp {
    guard let zone else {
      throw FunctionError(kind: .range, message: "\(what) was given a time without an offset, and no zone is known")
        .interrupt(at: span)
    }
    guard let (placed, placing) = stamp.placed(in: zone) else {
      throw FunctionError(kind: .range, message: "\(what) was given a time beyond the calendar").interrupt(at: span)
    }
    switch placing {
    case .once: break
    case .twice:
      try noteOnce("a time that \(zone.name) has twice, where its clocks go back: the first is meant", at: span)
    case .skipped(let minutes):
      try noteOnce(
        "a time that \(zone.name) leaves out, where its clocks go forward: moved by \(minutes) minutes", at: span)
    }
    return placed
  }

  /// A note that the program didn't write; a loop doesn't repeat it.
  private func noteOnce(_ text: String, at span: Span) throws {
    try step(bytes: notes.count << 3, at: span)
    guard !notes.contains(where: { $0.span == span && $0.text == text }) else { return }
    try note(text, at: span)
  }
}
