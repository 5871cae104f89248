import FHIR

/// What the element tables of FHIR say of a place.
extension HiltMeaning {
  /// `msg.entry[*]`: what follows is asked of each.
  init(each value: Typed, _ checker: Checker) {
    var one = value
    if case .list(let element) = value.type { one.type = element }
    self.init(.value(one), checker)
    summary = "each of a list: \(summary)"
  }

  /// What was begun with `new Bundle`.
  static var bundle: HiltMeaning {
    var meaning = HiltMeaning(title: "", summary: "a bundle that the program fills")
    let ways = [
      ("upsert", "(by, resource)", "one of an identifier, made or changed"),
      ("ensure", "(by, resource)", "one of an identifier, made where it is missing"),
      ("add", "(resource)", "one more"),
    ]
    meaning.members = ways.map {
      HiltMember(separator: ".", name: $0.0, kind: .function, type: $0.1, about: $0.2)
    }
    return meaning
  }

  /// The type of a value of FHIR or JSON, and what it is made of.
  mutating func describe(_ type: Type) {
    switch type {
    case .fhir(let kind):
      let about = FHIRTables.type(kind.name)?.about ?? ""
      summary = about.isEmpty ? kind.name : "\(kind.name): \(about)"
      if !kind.targets.isEmpty { details.append("It refers to \(kind.targets.joined(separator: ", ")).") }
      members = Self.elements(of: kind.name)
    case .choice(let choice):
      summary = "one of " + choice.elements.map(\.type).joined(separator: ", ")
    case .bundle: self = Self.bundle
    default: break
    }
  }

  /// Adds what the standard says of an element: its meaning, how often it may be there, its codes.
  mutating func describe(_ element: FHIRElement, isList: Bool) {
    let about = element.about.isEmpty ? element.name : element.about
    summary = "\(about), \(element.type), \(element.count)"
    codes = isList ? [] : element.codes
    if !element.codes.isEmpty { details.append("Codes: \(element.codes.joined(separator: ", "))") }
  }

  /// The elements of a resource or a type; empty where FHIR has none of that name.
  static func elements(of name: String) -> [HiltMember] {
    guard let type = FHIRTables.type(name) else { return [] }
    let choices = type.choices.map { choice in
      HiltMember(
        separator: ".", name: choice.name, kind: .component, type: choice.isRequired ? "1..1" : "0..1",
        about: "one of \(choice.elements.joined(separator: ", "))")
    }
    let elements = type.elements.filter { $0.choice == nil }.map { element in
      HiltMember(
        separator: ".", name: element.name, kind: .component, type: "\(element.type), \(element.count)",
        about: element.about)
    }
    return (elements + choices).sorted { $0.name < $1.name }
  }

  /// The element that a path such as `Patient.name[1].use` leads to.
  static func element(at path: String?) -> FHIRElement? {
    var names = (path ?? "").split(separator: ".").map { String($0.prefix { $0 != "[" }) }[...]
    guard names.count > 1, var type = FHIRTables.type(names.removeFirst()) else { return nil }
    while let name = names.popFirst() {
      guard let element = type.element(name) else { return nil }
      if names.isEmpty { return element }
      guard let next = FHIRTables.type(element.type) else { return nil }
      type = next
    }
    return nil
  }
}

extension FHIRElement {
  /// `0..1`, `1..*`
  var count: String { "\(isRequired ? 1 : 0)..\(isList ? "*" : "1")" }
}

extension Type {
  var isList: Bool { if case .list = self { true } else { false } }
}
