/// A function of the language: what it takes, what it gives, what it is for. One file each.
struct Function: Sendable {
  enum Parameter: Sendable {
    case text, number, stamp
    /// Bytes, or a text as UTF-8.
    case bytes
    /// A date or a time of day.
    case stampOrTime
    /// `/…/`
    case pattern
    /// A text that is known before the program runs: a date's form, a zone's name.
    case literal
    /// A whole number that is written in the program.
    case count
    /// `day`, `second`…: how exact a date is.
    case precision
    /// A list of anything.
    case list
    /// A list whose elements have a text each.
    case texts
    /// What a place holds, with all its parts.
    case place
    /// Anything that has a text.
    case any
  }

  enum Result: Sendable {
    case text, number, boolean, stamp, time, texts, bytes
    /// A list like the first argument, or one element of it.
    case list, element
  }

  /// What happens where an argument is absent or null.
  enum Absence: Sendable {
    /// Absent gives absent, null gives null.
    case passes
    /// A question about what is not there is answered with no.
    case answersNo
    /// The function looks itself.
    case sees
  }

  enum Body: Sendable {
    case one(@Sendable (Datum) throws -> Datum)
    case two(@Sendable (Datum, Datum) throws -> Datum)
    case many(@Sendable ([Datum]) throws -> Datum)
    /// It checks and compiles its calls itself.
    case checked(@Sendable (inout Checker, Call) -> Typed)
  }

  var name: String
  var parameters: [(name: String, type: Parameter)]
  /// How many may be left out at the end.
  var optional = 0
  /// What is left out may stand before what is given by name.
  var hasGaps = false
  /// The last parameter takes one value or more.
  var isVariadic = false
  var result: Result
  var canFail = false
  /// It can give absent where no value was absent.
  var givesAbsent = false
  var absence = Absence.passes
  /// It came into the language when programs had functions of their own with such names: theirs go first.
  var isOfXML = false
  /// One sentence for the reference.
  var summary: String
  /// Expressions with what they give, as text; all are tests.
  var examples: [(expression: String, gives: String)]
  var body: Body

  /// All functions, in the order of the reference.
  static let all: [Function] = [
    trim, upper, lower, title, substring, left, right, split, join, replace, padLeft, padRight, stripZeros, contains,
    startsWith,
    endsWith, extract, lines, plain, length, text, orAbsent, urlEncode, number, integer, boolean, round, abs, minOf,
    maxOf, sum,
    format, date, datetime, instant, time, hl7, written, truncate, inZone, daysBetween, ageAt, raw, structure, trigger,
    count, first, last, rest, flatten, zip, distinct, stableID, base64, base64Of, hex, hexOf, decode,
    encode, sha256, hmac, deidentify, pseudonym, uidMap, shiftDays,
    nhsNumberOK,
    luhnOK, mod11OK, sequence, resolve, referenceTo, codingOf, codeOf,
    find, findAll, value, values, element, withValue, without, withChild,
    xml, xmlOf,
  ]

  private static let byName = Dictionary(uniqueKeysWithValues: all.map { ($0.name, $0) })
  /// A text that would grow beyond this ends the run (E901).
  static let textBytesMax = 64 << 20

  static let tooLong = FunctionError(
    kind: .stopping, message: "a text would grow beyond \(textBytesMax >> 20) MiB")

  static func checkSize(_ byteCount: Int) throws {
    if byteCount > textBytesMax { throw tooLong }
  }

  /// So many values a call has at most where there is no other bound.
  static let variadicCountMax = 64

  static func named(_ name: String) -> Function? { byName[name] }

  /// Whether a program can't have a function of this name.
  static func isTaken(_ name: String) -> Bool { named(name)?.isOfXML == false }

  /// `substring(text, start, count)`
  var signature: String {
    "\(name)(\(parameters.map(\.name).joined(separator: ", "))\(isVariadic ? "…" : ""))"
  }
}

extension Datum {
  /// The text of an argument that was checked to be one.
  var argumentText: String {
    if case .text(let text) = self { return text }
    return ""
  }

  /// Of a parameter that takes a text as its UTF-8.
  var argumentBytes: [UInt8] {
    switch self {
    case .bytes(let bytes): bytes
    case .text(let text): Array(text.utf8)
    default: []
    }
  }

  var argumentNumber: Decimal {
    if case .number(let number) = self { return number }
    return Decimal(0)
  }

  var argumentCount: Int { argumentNumber.integer ?? 0 }

  var argumentList: [Datum] {
    if case .list(let values) = self { return values }
    return []
  }
}
