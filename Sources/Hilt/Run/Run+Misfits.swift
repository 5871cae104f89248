import HL7

/// Messages that do not fit their structure.
extension Run {
  /// E905: a PID behind an order, where the structure has but one patient: what follows is about somebody else.
  func checkPatients(of outline: HL7Outline, _ codes: [HL7SegmentCode?], at span: Span) throws {
    guard codes.count(where: { $0 == Self.pid }) > 1 else { return }
    let open = codes.indices.first { ordinal in
      guard codes[ordinal] == Self.pid else { return false }
      return outline.leaves[ordinal] == nil || outline.isLoneEarlierPatient(ordinal)
    }
    guard open != nil else { return }
    throw Interrupt.failure(
      Failure(
        .stopping, .outOfOrder,
        "the message does not fit its structure: it has a second PID, and whose the segments behind it are is open",
        at: span, path: "PID", help: ["reject AE 100 \"several patients\" at PID", "PID[*], OBX[*]: without groups"]))
  }

  /// Says something of a structure once, not for each loop and each copy.
  func noteOfStructure(_ text: String, at span: Span) throws {
    if notedStructures.insert(text).inserted { try note(text, at: span) }
  }

  /// Says, once, which segments of its groups have no place in them, and, where groups are looked for
  /// by their own names, which are in none.
  func noteMisfits(
    of outline: HL7Outline, _ codes: [HL7SegmentCode?], _ name: GroupName, at span: Span
  ) throws {
    guard !outline.misfits.isEmpty else { return }
    var isByName = false
    if case .group = name { isByName = true }
    let misfits = outline.misfits.filter { isByName || outline.owners[$0] != 0 }
    guard !misfits.isEmpty else { return }
    var names: [String] = []
    for ordinal in misfits.sorted() {
      let name = codes[ordinal]?.description ?? "?"
      if !names.contains(name) { names.append(name) }
    }
    let shown = names.prefix(8).joined(separator: ", ") + (names.count > 8 ? ", …" : "")
    let (have, count) = names.count == 1 ? ("has", "it stands, and counts") : ("have", "they stand, and count")
    try noteOfStructure(
      "the message does not fit its structure: \(shown) \(have) no place where \(count) to the group there", at: span)
  }

  /// Says, once, that an ORC counts to an earlier result though its order control doesn't tell so.
  func noteEarlierResults(
    of outline: HL7Outline, _ whole: GroupValue, _ codes: [HL7SegmentCode?], in message: MessageReference, at span: Span
  ) throws {
    guard outline.isDoubtful, outline.structure.hasEarlierResults else { return }
    let isOpen = codes.indices.contains { ordinal in
      guard codes[ordinal] == Self.orc, let leaf = outline.leaves[ordinal],
        outline.structure.isOfEarlierResult(leaf)
      else { return false }
      let control = field(1, of: whole.segments[ordinal], in: message).bytes
      return !Self.earlierControls.contains { $0.elementsEqual(control) }
    }
    guard isOpen else { return }
    try noteOfStructure(
      "an ORC counts to the earlier results of the order before it, as its ORC-1 asks for nothing", at: span)
  }

  /// Order control codes (table 0119) of results that were there before: «previous results with new order»,
  /// «observations to follow».
  private static let earlierControls = ["PR", "RE"].map { Array($0.utf8) }

  /// What an `each` would leave out: a group that lacks the segment by which it is looked for, and must have it. What
  /// only goes on behind that segment's place belongs to the group before, a second `OBR` to its `ORC`; of anything
  /// else nothing is known.
  func keep(
    _ number: Int, without code: HL7SegmentCode, _ leaf: Int, of outline: HL7Outline, _ whole: GroupValue,
    _ found: inout [GroupValue], behind last: Int?, at span: Span
  ) throws {
    let instance = outline.instances[number]
    let name = outline.structure.groups[instance.group].name
    let goesOn = outline.leaves[instance.segments].allSatisfy { $0.map { $0 > leaf } ?? true }
    if let last, goesOn, outline.instances[last].parent == instance.parent {
      found[found.count - 1].segments += whole.segments[instance.segments]
      return try noteOfStructure(
        "the message does not fit its structure: where \(name) has no \(code), it counts to the one before", at: span)
    }
    throw Interrupt.failure(
      Failure(
        .stopping, .outOfOrder,
        "the message does not fit its structure: one \(name) has no \(code), and each \(code) would leave it out",
        at: span, path: code.description,
        help: ["for x in each \(name) { … }", "reject AE 100 \"\(code) missing\""]))
  }

  /// What `each` means in a whole message: the one kind of group in which it has such segments; the nearest where it
  /// has none. Where there are several kinds, one would leave out the others: E123.
  func present(
    _ code: HL7SegmentCode, _ all: [HL7Structure.Holder], _ nearest: [HL7Structure.Holder], _ outline: HL7Outline,
    _ codes: [HL7SegmentCode?], at span: Span
  ) throws -> [HL7Structure.Holder] {
    guard all.count > 1 else { return nearest }
    let names = names(of: all, holding: code, outline, codes)
    guard names.count < 2 else {
      throw Interrupt.failure(
        Failure(
          .stopping, .manyPlaces,
          "several kinds of group hold \(code) in this message: "
            + names.map { $0.isEmpty ? outline.structure.name : $0 }.joined(separator: ", "), at: span,
          path: code.description,
          help: ["\(code)[*]: all of them"]
            + names.filter { !$0.isEmpty }.map { "for x in each \($0) { x.\(code)[*] }" }))
    }
    return names.first.map { name in all.filter { outline.structure.name(of: $0) == name } } ?? nearest
  }

  /// The names of those kinds of group in which a message has segments of a name.
  private func names(
    of holders: [HL7Structure.Holder], holding code: HL7SegmentCode, _ outline: HL7Outline, _ codes: [HL7SegmentCode?]
  ) -> [String] {
    var names: [String] = []
    for ordinal in codes.indices where codes[ordinal] == code {
      guard let leaf = outline.leaves[ordinal], let holder = outline.structure.holder(of: leaf, among: holders) else {
        continue
      }
      let name = outline.structure.name(of: holder)
      if !names.contains(name) { names.append(name) }
    }
    return names
  }

  /// Says, once, that a walk in a group passes over segments of groups deeper down. Notes belong to each of them.
  func noteLeftOut(
    _ code: HL7SegmentCode, _ all: [HL7Structure.Holder], _ nearest: [HL7Structure.Holder], _ outline: HL7Outline,
    _ codes: [HL7SegmentCode?], at span: Span
  ) throws {
    guard all.count > nearest.count, code != Self.note else { return }
    let names = names(of: all.filter { !nearest.contains($0) }, holding: code, outline, codes)
    guard !names.isEmpty else { return }
    try noteOfStructure(
      "each \(code) leaves out those of \(names.joined(separator: ", ")), which \(code)[*] has too", at: span)
  }

  static let pid: HL7SegmentCode = "PID"
  static let note: HL7SegmentCode = "NTE"

  /// Traffic that does not fit its grammar is cut from one segment of the name to the next.
  ///
  /// - Parameter outline: what the structure says of the segments; `nil` where there is none.
  func slices(
    _ name: GroupName, of whole: GroupValue, _ codes: [HL7SegmentCode?], _ outline: HL7Outline?, at span: Span
  ) throws -> [GroupValue] {
    guard case .segment(let code) = name else {
      throw Interrupt.failure(
        Failure(
          .stopping, .notInStandard, "the message has no structure that is known, so its groups can't be told",
          at: span,
          help: ["each OBR"]))
    }
    let segments = codes.indices.filter { codes[$0] == code }
    guard !segments.isEmpty else { return [] }
    if !code.isLocal {
      try note("the message does not fit its structure: each \(code) goes up to the next \(code)", at: span)
    }
    // An order's detail has its ORC before it, where the first one has.
    let takesORC = Self.details.contains(code) && codes[..<segments[0]].contains(Self.orc)
    let starts = segments.enumerated().map { index, segment in
      let before = codes[(index == 0 ? 0 : segments[index - 1] + 1)..<segment]
      return takesORC ? before.lastIndex(of: Self.orc) ?? segment : segment
    }
    // What heads the first one heads the others too: the next patient is not of the order before.
    let heads = Self.heads.filter { head in
      head != code && !(takesORC && head == Self.orc) && codes[..<segments[0]].contains(head)
    }
    return numbered(
      segments.indices.map { index in
        let next = index + 1 < starts.count ? starts[index + 1] : codes.count
        let end =
          (segments[index]..<next).dropFirst().first { ordinal in
            guard let code = codes[ordinal] else { return false }
            // What has a place of its own behind all slices is the message's: the IN1 of an ADT.
            let isPlaced = outline.map { $0.leaves[ordinal] != nil } ?? false
            return heads.contains(code) || isPlaced && !code.isLocal && !Self.results.contains(code)
          } ?? next
        return GroupValue(segments: Array(whole.segments[starts[index]..<end]), grammar: nil, number: 0)
      })
  }

  private static let results: Set<HL7SegmentCode> = ["OBX", "NTE", "SPM"]
  /// Segments with which another patient or another order begins.
  private static let heads: [HL7SegmentCode] = ["PID", "ORC", "OBR"]
  /// What an order is about, which stands behind its ORC.
  private static let details: Set<HL7SegmentCode> = [
    "OBR", "RQD", "RQ1", "RXO", "RXE", "RXD", "RXG", "RXA", "ODS", "ODT", "TXA",
  ]
}
