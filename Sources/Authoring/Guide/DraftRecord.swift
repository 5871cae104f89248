import FHIR

/// Writes what was gathered for a resource as a record of the language. What can't stand there is left out and said.
struct DraftRecord {
  /// A condition as it reads at a place, where the field that is walked goes by a name of its own.
  typealias Condition = (DraftLeaf, _ walked: Walked?) -> HiltCondition

  struct Walked {
    var field: String
    var variable: String
  }

  let condition: Condition
  /// What is left out, and why.
  private(set) var notes: [(place: GuidePlace, words: String)] = []
  private var depth = 0
  /// Places that are known to be valued where a record stands.
  private var known: Set<String> = []

  init(_ condition: @escaping Condition) { self.condition = condition }

  /// The elements of a type, each on a line; `nil` where one that must be there isn't.
  mutating func elements(_ node: DraftNode, of type: FHIRType, _ walked: Walked? = nil) -> [String]? {
    var lines: [String] = []
    var given: Set<String> = []
    var seen: Set<String> = []
    for child in node.children where !child.isEmpty {
      if let fixed = child.fixed, type.choices.contains(where: { $0.name == child.name }) {
        lines.append("\(child.name): \(fixed)")
        given.insert(child.name)
        seen.insert(child.name)
        continue
      }
      guard let element = type.element(child.name) else {
        note(child, "\(type.name) (R4) has no element \(child.name)")
        continue
      }
      let key = element.choice ?? element.name
      if !seen.insert(key).inserted { continue }
      let group = node.children.filter {
        !$0.isEmpty && ($0.name == child.name || element.choice != nil && type.element($0.name)?.choice == key)
      }
      let names = Set(group.map(\.name))
      let value =
        element.isList ? list(group, element, walked) : one(group, type, isChoice: names.count > 1, walked)
      guard let value else { continue }
      let name = names.count > 1 ? key : child.name
      given.formUnion([name, key])
      let isOpen = element.isRequired && element.codes.contains("unknown") && !value.hasPrefix("\"")
      lines.append("\(name): " + (isOpen ? "(\(value)) ?? \"unknown\"" : value))
    }
    for element in type.elements where element.isRequired && !given.contains(element.name) {
      guard element.codes.contains("unknown") else { continue }
      lines.append("\(element.name): \"unknown\"")
      given.insert(element.name)
    }
    let missing =
      type.elements.filter { $0.isRequired && !given.contains($0.name) }.map(\.name)
      + type.choices.filter { $0.isRequired && !given.contains($0.name) }.map(\.name)
    if let first = missing.first {
      note(node, "\(type.name) needs its \(first)")
      return nil
    }
    return lines
  }

  private mutating func note(_ node: DraftNode, _ words: String) {
    for leaf in node.all {
      notes.append((leaf.field.place, "\(leaf.field.identifier) to \(leaf.field.element): \(words)"))
    }
  }

  // MARK: Lists

  private mutating func list(_ nodes: [DraftNode], _ element: FHIRElement, _ walked: Walked?) -> String? {
    let isTyped = nodes.count > 1
    let parts = nodes.compactMap { part($0, element, walked, isTyped: isTyped) }
    if parts.count < 2 { return parts.first }
    return "flatten([\n\(parts.joined(separator: ",\n")),\n])"
  }

  /// One of the parts that make a list, itself a list.
  private mutating func part(
    _ node: DraftNode, _ element: FHIRElement, _ walked: Walked?, isTyped: Bool
  ) -> String? {
    if let fixed = node.fixed { return fixed }
    let all = node.leaves.isEmpty ? node.all : node.leaves
    let repeating = Set(
      all.filter { !$0.isConstant }.compactMap { leaf in leaf.source.flatMap { $0.repeats ? $0.all : nil } })
    let others = all.contains { $0.source.map { !$0.repeats } ?? false }
    if walked == nil, repeating.count == 1, !others, let every = repeating.first,
      let field = all.compactMap({ $0.source?.repeats == true ? $0.source : nil }).first
    {
      depth += 1
      defer { depth -= 1 }
      let inner = Walked(field: "\(field.segment)-\(field.field)", variable: depth > 1 ? "item_\(depth)" : "item")
      guard let value = value(node, element, inner, isTyped: isTyped) else { return nil }
      return "for \(inner.variable) in \(every) => \(value)"
    }
    return value(node, element, walked, isTyped: isTyped).map { "[\($0)]" }
  }

  // MARK: One value

  private mutating func one(
    _ nodes: [DraftNode], _ owner: FHIRType, isChoice: Bool, _ walked: Walked?
  ) -> String? {
    if let fixed = nodes.compactMap(\.fixed).first { return fixed }
    var ways: [Way] = []
    for node in nodes {
      guard let element = owner.element(node.name) else { continue }
      ways += self.ways(node, element, walked, isTyped: isChoice)
    }
    return chain(ways)
  }

  /// A value of a list, or of a single element.
  mutating func value(
    _ node: DraftNode, _ element: FHIRElement, _ walked: Walked?, isTyped: Bool = false
  ) -> String? {
    chain(ways(node, element, walked, isTyped: isTyped))
  }

  /// A value, and when it is the one.
  private struct Way {
    var condition: String?
    /// What it reads, so that another can take its place.
    var source: String?
    var text: String
    var isLoose: Bool
  }

  private mutating func ways(
    _ node: DraftNode, _ element: FHIRElement, _ walked: Walked?, isTyped: Bool
  ) -> [Way] {
    if let fixed = node.fixed { return [Way(condition: nil, source: nil, text: fixed, isLoose: false)] }
    var ways: [Way] = []
    for leaf in node.leaves {
      let condition: String?
      switch self.condition(leaf, walked) {
      case .constant(false): continue
      case .constant(true): condition = nil
      case .text(let text): condition = text
      }
      let from = leaf.source.map { self.place($0, walked) }
      ways.append(
        Way(
          condition: condition, source: leaf.isConstant ? nil : from, text: leaf.make(from ?? ""),
          isLoose: leaf.isLoose))
    }
    if !ways.isEmpty {
      for child in node.children { note(child, "\(element.name) is given as a whole") }
      return ways
    }
    guard !node.children.isEmpty, let type = FHIRTables.type(element.type) else {
      note(node, "\(element.name) has nothing in it")
      return []
    }
    let condition = guarding(node, walked)
    let added = known.insert(condition ?? "").inserted
    let lines = elements(node, of: type, walked)
    if added { known.remove(condition ?? "") }
    guard let lines, !lines.isEmpty else { return [] }
    guard says(type, lines) else {
      note(node, "nothing is left that the \(type.name) says")
      return []
    }
    let isLong = lines.joined().count > 70 || lines.contains { $0.contains("\n") }
    let body = isLong ? "{\n\(lines.map { $0 + ",\n" }.joined())}" : "{ \(lines.joined(separator: ", ")) }"
    return [Way(condition: condition, source: nil, text: (isTyped ? "\(type.name) " : "") + body, isLoose: false)]
  }

  /// A coding without a code, an extension without a value, and a reference to nobody are worth nothing.
  private func says(_ type: FHIRType, _ lines: [String]) -> Bool {
    switch type.name {
    case "Coding": lines.contains { $0.hasPrefix("code:") || $0.hasPrefix("display:") }
    case "Reference":
      lines.contains { $0.hasPrefix("reference:") || $0.hasPrefix("identifier:") || $0.hasPrefix("display:") }
    case "Extension": lines.contains { $0.hasPrefix("value") || $0.hasPrefix("extension:") }
    default: true
    }
  }

  /// Constants alone say nothing: they stand there where what they belong to does.
  private func guarding(_ node: DraftNode, _ walked: Walked?) -> String? {
    guard node.all.contains(where: \.isConstant) else { return nil }
    var places: [String] = []
    for leaf in node.all {
      guard let source = leaf.source else { continue }
      let place = place(source, walked)
      if place == walked?.variable { return nil }
      if !places.contains(place) { places.append(place) }
    }
    let condition = places.map { "\($0) is valued" }.joined(separator: " or ")
    return places.isEmpty || known.contains(condition) ? nil : condition
  }

  private func place(_ source: DraftSource, _ walked: Walked?) -> String {
    walked?.field == "\(source.segment)-\(source.field)" ? (walked?.variable ?? "") + source.rest : source.one
  }

  /// `if a then x else if b then y else z`: those with a condition first.
  private func chain(_ ways: [Way]) -> String? {
    var rest = (ways.filter { $0.condition != nil } + ways.filter { $0.condition == nil })[...]
    guard let first = rest.popFirst() else { return nil }
    if rest.isEmpty, first.condition == nil { return first.text }
    var text = ""
    var way: Way? = first
    while let this = way {
      way = rest.popFirst()
      let value = this.isLoose ? "(\(this.text))" : this.text
      if let condition = this.condition {
        text += "if \(condition) then \(value)"
      } else if way != nil, let source = this.source {
        text += "if \(source) is valued then \(value)"
      } else {
        return text + value
      }
      if way != nil { text += " else " }
    }
    return text
  }
}
