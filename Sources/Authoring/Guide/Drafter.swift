import FHIR
import HL7

/// Gathers what the guide's rows make.
struct Drafter {
  let structure: String
  let version: String
  let versions: HL7Versions
  let grammar: HL7Structure
  let top = DraftScope(nil, nil, group: 0)

  var resources: [String: DraftResource] = [:]
  /// A group of the guide: the segments in it, in their order.
  struct Group {
    var repeats: Bool
    var codes: [HL7SegmentCode] = []
  }
  var groups: [String: Group] = [:]
  var names: Set<String> = [
    "b", "msg", "message", "item", "one", "line", "order", "text", "number", "date", "time",
  ]
  var pending: [(place: GuidePlace, from: String, path: String, to: String)] = []
  /// Tables of codes, and functions, that the draft uses.
  var codes: [(need: DraftValue.Need, name: String)] = []
  var functions: [String] = []
  var malformed: [TransformDraft.Malformed] = []
  var notes: [(place: GuidePlace, words: String)] = []
  var missing: [String] = []
  var draftedCount = 0
  var dataTypes: Set<String> = []
  struct Link {
    var from: DraftResource
    var to: DraftResource
    var node: DraftNode
    var path: GuideElementPath
    /// The list that it goes through.
    var list: String?
  }
  var links: [Link] = []

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
  struct Open: Error {
    var reason: String
    /// The version doesn't have it: that is said once for all.
    var isMissing = false
  }

  mutating func take(_ row: GuideSegment) {
    do {
      try draft(row)
      draftedCount += 1
    } catch {
      if !error.isMissing {
        notes.append((row.place, "\(row.path.last ?? "") to \(row.target), \(row.map): \(error.reason)"))
      }
    }
  }

  mutating func draft(_ row: GuideSegment) throws(Open) {
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
        note(code, of: known, in: scope)
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
    if !repeats { note(code, of: resource, in: scope) }
    add(fields, to: resource, at: repeats ? home.variable ?? "" : scope.prefix + "\(code)", in: home, nil)
  }

  /// A resource is made where one of the segments that it comes from is there; a patient always.
  private func note(_ code: HL7SegmentCode, of resource: DraftResource, in scope: DraftScope) {
    guard resource.type.name != "Patient", !scope.always(has: code, in: grammar) else {
      return resource.isSure = true
    }
    resource.presence.append("\(scope.prefix)\(code) is valued")
  }

  /// The loop in which a segment stands, made where there is none yet.
  mutating func scope(of row: GuideSegment, _ code: HL7SegmentCode) -> DraftScope? {
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
  func likeness(of group: Group?, within outer: Int) -> Int? {
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

  mutating func loop(over code: HL7SegmentCode, in scope: DraftScope) -> DraftScope {
    for case .scope(let known) in scope.items where known.segment == "\(code)" { return known }
    let made = DraftScope(
      scope, unique("\(code)".lowercased()), group: scope.group, segment: "\(code)", list: "\(scope.prefix)\(code)[*]")
    scope.items.append(.scope(made))
    return made
  }
}
