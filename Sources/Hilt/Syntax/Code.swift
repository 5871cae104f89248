import Messages

/// The codes of the language's problems. Each has its page in `docs/errors`.
///
/// E0 what is not there yet · E1 text, names, shape and values of a program · E2 HL7 · E3 failures that nothing
/// handles · E5 tables · E6 destinations and channel expressions · E9 run time.
package enum Code: String, Sendable, CaseIterable {
  case unsupported = "E001"
  case character = "E100"
  case openText = "E101"
  case syntax = "E102"
  case escape = "E103"
  case depth = "E104"
  case header = "E105"
  case size = "E106"
  case tightDash = "E110"
  case unknownName = "E111"
  case nameTwice = "E112"
  case unknownFunction = "E113"
  case arguments = "E114"
  case readOnly = "E115"
  case spelling = "E116"
  case constant = "E117"
  case repeats = "E120"
  case composite = "E121"
  case openPlace = "E122"
  case type = "E130"
  case mayBeAbsent = "E131"
  case noOutcome = "E150"
  case dropInLoop = "E151"
  case skipOutsideLoop = "E152"
  case walked = "E118"
  case manyPlaces = "E123"
  case parameter = "E160"
  case notInStandard = "E201"
  case path = "E202"
  case unhandled = "E301"
  case table = "E501"
  case tableColumn = "E502"
  case tableKeyTwice = "E503"
  case destination = "E601"
  case failed = "E900"
  case limit = "E901"
  case unknownRow = "E902"
  case unwritable = "E903"
  case unreadable = "E904"
  case unused = "W101"
  case neverReached = "W102"
  case needlessCatch = "W104"
  case absentDecides = "W105"
  case partOfVersions = "W201"

  var severity: Problem.Severity { rawValue.hasPrefix("W") ? .warning : .error }
}
