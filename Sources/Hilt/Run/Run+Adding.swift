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

extension Run {
  /// Adds an empty segment to an output, or to a group of it.
  ///
  /// - Parameter around: the variables of the groups around, the innermost first: they have the segment from now on.
  /// - Returns: its id.
  func add(
    _ code: HL7SegmentCode, to message: MessageReference, _ group: FindGroup?, around: [Int], _ placement: Placement,
    at span: Span
  ) throws -> Int? {
    guard case .draft(let number) = message, let whole = try whole(message, group, at: span) else { return nil }
    // The message's order is searched and moved, however small the group is.
    try step(bytes: segmentIDs(in: message).count, at: span)
    let outline = whole.grammar.map { grammar in
      HL7Outline(
        whole.segments.map { self.code(of: $0, in: message) }, structure: grammar.structure, group: grammar.group)
    }
    var after: Int?
    if case .after(let find) = placement {
      after = try find(self)
      if let found = after {
        guard let ordinal = whole.segments.firstIndex(of: found) else {
          throw Interrupt.failure(
            Failure(
              .stopping, .openPlace, "the segment behind which \(code) is added is not in this group", at: span,
              path: code.description, help: ["out.add \(code) after …"]))
        }
        after = whole.segments[last(of: code, behind: ordinal, whole, outline, message)]
      }
    }
    if after == nil { after = try place(code, placement, whole, outline, message, at: span) }
    var id: Int?
    do {
      try edit(number) { id = try $0.insertSegment(code, after: after) }
    } catch {
      throw Interrupt.failure(
        Failure(.stopping, .unwritable, "\(code) can't be added: \(error)", at: span, path: code.description))
    }
    if let id { for slot in around { join(id, after: after, in: slot) } }
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
  private func place(
    _ code: HL7SegmentCode, _ placement: Placement, _ whole: GroupValue, _ outline: HL7Outline?,
    _ message: MessageReference, at span: Span
  ) throws -> Int? {
    guard let last = whole.segments.last else {
      throw Interrupt.failure(
        Failure(.stopping, .openPlace, "the group has no segments any more, so \(code) has no place", at: span))
    }
    guard let grammar = whole.grammar, let outline else {
      if code.isLocal { return last }
      throw Interrupt.failure(
        Failure(
          .stopping, .openPlace, "the output fits no structure, so where \(code) belongs is not known", at: span,
          path: code.description, help: ["out.add \(code) after PID"]))
    }
    var places = grammar.structure.leaves(of: code, within: grammar.group)
    if case .group(let name) = placement {
      let groups = grammar.structure.groups(named: name, within: grammar.group)
      places.removeAll { leaf in !groups.contains { grammar.structure.leaves[leaf].group == $0 } }
      // A site's own segment goes to the group's end.
      if code.isLocal, let instance = outline.instances.last(where: { groups.contains($0.group) }) {
        return whole.segments[instance.segments.upperBound - 1]
      }
    }
    if places.isEmpty, code.isLocal { return last }
    let possible = places.filter { outline.canTake($0) }
    if !possible.isEmpty { places = possible }
    guard places.count == 1, let leaf = places.first else {
      let open = grammar.structure.openPlace(code, places)
      throw Interrupt.failure(
        Failure(.stopping, .openPlace, open.message, at: span, path: code.description, help: open.help))
    }
    if let open = outline.severalAround(leaf) {
      let name = grammar.structure.groups[open].name
      throw Interrupt.failure(
        Failure(
          .stopping, .openPlace, "\(code) belongs into \(name), and there are several of it", at: span,
          path: code.description, help: ["for x in out.each \(name) { x.add \(code) }", "out.add \(code) after …"]))
    }
    let ordinal = outline.insertionOrdinal(ofLeaf: leaf, in: 0)
    if ordinal > 0 { return whole.segments[ordinal - 1] }
    // Before the group's first segment: behind what stands before that in the message.
    let all = segmentIDs(in: message)
    guard let first = all.firstIndex(of: whole.segments[0]), first > 0 else { return all.first }
    return all[first - 1]
  }

}

extension HL7Structure {
  /// E122: that there are several places for a segment, or none, and how to say which is meant.
  func openPlace(_ code: HL7SegmentCode, _ places: [Int]) -> (message: String, help: [String]) {
    guard !places.isEmpty else { return ("\(name) has no \(code)", ["out.add \(code) after PID"]) }
    var seen: Set<String> = []
    let names = places.map { groups[leaves[$0].group].name }.filter { !$0.isEmpty && seen.insert($0).inserted }
    return (
      "\(code) can stand in \(places.count) places of \(name)",
      names.map { "out.add \(code) in \($0)" } + ["out.add \(code) after …"]
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

  /// The last segment of what belongs to a segment, as far as another must not stand in between: a note belongs to its
  /// result, and the next result comes behind it.
  fileprivate func lastBelonging(to ordinal: Int, before code: HL7SegmentCode) -> Int {
    guard let leaf = leaves[ordinal] else { return ordinal }
    var last = ordinal
    var next: Int? = owners[ordinal]
    while let instance = next {
      let group = instances[instance].group
      let places = structure.leaves(of: code, within: group)
      if places.contains(where: { $0 > leaf || $0 == leaf && structure.leaves[leaf].repeats }) { return last }
      last = instances[instance].segments.upperBound - 1
      if structure.groups[group].repeats, places.contains(where: { structure.opens($0, group) }) { return last }
      next = instances[instance].parent
    }
    return ordinal
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
