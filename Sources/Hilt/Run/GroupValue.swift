import HL7

/// A group of a message while a program runs: one turn of `each OBR`.
struct GroupValue: Sendable {
  /// Its segments, with those of the groups within it, in the order of the message. Some may have been removed since.
  var segments: [Int]
  /// Which group of the grammar it is; `nil` where the message does not fit its grammar, or the segment stands for
  /// itself.
  var grammar: (structure: HL7Structure, group: Int)?
  /// Among those of one walk, from 1.
  var number: Int

  /// A group within it, not numbered yet.
  fileprivate func part(_ instance: HL7Outline.Instance, of structure: HL7Structure) -> GroupValue {
    GroupValue(segments: Array(segments[instance.segments]), grammar: (structure, instance.group), number: 0)
  }
}

/// Finds a group: the one that a variable stands at, or the one that a path names.
typealias FindGroup = @Sendable (Run) throws -> GroupValue?

extension Run {
  /// The grammar of a message, by what its header says now; `nil` where there is none.
  func structure(of message: MessageReference) -> HL7Structure? {
    switch message {
    case .input:
      if let inputStructure { return inputStructure }
      inputStructure = .some(input.flatMap { structure(of: $0) })
      return inputStructure ?? nil
    case .original: return original.flatMap { structure(of: $0) }
    case .sent: return sent.flatMap { structure(of: $0) }
    case .draft(let draft): return drafts[draft].flatMap { structure(of: $0) }
    }
  }

  /// A structure of the site's own name first, then as the standard has it.
  private func structure(of message: some HL7Reading) -> HL7Structure? {
    if !structures.isEmpty {
      let type = (1...3).map { try? message.value(at: HL7Position(9, component: $0), of: 0).text }
      let names = [type[2], type[0].flatMap { code in type[1].map { "\(code)_\($0)" } }].compactMap(\.self)
      let version = (try? message.value(at: HL7Position(12), of: 0).text) ?? HL7Versions.all.last ?? ""
      for name in names {
        if let own = structures[name], let found = HL7Tables.structure(own, version: version) { return found }
      }
    }
    return HL7Tables.structure(of: message)
  }

  func code(of segment: Int, in message: MessageReference) -> HL7SegmentCode? {
    switch message {
    case .input: input?.code(of: segment)
    case .original: original?.code(of: segment)
    case .sent: sent?.code(of: segment)
    case .draft(let draft): drafts[draft]?.code(of: segment)
    }
  }

  /// The name of a segment that is there or was removed.
  func knownCode(of segment: Int, in message: MessageReference) -> HL7SegmentCode? {
    code(of: segment, in: message) ?? message.draft.flatMap { removed[$0]?[segment]?.code }
  }

  /// Whether a group was removed as a whole.
  func isGone(_ group: GroupValue, from message: MessageReference) -> Bool {
    message.isDraft && !group.segments.contains { exists($0, in: message) }
  }

  func segmentIDs(in message: MessageReference) -> [Int] {
    switch message {
    case .input: input?.segmentIDs ?? []
    case .original: original?.segmentIDs ?? []
    case .sent: sent?.segmentIDs ?? []
    case .draft(let draft): drafts[draft]?.segmentIDs ?? []
    }
  }

  /// The whole of a message as a group, or what is left of a group.
  ///
  /// - Parameter readsGone: a group that was removed as a whole is read as it was.
  func whole(
    _ message: MessageReference, _ group: FindGroup?, readsGone: Bool = false, at span: Span
  ) throws -> GroupValue? {
    let whole: GroupValue
    if let group {
      guard var found = try group(self) else { return nil }
      if !readsGone || !isGone(found, from: message) {
        found.segments.removeAll { !exists($0, in: message) }
      }
      whole = found
    } else {
      let structure = structure(of: message)
      whole = GroupValue(segments: segmentIDs(in: message), grammar: structure.map { ($0, 0) }, number: 1)
    }
    try step(bytes: whole.segments.count << 3, at: span)
    return whole
  }

  /// The groups of a message, or of a group, that a name means.
  func groups(
    _ name: GroupName, of message: MessageReference, _ outer: FindGroup?, at span: Span
  ) throws -> [GroupValue] {
    guard let whole = try whole(message, outer, readsGone: true, at: span) else { return [] }
    try step(bytes: whole.segments.count << 4, at: span)
    let codes = whole.segments.map { knownCode(of: $0, in: message) }
    guard let grammar = whole.grammar else { return try slices(name, of: whole, codes, nil, at: span) }
    let outline = try outline(of: whole.segments, grammar.structure, grammar.group, in: message, at: span)
    if grammar.group == 0 {
      try checkPatients(of: outline, codes, at: span)
      try noteMisfits(of: outline, codes, name, at: span)
    }
    try noteEarlierResults(of: outline, whole, codes, in: message, at: span)
    var found: [GroupValue] = []
    switch name {
    case .group(let name):
      let groups = grammar.structure.groups(named: name, within: grammar.group)
      for instance in outline.instances where groups.contains(instance.group) {
        found.append(whole.part(instance, of: grammar.structure))
      }
    case .segment(let code):
      let all = grammar.structure.repeatingHolders(of: code, within: grammar.group)
      var nearest = Self.holders(of: code, in: grammar.structure, within: grammar.group)
      if grammar.group == 0 { nearest = try present(code, all, nearest, outline, codes, at: span) }
      if let kinds = Self.kinds(nearest, in: grammar.structure) {
        throw Interrupt.failure(
          Failure(
            .stopping, .manyPlaces, "several kinds of group hold \(code): \(kinds.joined(separator: ", "))", at: span,
            path: code.description, help: kinds.map { "each \($0)" }))
      }
      // A segment that stands where the grammar has none of it can't be told to a group. One of a group deeper down,
      // the note of a result where those of an order are meant, is no stray.
      let strays = codes.indices.contains { ordinal in
        codes[ordinal] == code && !all.contains { $0.holds(ordinal, outline) }
      }
      guard !strays, !nearest.isEmpty else { return try slices(name, of: whole, codes, outline, at: span) }
      if grammar.group != 0 { try noteLeftOut(code, all, nearest, outline, codes, at: span) }
      var last: Int?
      var withoutCount = 0
      for (index, instance) in outline.instances.enumerated() {
        guard let holder = nearest.first(where: { $0.group == instance.group }) else { continue }
        if codes[instance.segments].contains(code) {
          found.append(whole.part(instance, of: grammar.structure))
          last = index
        } else if outline.lacks(holder.leaf, in: index) {
          try keep(index, without: code, holder.leaf, of: outline, whole, &found, behind: last, at: span)
        } else if let group = holder.group, grammar.structure.opens(holder.leaf, group) {
          withoutCount += 1
        }
      }
      if withoutCount > 0, grammar.group == 0 {
        let name = nearest.first.map { grammar.structure.name(of: $0) } ?? "its groups"
        try noteOfStructure("\(withoutCount) of \(name) have no \(code), and so no turn of each \(code)", at: span)
      }
      for ordinal in codes.indices
      where nearest.contains(where: { $0.group == nil && $0.leaf == outline.leaves[ordinal] }) {
        found.append(GroupValue(segments: [whole.segments[ordinal]], grammar: nil, number: 0))
      }
    }
    return numbered(found)
  }

  /// The smallest repeating groups that hold a segment, of those that lie beside each other the nearest: an order's OBX
  /// are those of its observations, not those of a specimen deeper down. Where one lies within another, all of them:
  /// which is meant has to be said.
  static func holders(of code: HL7SegmentCode, in structure: HL7Structure, within group: Int) -> [HL7Structure.Holder] {
    let all = structure.repeatingHolders(of: code, within: group)
    let isNested = all.contains { inner in
      all.contains { outer in
        guard inner != outer, let group = outer.group else { return false }
        return structure.group(structure.leaves[inner.leaf].group, isWithin: group)
      }
    }
    let least = all.map(\.depth).min() ?? 0
    return isNested ? all : all.filter { $0.depth == least }
  }

  /// The names of several kinds of group; `nil` where there is but one.
  static func kinds(_ holders: [HL7Structure.Holder], in structure: HL7Structure) -> [String]? {
    var names: [String] = []
    for group in holders.compactMap(\.group) where !names.contains(structure.groups[group].name) {
      names.append(structure.groups[group].name)
    }
    return names.count > 1 ? names : nil
  }

  func numbered(_ groups: [GroupValue]) -> [GroupValue] {
    var groups = groups
    for index in groups.indices { groups[index].number = index + 1 }
    return groups
  }
}

/// How a program names groups: by a segment that they hold, or by their own name.
enum GroupName: Sendable, Equatable {
  case segment(HL7SegmentCode)
  case group(String)

  init(_ text: String) { self = HL7SegmentCode(text).map { .segment($0) } ?? .group(text) }
}

extension HL7Structure.Holder {
  /// Whether a segment of a message is in one of these.
  fileprivate func holds(_ ordinal: Int, _ outline: HL7Outline) -> Bool {
    guard let group else { return outline.leaves[ordinal] == leaf }
    var next: Int? = outline.owners[ordinal]
    while let instance = next {
      if outline.instances[instance].group == group { return outline.leaves[ordinal] != nil }
      next = outline.instances[instance].parent
    }
    return false
  }
}
