import FHIR
import HL7
import Hilt

/// `hilum scaffold v2-to-fhir ORU_R01`: a transform that does what the guide says, as far as the guide says it so that a
/// program can do it. It is a beginning: what is left open stands in it as comments, each with its place in the guide.
package struct TransformDraft: Sendable {
  /// What the guide says that can't be read.
  package struct Malformed: Sendable {
    package let place: GuidePlace
    /// The condition, as it stands there.
    package let text: String
    package let reason: String
  }

  package struct File: Sendable {
    /// Beside the program: `codes/administrative_sex.csv`
    package let path: String
    package let text: String
  }

  package let name: String
  package let text: String
  package let files: [File]
  package let malformed: [Malformed]
  /// Rows that became something, and rows that are left to a person.
  package let draftedCount: Int
  package let openCount: Int
  /// What the version doesn't have.
  package let missing: [String]

  /// - Parameter version: of the messages, such as `2.5.1`.
  /// - Returns: `nil` where the guide, or the version, has no such structure.
  package init?(of structure: String, version: String) {
    guard let rows = GuideTables.message(structure), let versions = HL7Versions(version, upTo: version) else {
      return nil
    }
    // An event whose structure has another's name: A11 is an ADT_A09.
    let parts = structure.split(separator: "_").map(String.init)
    let events = HL7Events.structure(code: parts[0], event: parts.last, version: version)
    let own = HL7Tables.structure(structure, version: version)
    guard let grammar = own ?? events.flatMap({ HL7Tables.structure($0, version: version) }) else { return nil }
    var drafter = Drafter(structure, version, versions, grammar)
    drafter.read(rows)
    self = drafter.draft()
  }

  init(
    name: String, text: String, files: [File], malformed: [Malformed], draftedCount: Int, openCount: Int,
    missing: [String]
  ) {
    (self.name, self.text, self.files, self.malformed) = (name, text, files, malformed)
    (self.draftedCount, self.openCount, self.missing) = (draftedCount, openCount, missing)
  }
}

/// Gathers what the guide's rows make.
struct Drafter {
  let structure: String
  let version: String
  let versions: HL7Versions
  let grammar: HL7Structure
  let top = DraftScope(nil, nil, group: 0)

  var resources: [String: DraftResource] = [:]
  /// A group of the guide: the segments in it, in their order.
  private struct Group {
    var repeats: Bool
    var codes: [HL7SegmentCode] = []
  }
  private var groups: [String: Group] = [:]
  private var names: Set<String> = [
    "b", "msg", "message", "item", "one", "line", "order", "text", "number", "date", "time",
  ]
  private var pending: [(place: GuidePlace, from: String, path: String, to: String)] = []
  /// Tables of codes, and functions, that the draft uses.
  var codes: [(need: DraftValue.Need, name: String)] = []
  var functions: [String] = []
  var malformed: [TransformDraft.Malformed] = []
  var notes: [(place: GuidePlace, words: String)] = []
  var missing: [String] = []
  var draftedCount = 0
  private var dataTypes: Set<String> = []
  private struct Link {
    var from: DraftResource
    var to: DraftResource
    var node: DraftNode
    var path: GuideElementPath
    /// The list that it goes through.
    var list: String?
  }
  private var links: [Link] = []

  init(_ structure: String, _ version: String, _ versions: HL7Versions, _ grammar: HL7Structure) {
    (self.structure, self.version, self.versions, self.grammar) = (structure, version, versions, grammar)
  }

  mutating func read(_ rows: [GuideSegment]) {
    for row in rows where row.isGroup && row.path.first?.hasPrefix("/") == false {
      groups[row.path.joined(separator: ".")] = Group(repeats: row.repeats)
    }
    for row in rows where !row.isGroup {
      guard let code = row.path.last.flatMap({ HL7SegmentCode($0) }) else { continue }
      for count in row.path.indices.dropFirst() {
        groups[row.path[..<count].joined(separator: ".")]?.codes.append(code)
      }
    }
    for row in rows where !row.isGroup && !row.map.isEmpty { take(row) }
    for name in dataTypes.sorted() {
      for field in GuideTables.dataType(name) ?? [] { _ = try? condition(field.when, field.place) }
    }
    for reference in pending { link(reference.from, reference.path, reference.to, reference.place) }
    for resource in top.resources { linkPatient(resource) }
    leaveOut()
  }

  /// What can't be made isn't named either, and so others may not be made.
  private func leaveOut() {
    var isDone = false
    while !isDone {
      isDone = true
      for resource in top.resources where resource.obstacle == nil {
        var record = self.record(in: resource.scope)
        if record.elements(resource.node, of: resource.type) != nil { continue }
        resource.obstacle =
          record.notes.last.map { String($0.words.split(separator: ": ").last ?? "") } ?? "nothing is in it"
        isDone = false
        for link in links where link.to === resource {
          link.node.fixed = nil
          link.from.needs.removeAll { $0 === resource }
        }
      }
    }
    for resource in top.resources { resource.isNamed = false }
    for link in links where link.from.obstacle == nil && link.to.obstacle == nil && link.list == nil {
      link.to.isNamed = true
    }
    for link in links where link.from.obstacle != nil || link.to.obstacle != nil {
      guard let list = link.list else { continue }
      link.to.collected.removeAll { $0 == list }
      link.from.scope.lists.removeAll { $0 == list }
    }
  }

  mutating func unique(_ name: String) -> String {
    var (free, number) = (name, 2)
    while !names.insert(free).inserted {
      free = "\(name)_\(number)"
      number += 1
    }
    return free
  }

  // MARK: Segments

  /// Why a row isn't drafted.
  private struct Open: Error {
    var reason: String
    /// The version doesn't have it: that is said once for all.
    var isMissing = false
  }

  private mutating func take(_ row: GuideSegment) {
    do {
      try draft(row)
      draftedCount += 1
    } catch {
      if !error.isMissing {
        notes.append((row.place, "\(row.path.last ?? "") to \(row.target), \(row.map): \(error.reason)"))
      }
    }
  }

  private mutating func draft(_ row: GuideSegment) throws(Open) {
    guard let last = row.path.last, let code = HL7SegmentCode(last) else { throw Open(reason: "this is no segment") }
    guard let scope = scope(of: row, code) else {
      let shown = row.path.dropFirst().suffix(2).joined(separator: ".")
      if !missing.contains(shown) { missing.append(shown) }
      throw Open(reason: "\(version) has no \(shown)", isMissing: true)
    }
    guard let fields = GuideTables.segment(row.map) else { throw Open(reason: "the guide has no map \(row.map)") }
    let key = row.target.hasSuffix(".note") ? String(row.target.dropLast(5)) : row.target
    let word = String(key.prefix { $0.isLetter })
    guard key.count == word.count || key.dropFirst(word.count).first == "[" && key.hasSuffix("]"),
      let type = FHIRTables.type(word), type.isResource
    else { throw Open(reason: "\(row.target) is a part of a resource that is written by hand") }
    if word == "Bundle" { return }
    if word == "MessageHeader" { throw Open(reason: "a bundle of type transaction has no MessageHeader") }
    var when: GuideCondition?
    do throws(GuideCondition.Malformed) { when = try condition(row.when, row.place) } catch {
      throw Open(reason: error.reason)
    }
    note(row.references, row.place)
    let repeats = scope.leaf(of: code, in: grammar).map { grammar.leaves[$0].repeats } ?? false
    if let known = resources[key] {
      guard scope === known.scope || scope === known.scope.parent || known.scope.isWithin(scope) else {
        throw Open(reason: "\(key) is made before the loop in which this \(code) stands")
      }
      if known.segment == code {
        // The other way to write it is left to a person, and so nothing may be lost by taking the one.
        known.condition = nil
        throw Open(
          reason: "\(key) is drafted by \(known.map)"
            + (row.when.text.isEmpty ? "" : ", whether or not: \(row.when.text)"))
      }
      if repeats {
        try addEach(code, fields, to: known, in: scope, when)
      } else {
        add(fields, to: known, at: scope.prefix + "\(code)", in: scope, when)
      }
      return
    }
    let home = repeats ? loop(over: code, in: scope) : scope
    let resource = DraftResource(key, type, unique(HiltText.name(key)), home, from: code, row.map)
    if let when {
      do throws(GuideCondition.Malformed) {
        switch try when.hilt({ place($0, in: home, walked: nil) }) {
        case .constant(false):
          throw GuideCondition.Malformed(reason: "in \(version) this is never so: \(row.when.text)")
        case .constant(true): break
        case .text(let text): resource.condition = text
        }
      } catch { throw Open(reason: error.reason) }
    }
    resources[key] = resource
    home.items.append(.resource(resource))
    add(fields, to: resource, at: repeats ? home.variable ?? "" : scope.prefix + "\(code)", in: home, nil)
  }

  /// The loop in which a segment stands, made where there is none yet.
  private mutating func scope(of row: GuideSegment, _ code: HL7SegmentCode) -> DraftScope? {
    var scope = top
    var group = 0
    var path = row.path.prefix(1)
    for name in row.path.dropFirst().dropLast() {
      path.append(name)
      let known = groups[path.joined(separator: ".")]
      guard let next = grammar.groups(named: name, within: group).first ?? likeness(of: known, within: group) else {
        // A group of later versions that doesn't repeat: its segments stand in the one around it. Of one that does
        // the first may repeat by itself.
        if known?.repeats == true {
          let leaf = known?.codes.first == code ? scope.leaf(of: code, in: grammar) : nil
          guard let leaf, grammar.leaves[leaf].repeats else { return nil }
        }
        continue
      }
      group = next
      guard grammar.groups[next].repeats else { continue }
      let made = scope.items.lazy.compactMap { item -> DraftScope? in
        if case .scope(let scope) = item, scope.group == next, scope.segment == nil { scope } else { nil }
      }.first
      if let made {
        scope = made
      } else {
        let made = DraftScope(
          scope, unique(name.lowercased()), group: next, list: "\(scope.prefix)each \(grammar.groups[next].name)")
        scope.items.append(.scope(made))
        scope = made
      }
    }
    return scope.leaf(of: code, in: grammar) == nil ? nil : scope
  }

  /// The group by another name: versions differ in that. It holds the first segment, and most of the others.
  private func likeness(of group: Group?, within outer: Int) -> Int? {
    guard let group, group.repeats, let first = group.codes.first else { return nil }
    let codes = Set(group.codes)
    func count(_ group: Int) -> Int { codes.count { !grammar.leaves(of: $0, within: group).isEmpty } }
    return grammar.groups.indices
      .filter { next in
        next != outer && grammar.group(next, isWithin: outer) && grammar.groups[next].repeats
          && !grammar.leaves(of: first, within: next).isEmpty
      }
      .max { (count($0), -grammar.groups[$0].leaves.count) < (count($1), -grammar.groups[$1].leaves.count) }
  }

  private mutating func loop(over code: HL7SegmentCode, in scope: DraftScope) -> DraftScope {
    for case .scope(let known) in scope.items where known.segment == "\(code)" { return known }
    let made = DraftScope(
      scope, unique("\(code)".lowercased()), group: scope.group, segment: "\(code)", list: "\(scope.prefix)\(code)[*]")
    scope.items.append(.scope(made))
    return made
  }

  // MARK: Conditions

  /// - Throws: what is wrong with it; that is in the report as well.
  private mutating func condition(
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

  private mutating func add(
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
  private mutating func addEach(
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
        let value = record.value(child, element, nil)
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

  private mutating func insert(
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

  private mutating func insert(
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

  private mutating func value(
    _ field: GuideField, _ source: DraftSource?, _ element: FHIRElement, _ resource: String?
  ) throws(Open) -> DraftLeaf {
    if !field.assignment.isEmpty {
      let text = field.assignment
      guard text.count > 2, text.hasPrefix("\""), text.hasSuffix("\""), !text.dropFirst().dropLast().contains("\"")
      else {
        throw Open(reason: "what stands there can't be read: \(text)")
      }
      let value = String(text.dropFirst().dropLast())
      guard let primitive = element.primitive, primitive.problem(value) == nil else {
        throw Open(reason: "\(text) is no \(element.type)")
      }
      guard element.codes.isEmpty || element.codes.contains(value) else {
        throw Open(reason: "R4 has no code \(text) for \(element.name)")
      }
      return DraftLeaf(field: field, source: source, make: { _ in HiltText.literal(value) }, isConstant: true)
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
  private mutating func need(_ need: DraftValue.Need) -> String? {
    switch need {
    case .reference(let type):
      guard let function = DraftValue.function(type, versions) else { return nil }
      if !functions.contains(type) { functions.append(type) }
      return function.name
    case .codes(let vocabulary, _, _):
      if let known = codes.first(where: { $0.need == need }) { return known.name }
      guard rows(of: need).isEmpty == false else { return nil }
      let name = unique(HiltText.name(vocabulary))
      codes.append((need, name))
      return name
    }
  }

  /// The codes of a table: those that may stand where they go, each once.
  func rows(of need: DraftValue.Need) -> [(code: String, fhir: String)] {
    guard case .codes(let vocabulary, let legal, _) = need else { return [] }
    var rows: [(code: String, fhir: String)] = []
    for row in GuideTables.codes(vocabulary) ?? [] where row.condition.isEmpty && !row.code.isEmpty {
      let isCode = !row.fhir.isEmpty && !row.fhir.contains(" ")
      guard isCode, legal.isEmpty || legal.contains(row.fhir), !rows.contains(where: { $0.code == row.code }) else {
        continue
      }
      rows.append((row.code, row.fhir))
    }
    return rows
  }

  // MARK: References

  /// `Observation[1].subject.reference=Patient[1].id`
  private mutating func note(_ references: String, _ place: GuidePlace) {
    for word in references.split(whereSeparator: { $0 == " " || $0 == ";" }) {
      let sides = word.split(separator: "=").map(String.init)
      guard sides.count == 2, let point = sides[0].firstIndex(of: ".") else { continue }
      var path = String(sides[0][sides[0].index(after: point)...])
      if path.hasSuffix(".reference") { path = String(path.dropLast(10)) }
      let target = sides[1].hasSuffix(".id") ? String(sides[1].dropLast(3)) : sides[1]
      pending.append((place, String(sides[0][..<point]), path, target))
    }
  }

  /// The resource of a key: the guide leaves numbers out where there is one.
  private func found(_ key: String) -> DraftResource? {
    if let known = resources[key] ?? resources["\(key)[1]"] { return known }
    let word = String(key.prefix { $0.isLetter })
    guard key == word || key.hasSuffix("[1]") else { return nil }
    let all = resources.values.filter { $0.type.name == word }
    return all.count == 1 ? all.first : nil
  }

  private mutating func link(_ from: String, _ path: String, _ to: String, _ place: GuidePlace) {
    guard let one = found(from), let other = found(to), one !== other else { return }
    guard let path = GuideElementPath(path), path.resource == nil else { return }
    // Rows that write the same resource in other ways name others alike.
    if links.contains(where: { $0.from === one && $0.to === other && $0.path == path }) { return }
    var owner = one.type
    for step in path.steps.dropLast() {
      guard let element = owner.element(step.name), let inner = FHIRTables.type(element.type) else { return }
      owner = inner
    }
    guard let step = path.steps.last, let element = owner.element(step.name), element.type == "Reference",
      element.targets.isEmpty || element.targets.contains("Resource") || element.targets.contains(other.type.name)
    else { return }
    let reference: String
    var list: String?
    if one.scope.isWithin(other.scope) {
      guard !precedes(one, other, in: other.scope) else { return }
      one.needs.append(other)
      reference = element.isList ? "[\(other.variable)]" : other.variable
    } else if other.scope.isWithin(one.scope), element.isList, path.steps.count == 1,
      !precedes(one, other, in: one.scope)
    {
      let name = unique("\(other.variable)_all")
      one.scope.lists.append(name)
      one.needs.append(other)
      other.collected.append(name)
      list = name
      reference = name
    } else {
      one.notes.append((place, "\(from).\(step.name) to \(to): it is made at another place"))
      return
    }
    var node = one.node
    for step in path.steps.dropLast() { node = node.child(step.name, index: "to \(other.key)") }
    let target = node.child(step.name, index: element.isList ? "to \(other.key)" : "")
    guard element.isList || target.isEmpty else { return }
    target.fixed = reference
    links.append(Link(from: one, to: other, node: target, path: path, list: list))
  }

  /// Whether one must stand before the other, or the loop that it is in, so that it can't name it.
  private func precedes(_ one: DraftResource, _ other: DraftResource, in scope: DraftScope) -> Bool {
    guard let start = scope.index(of: other), let end = scope.index(of: one), start != end else {
      return one.scope !== other.scope
    }
    var seen: Set<Int> = []
    var open = [start]
    while let next = open.popLast() {
      if next == end { return true }
      guard seen.insert(next).inserted else { continue }
      open += scope.resources(at: next).flatMap(\.needs).compactMap { scope.index(of: $0) }
    }
    return false
  }

  /// Whose it is, where the guide leaves that to the reader.
  private mutating func linkPatient(_ resource: DraftResource) {
    for name in ["subject", "patient"] {
      guard let element = resource.type.element(name), element.type == "Reference",
        !resource.node.children.contains(where: { $0.name == name })
      else { continue }
      link(resource.key, name, "Patient[1]", GuidePlace(map: structure, row: 0))
    }
  }

  /// What OBX-5 holds, as OBX-2 says. The guide has a row for each; together they are one expression.
  private static func observed(_ obx: String) -> String {
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
