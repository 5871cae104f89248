import FHIR
import HL7

/// How a field of HL7 v2 becomes an element of FHIR: with a function of lib/v2fhir.hilt where the guide has a map of
/// data types, else as its type is written.
struct DraftValue {
  /// From the field's place to the value.
  var make: @Sendable (String) -> String
  var isLoose = false
  /// It takes all repetitions itself.
  var takesAll = false

  private init(isLoose: Bool = false, _ make: @escaping @Sendable (String) -> String) {
    (self.make, self.isLoose) = (make, isLoose)
  }

  /// What it uses besides: a table of codes, or a function of the draft.
  enum Need: Hashable {
    case codes(vocabulary: String, legal: [String], isRequired: Bool, withSystem: Bool)
    case reference(String)
  }

  /// Why nothing is drafted.
  struct Unknown: Error {
    var reason: String
  }

  /// - Parameter resource: where the path ends in a reference.
  static func make(
    _ field: GuideField, _ source: DraftSource, _ element: FHIRElement, _ resource: String?,
    _ need: (Need) -> String?
  ) throws(Unknown) -> DraftValue {
    let type = source.type
    if element.type == "Reference" { return try reference(source, element, resource, need) }
    if resource != nil { throw Unknown(reason: "\(element.name) is no reference") }
    if !field.vocabulary.isEmpty, ["code", "Coding"].contains(element.type) {
      guard texts.contains(type) else { throw Unknown(reason: "\(type) is no code") }
      return try coded(field.vocabulary, element, need)
    }
    if let value = dataType(type, element.type, source) { return value }
    guard let primitive = element.primitive else {
      throw Unknown(reason: "nothing here makes \(element.type) of \(type)")
    }
    return try self.primitive(primitive, source, element)
  }

  private static func coded(
    _ vocabulary: String, _ element: FHIRElement, _ need: (Need) -> String?
  ) throws(Unknown) -> DraftValue {
    let isCoding = element.type == "Coding"
    let isRequired = element.isRequired
    let wanted = Need.codes(
      vocabulary: vocabulary, legal: element.codes, isRequired: isRequired, withSystem: isCoding)
    guard let table = need(wanted) else {
      throw Unknown(reason: "the guide has no codes of FHIR for \(vocabulary) that may stand there")
    }
    guard isCoding else { return DraftValue { "\(table)[\($0)]" } }
    let otherwise = isRequired ? "" : " catch absent"
    return DraftValue {
      "Coding { system: \(table)[\($0)].system\(otherwise), code: \(table)[\($0)].fhir\(otherwise) }"
    }
  }

  // MARK: Data types

  private static func dataType(_ type: String, _ target: String, _ source: DraftSource) -> DraftValue? {
    switch (target, type) {
    case ("CodeableConcept", "CE"), ("CodeableConcept", "CWE"), ("CodeableConcept", "CNE"):
      return DraftValue { "concept(\($0))" }
    case ("CodeableConcept", "ID"), ("CodeableConcept", "IS"):
      guard let table = source.table else { return DraftValue { "CodeableConcept { text: \($0) }" } }
      return DraftValue { "table_code(\"\(table)\", \($0))" }
    case ("CodeableConcept", "ST"), ("CodeableConcept", "TX"): return DraftValue { "CodeableConcept { text: \($0) }" }
    case ("Coding", "CE"), ("Coding", "CWE"), ("Coding", "CNE"):
      return DraftValue { "coding(\($0).1, \($0).2, \($0).3)" }
    case ("Identifier", "CX"): return DraftValue { "identifier(\($0))" }
    case ("Identifier", "EI"): return DraftValue { "entity_identifier(\($0))" }
    case ("Identifier", "ST"): return DraftValue { "Identifier { value: \($0) }" }
    case ("HumanName", "XPN"): return DraftValue { "human_name(\($0))" }
    case ("Address", "XAD"): return DraftValue { "address(\($0))" }
    case ("ContactPoint", "XTN"): return DraftValue { "contact(\($0))" }
    case ("Attachment", "ED"): return DraftValue { "attachment(\($0))" }
    case ("Period", "DR"): return DraftValue { "period(\($0).1, \($0).2)" }
    case ("Quantity", "CQ"): return DraftValue(isLoose: true) { "quantity(\($0).1, \($0).2) catch absent" }
    case ("uri", "HD"): return DraftValue { "authority(\($0))" }
    default: return nil
    }
  }

  private static let texts: Set<String> = ["ST", "TX", "FT", "ID", "IS", "NM", "SI", "CE", "CWE", "CNE"]
  private static let stamps: Set<String> = ["TS", "DTM", "DT"]

  private static func primitive(
    _ primitive: FHIRPrimitive, _ source: DraftSource, _ element: FHIRElement
  ) throws(Unknown) -> DraftValue {
    let type = source.type
    let unknown = Unknown(reason: "nothing here makes \(element.type) of \(type)")
    switch primitive {
    case .string, .markdown:
      guard texts.contains(type) else { throw unknown }
      let isProse = type == "FT" || type == "TX"
      guard isProse, source.repeats, !element.isList else { return DraftValue { isProse ? "plain(\($0))" : $0 } }
      var value = DraftValue { _ in "join(for line in \(source.all) => plain(line), \"\\n\")" }
      value.takesAll = true
      return value
    case .code:
      guard texts.contains(type), element.codes.isEmpty else {
        throw Unknown(reason: "the guide doesn't say which code of \(element.name) each code of \(type) is")
      }
      return DraftValue { $0 }
    case .date, .dateTime, .instant:
      guard stamps.contains(type) else { throw unknown }
      let function = primitive == .date ? "date" : primitive == .instant ? "instant" : "datetime"
      return DraftValue(isLoose: true) { "\(function)(\($0)) catch absent" }
    case .time:
      guard type == "TM" else { throw unknown }
      return DraftValue(isLoose: true) { "time(\($0)) catch absent" }
    case .decimal:
      guard type == "NM" else { throw unknown }
      return DraftValue(isLoose: true) { "number(\($0)) catch absent" }
    case .integer, .positiveInt, .unsignedInt:
      guard type == "NM" || type == "SI" else { throw unknown }
      return DraftValue(isLoose: true) { "integer(\($0)) catch absent" }
    case .boolean:
      guard texts.contains(type) else { throw unknown }
      return DraftValue { "(match \($0) { \"Y\" => true, \"N\" => false, _ => absent })" }
    default: throw unknown
    }
  }

  // MARK: References

  /// The guide makes a resource of a person, an organization or a place; a draft names them in the reference.
  private static func reference(
    _ source: DraftSource, _ element: FHIRElement, _ resource: String?, _ need: (Need) -> String?
  ) throws(Unknown) -> DraftValue {
    guard let resource else { throw Unknown(reason: "where the reference leads to isn't said") }
    guard element.targets.isEmpty || element.targets.contains(resource) || element.targets.contains("Resource") else {
      throw Unknown(reason: "in R4 \(element.name) leads to no \(resource)")
    }
    guard ["XCN", "XON", "PL", "HD"].contains(source.type), let function = need(.reference(source.type)) else {
      throw Unknown(reason: "nothing here makes a reference of \(source.type)")
    }
    return DraftValue { "\(function)(\($0))" }
  }

  /// The functions that a draft brings along for its references.
  static func function(_ type: String, _ versions: HL7Versions) -> (name: String, text: String)? {
    // What older versions call the ID number became the identifier of XON.10.
    let number = HL7Tables.type("XON")?.part(10, in: versions).isEmpty == false ? "o.10" : "o.3"
    return switch type {
    case "XCN":
      (
        "person",
        """
        fn person(p: XCN) -> Reference = {
          identifier: if p.1 is valued then { system: authority(p.9), value: p.1 },
          display: join([p.3, p.2.1], " "),
        }
        """
      )
    case "XON":
      (
        "organization",
        """
        fn organization(o: XON) -> Reference = {
          identifier: if \(number) is valued then { system: authority(o.6), value: \(number) },
          display: o.1,
        }
        """
      )
    case "PL": ("location", "fn location(l: PL) -> Reference = { display: join([l.4.1, l.1, l.2, l.3], \" \") }")
    case "HD":
      (
        "application",
        "fn application(a: HD) -> Reference = { display: a.1 ?? a.2 }"
      )
    default: nil
    }
  }
}
