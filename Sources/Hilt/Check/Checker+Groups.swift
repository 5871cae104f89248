import HL7

/// Groups of one kind, as far as they are known before a program runs.
struct GroupType: Sendable, Equatable {
  var message: MessageReference
  /// A segment that they hold, or their own name.
  var name: GroupName
  /// The variables of the groups around it, the innermost first: what is added to it is added to them.
  var around: [Int]
}

/// A group that a path has come to.
struct GroupPlace {
  var type: GroupType
  var find: FindGroup
  /// The group around it.
  var outer: FindGroup?
  /// The variable that stands at it.
  var slot: Int?
  /// `[2]` or `[last]` was said, or a variable stands at it.
  var isPicked: Bool

  /// The variables that have what is added here: its own and those of the groups around it, the innermost first.
  var variables: [Int] { [slot].compactMap(\.self) + type.around }
}

extension Checker {
  /// `each OBR`, `order.each OBX`
  mutating func groups(of root: Expression?, _ name: Word, _ span: Span) -> Typed {
    let outer = root.map { cursor($0) } ?? self.root("msg", span)
    if case .value(let value) = outer, value.type == .nothing {
      return Typed(.list(.nothing), at: span) { _ in .list([]) }
    }
    guard let (message, group) = holder(outer, span) else { return .broken(span) }
    let groupName = GroupName(name.text)
    guard checkGroups(groupName, name.span, of: message, within: group?.type) else { return .broken(span) }
    let type = GroupType(message: message, name: groupName, around: group?.variables ?? [])
    let find = group?.find
    return Typed(.list(.group(type)), at: span, path: source.text(span)) { run in
      .list(try run.groups(groupName, of: message, find, at: span).map { .group($0) })
    }
  }

  /// The message or group that something belongs to; reported, and `nil`, where it is neither.
  mutating func holder(_ cursor: Cursor, _ span: Span) -> (MessageReference, GroupPlace?)? {
    switch cursor {
    case .message(let message): return (message, nil)
    case .group(let group): return (group.type.message, group)
    case .broken: return nil
    default:
      problems.report(.type, "a message or a group is wanted here", at: span, help: ["msg", "out", "order"])
      return nil
    }
  }

  // MARK: Steps

  /// `order.OBX`, `order.index`, `PATIENT_RESULT[1]/ORDER_OBSERVATION[2]/OBR`
  mutating func advance(_ given: GroupPlace, _ step: Step, from start: Span) -> Cursor {
    var group = given
    let message = group.type.message
    switch step.kind {
    case .member("index"):
      let find = group.find
      return .value(
        Typed(.number, at: start...step.span) { run in try find(run).map { .number(Decimal($0.number)) } ?? .absent })
    case .member(let name), .group(let name):
      if let code = HL7SegmentCode(name) {
        guard checkSegment(code, of: message, at: step.nameSpan) else { return .broken }
        return .place(
          HL7Place(message: message, code: code, within: group.find, around: group.variables, span: step.span))
      }
      guard case .group = step.kind else {
        return brokenCursor(
          .path, "a group has segments, and no '\(name)'", at: step.nameSpan, help: ["order.OBR-4", "order.index"])
      }
      return self.group(name, of: message, within: group, step.nameSpan)
    case .select(let selector):
      guard !group.isPicked else { return brokenCursor(.path, "one selector is enough", at: step.span) }
      group.isPicked = true
      let pick: @Sendable ([GroupValue]) -> GroupValue?
      switch selector {
      case .last: pick = { $0.last }
      case .keys(let keys):
        guard let number = index(keys, step.span) else { return .broken }
        pick = { number <= $0.count ? $0[number - 1] : nil }
      default:
        return brokenCursor(
          .path, "a group is picked by its number or by 'last'", at: step.span, help: ["for x in each … where … { … }"])
      }
      let (name, span) = (group.type.name, start)
      let outer = group.outer
      group.find = { run in pick(try run.groups(name, of: message, outer, at: span)) }
      return .group(group)
    default:
      var help = "order.OBR-4"
      if case .field(let number) = step.kind, case .segment(let code) = group.type.name { help = ".\(code)-\(number)" }
      return brokenCursor(.path, "a group has segments, and they have fields", at: step.span, help: [help])
    }
  }

  /// A group by its own name: the only one, unless a selector follows.
  mutating func group(_ name: String, of message: MessageReference, within outer: GroupPlace?, _ span: Span) -> Cursor {
    let groupName = GroupName.group(name)
    guard checkGroups(groupName, span, of: message, within: outer?.type) else { return .broken }
    let type = GroupType(message: message, name: groupName, around: outer?.variables ?? [])
    let find = outer?.find
    return .group(
      GroupPlace(
        type: type,
        find: { run in
          let found = try run.groups(groupName, of: message, find, at: span)
          guard found.count <= 1 else {
            throw Interrupt.failure(
              Failure(
                .stopping, .repeats, "\(name) stands several times in this message; a single one is needed here",
                at: span,
                path: name, help: ["\(name)[1]", "for x in each \(name)"]))
          }
          return found.first
        }, outer: find, slot: nil, isPicked: false))
  }

  // MARK: What the grammars say

  /// The grammars that a message may have, where the program says which; empty where it does not.
  mutating func grammars(of message: MessageReference) -> [HL7Structure] {
    switch message {
    case .input: return grammars(input)
    case .draft(let draft): return madeOf[draft] ?? []
    case .original, .sent: return []
    }
  }

  private mutating func grammars(_ clause: HiltProgram.FormatClause?) -> [HL7Structure] {
    guard let clause, !clause.structures.isEmpty, let versions = clause.versions else { return [] }
    if let known = inputGrammars { return known }
    var found: [HL7Structure] = []
    let names = clause.structures.flatMap { name in
      name.hasSuffix("*") ? HL7Tables.structureNames.filter { $0.hasPrefix(name.dropLast()) } : [name]
    }
    for name in names {
      for version in versions.names {
        if let one = Self.structure(profile?.structures[name] ?? name, version) { found.append(one) }
      }
    }
    inputGrammars = found
    return found
  }

  /// E120: a field of a segment that every structure lets stand several times, without a word on which is meant.
  ///
  /// Of a segment that only its group repeats (the OBR of an order) W106 warns.
  mutating func checkSingle(_ place: HL7Place) -> Bool {
    guard case .only = place.segment, place.within == nil else { return false }
    guard case .input = place.message else {
      warnOfSeveral(place)
      return false
    }
    let holding = grammars(of: .input).filter { !$0.leaves(of: place.code).isEmpty }
    guard !holding.isEmpty else { return false }
    let repeats = holding.allSatisfy { grammar in
      grammar.leaves(of: place.code).allSatisfy { grammar.leaves[$0].repeats }
    }
    guard repeats else {
      warnOfSeveral(place)
      return false
    }
    let field = place.field.map { "-\($0)" } ?? ""
    problems.report(
      .repeats, "\(place.code) stands several times in \(shown(holding)); a single one is needed here", at: place.span,
      help: ["\(place.code)[1]\(field)", "\(place.code)[where …]\(field)", "for x in \(place.code)[*]"])
    return true
  }

  /// A structure by its own name, or by that of an event: `ADT_A08`.
  static func structure(_ name: String, _ version: String) -> HL7Structure? {
    if let structure = HL7Tables.structure(name, version: version) { return structure }
    let parts = name.split(separator: "_").map(String.init)
    guard parts.count == 2, let shared = HL7Events.structure(code: parts[0], event: parts[1], version: version) else {
      return nil
    }
    return HL7Tables.structure(shared, version: version)
  }

  /// Whether some grammar has such groups, and none has several kinds of them; reported where not.
  mutating func checkGroups(
    _ name: GroupName, _ span: Span, of message: MessageReference, within outer: GroupType?
  ) -> Bool {
    let grammars = grammars(of: message)
    switch name {
    case .group(let text):
      let known = grammars.isEmpty || grammars.contains { !$0.groups(named: text).isEmpty }
      if known { return true }
      var names = Set(grammars.flatMap { $0.groups.map(\.name) }).filter { !$0.isEmpty }.sorted()
      if let code = HL7SegmentCode(text.uppercased()), HL7Tables.segment(code) != nil { names = [code.description] }
      problems.report(
        .notInStandard, "\(shown(grammars)) has no group \(text)", at: span,
        help: nearest(text, among: names).map { ["did you mean '\($0)'?"] } ?? [names.joined(separator: ", ")])
      return false
    case .segment(let code):
      if code.isLocal { return true }
      guard checkSegment(code, of: message, at: span) else { return false }
      guard !grammars.isEmpty else { return true }
      return checkHolders(of: code, grammars, within: outer, span)
    }
  }

  private mutating func checkHolders(
    of code: HL7SegmentCode, _ grammars: [HL7Structure], within outer: GroupType?, _ span: Span
  ) -> Bool {
    var holds = false
    for grammar in grammars {
      for group in groups(outer, in: grammar) {
        let holders = Run.holders(of: code, in: grammar, within: group)
        if let kinds = Run.kinds(holders, in: grammar) {
          problems.report(
            .manyPlaces, "several kinds of group hold \(code) in \(grammar.name): \(kinds.joined(separator: ", "))",
            at: span, help: kinds.map { "each \($0)" })
          return false
        }
        holds = holds || !holders.isEmpty
      }
    }
    if holds { return true }
    let hasSegment = grammars.contains { !$0.leaves(of: code).isEmpty }
    problems.report(
      .notInStandard,
      hasSegment ? "nothing repeats around \(code) in \(shown(grammars))" : "\(shown(grammars)) has no \(code)",
      at: span,
      help: hasSegment ? ["\(code)-1: it stands once"] : [])
    return false
  }

  /// The groups of a grammar that a type may stand for; the message itself for none.
  func groups(_ type: GroupType?, in grammar: HL7Structure) -> [Int] {
    switch type?.name {
    case nil: [0]
    case .group(let name): grammar.groups(named: name)
    case .segment(let code): grammar.repeatingHolders(of: code).compactMap(\.group)
    }
  }

  func shown(_ grammars: [HL7Structure]) -> String {
    let names = Array(Set(grammars.map(\.name))).sorted()
    return names.count > 3 ? "\(names[0]) and the others" : names.joined(separator: ", ")
  }
}
