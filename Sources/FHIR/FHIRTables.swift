internal import CFHIRTables
import Synchronization
import Text

/// A resource, or a data type that has elements.
package struct FHIRType: Sendable {
  package var name: String
  package var isResource: Bool
  /// In a few words.
  package var about: String
  /// In the order of their names; what all resources have stands first.
  package var elements: [FHIRElement]
  private let places: [String: Int]
  /// Elements of which there is one of several: `value` of `valueQuantity`, `valueString`, …
  package var choices: [FHIRChoice]

  init(name: String, isResource: Bool, about: String, elements: [FHIRElement]) {
    self.name = name
    self.isResource = isResource
    self.about = about
    self.elements = elements
    places = Dictionary(elements.enumerated().map { ($1.name, $0) }) { first, _ in first }
    choices = []
    for element in elements {
      guard let choice = element.choice else { continue }
      if let known = choices.firstIndex(where: { $0.name == choice }) {
        choices[known].elements.append(element.name)
      } else {
        choices.append(FHIRChoice(name: choice, isRequired: element.choiceIsRequired, elements: [element.name]))
      }
    }
  }

  package func element(_ name: String) -> FHIRElement? { places[name].map { elements[$0] } }
}

/// `value[x]`
package struct FHIRChoice: Sendable {
  package var name: String
  package var isRequired: Bool
  /// `valueQuantity`, `valueString`, …
  package var elements: [String]
}

package struct FHIRElement: Sendable {
  package var name: String
  /// Its type: `HumanName`, `ObservationComponent`, `dateTime`; `Resource` for any resource.
  package var type: String
  /// `nil` where the type has elements.
  package var primitive: FHIRPrimitive?
  package var isList: Bool
  package var isRequired: Bool
  /// The `value` of `valueQuantity`.
  package var choice: String?
  var choiceIsRequired: Bool
  /// The resources that a reference may lead to; empty: any.
  package var targets: [String]
  /// The only codes that may stand there; empty: any.
  package var codes: [String]
  /// What it means, in a few words.
  package var about: String
}

/// The element tables of FHIR R4 (4.0.1).
package enum FHIRTables {
  /// `nil`: R4 has no such resource or type with elements.
  package static func type(_ name: String) -> FHIRType? {
    if let known = read.withLock({ $0[name] }) { return known }
    let isResource = table.head("R \(name)") != nil
    let head = "\(isResource ? "R" : "T") \(name)"
    guard let line = table.head(head), let lines = table.lines(head) else { return nil }
    let type = FHIRType(
      name: name, isResource: isResource, about: String(line.dropFirst(head.count + 1)),
      elements: lines.compactMap(element))
    read.withLock { $0[name] = type }
    return type
  }

  /// Those that a message can hold: not Resource and DomainResource, which all others are made from.
  package static let resourceNames = table.names("R").filter { $0 != "Resource" && $0 != "DomainResource" }
  private static let resources = Set(resourceNames)

  /// Data types with elements, those of one resource's own among them.
  package static let typeNames = table.names("T")

  package static func isResource(_ name: String) -> Bool { resources.contains(name) }

  private static let table = EmbeddedTable(hilum_fhir_tables, count: hilum_fhir_tables_bytes)

  /// What was read, as it is asked for.
  private static let read = Mutex<[String: FHIRType]>([:])

  /// ` status code 1 - =registered,final Its status`
  private static func element(_ line: String) -> FHIRElement? {
    let words = line.split(separator: " ", maxSplits: 5)
    guard words.count >= 5 else { return nil }
    let choice = words[3] == "-" ? nil : words[3].hasSuffix("!") ? words[3].dropLast() : words[3]
    let more = words[4].dropFirst().split(separator: ",").map(String.init)
    return FHIRElement(
      name: String(words[0]), type: String(words[1]), primitive: FHIRPrimitive(rawValue: String(words[1])),
      isList: words[2] == "*" || words[2] == "+", isRequired: words[2] == "1" || words[2] == "+",
      choice: choice.map(String.init), choiceIsRequired: words[3].hasSuffix("!"),
      targets: words[4].hasPrefix(">") ? more : [], codes: words[4].hasPrefix("=") ? more : [],
      about: words.count > 5 ? String(words[5]) : "")
  }
}
