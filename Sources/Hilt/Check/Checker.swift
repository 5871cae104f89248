import HL7
import Messages
import Text

/// Checks a program's tree and makes closures of it, in one walk: what a name means, which type a value has, what may
/// be absent, what can fail and whether every path ends in an outcome is decided here and costs nothing when it runs.
struct Checker {
  let source: Source
  var problems: Problems
  var scope = Scope()
  var layout = Run.Layout()
  var tables: [Table] = []
  /// The program's own file first, then the libraries that it reaches.
  var modules: [Module] = []
  /// The file that is being checked.
  var module = 0
  var functions: [ProgramFunction] = []
  /// How many functions that call one another are being compiled.
  var openFunctions = 0
  /// Expressions and conditions in one another at the place of the walk, those of the functions that call one another
  /// included; and the most there were.
  var depth = 0
  var deepest = 0
  var files: any HiltFiles
  var reached: [HiltReachedFile] = []
  var destinations: [HiltDestinationUse] = []
  /// The first `answer`, and the first `emit` that doesn't say where to.
  var firstAnswer: Span?
  var firstOpenEmit: Span?
  /// The values of the program's parameters, from outside.
  var given: [String: Value] = [:]
  /// What its parameters of type text are.
  var parameterTexts: [String: String] = [:]
  /// Where each statement begins; its index is its number.
  var statementSpans: [Span] = []
  /// What stands at each place of the text, for an editor; `nil` where nobody asks.
  var learned: [Span: Learned]?

  /// Whether `msg` is HL7, and whether there is an `original`.
  var hasMessage = true
  var hasOriginal = false
  /// The program reads a partner's answer: the first decision that says so.
  var replyDecision: Word?
  var isReply: Bool { replyDecision != nil }
  /// What comes in and goes out.
  var input: HiltProgram.FormatClause?
  var outputs: [HiltProgram.FormatClause] = []
  var namespaces = XMLNamespaces()
  /// The grammars that the input may have, once they were asked for, and those of messages that the program makes.
  var inputGrammars: [HL7Structure]?
  var madeOf: [Int: [HL7Structure]] = [:]
  /// Outputs that the program began with `new`, each with the number of loops around, and what is added to them in the
  /// loops at work.
  var made: [Int: Int] = [:]
  var addedInLoops: Set<MadeSegment> = []
  /// The segments of the whole input that the loops around walk, whatever groups they are in.
  var walkedFlat: [HL7SegmentCode] = []
  /// Bundles of FHIR that it made.
  var bundles: [Int: BundleMade] = [:]
  /// Outputs that it copied from the input.
  var copies: [Int: CopyMade] = [:]
  /// Variables whose `match` has no `_`.
  var openSlots: Set<Int> = []
  /// Segments that the program added and gave a name, in which nothing stands that it did not write.
  var freshMarks: Set<Int> = []
  /// What the site's messages have beyond the standard.
  var profile: HiltProfile?
  /// A channel's expression, where only what was emitted and `message.*` can be seen.
  var isExpression = false

  /// The versions that a program says it takes and gives; `nil` where it names none.
  var inputVersions: HL7Versions?
  var outputVersions: HL7Versions?

  /// Instructions of all its patterns; more than the most are refused.
  var patternSize = 0
  static let patternSizeMax = 200_000

  /// The zone that the head names, and whether it names one that can't be had.
  var zone: TimeZoneRules?
  var isZoneBroken = false
  /// That a time comes to FHIR and no zone is named was said.
  var saidNoZone = false

  /// Calls whose failure nothing has taken yet.
  var unhandled: [Unhandled] = []
  /// What is known to be valued at the place of the walk, as canonical texts.
  var facts: Set<String> = []
  /// What `.5` or `-2` means inside a selector.
  var selected: Selected?
  /// The condition being compiled decides an outcome (W105).
  var decidesOutcome = false
  var loopDepth = 0
  /// A `drop` was compiled, of the function at hand.
  var dropsMessage = false
  /// What loops around the place at hand walk, and what they must not change therefore.
  var walked: [Walked] = []

  struct Unhandled {
    var what: String
    var span: Span
  }

  enum Walked: Equatable {
    case repetitions(draft: Int, HL7SegmentCode, field: Int)
    case list(slot: Int)
  }

  enum Selected {
    case repetition(slot: Int, Kind, path: String)
    case segment(mark: Int, MessageReference, HL7SegmentCode)
    /// Of a list of FHIR or JSON.
    case value(slot: Int, Type)
  }

  init(_ source: Source, files: any HiltFiles, problems: Problems) {
    self.source = source
    self.files = files
    self.problems = problems
    let nothing = ProgramTree(name: Word(text: "", span: Span(0, 0)), end: Span(0, 0))
    modules = [Module(tree: nothing, path: "", imports: [])]
  }

  // MARK: Variables

  mutating func newSlot() -> Int {
    layout.slotCount += 1
    return layout.slotCount - 1
  }

  mutating func newMarks(_ count: Int) -> Int {
    layout.markCount += count
    return layout.markCount - count
  }

  /// An output of DICOM.
  mutating func newObject() -> Int {
    layout.objectCount += 1
    return layout.objectCount - 1
  }

  static let reserved = ["msg", "original", "message", "meta", "sent"]

  /// Gives a name a meaning. A name hides nothing: the same name twice in one line of blocks is a mistake.
  mutating func declare(_ name: Word, _ kind: Variable.Kind) {
    let isLower = checkSpelling(name)
    if Self.reserved.contains(name.text) || Parser.words.contains(name.text) {
      problems.report(.nameTwice, "'\(name.text)' has a meaning of its own", at: name.span)
    } else if let earlier = scope.find(name.text) {
      problems.report(
        .nameTwice, "'\(name.text)' has a meaning already, from \(shownPlace(earlier.span))", at: name.span)
    }
    var variable = Variable(name: name.text, span: name.span, kind: kind)
    // One problem a name is enough.
    variable.isUsed = !isLower || Self.reserved.contains(name.text) || scope.find(name.text) != nil
    scope.declare(variable)
    if learned != nil { learn(cursor(variable, name.span), name.span, name.span) }
  }

  @discardableResult
  mutating func checkSpelling(_ name: Word) -> Bool {
    let isLower = name.text.utf8.allSatisfy { byte in
      (0x61...0x7A).contains(byte) || (0x30...0x39).contains(byte) || byte == UInt8(ascii: "_")
    }
    if !isLower {
      problems.report(
        .spelling, "a name is written in small letters, digits and '_'", at: name.span,
        help: [name.text.lowercased()])
    }
    return isLower
  }

  /// `line 4`, or `lib/names.hilt:4` in another file than the one at hand.
  func shownPlace(_ span: Span) -> String {
    let place = source.place(of: span)
    let here = source.place(of: modules[module].tree.name.span)
    return place.file == here.file ? "line \(place.line)" : "\(place.file):\(place.line)"
  }

  /// Runs `body` in a block of its own: names and facts end with it.
  mutating func block<Result>(knowing more: Set<String> = [], _ body: (inout Checker) -> Result) -> Result {
    scope.open()
    defer { scope.close() }
    return knowing(more, body)
  }

  /// More facts than this are not kept; without one a value counts as what it may be, absent.
  static let factCountMax = 1_000

  /// Runs `body` knowing more; what it learns ends with it.
  mutating func knowing<Result>(_ more: Set<String>, _ body: (inout Checker) -> Result) -> Result {
    let before = facts
    learn(more)
    defer { facts = before }
    return body(&self)
  }

  mutating func learn(_ more: Set<String>) {
    if !more.isEmpty, facts.count < Self.factCountMax { facts.formUnion(more) }
  }

  mutating func reportUnused() {
    scope.closeAll()
    let counts = problems.hasErrors ? wordCounts() : [:]
    for variable in scope.closed where !variable.isUsed {
      // Its use may stand where something else is wrong.
      if counts[variable.name, default: 0] > 1 { continue }
      problems.report(
        .unused, "'\(variable.name)' is never used", at: variable.span)
    }
  }

  // MARK: Failures

  /// Compiles with `body` what can fail; what nothing takes is reported for the statement as a whole.
  mutating func handlingFailures<Result>(_ body: (inout Checker) -> Result) -> Result {
    let before = unhandled
    unhandled = []
    let result = body(&self)
    for item in unhandled {
      problems.report(
        .unhandled, "\(item.what) can fail and nothing handles it", at: item.span,
        label: "'catch absent', 'catch <value>', 'catch reject AE 102 \"…\"', 'catch fail \"…\"'")
    }
    unhandled = before
    return result
  }

  /// Reports that a value of one type stands where another is wanted.
  mutating func mismatch(_ value: Typed, wanted: String, help: [String] = []) {
    guard value.type != .broken else { return }
    problems.report(.type, "\(wanted) is wanted here, not \(value.type.name)", at: value.span, help: help)
  }

  /// - Parameter meant: what surely stands there instead.
  mutating func broken(
    _ code: Code, _ message: String, at span: Span, help: [String] = [], meant: String? = nil
  ) -> Typed {
    problems.report(code, message, at: span, help: help, fix: meant.map { (span, $0) })
    return .broken(span)
  }

  /// An expression's text without white space, as the name of a fact.
  func canonical(_ expression: Expression) -> String {
    var text = source.text(expression.span)
    text.removeAll { $0 == " " || $0 == "\n" || $0 == "\t" || $0 == "\r\n" }
    return text.hasPrefix("msg.") ? String(text.dropFirst(4)) : text
  }
}
