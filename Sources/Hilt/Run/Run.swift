import DICOM
import HL7
import Messages
import Text

/// One run of one program over one message: its variables, its outputs, its budget.
final class Run {
  let given: HiltInput
  /// `msg`, where it is not HL7.
  var content = Datum.absent
  /// Message structures of the site's own, with those of the standard that they are.
  let structures: [String: String]
  /// For each draft the names of its segments.
  let names: [Int: SegmentNames]

  // A run belongs to one thread, and each access to these ends before the next begins: checking that at run time, as
  // Swift does for what a class holds, took a tenth of a transform.

  /// Values of variables.
  @exclusivity(unchecked) var slots: [Datum]
  /// Segments and repetitions that loops stand at.
  @exclusivity(unchecked) var marks: [Int]
  @exclusivity(unchecked) var drafts: [HL7Draft?]
  /// Bundles of FHIR that the program puts together.
  @exclusivity(unchecked) var bundles: [BundleDraft]
  /// Outputs of DICOM, and the object that came, once it was read.
  @exclusivity(unchecked) var objects: [ObjectDraft?]
  var readObject: DICOMObject?
  /// How many resources were added to bundles; each has an id of its own.
  var addedCount = 0
  /// Where the resources of the input are, once one was looked for.
  var resources: ResourceIndex?
  /// The offset of MSH-7, once it was asked for.
  var messageOffset: Stamp??
  /// The input's grammar, once it was asked for.
  var inputStructure: HL7Structure??
  /// The control ids of what was emitted, and where it goes.
  @exclusivity(unchecked) var controlIDs: [(id: ArraySlice<UInt8>, destinations: [String]?)] = []
  /// How many messages were made anew; each has a control id of its own.
  var madeCount = 0
  /// For each draft what was added last behind a segment.
  var addedBehind: [Int: [AddedBehind: Int]] = [:]
  /// For each draft the segments that were removed.
  @exclusivity(unchecked) var removed: [Int: [Int: RemovedSegment]] = [:]
  /// The groups of drafts, as far as they were asked for and are still so.
  var outlines: [Int: DraftOutline] = [:]
  /// The drafts that were made anew, not copied.
  var newDrafts: Set<Int> = []
  /// For each draft the segments whose places were chosen in a message out of order.
  var notedStrays: [Int: Set<HL7SegmentCode>] = [:]
  /// What was said of messages that do not fit their structure, or may be read in two ways.
  var notedStructures: Set<String> = []
  /// The segment of a list that is about to be written.
  @exclusivity(unchecked) var argument = Datum.absent

  @exclusivity(unchecked) var stepsLeft: Int
  @exclusivity(unchecked) var emitted: [HiltEmitted] = []
  @exclusivity(unchecked) var outputBytes = 0
  @exclusivity(unchecked) var notes: [(text: String, span: Span)] = []
  @exclusivity(unchecked) var standIns = StandIns()
  /// The reason of the last `hold` that was passed over, because a person released the message.
  @exclusivity(unchecked) var passedHold: String?
  let isTraced: Bool
  /// `nil` unless the run is traced.
  @exclusivity(unchecked) var trace: [(span: Span, turns: [Int], text: String)]?
  /// `nil` unless somebody wants to know which statements ran and what they wrote.
  @exclusivity(unchecked) var observed: Observed?
  /// The turn of each loop around the statement at work, outermost first.
  var turns: [Int] = []

  init(_ input: HiltInput, layout: Layout, tracing: Bool, observing: Bool = false) {
    given = input
    slots = [Datum](filled: .absent, count: layout.slotCount)
    marks = [Int](filled: -1, count: layout.markCount)
    drafts = [HL7Draft?](filled: nil, count: layout.draftCount)
    bundles = [BundleDraft](filled: BundleDraft.nothing, count: layout.bundleCount)
    objects = [ObjectDraft?](filled: nil, count: layout.objectCount)
    stepsLeft = input.limits.stepsMax
    structures = layout.structures
    names = layout.names
    isTraced = tracing
    trace = tracing ? [] : nil
    observed = observing ? Observed() : nil
  }

  var input: HL7Message? { given.message }
  var original: HL7Message? { given.original }
  var sent: HL7Message? { given.sent }
  var attributes: [String: Value] { given.attributes }
  var meta: [String: Value] { given.meta }
  var limits: HiltLimits { given.limits }

  /// How many variables of each kind a program needs.
  struct Layout: Sendable {
    var slotCount = 0
    var markCount = 0
    var draftCount = 0
    var bundleCount = 0
    var objectCount = 0
    /// For each draft what `let` made of its segments.
    var names: [Int: SegmentNames] = [:]
    /// Message structures of the site's own, with those of the standard that they are.
    var structures: [String: String] = [:]
  }

  /// A draft begins anew: in each turn of a loop that makes one.
  func begin(_ draft: Int, isNew: Bool) {
    addedBehind[draft] = nil
    outlines[draft] = nil
    removed[draft] = nil
    notedStrays[draft] = nil
    if isNew { newDrafts.insert(draft) }
  }

  /// Changes an output in place: while it is changed it is owned here alone, so that nothing of it is copied.
  func edit(_ number: Int, _ body: (inout HL7Draft) throws -> Void) rethrows {
    guard var draft = drafts[number].take() else { return }
    defer { drafts[number] = draft }
    try body(&draft)
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
  case sent
  case draft(Int)

  var isDraft: Bool { draft != nil }

  /// The number of the draft that it is.
  var draft: Int? {
    if case .draft(let number) = self { return number }
    return nil
  }
}

// MARK: - Reading the messages of a run

extension Run {
  static let nothing = HL7Piece([], level: .field, delimiters: .standard, charset: .utf8)

  func field(_ number: Int, of segment: Int, in message: MessageReference) -> HL7Piece {
    switch message {
    case .input: input?.field(number, of: segment) ?? Self.nothing
    case .original: original?.field(number, of: segment) ?? Self.nothing
    case .sent: sent?.field(number, of: segment) ?? Self.nothing
    case .draft(let draft):
      removedField(number, of: segment, draft) ?? drafts[draft]?.field(number, of: segment) ?? Self.nothing
    }
  }

  func segment(_ code: HL7SegmentCode, occurrence: Int, in message: MessageReference) -> Int? {
    switch message {
    case .input: input?.segment(code, occurrence: occurrence)
    case .original: original?.segment(code, occurrence: occurrence)
    case .sent: sent?.segment(code, occurrence: occurrence)
    case .draft(let draft): drafts[draft]?.segment(code, occurrence: occurrence)
    }
  }

  /// The first segment of a name, and whether there is another.
  func firstSegment(_ code: HL7SegmentCode, in message: MessageReference) -> (segment: Int, isOnly: Bool)? {
    switch message {
    case .input: input?.firstSegment(code)
    case .original: original?.firstSegment(code)
    case .sent: sent?.firstSegment(code)
    case .draft(let draft): drafts[draft]?.firstSegment(code)
    }
  }

  func segments(_ code: HL7SegmentCode, in message: MessageReference) -> [Int] {
    switch message {
    case .input: input?.segments(named: code) ?? []
    case .original: original?.segments(named: code) ?? []
    case .sent: sent?.segments(named: code) ?? []
    case .draft(let draft): drafts[draft]?.segments(named: code) ?? []
    }
  }

  /// Whether there is such a segment or was one: what a draft's had can be read still.
  func isKnown(_ segment: Int, in message: MessageReference) -> Bool {
    exists(segment, in: message) || message.draft.map { removed[$0]?[segment] != nil } ?? false
  }

  /// Whether a segment is still there: a draft's may have been removed.
  func exists(_ segment: Int, in message: MessageReference) -> Bool {
    guard case .draft(let draft) = message else { return segment >= 0 }
    return segment >= 0 && drafts[draft]?.code(of: segment) != nil
  }
}
