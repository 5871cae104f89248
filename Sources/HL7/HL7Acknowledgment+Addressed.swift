extension HL7Acknowledgment {
  /// An answer that was made elsewhere (a partner's, or a program's), addressed to the sender of a message: from whom
  /// that was for (MSH-3, MSH-4) to whom it came from (MSH-5, MSH-6), under a control id of our own, and naming it in
  /// MSA-2. All else is as it was made: its time, its type, its version, its segments.
  ///
  /// - Parameters:
  ///   - header: of the message that is answered.
  ///   - controlID: MSH-10 of the answer.
  /// - Returns: `nil` where the answer has no MSA, or can't hold what it would have to.
  package func addressed(_ answer: HL7Message, to header: HL7Header, controlID: String) -> [UInt8]? {
    var draft = HL7Draft(answer)
    guard let msa = answer.segment("MSA", occurrence: 1) else { return nil }
    let from = sendingApplication.map { HL7Content.text($0) }
    do throws(HL7EditError) {
      try draft.set(from ?? Self.field(5, of: header), at: HL7Position(3), of: 0)
      try draft.set(Self.field(6, of: header), at: HL7Position(4), of: 0)
      try draft.set(Self.field(3, of: header), at: HL7Position(5), of: 0)
      try draft.set(Self.field(4, of: header), at: HL7Position(6), of: 0)
      try draft.set(.text(controlID), at: HL7Position(10), of: 0)
      try draft.set(Self.field(10, of: header), at: HL7Position(2), of: msa)
    } catch {
      return nil
    }
    return draft.serialized()
  }

  private static func field(_ number: Int, of header: HL7Header) -> HL7Content {
    let piece = header.segment.field(number, of: 0)
    return piece.isEmpty ? .absent : .piece(piece)
  }
}
