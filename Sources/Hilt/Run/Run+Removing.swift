import HL7

extension Run {
  /// `remove o`: a result goes with its notes, which would belong to the result before it else.
  func removeGroup(in slot: Int, of message: MessageReference, at span: Span) throws {
    let find: FindGroup = { run in if case .group(let group) = run.slots[slot] { group } else { nil } }
    guard case .draft(let number) = message, let group = try whole(message, find, at: span) else { return }
    let gone = group.segments.filter { $0 != 0 }
    try step(bytes: segmentIDs(in: message).count * (2 + gone.count), at: span)
    if let grammar = group.grammar, let structure = structure(of: message) {
      let all = segmentIDs(in: message)
      let leaving = Set(gone)
      let outline = try self.outline(of: all, structure, 0, in: message, at: span)
      let ordinals = Set(all.indices.filter { leaving.contains(all[$0]) })
      if let outer = outline.remnant(of: grammar.group, without: ordinals),
        structure.isEarlierResult(outer) || !orphans(of: leaving, among: all, outline, message).isEmpty
      {
        let (name, around) = (structure.groups[grammar.group].name, structure.groups[outer].name)
        throw Interrupt.failure(
          Failure(
            .stopping, .unwritable,
            "the last \(name) of a \(around) can't be removed alone: what stays would belong to what follows", at: span,
            path: name, help: ["for x in order.each \(around) { remove x }"]))
      }
      try checkNeighbours(of: ordinals, all, outline, grammar.group, message, at: span)
    }
    if group.grammar == nil, gone.count > 1 { try checkPatients(beside: gone, message, at: span) }
    try noteLast(gone, message, at: span)
    let notes = group.grammar == nil ? strayNotes(behind: Set(gone), among: segmentIDs(in: message), nil, message) : []
    if !notes.isEmpty {
      try note(
        "\(notes.count) NTE went with the segment behind which \(notes.count == 1 ? "it" : "they") stood", at: span)
    }
    try take(gone + notes, outOf: number)
  }

  /// E903: of a message without a structure that has several patients, what stays would be somebody else's.
  private func checkPatients(beside gone: [Int], _ message: MessageReference, at span: Span) throws {
    guard gone.first.flatMap({ code(of: $0, in: message) }) != Self.pid,
      segmentIDs(in: message).count(where: { code(of: $0, in: message) == Self.pid }) > 1
    else { return }
    throw Interrupt.failure(
      Failure(
        .stopping, .unwritable,
        "the message fits no structure and has several PID: what stays could be of another patient", at: span,
        path: "PID",
        help: ["for p in each PID { for x in p.each … }", "new …: a message for each patient"]))
  }

  /// Notes without a place in the structure, behind segments that go: nothing but where they stand says what they
  /// belong to.
  func strayNotes(
    behind leaving: Set<Int>, among all: [Int], _ outline: HL7Outline?, _ message: MessageReference
  ) -> [Int] {
    var notes: [Int] = []
    var isBehind = false
    for (ordinal, segment) in all.enumerated() {
      if leaving.contains(segment) {
        isBehind = true
      } else if isBehind, code(of: segment, in: message) == Self.note, outline?.leaves[ordinal] == nil {
        notes.append(segment)
      } else {
        isBehind = false
      }
    }
    return notes
  }

  /// E903: what a segment without a place heads would go on with the one before: the results of an OBR in an ADT. So
  /// would a patient's orders with the patient before, and a group that has lost its head before.
  ///
  /// - Parameter leaving: segments of the place's name.
  private func checkFollowing(
    _ leaving: Set<Int>, among all: [Int], _ outline: HL7Outline?, of place: HL7Place
  ) throws {
    guard place.code.headsOthers else { return }
    let headless = outline?.headless ?? []
    let isFirst = all.first { code(of: $0, in: place.message) == place.code }.map { leaving.contains($0) } ?? true
    for (ordinal, segment) in all.enumerated().dropLast()
    where leaving.contains(segment) && !leaving.contains(all[ordinal + 1]) {
      let next = all[(ordinal + 1)...].lazy.compactMap { self.code(of: $0, in: place.message) }.first { !$0.isLocal }
      guard let next else { continue }
      let isPlaced = outline.map { $0.leaves[ordinal] != nil && !$0.isLoneEarlierPatient(ordinal) } ?? false
      let isOthers =
        place.code == "OBX" ? false : place.code == Self.pid ? !isFirst && next != Self.pid : Self.isDetail(next)
      guard isPlaced ? headless.contains(ordinal + 1) : isOthers else { continue }
      throw Interrupt.failure(
        Failure(
          .stopping, .unwritable,
          "\(place.code) can't be removed alone: the \(next) behind it would go on with what stands before",
          at: place.span,
          path: place.code.description, help: ["for x in \(place.owner).each \(place.code) where … { remove x }"]))
    }
  }

  /// Whether a segment is a part of what comes before it, as far as its name says.
  private static func isDetail(_ code: HL7SegmentCode) -> Bool {
    code == "OBX" || code == note || !code.headsOthers && code != "DSC"
  }

  /// A site's own segments stand behind what they belong to, mostly; those at the end of a group may be the message's.
  private func noteLast(_ gone: [Int], _ message: MessageReference, at span: Span) throws {
    let own = gone.reversed().prefix { code(of: $0, in: message)?.isLocal ?? false }
    guard !own.isEmpty, own.count < gone.count, let first = gone.first else { return }
    let names = own.reversed().compactMap { code(of: $0, in: message)?.description }.joined(separator: ", ")
    let head = code(of: first, in: message)?.description ?? "the group"
    try note("\(names) behind it went with the group of \(head)", at: span)
  }

  /// E903: where a message is out of order, a group that lacks what it begins with would belong to what stands before
  /// the group that goes: the results that a stray segment parted from their order.
  private func checkNeighbours(
    of leaving: Set<Int>, _ all: [Int], _ outline: HL7Outline, _ group: Int, _ message: MessageReference, at span: Span
  ) throws {
    let headless = outline.headless
    guard let last = leaving.max(), !headless.isEmpty else { return }
    if !headless.contains(last + 1) {
      try step(bytes: all.count << 6, at: span)
      guard !orphans(of: Set(leaving.map { all[$0] }), among: all, outline, message).isEmpty else { return }
    }
    let name = outline.structure.groups[group].name
    throw Interrupt.failure(
      Failure(
        .stopping, .unwritable,
        "the message does not fit its structure: without this \(name), what stands behind it would belong to another",
        at: span, path: name, help: ["remove … of each segment", "drop \"out of order\""]))
  }

  /// Takes segments of one name out of an output. What belongs to a segment never becomes another's: its notes go with
  /// it, and a segment that has more than notes can't be taken out alone.
  ///
  /// Where the output fits no structure, what belongs to what is not known, and only the segments go.
  ///
  /// - Parameter kept: one of them that stays, without what belonged to it.
  func remove(_ given: [Int], of place: HL7Place, keeping kept: Int? = nil) throws {
    // What was removed before stays so.
    let segments = given.filter { exists($0, in: place.message) }
    guard !segments.isEmpty else { return }
    let span = place.span
    guard case .draft(let draft) = place.message else { return }
    guard !segments.contains(0) else {
      throw Interrupt.failure(Failure(.stopping, .unwritable, "MSH can't be removed", at: span))
    }
    var leaving = Set(segments)
    let all = segmentIDs(in: place.message)
    try step(bytes: all.count * (2 + segments.count), at: span)
    var isOutlined = false
    if let structure = structure(of: place.message) {
      let outline = try outline(of: all, structure, 0, in: place.message, at: span)
      let gone = Set(all.indices.filter { leaving.contains(all[$0]) })
      if kept == nil { try checkFollowing(leaving, among: all, outline, of: place) }
      var orphans = outline.remainders(without: gone).sorted().map { all[$0] }
      orphans += strayNotes(behind: leaving, among: all, outline, place.message).filter { !orphans.contains($0) }
      try check(orphans, of: place, structure)
      leaving.formUnion(orphans)
      // Mostly nothing else is touched; else it is looked at anew.
      isOutlined = kept == nil && outlines[draft]?.remove(leaving) ?? false
      if !isOutlined {
        try step(bytes: all.count << 6, at: span)
        let others = self.orphans(of: leaving, among: all, outline, place.message)
        try check(others, of: place, structure)
        orphans += others
        leaving.formUnion(others)
        forgetOutline(of: draft)
      }
      if !orphans.isEmpty {
        try note(
          "\(counted(orphans, place.message)) went with the \(place.code) to which "
            + "\(orphans.count == 1 ? "it" : "they") belonged", at: span)
      }
    } else {
      if kept == nil { try checkFollowing(leaving, among: all, nil, of: place) }
      leaving.formUnion(strayNotes(behind: leaving, among: all, nil, place.message))
    }
    try noteStaying(behind: leaving, of: all, place)
    try take(all.filter { leaving.contains($0) && $0 != kept }, outOf: draft, isOutlined: isOutlined)
  }

  /// Whether a site's own segment belongs to the one before it nothing says, and a note behind one to which the
  /// structure gives none. It stays, and now stands behind another.
  private func noteStaying(behind leaving: Set<Int>, of all: [Int], _ place: HL7Place) throws {
    guard !place.code.isLocal else { return }
    for (segment, next) in zip(all, all.dropFirst()) where leaving.contains(segment) && !leaving.contains(next) {
      guard let own = code(of: next, in: place.message), own.isLocal || own == Self.note else { continue }
      return try note("\(own) stays where it is, though the \(place.code) before it went", at: place.span)
    }
  }

  /// `2 NTE, 1 ZBX`
  private func counted(_ segments: [Int], _ message: MessageReference) -> String {
    var counts: [(code: HL7SegmentCode, count: Int)] = []
    for code in segments.compactMap({ code(of: $0, in: message) }) {
      if let index = counts.firstIndex(where: { $0.code == code }) {
        counts[index].count += 1
      } else {
        counts.append((code, 1))
      }
    }
    return counts.map { "\($0.count) \($0.code)" }.joined(separator: ", ")
  }

  /// Notes and a site's own segments go with what they belong to; what else does can't lose it.
  private func check(_ orphans: [Int], of place: HL7Place, _ structure: HL7Structure) throws {
    let others = orphans.compactMap { code(of: $0, in: place.message) }
    guard let other = others.first(where: { $0 != Self.note && !$0.isLocal }) else { return }
    throw Interrupt.failure(
      Failure(
        .stopping, .unwritable,
        "\(place.code) can't be removed alone: the \(other) that belongs to it would belong to another, or to none",
        at: place.span, path: place.code.description, help: help(place, other, structure)))
  }

  /// How to take out a segment with what belongs to it: its group, where that is what repeats around both.
  private func help(_ place: HL7Place, _ other: HL7SegmentCode, _ structure: HL7Structure) -> [String] {
    let (code, name) = (place.code, place.owner)
    if place.within != nil { return ["remove \(name)", "remove \(name).\(other)[*]"] }
    let repeats = structure.leaves(of: code).contains { leaf in
      let group = structure.leaves[leaf].group
      return structure.groups[group].repeats && !structure.leaves(of: other, within: group).isEmpty
    }
    if repeats { return ["for x in \(name).each \(code) where … { remove x }"] }
    return ["remove \(name).\(other)[*]", "for x in \(name).each GROUP where … { remove x }"]
  }

  /// Those that would belong to another group than before if some were gone, or to none of their own any more.
  private func orphans(
    of leaving: Set<Int>, among all: [Int], _ outline: HL7Outline, _ message: MessageReference
  ) -> [Int] {
    let left = all.filter { !leaving.contains($0) }
    var before: [Int: [Home]] = [:]
    for (segment, homes) in zip(all, homes(of: outline)) { before[segment] = homes }
    // A group is the one that its first segment was in before.
    var known: [Int: Int] = [:]
    let codes = left.map { code(of: $0, in: message) }
    let after = HL7Outline(
      codes, structure: outline.structure, orders: orders(among: left, codes, outline.structure, in: message))
    return zip(left, homes(of: after)).compactMap { segment, homes in
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
  private func homes(of outline: HL7Outline) -> [[Home]] {
    let structure = outline.structure
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

extension HL7Outline {
  /// Where groups begin that lack what they must have first.
  fileprivate var headless: Set<Int> {
    var ordinals: Set<Int> = []
    for instance in instances.dropFirst() {
      let first = instance.segments.lowerBound
      guard leaves.indices.contains(first), let leaf = leaves[first] else { continue }
      if !structure.opens(leaf, instance.group) { ordinals.insert(first) }
    }
    return ordinals
  }
}
