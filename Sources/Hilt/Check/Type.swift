import HL7

/// What is known of a value before a program runs.
indirect enum Type: Sendable, Equatable {
  case text, number, boolean, stamp, time, duration
  /// Bytes that are no text.
  case bytes
  /// What one place of a message holds or can take: a leaf or a composite.
  case content(Kind)
  /// Components that the program put together.
  ///
  /// Its data type is known where the program names it, or where one was copied.
  case composite(Kind)
  case list(Type)
  /// A row of a table, by the table's number.
  case row(Int)
  /// Values with names: a line of a file, a record without a type, what `extract` and `zip` give.
  case fields([Field])
  case segment(MessageReference, HL7SegmentCode)
  /// A segment that the program put together, or, where a message is named, perhaps one of that.
  case made(HL7SegmentCode, MessageReference? = nil)
  case message(MessageReference)
  /// A value of `message.*` or `meta.*`; what it is shows at run time.
  case attribute
  case group(GroupType)
  /// A resource or data type of FHIR.
  case fhir(FHIRKind)
  /// An element that may be of several types: `value[x]`.
  case choice(FHIRChoiceKind)
  /// A value of JSON; what it is shows at run time.
  case json
  /// An element of XML.
  case element
  /// An object of DICOM, and an item of a sequence of one.
  case object(DataSetReference), dataSet(DataSetReference)
  /// A name of a person in DICOM: a text that has parts.
  case personName
  /// What the program began with `new Bundle`.
  case bundle(Int)
  /// Made ready for the element or the JSON it goes to: nothing else is done with it.
  case placed
  /// `absent` and `null` themselves.
  case nothing
  /// A decision: no value ever comes.
  case never
  /// What could not be compiled; it was reported, and nothing more is said of it.
  case broken

  /// As a person would call it.
  var name: String {
    switch self {
    case .text: "a text"
    case .number: "a number"
    case .boolean: "true or false"
    case .stamp: "a date"
    case .time: "a time of day"
    case .duration: "a duration"
    case .bytes: "a stretch of bytes"
    case .content(let kind) where kind.types.isEmpty: "a value of a message"
    case .content(let kind) where kind.types["varies"] != nil: "a value whose type the message says"
    case .content(let kind): "a value of type \(kind.name)"
    case .composite: "a record"
    case .list(.segment), .list(.made): "a list of segments"
    case .list: "a list"
    case .row: "a table's row"
    case .fields: "a group of named values"
    case .segment(_, let code), .made(let code, _): "a segment \(code)"
    case .message: "a message"
    case .attribute: "a value of message.*"
    case .group: "a group of segments"
    case .fhir(let kind): kind.shown
    case .choice(let choice): "one of several types (\(choice.name)[x])"
    case .json, .placed: "a value of JSON"
    case .element: "an element of XML"
    case .object: "an object of DICOM"
    case .dataSet: "an item of a sequence"
    case .personName: "a name of a person"
    case .bundle: "a bundle"
    case .nothing: "absent"
    case .never: "a decision"
    case .broken: "a value"
    }
  }

  /// Whether it can be read as one text.
  var isTextual: Bool {
    switch self {
    case .text, .content, .attribute, .personName, .never, .broken: true
    default: false
    }
  }

  /// Whether it can be written to one place of a message.
  var isWritable: Bool {
    switch self {
    case .text, .content, .composite, .number, .stamp, .time, .nothing, .attribute, .never, .broken: true
    default: false
    }
  }

  /// The type of a value that is one or the other; `nil` where no single type fits.
  static func common(_ a: Type, _ b: Type) -> Type? {
    if a == b { return a }
    switch (a, b) {
    case (.broken, _), (_, .broken): return .broken
    case (.never, let other), (let other, .never): return other
    case (.nothing, let other), (let other, .nothing): return other
    case (.content(let first), .content(let second)): return .content(.either(first, second))
    case (.composite(let first), .composite(let second)): return .composite(.either(first, second))
    case (.content(let kind), .text), (.text, .content(let kind)): return .content(kind)
    case (.attribute, .text), (.text, .attribute): return .attribute
    case (.personName, .text), (.text, .personName): return .text
    case (.attribute, .personName), (.personName, .attribute): return .attribute
    case (.list(let first), .list(let second)): return common(first, second).map { .list($0) }
    case (.fhir(let first), .fhir(let second)): return FHIRKind.either(first, second).map { .fhir($0) }
    default:
      if let segment = commonSegment(a, b) { return segment }
      return a.isWritable && b.isWritable ? .content(.unknown) : nil
    }
  }

  /// A segment of a message, or one that was put together.
  private static func commonSegment(_ a: Type, _ b: Type) -> Type? {
    guard let (code, one) = a.segmentOrigin, let (otherCode, other) = b.segmentOrigin, code == otherCode else {
      return nil
    }
    return one == other || one == nil || other == nil ? .made(code, one ?? other) : nil
  }

  private var segmentOrigin: (HL7SegmentCode, MessageReference?)? {
    switch self {
    case .segment(let message, let code): (code, message)
    case .made(let code, let message): (code, message)
    default: nil
    }
  }
}

extension Type {
  /// Lists and records in one another, and what they are made of. A record can hold another twice, which holds another
  /// twice: comparing types costs as much as their parts.
  static let depthMax = 64
  static let partCountMax = 10_000

  var isTooLarge: Bool {
    var left = Self.partCountMax
    return !fits(&left, Self.depthMax)
  }

  private func fits(_ left: inout Int, _ depth: Int) -> Bool {
    left -= 1
    guard left >= 0, depth >= 0 else { return false }
    switch self {
    case .list(let element): return element.fits(&left, depth - 1)
    case .fields(let fields):
      for field in fields where !field.type.fits(&left, depth - 1) { return false }
      return true
    default: return true
    }
  }

  /// One of several values that have names.
  struct Field: Sendable, Equatable {
    var name: String
    var type: Type
    var mayBeAbsent = true
    /// The number of a line, which the file does not hold.
    var isLineNumber = false
  }
}

typealias Evaluate = @Sendable (Run) throws -> Datum
typealias Holds = @Sendable (Run) throws -> Bool
typealias Execute = @Sendable (Run) throws -> Void

/// An expression, checked and compiled.
struct Typed: Sendable {
  var type: Type
  /// Absent or null may come.
  var mayBeAbsent: Bool
  var span: Span
  /// The value, where it is known before the program runs.
  var constant: Datum?
  /// The place in a message that it is read from, as a person writes it: `PID-3`.
  var path: String?
  /// The standard requires the place: that it may be absent is nothing to warn of.
  var isRequired = false
  /// Of a segment that the program puts together, what its fields are read from.
  var fieldReads: SegmentReads?
  var evaluate: Evaluate

  init(
    _ type: Type, mayBeAbsent: Bool = false, at span: Span, constant: Datum? = nil, path: String? = nil,
    _ evaluate: @escaping Evaluate
  ) {
    self.type = type
    self.mayBeAbsent = mayBeAbsent
    self.span = span
    self.constant = constant
    self.path = path
    self.evaluate = evaluate
  }

  static func constant(_ datum: Datum, _ type: Type, at span: Span) -> Typed {
    Typed(type, at: span, constant: datum) { _ in datum }
  }

  /// Stands for what could not be compiled. The program that holds it is never run.
  static func broken(_ span: Span) -> Typed { Typed(.broken, at: span) { _ in .absent } }
}

/// The places of the input that the fields of a segment are read from.
struct SegmentReads: Sendable {
  /// Of the fields that are not named.
  var others: [String]
  var fields: [Int: [String]] = [:]

  /// Of a segment that went in as a whole, a field comes from the same field.
  func inputs(ofField number: Int) -> [String] {
    fields[number] ?? others.map { $0.contains("-") ? $0 : "\($0)-\(number)" }
  }
}

/// A condition, checked and compiled.
struct Condition: Sendable {
  var holds: Holds
  /// What is known to be valued where the condition holds, and where it doesn't, as canonical texts.
  var valuedIfTrue: Set<String> = []
  var valuedIfFalse: Set<String> = []
}
