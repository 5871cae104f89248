import HL7

extension Run {
  /// `remove o`: a result goes with its notes, which would belong to the result before it else.
  func removeGroup(in slot: Int, of message: MessageReference, at span: Span) throws {
    let find: FindGroup = { run in if case .group(let group) = run.slots[slot] { group } else { nil } }
    guard case .draft(let number) = message, let group = try whole(message, find, at: span) else { return }
    for segment in group.segments where segment != 0 {
      try step(bytes: segmentIDs(in: message).count, at: span)
      try edit(number) { try $0.removeSegment(segment) }
    }
  }

  /// Takes segments of one name out of an output. What belongs to a segment never becomes another's: its notes go with
  /// it, and a segment that has more than notes can't be taken out alone.
  ///
  /// Where the output fits no structure, what belongs to what is not known, and only the segments go.
  ///
  /// - Parameter kept: one of them that stays, without what belonged to it.
  func remove(_ segments: [Int], of place: HL7Place, keeping kept: Int? = nil) throws {
    guard !segments.isEmpty else { return }
    let span = place.span
    var leaving = Set(segments)
    let all = segmentIDs(in: place.message)
    try step(bytes: all.count << 6, at: span)
    if let structure = structure(of: place.message) {
      let orphans = orphans(of: leaving, among: all, structure, place.message)
      if let other = orphans.compactMap({ code(of: $0, in: place.message) }).first(where: { $0 != "NTE" }) {
        throw Interrupt.failure(
          Failure(
            .stopping, .unwritable,
            "\(place.code) can't be removed alone: the \(other) that belongs to it would belong to another", at: span,
            path: place.code.description, help: ["for x in out.each \(place.code) where … { remove x }"]))
      }
      if !orphans.isEmpty {
        let count = "\(orphans.count) NTE"
        try note(
          "\(count) went with the \(place.code) to which \(orphans.count == 1 ? "it" : "they") belonged", at: span)
      }
      leaving.formUnion(orphans)
    }
    for segment in all where leaving.contains(segment) && segment != kept {
      try step(bytes: all.count << 3, at: span)
      try place.editing(self) { try $0.removeSegment(segment) }
    }
  }

  /// Those that would belong to another group than before if some were gone, or to none of their own any more.
  private func orphans(
    of leaving: Set<Int>, among all: [Int], _ structure: HL7Structure, _ message: MessageReference
  ) -> [Int] {
    let left = all.filter { !leaving.contains($0) }
    var before: [Int: [Home]] = [:]
    for (segment, homes) in zip(all, homes(of: all, structure, message)) { before[segment] = homes }
    // A group is the one that its first segment was in before.
    var known: [Int: Int] = [:]
    return zip(left, homes(of: left, structure, message)).compactMap { segment, homes in
      let own = before[segment] ?? []
      guard homes.map(\.group) == own.map(\.group) else { return segment }
      for (now, then) in zip(homes, own) where known[now.instance] == nil { known[now.instance] = then.instance }
      return zip(homes, own).allSatisfy { known[$0.instance] == $1.instance } ? nil : segment
    }
  }

  /// A repeating group that a segment is in: which of the grammar, and which of the message.
  private struct Home {
    var group: Int
    var instance: Int
  }

  /// For each segment the repeating groups that it is in, the innermost first.
  private func homes(of segments: [Int], _ structure: HL7Structure, _ message: MessageReference) -> [[Home]] {
    let outline = HL7Outline(segments.map { code(of: $0, in: message) }, structure: structure)
    return outline.owners.map { owner in
      var homes: [Home] = []
      var next: Int? = owner
      while let instance = next {
        let group = outline.instances[instance].group
        if structure.groups[group].repeats { homes.append(Home(group: group, instance: instance)) }
        next = outline.instances[instance].parent
      }
      return homes
    }
  }
}
