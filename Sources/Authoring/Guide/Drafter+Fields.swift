import FHIR
import HL7

/// From the fields of a segment to the elements of a resource.
extension Drafter {
  // MARK: Conditions

  /// - Throws: what is wrong with it; that is in the report as well.
  mutating func condition(
    _ when: GuideWhen, _ place: GuidePlace
  ) throws(GuideCondition.Malformed) -> GuideCondition? {
    if when.text.isEmpty {
      if !when.fhirPath.isEmpty {
        let reason = "only FHIRPath is given, which is not read"
        malformed.append(.init(place: place, text: when.fhirPath, reason: reason))
        throw GuideCondition.Malformed(reason: "\(reason): \(when.fhirPath)")
      }
      if when.narrative.lowercased().hasPrefix("if ") { throw GuideCondition.Malformed(reason: when.narrative) }
      return nil
    }
    do throws(GuideCondition.Malformed) { return try GuideCondition(when.text) } catch {
      malformed.append(.init(place: place, text: when.text, reason: error.reason))
      throw GuideCondition.Malformed(reason: "the condition can't be read (\(error.reason)): \(when.text)")
    }
  }

  /// What a path of a condition is within a loop.
  func place(_ path: GuideCondition.Path, in scope: DraftScope, walked: DraftRecord.Walked?) -> HiltPlace? {
    guard path.isSegment, let code = HL7SegmentCode(path.name) else { return nil }
    guard let segment = scope.place(of: code, in: grammar) else {
      let isAnywhere = !grammar.leaves(of: code).isEmpty
      return isAnywhere ? nil : HiltPlace.none
    }
    guard let field = path.numbers.first else { return .value(segment) }
    let rest = path.numbers.dropFirst().map { ".\($0)" }.joined()
    if let walked, walked.field == "\(segment)-\(field)" { return .value(walked.variable + rest) }
    let identifier = "\(path.name)-" + path.numbers.map(String.init).joined(separator: ".")
    guard let found = DraftSource.find(identifier, at: segment, versions) else { return HiltPlace.none }
    guard let source = found else { return nil }
    return source.repeats && !rest.isEmpty
      ? .list(source.all, of: rest) : source.repeats ? .list(source.all, of: "") : .value(source.one)
  }

  // MARK: Fields

  mutating func add(
    _ fields: [GuideField], to resource: DraftResource, at segment: String, in scope: DraftScope,
    _ when: GuideCondition?
  ) {
    insert(fields, into: resource.node, of: resource.type, at: segment, when, resource)
    if resource.type.name == "Observation", fields.first?.place.map == "OBX[Observation]" {
      resource.node.child("value", index: "").fixed = Self.observed(segment)
      resource.notes.append(
        (GuidePlace(map: "OBX[Observation]", row: 26), "OBX-5 of type ED or RP: attachment(…) makes one of a document"))
    }
  }

  /// Of a segment that repeats each adds to the lists of a resource.
  mutating func addEach(
    _ code: HL7SegmentCode, _ fields: [GuideField], to resource: DraftResource, in scope: DraftScope,
    _ when: GuideCondition?
  ) throws(Open) {
    guard when == nil else { throw Open(reason: "it adds to \(resource.key) under a condition of its own") }
    let variable = "\(code)".lowercased()
    let node = DraftNode("")
    insert(fields, into: node, of: resource.type, at: variable, nil, resource)
    let inner = DraftScope(scope, variable, group: scope.group, segment: "\(code)")
    var record = self.record(in: inner)
    for child in node.children where !child.isEmpty {
      guard let element = resource.type.element(child.name), element.isList,
        let value = record.value(child, element, nil, isTyped: true)
      else {
        for leaf in child.all {
          resource.notes.append((leaf.field.place, "\(leaf.field.identifier): there are several \(code)"))
        }
        continue
      }
      resource.node.child(child.name, index: "\(code) \(child.index)").fixed =
        "for \(variable) in \(scope.prefix)\(code)[*] => \(value)"
    }
    resource.notes += record.notes
  }

  func record(in scope: DraftScope) -> DraftRecord {
    DraftRecord { leaf, walked in
      guard let condition = leaf.condition else { return .constant(true) }
      return (try? condition.hilt { place($0, in: scope, walked: walked) }) ?? .constant(false)
    }
  }

  mutating func insert(
    _ fields: [GuideField], into root: DraftNode, of type: FHIRType, at segment: String, _ when: GuideCondition?,
    _ resource: DraftResource
  ) {
    for field in fields where !field.element.isEmpty {
      if field.place.map == "OBX[Observation]", field.identifier == "OBX-5" || field.identifier == "OBX-6" {
        draftedCount += 1
        continue
      }
      if GuideTables.dataTypes.contains(field.mapping) { dataTypes.insert(field.mapping) }
      do throws(Open) {
        try insert(field, into: root, of: type, at: segment, when, resource)
        draftedCount += 1
      } catch {
        if error.isMissing { continue }
        resource.notes.append((field.place, "\(field.identifier) to \(field.element): \(error.reason)"))
      }
    }
  }

  mutating func insert(
    _ field: GuideField, into root: DraftNode, of type: FHIRType, at segment: String, _ when: GuideCondition?,
    _ resource: DraftResource
  ) throws(Open) {
    guard let path = GuideElementPath(field.element) else { throw Open(reason: "this names no element") }
    guard let found = DraftSource.find(field.identifier, at: segment, versions) else {
      if !missing.contains(field.identifier) { missing.append(field.identifier) }
      throw Open(reason: "\(version) has no \(field.identifier)", isMissing: true)
    }
    var own: GuideCondition?
    do throws(GuideCondition.Malformed) {
      own = try condition(field.when, field.place)
      if let own { _ = try own.hilt { place($0, in: resource.scope, walked: nil) } }
    } catch { throw Open(reason: error.reason) }
    var owner = type
    var element: FHIRElement?
    // A number counts within its map.
    var places: [(name: String, index: String)] = []
    for (number, step) in path.steps.enumerated() {
      guard let next = owner.element(step.name) else {
        throw Open(reason: "\(owner.name) (R4) has no element \(step.name)")
      }
      element = next
      places.append((step.name, next.isList ? "\(field.place.map) \(step.index)" : ""))
      guard number < path.steps.count - 1 else { break }
      guard let inner = FHIRTables.type(next.type), !inner.isResource else {
        throw Open(reason: "\(step.name) has no elements of its own")
      }
      owner = inner
    }
    guard let element else { throw Open(reason: "this names no element") }
    var leaf = try value(field, found, element, path.resource)
    leaf.condition = own.map { own in when.map { .and($0, own) } ?? own } ?? when
    var node = root
    for (name, index) in places { node = node.child(name, index: index) }
    node.leaves.append(leaf)
  }

  mutating func value(
    _ field: GuideField, _ source: DraftSource?, _ element: FHIRElement, _ resource: String?
  ) throws(Open) -> DraftLeaf {
    if !field.assignment.isEmpty {
      let text = field.assignment
      guard text.count > 2, text.hasPrefix("\""), text.hasSuffix("\""), !text.dropFirst().dropLast().contains("\"")
      else {
        throw Open(reason: "what stands there can't be read: \(text)")
      }
      var value = String(text.dropFirst().dropLast())
      // No address ends like a sentence, as one of the guide's does.
      if element.primitive == .uri, value.hasSuffix(".") { value.removeLast() }
      guard let primitive = element.primitive, primitive.problem(value) == nil else {
        throw Open(reason: "\(text) is no \(element.type)")
      }
      guard element.codes.isEmpty || element.codes.contains(value) else {
        throw Open(reason: "R4 has no code \(text) for \(element.name)")
      }
      return DraftLeaf(field: field, source: source, make: { [value] _ in HiltText.literal(value) }, isConstant: true)
    }
    guard let source else { throw Open(reason: "which field it comes from isn't said") }
    do throws(DraftValue.Unknown) {
      let value = try DraftValue.make(field, source, element, resource) { self.need($0) }
      var taken = source
      if value.takesAll { taken.repeats = false }
      return DraftLeaf(
        field: field, source: taken, make: value.make, isConstant: false, isLoose: value.isLoose)
    } catch { throw Open(reason: error.reason) }
  }

  /// The name of a table or function, which the draft then has.
  mutating func need(_ need: DraftValue.Need) -> String? {
    switch need {
    case .reference(let type):
      guard let function = DraftValue.function(type, versions) else { return nil }
      if !functions.contains(type) { functions.append(type) }
      return function.name
    case .codes(let vocabulary, _, _, _):
      if let known = codes.first(where: { $0.need == need }) { return known.name }
      guard rows(of: need).isEmpty == false else { return nil }
      let name = unique(HiltText.name(vocabulary))
      codes.append((need, name))
      return name
    }
  }

  /// The codes of a table: those that may stand where they go, each once.
  func rows(of need: DraftValue.Need) -> [(code: String, fhir: String, system: String)] {
    guard case .codes(let vocabulary, let legal, _, _) = need else { return [] }
    var rows: [(code: String, fhir: String, system: String)] = []
    for row in GuideTables.codes(vocabulary) ?? [] where row.condition.isEmpty && !row.code.isEmpty {
      let isCode = !row.fhir.isEmpty && !row.fhir.contains(" ")
      guard isCode, legal.isEmpty || legal.contains(row.fhir), !rows.contains(where: { $0.code == row.code }) else {
        continue
      }
      rows.append((row.code, row.fhir, row.system))
    }
    return rows
  }

  /// What OBX-5 holds, as OBX-2 says. The guide has a row for each; together they are one expression.
  static func observed(_ obx: String) -> String {
    """
    match \(obx)-2 {
      "NM" => quantity(\(obx)-5[1], \(obx)-6) catch text(\(obx)-5[1]),
      "SN" => structured_numeric(\(obx)-5[1], \(obx)-6) catch text(\(obx)-5[1]),
      "CE" | "CWE" | "CNE" => concept(\(obx)-5[1]),
      "TS" | "DT" | "DTM" => datetime(\(obx)-5[1]) catch text(\(obx)-5[1]),
      "ST" | "TX" | "FT" => join(for line in \(obx)-5[*] => plain(line), "\\n"),
      "ED" | "RP" => absent,
      _ => if \(obx)-5[1] is valued then fail "OBX-2 {\(obx)-2} has no mapping",
    }
    """
  }
}
