import HL7
import Text

/// Segments that are written as a whole.
extension Run {
  func fieldCount(of segment: Int, in message: MessageReference) -> Int {
    switch message {
    case .input: input?.fieldCount(of: segment) ?? 0
    case .original: original?.fieldCount(of: segment) ?? 0
    case .sent: sent?.fieldCount(of: segment) ?? 0
    case .draft(let draft): removed[draft]?[segment]?.fields.count ?? drafts[draft]?.fieldCount(of: segment) ?? 0
    }
  }

  /// The fields of a segment, from the first to the last that holds anything.
  func contents(of segment: Int, in message: MessageReference, at span: Span) throws -> [HL7Content] {
    var contents: [HL7Content] = []
    let count = fieldCount(of: segment, in: message)
    for number in stride(from: 1, through: count, by: 1) {
      let piece = field(number, of: segment, in: message)
      try step(bytes: piece.byteCount, at: span)
      guard !piece.isEmpty else { continue }
      guard number <= HL7Draft.fieldNumberMax else {
        throw Interrupt.failure(
          Failure(
            .stopping, .unwritable, "a segment of more than \(HL7Draft.fieldNumberMax) fields is not copied", at: span))
      }
      while contents.count < number - 1 { contents.append(.absent) }
      contents.append(.piece(piece))
    }
    return contents
  }

  /// A segment as it stands now, for a trace.
  func shown(_ segment: Int, of place: HL7Place) -> Datum {
    var bytes = Array(place.code.description.utf8)
    let delimiters = field(1, of: segment, in: place.message).delimiters
    for number in stride(from: 1, through: fieldCount(of: segment, in: place.message), by: 1) {
      guard bytes.count < 400 else { break }
      bytes.append(delimiters.field)
      bytes += field(number, of: segment, in: place.message).bytes
    }
    return .piece(HL7Piece(bytes, level: .field, delimiters: delimiters, charset: .utf8))
  }
}

extension HL7Place {
  /// Writes all fields of a segment; what it held besides is gone.
  func write(_ contents: [HL7Content], to segment: Int, _ run: Run) throws {
    try run.keep(segment, of: self)
    let count = max(contents.count, run.fieldCount(of: segment, in: message))
    // From the last to the first: a draft's edits of one segment are a list in ascending order.
    for number in stride(from: count, to: 0, by: -1) {
      let content = number <= contents.count ? contents[number - 1] : .absent
      try run.step(at: span)
      if content.isEmpty, run.field(number, of: segment, in: message).bytes.isEmpty { continue }
      var one = self
      one.field = number
      if case .piece(let piece) = content { try run.step(bytes: piece.byteCount, at: span) }
      try one.editing(run) { try $0.set(content, at: HL7Position(number), of: segment) }
    }
  }
}
