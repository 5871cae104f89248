import HL7

/// Where an added segment goes.
enum Placement: Sendable {
  /// Where the structure has its only place for it.
  case structure
  /// Behind a segment, and behind what belongs to that where the added one can't stand in between; where there is none,
  /// as `structure`.
  case after(@Sendable (Run) throws -> Int?)
  /// Into a group of this name.
  case group(String)
}

/// A segment that a program adds to an output.
struct Addition: Sendable {
  var code: HL7SegmentCode
  var message: MessageReference
  /// The group that it is added to; `nil` for the whole.
  var group: FindGroup?
  /// The variables of the groups around, the innermost first: they have the segment from now on.
  var around: [Int] = []
  var placement: Placement
  /// How the program calls what it adds to.
  var name = "out"
  /// `add` was written; else a field of a segment that is not there.
  var isStatement = true
  var span: Span
}

/// Behind which segment what was added.
struct AddedBehind: Hashable {
  var anchor: Int
  var code: HL7SegmentCode
}

extension Run {
  /// Adds an empty segment to an output, or to a group of it.
  ///
  /// - Returns: its id.
  func add(_ addition: Addition) throws -> Int? {
    let (message, code, span) = (addition.message, addition.code, addition.span)
    guard case .draft(let number) = message, let whole = try whole(message, addition.group, at: span) else {
      return nil
    }
    // The message's order is searched and moved, however small the group is.
    try step(bytes: segmentIDs(in: message).count, at: span)
    let outline = try whole.grammar.map { grammar in
      try self.outline(of: whole.segments, grammar.structure, grammar.group, in: message, at: span)
    }
    var after: Int?
    var behind: AddedBehind?
    if case .after(let find) = addition.placement, let anchor = try find(self) {
      let key = AddedBehind(anchor: anchor, code: code)
      // What was added behind the same segment before stays before.
      let earlier = addedBehind[number]?[key].flatMap { whole.segments.firstIndex(of: $0) }
      guard let ordinal = earlier ?? whole.segments.firstIndex(of: anchor) else {
        let isGone = !exists(anchor, in: message)
        throw Interrupt.failure(
          Failure(
            .stopping, .openPlace,
            "the segment behind which \(code) is added \(isGone ? "was removed" : "is not in this group")", at: span,
            path: code.description, help: ["\(addition.name).add \(code) after …"]))
      }
      after = whole.segments[last(of: code, behind: ordinal, whole, outline, message)]
      behind = key
    }
    if after == nil { after = try place(addition, whole, outline) }
    var id: Int?
    do {
      try edit(number) { id = try $0.insertSegment(code, after: after) }
    } catch {
      throw Interrupt.failure(
        Failure(.stopping, .unwritable, "\(code) can't be added: \(error)", at: span, path: code.description))
    }
    guard let id else { return nil }
    if !(outlines[number]?.insert(id, code, after: after) ?? true) { forgetOutline(of: number) }
    if let behind { addedBehind[number, default: [:]][behind] = id }
    for slot in addition.around { join(id, after: after, in: slot) }
    return id
  }

  /// The last segment of what stays before one that is added behind a segment: what belongs to that segment, and those
  /// that were added there before, so that notes stand in the order in which they were added.
  private func last(
    of code: HL7SegmentCode, behind ordinal: Int, _ whole: GroupValue, _ outline: HL7Outline?,
    _ message: MessageReference
  ) -> Int {
    var last = ordinal
    if let outline, !code.isLocal { last = outline.lastBelonging(to: ordinal, before: code) }
    guard self.code(of: whole.segments[ordinal], in: message) != code else { return last }
    for next in (last + 1)..<max(last + 1, whole.segments.count) {
      let other = self.code(of: whole.segments[next], in: message)
      if other == code {
        // One that does not repeat begins something of its own, which the added one would take over.
        let leaf = outline?.leaves[next]
        guard code.isLocal || leaf.map({ outline?.structure.leaves[$0].repeats ?? true }) ?? true else { break }
        last = next
      } else if other?.isLocal != true {
        break
      }
    }
    return last
  }

  /// A group that a variable stands at has a segment more.
  private func join(_ id: Int, after: Int?, in slot: Int) {
    guard case .group(var group) = slots[slot] else { return }
    let place = after.flatMap { group.segments.firstIndex(of: $0) }.map { $0 + 1 } ?? 0
    group.segments.insert(id, at: place)
    slots[slot] = .group(group)
  }

  /// The segment behind which another belongs.
  private func place(_ addition: Addition, _ whole: GroupValue, _ outline: HL7Outline?) throws -> Int? {
    let (code, span) = (addition.code, addition.span)
    guard let last = whole.segments.last else {
      throw Interrupt.failure(
        Failure(.stopping, .openPlace, "the group has no segments any more, so \(code) has no place", at: span))
    }
    guard let grammar = whole.grammar, let outline else {
      if code.isLocal { return last }
      throw Interrupt.failure(
        Failure(
          .stopping, .openPlace, "the output fits no structure, so where \(code) belongs is not known", at: span,
          path: code.description, help: ["\(addition.name).add \(code) after PID"]))
    }
    var places = grammar.structure.leaves(of: code, within: grammar.group)
    if case .group(let name) = addition.placement {
      let groups = grammar.structure.groups(named: name, within: grammar.group)
      places.removeAll { leaf in !groups.contains { grammar.structure.leaves[leaf].group == $0 } }
      // A site's own segment goes to the group's end.
      if code.isLocal, let instance = outline.instances.last(where: { groups.contains($0.group) }) {
        return whole.segments[instance.segments.upperBound - 1]
      }
    } else if let meant = grammar.structure.place(of: code, within: grammar.group) {
      places = [meant]
    }
    if places.isEmpty, code.isLocal { return last }
    let possible = places.filter { outline.canTake($0) }
    if !possible.isEmpty { places = possible }
    guard places.count == 1, let leaf = places.first else {
      let open = grammar.structure.openPlace(code, places, named: addition.name)
      throw Interrupt.failure(
        Failure(.stopping, .openPlace, open.message, at: span, path: code.description, help: open.help))
    }
    try check(addition, leaf, outline)
    let isNew = addition.message.draft.map { newDrafts.contains($0) } ?? false
    let begins = addition.isStatement && outline.joinsOrBegins(leaf)
    if begins, case .structure = addition.placement { throw addition.joinsOrBegins(leaf, outline) }
    if isNew { try checkOrder(addition, leaf, outline) }
    let ordinal = outline.insertionOrdinal(ofLeaf: leaf, in: 0, appending: begins || isNew && addition.isStatement)
    if isNew { try checkEnd(addition, leaf, ordinal, outline) }
    if ordinal > 0 {
      let before = whole.segments[ordinal - 1]
      try noteStray(addition, outline, behind: before)
      return before
    }
    // Before the group's first segment: behind what stands before that in the message.
    let all = segmentIDs(in: addition.message)
    guard let first = all.firstIndex(of: whole.segments[0]), first > 0 else { return all.first }
    return all[first - 1]
  }

  /// Whether one more segment can stand at a place, and it is known in which of several groups.
  private func check(_ addition: Addition, _ leaf: Int, _ outline: HL7Outline) throws {
    let (code, name) = (addition.code, addition.name)
    guard outline.hasRoom(for: leaf, in: 0) else {
      throw Interrupt.failure(
        Failure(
          .stopping, .unwritable, "\(code) stands once here, and there is one already", at: addition.span,
          path: code.description, help: ["\(name).\(code)-1 = …", "\(name).add \(code) after …"]))
    }
    guard let open = outline.severalAround(leaf) else { return }
    // A message that the program makes is written from top to bottom: the last one is meant, where it can have it.
    if let draft = addition.message.draft, newDrafts.contains(draft), outline.endCanTake(leaf) { return }
    let group = outline.structure.groups[open].name
    throw Interrupt.failure(
      Failure(
        .stopping, .openPlace, "\(code) belongs into \(group), and there are several of it", at: addition.span,
        path: code.description,
        help: ["for x in \(name).each \(group) { x.add \(code) }", "\(name).add \(code) after …"]))
  }

  /// Says, once for each name, that the place was chosen in a message out of order.
  private func noteStray(_ addition: Addition, _ outline: HL7Outline, behind segment: Int) throws {
    guard let draft = addition.message.draft, !outline.strays.isEmpty, !addition.code.isLocal else { return }
    guard notedStrays[draft, default: []].insert(addition.code).inserted else { return }
    let before = code(of: segment, in: addition.message)?.description ?? "what is there"
    try note(
      "the message does not fit its structure: \(addition.code) was added behind \(before)", at: addition.span)
  }
}

extension HL7Structure {
  /// E122: that there are several places for a segment, or none, and how to say which is meant.
  func openPlace(
    _ code: HL7SegmentCode, _ places: [Int], named root: String
  ) -> (message: String, help: [String]) {
    guard !places.isEmpty else { return ("\(name) has no \(code)", ["\(root).add \(code) after PID"]) }
    var seen: Set<String> = []
    let names = places.map { groups[leaves[$0].group].name }.filter { !$0.isEmpty && seen.insert($0).inserted }
    return (
      "\(code) can stand in \(places.count) places of \(name)",
      names.map { "\(root).add \(code) in \($0)" } + ["\(root).add \(code) after …"]
    )
  }
}

extension HL7Outline {
  /// Whether a segment can be added for a leaf: the groups around it are there, or begin with it.
  fileprivate func canTake(_ leaf: Int) -> Bool {
    var group = structure.leaves[leaf].group
    while group != instances[0].group, let parent = structure.groups[group].parent {
      if instances.contains(where: { $0.group == group }) { return true }
      guard structure.opens(leaf, group) else { return false }
      group = parent
    }
    return true
  }

  /// A repeating group around a leaf of which the message has several; `nil` where there is no choice, or where the
  /// segment opens one more.
  func severalAround(_ leaf: Int) -> Int? {
    var group = structure.leaves[leaf].group
    var isOpening = structure.opens(leaf, group)
    while group != instances[0].group, let parent = structure.groups[group].parent {
      if structure.groups[group].repeats {
        if !isOpening, instances.count(where: { $0.group == group }) > 1 { return group }
        isOpening = false
      }
      group = parent
    }
    return nil
  }
}
