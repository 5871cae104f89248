import DICOM

/// A program as it is written: nothing in here knows what a name means.
struct ProgramTree: Sendable {
  /// `library` and not `transform`: declarations alone, for others to import.
  var isLibrary = false
  /// It makes decisions about a partner's answer: the first of them.
  var replyDecision: Word?
  var isReply: Bool { replyDecision != nil }
  var name: Word
  var input: FormatClause?
  var outputs: [FormatClause] = []
  var zone: TextLiteral?
  var profile: TextLiteral?
  var imports: [ImportClause] = []
  var parameters: [ParameterClause] = []
  var tables: [TableClause] = []
  var constants: [ConstantClause] = []
  var functions: [FunctionClause] = []
  var body: [Statement] = []
  /// The names that could not be read with what gives them: whoever uses them is right.
  var unread: [String] = []
  /// Behind the last token, for what is missing at the end.
  var end: Span
}

/// A name with its place.
struct Word: Sendable, Hashable {
  var text: String
  var span: Span
}

/// A text without braces inside.
struct TextLiteral: Sendable {
  var text: String
  var span: Span
}

/// `in hl7 2.3..2.6 ADT_*`
struct FormatClause: Sendable {
  var format: Word
  var from: Word?
  var upTo: Word?
  var structures: [Word] = []
  /// Of `delimited`.
  var delimited: DelimitedClause?
  /// Of `text` and `delimited`: the character set, UTF-8 where none is named.
  var charset: TextLiteral?
  /// Of `xml`.
  var namespaces: [NamespaceClause] = []
  var span: Span
}

/// `hl7 = "urn:hl7-org:v3"`
struct NamespaceClause: Sendable {
  /// Without one, of the names that have none.
  var prefix: Word?
  var address: TextLiteral
}

/// `separator ";" header yes columns mrn, "Date of birth" as born`
struct DelimitedClause: Sendable {
  struct Column: Sendable {
    /// How the program calls it.
    var name: Word
    /// How the file's first line calls it.
    var title: String
  }
  var separator: TextLiteral?
  /// The first line names the columns.
  var hasHeader = false
  var columns: [Column] = []
}

/// `import "lib/names.hilt" as names`
struct ImportClause: Sendable {
  var file: TextLiteral
  var alias: Word?
}

/// `fn mrn(pid) -> text = …`
struct FunctionClause: Sendable {
  struct Parameter: Sendable {
    var name: Word
    /// Without one, whatever it is called with.
    var type: TypeClause?
    /// What it is where a call leaves it out.
    var standard: Expression?
  }
  var name: Word
  var parameters: [Parameter]
  var result: TypeClause?
  var body: Expression
  var span: Span
}

/// `text`, `XPN`, `list of text`
struct TypeClause: Sendable {
  var isList: Bool
  /// Of a list its elements.
  var name: Word
  var span: Span
}

/// `param processing: text = "P"`
struct ParameterClause: Sendable {
  var name: Word
  var type: Word
  var standard: Expression?
  var span: Span
}

/// `table wards from "codes/wards.csv" key ward value pas, name default …`
struct TableClause: Sendable {
  enum Missing: Sendable {
    /// Looking up a key without a row can fail.
    case fails
    case standard(Expression)
    case decision(Decision)
  }
  var name: Word
  var file: TextLiteral
  var keys: [Word]
  var values: [Word]
  var missing: Missing
  var span: Span
}

/// `const hub = "HUB"`
struct ConstantClause: Sendable {
  var name: Word
  var value: Expression
}

struct Block: Sendable {
  var statements: [Statement]
  var span: Span
}

struct Statement: Sendable {
  indirect enum Kind: Sendable {
    case bind(Word, Expression)
    case variable(Word, TypeClause)
    case assign(Expression, Expression)
    case append(Expression, Expression)
    /// `out.add NTE after OBR with { … }`, whose value nobody names.
    case add(Expression)
    /// `b.upsert(by: …, Patient { … })`, whose reference nobody names.
    case call(Expression)
    /// `number(out.OBX)`
    case number(Expression)
    case remove(Expression)
    case branch([(condition: Expression, block: Block)], otherwise: Block?)
    case match(Expression, [Arm<Block>])
    case loop(LoopHead, Block, none: Decision?)
    case when(Expression, Decision)
    case require(Expression, Decision)
    case emit(Expression, to: [Expression], meta: Expression?)
    case note(Expression)
    case decide(Decision)
  }
  var kind: Kind
  var span: Span
  /// The word that begins it, for what concerns the statement as a whole.
  var head: Span
}

/// `for name, number in list where condition`, of the statement and of the expression.
struct LoopHead: Sendable {
  var name: Word
  /// The name of the turn's number.
  var number: Word?
  var list: Expression
  var condition: Expression?
}

/// `pattern | pattern if condition => body`
struct Arm<Body: Sendable>: Sendable {
  enum Pattern: Sendable {
    case anything(Span)
    case value(Expression)
    case range(Expression, Expression)
  }
  var patterns: [Pattern]
  var condition: Expression?
  var body: Body
  var span: Span
}

/// How a message, or a loop's turn, ends: `drop "why"`, `reject AE 101 "no MRN" at PID-3`.
struct Decision: Sendable {
  enum Kind: String, Sendable, CaseIterable {
    case drop, hold, fail, skip, reject
    /// Of reply transforms.
    case done, retry, dead, answer

    var isReply: Bool { [.done, .retry, .dead, .answer].contains(self) }
  }
  var kind: Kind
  /// `AE` or `AR`, or where DICOM comes in the name or number of a status; of `reject`.
  var code: Word?
  /// Table 0357, of `reject`.
  var number: Word?
  /// Of `answer` the message; `done` has none.
  var reason: Expression?
  /// What stands behind `at`, of `reject`.
  var place: Expression?
  var span: Span
}

struct Expression: Sendable {
  indirect enum Kind: Sendable {
    case text([TextPart])
    /// Digits and perhaps a point, as written.
    case number(String)
    case boolean(Bool)
    case duration(String)
    case absent
    case null
    case pattern(String)
    case list([Expression])
    /// `XPN { 1.1: … }` or `{ name: … }`
    case record(type: Word?, [Entry])
    /// What stands between `[` and `]`, selected: only inside a selector.
    case selected
    case name(String)
    case path(root: Expression, [Step])
    case call(Word, [Expression])
    /// `name: value`, an argument of a call.
    case named(Word, Expression)
    /// `any x in list where …`
    case quantifier(Word, LoopHead)
    /// `sort_by x in list => key`
    case keyed(Word, LoopHead, Expression, descending: Bool = false)
    case copy(Expression)
    /// `new ORM_O01`, `new Bundle { type: "transaction" }`
    case new(Word, [Entry])
    /// `each OBR`, `order.each OBX`: groups of a message or of a group.
    case groups(of: Expression?, Word)
    /// `order.add NTE after OBX[last]`: a new segment of a message or a group.
    case addition(to: Expression, Word, Position)
    /// `order.add NTE with n`: an addition, and the segment that is copied.
    case filled(Expression, Expression)
    case with(Expression, [Entry])
    case unary(Word, Expression)
    case binary(Expression, Word, Expression)
    case test(Expression, negated: Bool, Presence)
    /// `o-5[1] is NM`
    case typeTest(Expression, negated: Bool, Word)
    case conditional(Expression, then: Expression, otherwise: Expression?)
    case match(Expression, [Arm<Expression>])
    case each(LoopHead, Expression)
    case caught(Expression, Expression)
    case decision(Decision)
    /// What could not be read; it was reported.
    case broken
  }
  var kind: Kind
  var span: Span
  /// How many expressions lie in one another here. The passes go down by calls, so the parser keeps it small.
  let height: Int

  init(kind: Kind, span: Span) {
    self.kind = kind
    self.span = span
    height = 1 + (kind.parts.map(\.height).max() ?? 0) + kind.stepCount
  }
}

extension Expression {
  /// Whether it adds a segment that holds nothing but what is given with it.
  var addsSegment: Bool {
    switch kind {
    case .addition: true
    case .with(let base, _): base.addsSegment
    default: false
    }
  }

  /// Whether a function of a program may be called in it.
  var callsFunctions: Bool {
    switch kind {
    case .call(let name, let arguments): !Function.isTaken(name.text) || arguments.contains(where: \.callsFunctions)
    case .path(_, let steps) where steps.contains(where: \.isCall): true
    default: kind.parts.contains(where: \.callsFunctions)
    }
  }

  /// Whether it makes a message of its own, which can be named and written.
  var makesMessage: Bool {
    switch kind {
    case .copy, .new: true
    default: false
    }
  }
}

extension Expression.Kind {
  /// Of a path its steps: each is evaluated within the next, as operators in a row are.
  fileprivate var stepCount: Int { if case .path(_, let steps) = self { steps.count } else { 0 } }

  /// The expressions directly inside.
  var parts: [Expression] {
    switch self {
    case .text(let parts): parts.compactMap { if case .value(let value) = $0 { value } else { nil } }
    case .number, .boolean, .duration, .absent, .null, .pattern, .selected, .name, .broken: []
    case .new(_, let entries): entries.map(\.value)
    case .list(let values), .call(_, let values): values
    case .record(_, let entries): entries.map(\.value)
    case .path(let root, let steps): [root] + steps.flatMap(\.parts)
    case .quantifier(_, let head): head.parts
    case .keyed(_, let head, let key, _): head.parts + [key]
    case .copy(let value), .unary(_, let value), .named(_, let value): [value]
    case .test(let value, _, _), .typeTest(let value, _, _): [value]
    case .groups(let root, _): [root].compactMap(\.self)
    case .addition(let root, _, let position): [root] + position.parts
    case .with(let value, let entries): [value] + entries.map(\.value)
    case .binary(let left, _, let right), .caught(let left, let right), .filled(let left, let right):
      [left, right]
    case .conditional(let condition, let then, let otherwise): [condition, then] + [otherwise].compactMap(\.self)
    case .match(let subject, let arms): [subject] + arms.flatMap { [$0.condition, $0.body].compactMap(\.self) }
    case .each(let head, let body): head.parts + [body]
    case .decision(let decision): [decision.reason, decision.place].compactMap(\.self)
    }
  }
}

extension LoopHead {
  var parts: [Expression] { [list, condition].compactMap(\.self) }
}

extension Step {
  var parts: [Expression] {
    switch kind {
    case .select(.allWhere(let condition)), .select(.firstWhere(let condition)): [condition]
    case .select(.keys(let keys)): keys
    case .call(let arguments): arguments
    default: []
    }
  }
}

/// Where an added segment goes.
enum Position: Sendable {
  /// Where the structure has its only place for it.
  case structure
  case after(Expression)
  /// `in PATIENT`
  case group(Word)

  fileprivate var parts: [Expression] { if case .after(let segment) = self { [segment] } else { [] } }
}

/// What stands behind `is`.
enum Presence: String, Sendable { case valued, absent, null }

enum TextPart: Sendable {
  case literal(String)
  case value(Expression)
}

/// `key: value` of a record. The key is a name, or component numbers.
struct Entry: Sendable {
  enum Key: Sendable {
    /// A word, or a text: `"xsi:type"`.
    case name(String)
    case component(Int, Int?)
  }
  var key: Key
  var keySpan: Span
  var value: Expression
}

/// One step behind a path's root.
struct Step: Sendable {
  enum Kind: Sendable {
    /// `.name`
    case member(String)
    /// `.5`
    case component(Int)
    /// `-5`
    case field(Int)
    case select(Selector)
    /// `.tag(0019,"GEMS_ACQU_01",9C)`
    case tag(DICOMPath.Tag)
    /// `/ORDER_OBSERVATION`, of a message's or a group's groups
    case group(String)
    /// `names.upper_family(…)`: a function of an import
    case call([Expression])
  }
  var kind: Kind
  var span: Span

  /// The name behind the point or slash, or the whole step.
  var nameSpan: Span { name == nil ? span : Span(Int(span.start) + 1, Int(span.end)) }

  var isCall: Bool { if case .call = kind { true } else { false } }

  /// What it names behind a point or a slash.
  var name: String? {
    switch kind {
    case .member(let name), .group(let name): name
    default: nil
    }
  }
}

/// What stands in brackets behind a place or a table.
enum Selector: Sendable {
  case last
  case all
  case allWhere(Expression)
  case firstWhere(Expression)
  /// `[* of Patient]`
  case allOf(Word)
  /// A number, or a table's keys.
  case keys([Expression])
}
