import FHIR
import HL7
import Text

/// Records of FHIR: `Patient { birthDate: … }`, `{ text: x }`, `pat with { active: true }`.
extension Checker {
  /// One element of a record, compiled.
  struct Member: Sendable {
    var key: Record.Key
    /// A value that is ready to be written, or absent.
    var evaluate: Evaluate
    /// What the standard says of it, where a record can't be without it.
    var required: String?
  }

  /// A type of FHIR that a program names: `Patient`, `fhir.Location`.
  func typeOfFHIR(_ name: String) -> FHIRType? {
    FHIRTables.type(name.hasPrefix("fhir.") ? String(name.dropFirst(5)) : name)
  }

  mutating func object(_ type: FHIRType, _ entries: [Entry], _ span: Span) -> Typed {
    if type.isResource, !FHIRTables.isResource(type.name) {
      for entry in entries { _ = typed(entry.value) }
      return broken(
        .unknownType, "\(type.name) is what all resources are made from, and none itself", at: span,
        help: ["Patient { … }"])
    }
    guard var members = members(entries, of: type) else { return .broken(span) }
    guard checkMissing(entries, type, span) else { return .broken(span) }
    for index in members.indices {
      let name = members[index].key.name
      if type.element(name)?.isRequired == true || type.choices.contains(where: { $0.name == name && $0.isRequired }) {
        members[index].required = name
      }
    }
    let kind = FHIRKind(name: type.name, targets: type.name == FHIRKind.reference ? targets(entries) : [])
    return Typed(.fhir(kind), mayBeAbsent: !type.isResource, at: span, Self.making(members, type, span))
  }

  private static func making(_ members: [Member], _ type: FHIRType, _ span: Span) -> Evaluate {
    let keys = members.map(\.key)
    let elements = members.map { Evaluable($0.evaluate) }
    let required = members.indices.filter { members[$0].required != nil }
    let resource = type.isResource ? type.name : nil
    let (name, count) = (type.name, members.count)
    return { run in
      try run.step(bytes: count << 5, at: span)
      var isEmpty = resource == nil
      var values: [Datum] = []
      values.reserveCapacity(count)
      for element in elements {
        let value = try element.evaluate(run)
        if value.isLeftOut {
          values.append(.absent)
        } else {
          isEmpty = false
          values.append(value)
        }
      }
      // «Empty» is no object of FHIR: it is left out, and asks for nothing.
      if isEmpty { return .absent }
      for index in required where values[index].isAbsent {
        throw Interrupt.failure(
          Failure(
            .stopping, .requiredElement, "\(FHIRKind.shown(name)) needs its \(keys[index].name), which is absent here",
            at: span))
      }
      return .record(Record(resource: resource, keys: keys, values: values))
    }
  }

  /// Where a reference leads to, as far as it is written: `Reference { reference: "Patient/1" }`.
  private func targets(_ entries: [Entry]) -> [String] {
    for entry in entries {
      guard case .name("reference") = entry.key, case .text(let parts) = entry.value.kind,
        case .literal(let text)? = parts.first, let slash = text.firstIndex(of: "/")
      else { continue }
      let name = String(text[..<slash])
      if FHIRTables.isResource(name) { return [name] }
    }
    return []
  }

  // MARK: Elements

  /// The elements that entries name, each with its value ready to be written; reported, and `nil`, where one is wrong.
  mutating func members(_ entries: [Entry], of type: FHIRType) -> [Member]? {
    var members: [Member] = []
    var seen: [String: String] = [:]
    var isBroken = false
    for entry in entries {
      guard case .name(let name) = entry.key else {
        _ = typed(entry.value)
        problems.report(
          .unknownElement, "elements of FHIR have names, and no numbers", at: entry.keySpan,
          help: ["\(type.name) { … }"])
        isBroken = true
        continue
      }
      guard let target = target(name, of: type, at: entry.keySpan) else {
        _ = typed(entry.value)
        isBroken = true
        continue
      }
      learn(named: name, of: type, entry.keySpan)
      let choice = type.element(name)?.choice ?? name
      if let other = seen[choice] {
        problems.report(
          .nameTwice,
          other == name ? "'\(name)' is given twice" : "\(type.name) has one \(choice)[x], and '\(other)' is given",
          at: entry.keySpan)
      }
      seen[choice] = name
      let value = typed(entry.value, for: target)
      if value.type == .broken { isBroken = true }
      members.append(Member(key: Record.Key(name), evaluate: value.evaluate))
    }
    return isBroken ? nil : members
  }

  /// Keeps what the key of a record stands for, for an editor.
  private mutating func learn(named name: String, of type: FHIRType, _ span: Span) {
    if learned == nil { return }
    let element = type.element(name)
    let one = element?.read ?? .choice(FHIRChoiceKind(owner: type.name, name: name))
    let value = Typed(element?.isList == true ? .list(one) : one, at: span, path: "\(type.name).\(name)") { _ in .absent
    }
    learn(.value(value), span, span)
  }

  /// Where the value of an element goes; reported, and `nil`, where the type has none of that name.
  private mutating func target(_ name: String, of type: FHIRType, at span: Span) -> Target? {
    if let element = type.element(name) { return element.target(in: type) }
    if type.choices.contains(where: { $0.name == name }) {
      return Target(
        kind: .choice(FHIRChoiceKind(owner: type.name, name: name)), place: "\(type.name).\(name)")
    }
    if name == "resourceType", type.isResource {
      problems.report(
        .unknownElement, "the type of a resource stands before its record", at: span, help: ["\(type.name) { … }"])
      return nil
    }
    reportUnknown(name, type, at: span)
    return nil
  }

  /// E402
  mutating func reportUnknown(_ name: String, _ type: FHIRType, at span: Span) {
    let names = type.elements.map(\.name) + type.choices.map(\.name)
    let near = problems.isOpen ? nearest(name, among: names) : nil
    let text = source.text(span)
    let isWhole = text == name || text == ".\(name)"
    let fix = isWhole ? surelyMeant(name, among: names).map { (span, text.hasPrefix(".") ? ".\($0)" : $0) } : nil
    problems.report(
      .unknownElement,
      "\(type.name) (R4) has no element '\(name)'" + (near.map { "; did you mean '\($0)'?" } ?? ""), at: span,
      help: near == nil ? [names.sorted().filter { !$0.hasPrefix("_") }.prefix(12).joined(separator: ", ")] : [],
      fix: fix)
  }

  /// E405: what a record of this type can't be without, and nobody names.
  private mutating func checkMissing(_ entries: [Entry], _ type: FHIRType, _ span: Span) -> Bool {
    let given = Set(
      entries.compactMap { entry -> String? in
        if case .name(let name) = entry.key { name } else { nil }
      })
    var missing = type.elements.filter { $0.isRequired && !given.contains($0.name) }.map { "\($0.name) (\($0.about))" }
    for choice in type.choices where choice.isRequired {
      if given.isDisjoint(with: choice.elements + [choice.name]) { missing.append(choice.name) }
    }
    if missing.isEmpty { return true }
    problems.report(
      .requiredElement, "\(FHIRKind.shown(type.name)) needs \(missing.joined(separator: "; "))",
      at: Span(Int(span.start), min(Int(span.end), Int(span.start) + max(1, type.name.utf8.count))))
    return false
  }

  // MARK: Copies

  /// `pat with { active: true }`: a copy with some elements changed.
  mutating func objectWith(_ value: Typed, _ kind: FHIRKind, _ entries: [Entry], _ span: Span) -> Typed {
    guard let type = FHIRTables.type(kind.name), kind.name != FHIRKind.resource else {
      for entry in entries { _ = typed(entry.value) }
      return broken(.type, "nothing says which resource this is", at: value.span, help: ["… is Patient"])
    }
    guard let members = members(entries, of: type) else { return .broken(span) }
    // Of a choice the element that it had goes, whatever its type was.
    let groups = members.map { member -> [String] in
      let name = type.element(member.key.name)?.choice ?? member.key.name
      return (type.choices.first { $0.name == name }?.elements ?? []) + [name]
    }
    let required = Set(type.elements.filter(\.isRequired).map(\.name))
      .union(type.choices.filter(\.isRequired).map(\.name))
    let evaluate = value.evaluate
    return Typed(.fhir(kind), mayBeAbsent: value.mayBeAbsent, at: span, path: value.path) { run in
      let datum = try evaluate(run)
      guard let record = datum.record else { return datum }
      try run.step(bytes: record.keys.count << 5, at: span)
      var changes: [(key: Record.Key, value: Datum)] = []
      for (member, group) in zip(members, groups) {
        var value = try member.evaluate(run)
        if value.isLeftOut { value = .absent }
        if value.isAbsent, required.contains(member.key.name) {
          throw Interrupt.failure(
            Failure(
              .stopping, .requiredElement,
              "\(FHIRKind.shown(kind.name)) needs its \(member.key.name), which is absent here", at: span))
        }
        for key in record.keys where group.contains(key.name) && key.name != member.key.name {
          changes.append((key, .absent))
        }
        changes.append((member.key, value))
      }
      let changed = record.with(changes)
      return changed.isEmpty ? .absent : .record(changed)
    }
  }
}

extension Datum {
  /// Null is left out in FHIR, and so is a list of nothing.
  fileprivate var isLeftOut: Bool {
    switch self {
    case .absent, .null: true
    case .list(let values): values.isEmpty
    default: false
    }
  }
}
