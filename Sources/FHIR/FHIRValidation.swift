import Messages
package import Text

/// Checks a resource against the element tables of R4 and the rules of the standard that are named in `FHIRRules`. All
/// that is wrong is told at once; nothing is fetched: a profile and a terminology of a site are not looked at.
package struct FHIRValidation {
  /// More than these are not told.
  static let issueCountMax = 1000

  private var issues: [FHIRIssue] = []
  private var path: [Step] = []
  /// The ids of what the resource contains that is looked at, for its references to `#id`.
  private var contained: Set<String>?

  private enum Step {
    case name(String)
    case index(Int)
  }

  private init() {}

  /// What is wrong with it; empty where nothing is.
  package static func issues(_ document: JSONDocument) -> [FHIRIssue] {
    var validation = FHIRValidation()
    validation.resource(document.root)
    if validation.issues.isEmpty { return [] }
    let lines = TextLines(document.bytes)
    return validation.issues.map { issue in
      var issue = issue
      (issue.line, issue.column) = lines.place(of: issue.offset)
      return issue
    }
  }

  /// The same of bytes that may be no JSON.
  package static func issues(_ bytes: [UInt8], limits: JSONLimits = JSONLimits()) -> [FHIRIssue] {
    do throws(JSONError) {
      return issues(try JSONDocument(bytes, limits: limits))
    } catch {
      let isXML = error.kind == .unexpected && bytes[error.offset...].first == UInt8(ascii: "<")
      return [
        FHIRIssue(
          severity: .error, code: .structure, expression: "",
          text: "no JSON: \(error.reason)" + (isXML ? "; FHIR in XML is not read" : ""), offset: error.offset,
          line: error.line, column: error.column)
      ]
    }
  }

  // MARK: Resources and objects

  private mutating func resource(_ node: JSONNode, isContained: Bool = false) {
    guard node.kind == .object else { return report(.structure, "a resource is needed: an object", node) }
    guard let name = node["resourceType"] else {
      return report(.structure, "a resource says what it is: \"resourceType\"", node)
    }
    guard let known = name.text, let type = FHIRTables.isResource(known) ? FHIRTables.type(known) : nil else {
      let near = name.text.flatMap { self.near($0, FHIRTables.resourceNames) }
      return report(.structure, "R4 has no such resource" + Self.meant(near), name)
    }
    if path.isEmpty { path.append(.name(type.name)) }
    if isContained {
      object(node, type)
      return
    }
    let outer = contained
    contained = []
    if let inner = node["contained"] { contained = Set(inner.elements.compactMap { $0["id"]?.text }) }
    object(node, type)
    contained = outer
  }

  private mutating func object(_ node: JSONNode, _ type: FHIRType) {
    guard node.kind == .object else {
      return report(.structure, "\(Self.article(type.name)) is needed: an object", node)
    }
    if node.count == 0 { return report(.structure, "an empty object: FHIR leaves out what has no value", node) }
    var present: Set<String> = []
    for (key, value) in node.members {
      guard let name = key.text, name != "resourceType" || !type.isResource else { continue }
      let isBeside = name.hasPrefix("_")
      let plain = isBeside ? String(name.dropFirst()) : name
      guard let element = type.element(plain), !isBeside || element.primitive != nil else {
        unknown(name, type, key)
        continue
      }
      present.insert(plain)
      path.append(.name(plain))
      if isBeside {
        beside(value, element, node[plain])
      } else {
        member(value, element, of: node)
      }
      path.removeLast()
    }
    missing(present, type, node)
    for rule in FHIRRules.broken(node, type.name) { report(.invariant, rule, node) }
  }

  private mutating func unknown(_ name: String, _ type: FHIRType, _ key: JSONNode) {
    let near = self.near(name, type.elements.map(\.name))
    // `value` of `valueQuantity`.
    if let choice = type.choices.first(where: { $0.name == name }) {
      let names = choice.elements.prefix(4).joined(separator: ", ") + (choice.elements.count > 4 ? ", …" : "")
      return report(.structure, "\(type.name) has \(name)[x]: its name says the type (\(names))", key)
    }
    report(.structure, "\(type.name) (R4) has no such element" + Self.meant(near), key)
  }

  private mutating func missing(_ present: Set<String>, _ type: FHIRType, _ node: JSONNode) {
    for element in type.elements where element.isRequired && !present.contains(element.name) {
      report(.required, "\(type.name) needs \(element.name) (\(element.about))", node)
    }
    for choice in type.choices {
      let there = choice.elements.filter(present.contains)
      if there.count > 1 {
        report(.structure, "\(type.name) has one \(choice.name)[x], and not \(there.joined(separator: " and "))", node)
      } else if there.isEmpty, choice.isRequired {
        report(
          .required, "\(type.name) needs \(choice.name)[x]: one of \(choice.elements.joined(separator: ", "))", node)
      }
    }
  }

  // MARK: Elements

  private mutating func member(_ value: JSONNode, _ element: FHIRElement, of node: JSONNode) {
    guard element.isList else {
      guard value.kind == .list else { return single(value, element) }
      report(.structure, "there is one \(element.name) at most, and no list", value)
      for (index, inner) in value.elements.enumerated() {
        path.append(.index(index))
        single(inner, element)
        path.removeLast()
      }
      return
    }
    guard value.kind == .list else {
      report(.structure, "\(element.name) is a list, also of one: […]", value)
      // What else is wrong with it need not wait until it is one.
      if value.kind != .null { single(value, element) }
      return
    }
    if value.count == 0 { return report(.structure, "an empty list: FHIR leaves out what has no value", value) }
    // «null values are used to fill out both arrays».
    let beside = element.primitive == nil ? nil : node["_" + element.name].map { Array($0.elements) }
    for (index, inner) in value.elements.enumerated() {
      path.append(.index(index))
      let isFilled =
        inner.kind == .null && beside?.indices.contains(index) == true && beside?[index].kind == .object
      if !isFilled { single(inner, element) }
      path.removeLast()
    }
  }

  private mutating func single(_ value: JSONNode, _ element: FHIRElement) {
    if value.kind == .null { return report(.structure, "null: FHIR leaves out what has no value", value) }
    if let primitive = element.primitive {
      if let problem = primitive.problem(value) {
        report(.value, problem, value)
      } else if !element.codes.isEmpty, let code = value.text, !element.codes.contains(code) {
        let near = self.near(code, element.codes)
        report(
          .codeInvalid,
          near.map { "not a code of \(element.name): did you mean \"\($0)\"?" }
            ?? "not a code of \(element.name): \(element.codes.joined(separator: ", "))", value)
      }
    } else if element.type == "Resource" {
      resource(value, isContained: element.name == "contained")
    } else if let type = FHIRTables.type(element.type) {
      object(value, type)
      if element.type == "Reference" { reference(value, element) }
    }
  }

  /// `_birthDate`: id and extensions of what is no object.
  private mutating func beside(_ value: JSONNode, _ element: FHIRElement, _ main: JSONNode?) {
    guard let type = FHIRTables.type("Element") else { return }
    guard element.isList else { return object(value, type) }
    guard value.kind == .list else {
      return report(.structure, "_\(element.name) is a list as \(element.name) is one", value)
    }
    if let main, main.kind == .list, main.count != value.count {
      report(.structure, "_\(element.name) has as many elements as \(element.name), null where there is nothing", value)
    }
    for (index, inner) in value.elements.enumerated() where inner.kind != .null {
      path.append(.index(index))
      object(inner, type)
      path.removeLast()
    }
  }

  /// Where it leads to, as far as it says so itself.
  private mutating func reference(_ node: JSONNode, _ element: FHIRElement) {
    guard let text = node["reference"]?.text else { return }
    if text.hasPrefix("#") {
      if text.count > 1, let contained, !contained.contains(String(text.dropFirst())) {
        report(.value, "the resource contains nothing with this id", node["reference"] ?? node)
      }
      return
    }
    guard !element.targets.isEmpty, !element.targets.contains("Resource"), let type = Self.target(text) else { return }
    if !element.targets.contains(type) {
      report(
        .structure, "\(element.name) leads to \(element.targets.joined(separator: " or ")), not to \(type)",
        node["reference"] ?? node)
    }
  }

  /// `Patient` of `Patient/1`, `https://ehr.example/fhir/Patient/1/_history/2`, `Patient?identifier=…`; `nil` where it
  /// says nothing.
  private static func target(_ reference: String) -> String? {
    if let query = reference.firstIndex(of: "?") {
      let name = String(reference[..<query].split(separator: "/").last ?? "")
      return FHIRTables.isResource(name) ? name : nil
    }
    var parts = reference.split(separator: "/")
    if let history = parts.lastIndex(of: "_history") { parts.removeSubrange(history...) }
    guard parts.count >= 2 else { return nil }
    let name = String(parts[parts.count - 2])
    return FHIRTables.isResource(name) ? name : nil
  }

  // MARK: Words

  private mutating func report(_ code: FHIRIssue.Code, _ text: String, _ node: JSONNode) {
    if issues.count > Self.issueCountMax { return }
    var issue = FHIRIssue(severity: .error, code: code, expression: expression, text: text, offset: node.place)
    if issues.count == Self.issueCountMax {
      issue = FHIRIssue(
        severity: .error, code: .tooCostly, expression: "", text: "more is wrong than these \(Self.issueCountMax)",
        offset: node.place)
    }
    issues.append(issue)
  }

  private var expression: String {
    var text = ""
    for step in path {
      switch step {
      case .name(let name): text += text.isEmpty ? name : ".\(name)"
      case .index(let index): text += "[\(index)]"
      }
    }
    return text
  }

  /// What was surely meant; of what isn't told any more it needn't be known.
  private func near(_ word: String, _ names: [String]) -> String? {
    issues.count < Self.issueCountMax ? nearest(to: word, among: names) : nil
  }

  private static func meant(_ near: String?) -> String { near.map { ": did you mean \"\($0)\"?" } ?? "" }

  private static func article(_ type: String) -> String {
    "AEIOU".contains(type.first ?? "x") ? "an \(type)" : "a \(type)"
  }
}

extension JSONNode {
  /// Of a text its opening quote.
  fileprivate var place: Int { kind == .text ? range.lowerBound - 1 : range.lowerBound }
}
