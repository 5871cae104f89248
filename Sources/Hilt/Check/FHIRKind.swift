import FHIR

/// A resource or a data type of FHIR, as the type of a value.
struct FHIRKind: Sendable, Equatable {
  /// `Patient`, `HumanName`, `ObservationComponent`; `Resource` for any resource.
  var name: String
  /// Of a reference the resources that it leads to; empty where nothing is known.
  var targets: [String] = []

  static let reference = "Reference"
  /// Any resource.
  static let resource = "Resource"

  var isResource: Bool { name == Self.resource || FHIRTables.isResource(name) }

  /// As a person would call it: `an Identifier`.
  var shown: String { name == Self.resource ? "a resource" : Self.shown(name) }

  static func shown(_ name: String) -> String { ("AEIOU".contains(name.first ?? "x") ? "an " : "a ") + name }

  /// What is the one or the other; `nil` where that is no type.
  static func either(_ a: FHIRKind, _ b: FHIRKind) -> FHIRKind? {
    guard a.name == b.name else {
      return a.isResource && b.isResource ? FHIRKind(name: resource) : nil
    }
    guard !a.targets.isEmpty, !b.targets.isEmpty else { return FHIRKind(name: a.name) }
    return FHIRKind(name: a.name, targets: Set(a.targets + b.targets).sorted())
  }
}

/// `value[x]` of a type.
struct FHIRChoiceKind: Sendable, Equatable {
  var owner: String
  /// `value`
  var name: String

  /// `valueQuantity`, `valueString`, …
  var elements: [FHIRElement] {
    guard let type = FHIRTables.type(owner), let choice = type.choices.first(where: { $0.name == name }) else {
      return []
    }
    return choice.elements.compactMap { type.element($0) }
  }
}

/// Where a value goes that will be JSON: an element of FHIR, what a function gives, a value of JSON.
struct Target: Sendable {
  enum Kind: Sendable {
    case object(FHIRKind)
    case primitive(FHIRPrimitive, codes: [String])
    case choice(FHIRChoiceKind)
    /// Anything that JSON can hold.
    case json
  }
  var kind: Kind
  var isList = false
  /// How a person calls it: `Patient.name`.
  var place: String

  /// One of the list.
  var one: Target {
    var one = self
    one.isList = false
    return one
  }
}

extension FHIRElement {
  /// Where a value for it goes.
  func target(in owner: FHIRType) -> Target {
    Target(kind: kind, isList: isList, place: "\(owner.name).\(name)")
  }

  var kind: Target.Kind {
    if let primitive { return .primitive(primitive, codes: codes) }
    return .object(FHIRKind(name: type, targets: type == FHIRKind.reference ? known(targets) : []))
  }

  /// A list that holds `Resource` names none.
  private func known(_ targets: [String]) -> [String] { targets.contains(FHIRKind.resource) ? [] : targets }

  /// What is read from it: one of it, where it is a list.
  var read: Type {
    guard let primitive else {
      return .fhir(FHIRKind(name: type, targets: type == FHIRKind.reference ? known(targets) : []))
    }
    switch primitive {
    case .boolean: return .boolean
    case .decimal, .integer, .unsignedInt, .positiveInt: return .number
    case .date, .dateTime, .instant: return .stamp
    case .time: return .time
    default: return .text
    }
  }
}
