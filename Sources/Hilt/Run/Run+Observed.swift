import HL7

/// What is kept of a run for those who want to know how a program came to its outputs.
struct Observed {
  /// The numbers of the statements that ran.
  var statements: Set<Int> = []
  /// What was written to each draft and still stands there, the latest last.
  fileprivate var writes: [Int: [Write]] = [:]
  /// What stands in the outputs.
  private(set) var origins: [Origin] = []

  /// More writes than these are not kept: a loop can make millions.
  fileprivate static let writeCountMax = 4_000

  fileprivate struct Write {
    var segment: Int
    var position: HL7Position
    var span: Span
    var inputs: [String]
  }

  struct Origin {
    fileprivate var output: Int
    fileprivate var segment: Int
    fileprivate var path: String
    fileprivate var span: Span
    fileprivate var inputs: [String]

    func resolved(_ source: Source) -> HiltOrigin {
      HiltOrigin(
        output: output, segment: segment, path: path, line: source.line(of: Int(span.start)), inputs: inputs)
    }
  }

  fileprivate mutating func add(_ write: Write, to draft: Int) {
    guard writes[draft]?.count ?? 0 < Self.writeCountMax else { return }
    // What is written over is not there any more.
    writes[draft, default: []].removeAll { $0.segment == write.segment && write.position.covers($0.position) }
    writes[draft, default: []].append(write)
  }

  fileprivate mutating func forget(_ segment: Int, of draft: Int) {
    writes[draft]?.removeAll { $0.segment == segment }
  }

  /// A draft begins anew: in each turn of a loop that makes one.
  ///
  /// - Parameter other: the draft that it is a copy of.
  mutating func begin(_ draft: Int, as other: Int?) { writes[draft] = other.flatMap { writes[$0] } }

  fileprivate mutating func emit(_ draft: Int, _ message: HL7Draft, as output: Int) {
    let segments = message.segmentIDs
    let written = Dictionary(grouping: writes[draft] ?? [], by: \.segment)
    var occurrences: [HL7SegmentCode: Int] = [:]
    for (index, segment) in segments.enumerated() {
      guard let code = message.code(of: segment) else { continue }
      occurrences[code, default: 0] += 1
      let number = occurrences[code, default: 1]
      for write in (written[segment] ?? []).sorted(by: { $0.position < $1.position }) {
        origins.append(
          Origin(
            output: output, segment: index + 1, path: HL7Path(code, number, write.position).description,
            span: write.span, inputs: write.inputs))
      }
    }
  }
}

extension HL7Position {
  /// Whether the other place lies in this one.
  fileprivate func covers(_ other: HL7Position) -> Bool {
    guard field == other.field else { return false }
    guard let repetition else { return true }
    guard repetition == other.repetition ?? 1 else { return false }
    guard let component else { return true }
    guard component == other.component else { return false }
    return subcomponent == nil || subcomponent == other.subcomponent
  }

  fileprivate static func < (a: HL7Position, b: HL7Position) -> Bool {
    (a.field, a.repetition ?? 0, a.component ?? 0, a.subcomponent ?? 0)
      < (b.field, b.repetition ?? 0, b.component ?? 0, b.subcomponent ?? 0)
  }
}

extension Run {
  /// Keeps that a statement has written a place.
  func observe(_ place: HL7Place, _ draft: Int, from inputs: [String], at span: Span) throws {
    guard let segment = try place.segment(self), let field = place.field else { return }
    var position = HL7Position(field, component: place.component, subcomponent: place.subcomponent)
    if case .only = place.repetition, place.component == nil {
      position.repetition = nil
    } else {
      position.repetition = try place.repetitionNumber(self, place.wholeField(self, segment))
    }
    observed?.add(Observed.Write(segment: segment, position: position, span: span, inputs: inputs), to: draft)
  }

  /// Keeps that a statement has written a segment as a whole.
  func observe(_ segment: Int, _ draft: Int, _ contents: [HL7Content], from reads: SegmentReads, at span: Span) {
    guard observed != nil else { return }
    observed?.forget(segment, of: draft)
    for (index, content) in contents.enumerated() where !content.isEmpty {
      let inputs = reads.inputs(ofField: index + 1)
      observed?.add(
        Observed.Write(segment: segment, position: HL7Position(index + 1), span: span, inputs: inputs), to: draft)
    }
  }

  /// Keeps what stands in a message that was emitted just now.
  func observeEmit(of message: MessageReference) {
    guard case .draft(let number) = message, let draft = drafts[number] else { return }
    observed?.emit(number, draft, as: emitted.count - 1)
  }
}
