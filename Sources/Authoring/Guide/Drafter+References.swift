import FHIR

/// What one resource says of another.
extension Drafter {
  /// `Observation[1].subject.reference=Patient[1].id`
  mutating func note(_ references: String, _ place: GuidePlace) {
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
  func found(_ key: String) -> DraftResource? {
    if let known = resources[key] ?? resources["\(key)[1]"] { return known }
    let word = String(key.prefix { $0.isLetter })
    guard key == word || key.hasSuffix("[1]") else { return nil }
    let all = resources.values.filter { $0.type.name == word }
    return all.count == 1 ? all.first : nil
  }

  mutating func link(_ from: String, _ path: String, _ to: String, _ place: GuidePlace) {
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
  func precedes(_ one: DraftResource, _ other: DraftResource, in scope: DraftScope) -> Bool {
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
  mutating func linkPatient(_ resource: DraftResource) {
    for name in ["subject", "patient", "beneficiary"] {
      guard let element = resource.type.element(name), element.type == "Reference",
        !resource.node.children.contains(where: { $0.name == name })
      else { continue }
      link(resource.key, name, "Patient[1]", GuidePlace(map: structure, row: 0))
    }
  }

  /// What can't be made isn't named either, and so others may not be made.
  func leaveOut() {
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
}
