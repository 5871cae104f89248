import HL7

/// A place of a message that a program names: which message, which segment, which field, repetition and part.
struct HL7Place: Sendable {
  enum SegmentPick: Sendable {
    /// The only one; several are an error at run time.
    case only
    case index(Int)
    case last
    /// The first that fits; `mark` holds the one that is tried.
    case firstWhere(mark: Int, Holds)
    case all
    case allWhere(mark: Int, Holds)
    /// The one a variable stands at.
    case mark(Int)
    case value(Evaluate)

    var isMany: Bool {
      switch self {
      case .all, .allWhere: true
      default: false
      }
    }
  }

  enum RepetitionPick: Sendable {
    /// The whole field; read as one value, several repetitions are an error at run time.
    case only
    case index(Int)
    case last
    case firstWhere(slot: Int, Holds)
    case all
    case allWhere(slot: Int, Holds)
    /// The one a loop over an output stands at.
    case mark(Int)

    var isMany: Bool {
      switch self {
      case .all, .allWhere: true
      default: false
      }
    }
  }

  var message: MessageReference
  var code: HL7SegmentCode
  var segment: SegmentPick = .only
  /// The group that the segment is in; `nil` for the whole message.
  var within: FindGroup?
  /// Where the segment is put, if the output lacks it.
  var placement = Placement.structure
  /// How the program calls the output or group that it is written to.
  var owner = "out"
  /// The variables of the groups around it: what is made there belongs to them.
  var around: [Int] = []
  /// `nil`: the segment itself.
  var field: Int?
  var repetition: RepetitionPick = .only
  var component: Int?
  var subcomponent: Int?
  var span: Span
  /// What is written there belongs to the last group of a message that the program makes.
  var isOfLastGroup = false
  /// What the tables say of it.
  var kind = Kind.unknown

  /// As a person writes it, without selectors that only a run can tell.
  var path: String {
    var text = code.description
    if case .index(let number) = segment { text += "[\(number)]" }
    guard let field else { return text }
    text += "-\(field)"
    if case .index(let number) = repetition { text += "[\(number)]" }
    if let component { text += ".\(component)" }
    if let subcomponent { text += ".\(subcomponent)" }
    return text
  }

  /// Fields of MSH that the standard requires: their absence decides nothing that W105 should warn of.
  var isRequired: Bool { code == .msh && [1, 2, 9, 10, 11, 12].contains(field) }
}
