import HL7
import Messages
import Text

/// One run of one program over one message: its variables, its outputs, its budget.
final class Run {
  let input: HL7Message?
  let original: HL7Message?
  let attributes: [String: Value]
  let meta: [String: Value]
  let limits: HiltLimits

  // A run belongs to one thread, and each access to these ends before the next begins: checking that at run time, as
  // Swift does for what a class holds, took a tenth of a transform.

  /// Values of variables.
  @exclusivity(unchecked) var slots: [Datum]
  /// Segments and repetitions that loops stand at.
  @exclusivity(unchecked) var marks: [Int]
  @exclusivity(unchecked) var drafts: [HL7Draft?]

  @exclusivity(unchecked) var stepsLeft: Int
  var emitted: [HiltEmitted] = []
  var outputBytes = 0
  var notes: [(text: String, span: Span)] = []
  /// `nil` unless the run is traced.
  var trace: [(span: Span, turns: [Int], text: String)]?
  /// `nil` unless somebody wants to know which statements ran and what they wrote.
  @exclusivity(unchecked) var observed: Observed?
  /// The turn of each loop around the statement at work, outermost first.
  var turns: [Int] = []

  init(_ input: HiltInput, layout: Layout, tracing: Bool, observing: Bool = false) {
    self.input = input.message
    original = input.original
    attributes = input.attributes
    meta = input.meta
    limits = input.limits
    slots = [Datum](repeating: .absent, count: layout.slotCount)
    marks = [Int](repeating: -1, count: layout.markCount)
    drafts = [HL7Draft?](repeating: nil, count: layout.draftCount)
    stepsLeft = input.limits.stepsMax
    trace = tracing ? [] : nil
    observed = observing ? Observed() : nil
  }

  /// How many variables of each kind a program needs.
  struct Layout: Sendable {
    var slotCount = 0
    var markCount = 0
    var draftCount = 0
  }

  /// Counts a node and the bytes that it touches.
  @inline(__always)
  func step(bytes: Int = 0, at span: Span) throws {
    stepsLeft -= 1 + bytes >> 6
    if stepsLeft < 0 { throw overBudget(span) }
  }

  func overBudget(_ span: Span) -> Interrupt {
    .failure(
      Failure(
        .stopping, .limit, "the transform took more than \(limits.stepsMax) steps", at: span,
        help: ["limits: {steps: …} of the channel"]))
  }

  func note(_ text: String, at span: Span) throws {
    try step(bytes: text.utf8.count, at: span)
    guard notes.count < limits.notesMax else {
      throw Interrupt.failure(
        Failure(.stopping, .limit, "the transform wrote more than \(limits.notesMax) notes", at: span))
    }
    notes.append((text, span))
  }
}

/// Which message a place is in.
enum MessageReference: Sendable, Hashable {
  case input
  case original
  case draft(Int)

  var isDraft: Bool {
    if case .draft = self { return true }
    return false
  }
}

// MARK: - Reading the messages of a run

extension Run {
  private static let nothing = HL7Piece([], level: .field, delimiters: .standard, charset: .utf8)

  func field(_ number: Int, of segment: Int, in message: MessageReference) -> HL7Piece {
    switch message {
    case .input: input?.field(number, of: segment) ?? Self.nothing
    case .original: original?.field(number, of: segment) ?? Self.nothing
    case .draft(let draft): drafts[draft]?.field(number, of: segment) ?? Self.nothing
    }
  }

  func segment(_ code: HL7SegmentCode, occurrence: Int, in message: MessageReference) -> Int? {
    switch message {
    case .input: input?.segment(code, occurrence: occurrence)
    case .original: original?.segment(code, occurrence: occurrence)
    case .draft(let draft): drafts[draft]?.segment(code, occurrence: occurrence)
    }
  }

  /// The first segment of a name, and whether there is another.
  func firstSegment(_ code: HL7SegmentCode, in message: MessageReference) -> (segment: Int, isOnly: Bool)? {
    switch message {
    case .input: input?.firstSegment(code)
    case .original: original?.firstSegment(code)
    case .draft(let draft): drafts[draft]?.firstSegment(code)
    }
  }

  func segments(_ code: HL7SegmentCode, in message: MessageReference) -> [Int] {
    switch message {
    case .input: input?.segments(named: code) ?? []
    case .original: original?.segments(named: code) ?? []
    case .draft(let draft): drafts[draft]?.segments(named: code) ?? []
    }
  }

  /// Whether a segment is still there: a draft's may have been removed.
  func exists(_ segment: Int, in message: MessageReference) -> Bool {
    guard case .draft(let draft) = message else { return segment >= 0 }
    return segment >= 0 && drafts[draft]?.code(of: segment) != nil
  }
}
