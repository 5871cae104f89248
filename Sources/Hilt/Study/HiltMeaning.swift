package import HL7

/// What stands at a place of a program, for a person.
package struct HiltMeaning: Sendable {
  /// `PID-5`, `wards`, `order`
  package var title: String
  /// What it is in one line: `patient name, XPN, 1..*`.
  package var summary: String
  /// More that a person may want to know, a line each.
  package var details: [String] = []
  /// What may follow it.
  package var members: [HiltMember] = []
  /// Where it stands in the message that comes in, where that is the same for every message.
  package var input: HL7Path?
  /// The codes that may stand there, where HL7 says.
  package var codes: [String] = []
}

/// Something that may stand behind a point, a dash or a slash.
package struct HiltMember: Sendable, Hashable {
  package enum Kind: Sendable { case segment, group, field, component, name, function }

  /// `.`, `-` or `/`
  package var separator: Character
  package var name: String
  package var kind: Kind
  /// `XPN, 1..*`
  package var type: String
  /// `patient name`
  package var about: String
}

extension HiltMeaning {
  init(_ cursor: Cursor, _ checker: Checker) {
    switch cursor {
    case .message(let message): self.init(message: message, checker)
    case .place(let place): self.init(place: place, checker)
    case .group(let group): self.init(group: group.type, checker)
    case .value(let value): self.init(value: value, checker)
    case .table(let number): self.init(table: checker.tables[number])
    case .attribute(let names): self.init(attribute: names)
    case .rows:
      self.init(title: "msg", summary: "the file that comes in")
      members = [HiltMember(separator: ".", name: "rows", kind: .name, type: "list", about: "its lines")]
    case .library(let number): self.init(library: checker.modules[number])
    case .function(let number):
      let clause = checker.functions[number].clause
      let parameters = clause.parameters.map(\.name.text).joined(separator: ", ")
      self.init(title: "\(clause.name.text)(\(parameters))", summary: "a function of the library")
    case .many(let value): self.init(each: value, checker)
    case .bundle: self = Self.bundle
    case .bundleCall(_, let word): self.init(title: word.text, summary: "what fills a bundle")
    case .element(let place): self.init(element: place)
    case .broken: self.init(title: "", summary: "")
    }
  }

  private init(table: Table) {
    self.init(title: table.name, summary: "a table with \(table.rows.count) rows")
    let keys = table.keyCount == 1 ? "key" : "\(table.keyCount) keys"
    details = ["\(table.name)[\(keys)] gives \(table.columns.joined(separator: ", "))"]
    switch table.missing {
    case .fails: details.append("A key without a row is a failure, which `catch` takes.")
    case .standard: details.append("A key without a row gives the default.")
    case .decision: details.append("A key without a row decides the outcome.")
    }
  }

  private init(attribute names: [String]) {
    self.init(title: names.joined(separator: "."), summary: "what the engine knows of the message")
    let start = names.dropFirst().map { $0 + "." }.joined()
    for known in Attributes.known where known.hasPrefix(start) && names.first == "message" {
      let name = String(known.dropFirst(start.count).prefix { $0 != "." })
      guard name != "*", !members.contains(where: { $0.name == name }) else { continue }
      members.append(HiltMember(separator: ".", name: name, kind: .name, type: "", about: "message.\(known)"))
    }
  }

  private init(library: Module) {
    self.init(title: library.path, summary: "a library")
    let tree = library.tree
    members =
      tree.functions.map { clause in
        let parameters = clause.parameters.map(\.name.text).joined(separator: ", ")
        return HiltMember(
          separator: ".", name: clause.name.text, kind: .function, type: "(\(parameters))", about: "a function")
      }
      + tree.constants.map {
        HiltMember(separator: ".", name: $0.name.text, kind: .name, type: "", about: "a constant")
      }
      + tree.tables.map { HiltMember(separator: ".", name: $0.name.text, kind: .name, type: "", about: "a table") }
  }

  private init(value: Typed, _ checker: Checker) {
    self.init(title: value.path ?? "", summary: value.type.name)
    if value.mayBeAbsent { details.append("It may be absent.") }
    switch value.type {
    case .content(let kind), .composite(let kind):
      summary = kind.types.isEmpty ? value.type.name : Self.described(kind)
      members = Self.components(of: kind, checker)
      codes = Self.codes(kind)
      if !kind.repeats { input = value.path.flatMap { HL7Path($0) } }
    case .row(let table):
      members = checker.tables[table].columns.map {
        HiltMember(
          separator: ".", name: $0, kind: .name, type: "text", about: "a column of \(checker.tables[table].name)")
      }
    case .fields(let fields):
      members = fields.map {
        HiltMember(separator: ".", name: $0.name, kind: .name, type: $0.type.name, about: "")
      }
    case .segment(let message, let code):
      self.init(place: HL7Place(message: message, code: code, span: value.span), checker)
    case .made(let code, _):
      self.init(place: HL7Place(message: .draft(-1), code: code, span: value.span), checker)
    case .group(let group): self.init(group: group, checker)
    case .fhir, .choice, .json, .bundle: describe(value.type)
    case .object: describeDataSet(isObject: true)
    case .dataSet, .list(.dataSet): describeDataSet(isObject: false)
    case .personName: members = Self.nameParts
    case .list(let element):
      summary = "a list: each is \(element.name)"
      if case .content(let kind) = element, !kind.types.isEmpty { summary = "a list of \(Self.described(kind))" }
    default: break
    }
    if let element = Self.element(at: value.path) { describe(element, isList: value.type.isList) }
  }
}
