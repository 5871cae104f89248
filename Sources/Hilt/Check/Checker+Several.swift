import HL7

extension Checker {
  /// W106: a segment that its group repeats, without a word on which is meant. A message with one passes and one with
  /// several ends, so that tests say nothing and the first order with two results does.
  ///
  /// Groups of a patient are let be: PATIENT_RESULT of an ORU repeats in the standard, and a message is about one
  /// patient. So are messages that the program makes itself.
  mutating func warnOfSeveral(_ place: HL7Place) {
    if let draft = place.message.draft, made[draft] != nil { return }
    guard let last = repeating(place) else { return }
    let names = last.leaves(of: place.code).compactMap { leaf in
      last.leaves[leaf].repeats ? nil : last.repeatingGroup(of: leaf).map { last.groups[$0].name }
    }
    let field = place.field.map { "-\($0)" } ?? ""
    let why = names.first.map { ": each \($0) has one" } ?? ""
    // What stands before the segment's name: `out.`
    let written = source.text(place.span)
    let root = written.hasPrefix("\(place.code)") || !place.message.isDraft ? "" : "\(written.prefix { $0 != "." })."
    let one = "\(root)\(place.code)"
    let all =
      names.isEmpty
      ? "for x in \(one)[*] { x\(field) }" : "for x in \(root)each \(place.code) { x.\(place.code)\(field) }"
    problems.report(
      .groupRepeats, "\(place.code) may come several times here\(why); a message with several would fail",
      at: place.span,
      help: ["\(one)[1]\(field)", all])
  }

  /// The newest grammar of a place that names the only segment of a name, where all grammars repeat that.
  private mutating func repeating(_ place: HL7Place) -> HL7Structure? {
    guard case .only = place.segment, place.within == nil else { return nil }
    let holding = grammars(of: place.message).filter { !$0.leaves(of: place.code).isEmpty }
    let mayRepeat = holding.allSatisfy { grammar in
      grammar.leaves(of: place.code).allSatisfy { grammar.leaves[$0].repeats || grammar.repeatingGroup(of: $0) != nil }
    }
    return mayRepeat ? holding.last : nil
  }

  /// A segment of a message that the program makes, of which it may have several: what is written there goes to the
  /// last group, and W111 warns where a loop writes to the same one in each turn.
  mutating func checkMade(_ place: inout HL7Place, _ value: Typed) {
    guard let draft = place.message.draft, let depth = made[draft], let grammar = repeating(place) else { return }
    // Where several places are open, that is what is said.
    guard grammar.place(of: place.code) != nil else { return }
    place.isOfLastGroup = true
    guard depth < loopDepth, value.constant == nil, value.type != .broken,
      !addedInLoops.contains(MadeSegment(draft: draft, code: place.code))
    else { return }
    problems.report(
      .writtenAgain, "each turn of the loop writes to the same \(place.code); only the last turn is left",
      at: place.span, help: ["\(place.owner).add \(place.code) with …"])
  }
}

extension Checker {
  /// W112: a loop over all segments of a name, whatever order they are of, adds them to a message that the program
  /// makes: all come to stand under its last order.
  mutating func warnOfGathering(_ code: HL7SegmentCode, _ draft: Int, _ owner: String, _ span: Span) {
    guard walkedFlat.contains(code), made[draft] != nil, grouped(code, in: grammars(of: .input)),
      grouped(code, in: madeOf[draft] ?? [])
    else { return }
    // One head for each turn is one group for each.
    guard !addedInLoops.contains(where: { $0.draft == draft && $0.code != code && $0.code.headsOthers }) else { return }
    problems.report(
      .gathered, "\(code)[*] are those of all groups, and here all come into the last one of '\(owner)'", at: span,
      help: ["for o in each … { for x in o.each \(code) { \(owner).add \(code) … } }", "\(owner).add \(code) after …"])
  }

  /// Whether a segment stands in groups within groups that repeat, of one patient.
  private func grouped(_ code: HL7SegmentCode, in grammars: [HL7Structure]) -> Bool {
    let places = grammars.compactMap { grammar in grammar.place(of: code).map { (grammar, $0) } }
    return !places.isEmpty && places.allSatisfy { grammar, leaf in grammar.repeatingGroups(around: leaf) > 1 }
  }
}

/// A segment that a program adds to a message that it makes.
struct MadeSegment: Hashable {
  var draft: Int
  var code: HL7SegmentCode
}

extension HL7Structure {
  /// The nearest group around a leaf that repeats and is none of a patient; `nil` where there is none.
  fileprivate func repeatingGroup(of leaf: Int) -> Int? {
    var next: Int? = leaves[leaf].group
    while let group = next {
      if groups[group].repeats { return isOfPatient(group) ? nil : group }
      next = groups[group].parent
    }
    return nil
  }

  /// How many things that repeat there are around a leaf, itself included, up to those of a patient.
  fileprivate func repeatingGroups(around leaf: Int) -> Int {
    var count = leaves[leaf].repeats ? 1 : 0
    var next: Int? = leaves[leaf].group
    while let group = next {
      if groups[group].repeats, !isOfPatient(group) { count += 1 }
      next = groups[group].parent
    }
    return count
  }

  /// Whether each of these has a patient: a PID that nothing else repeats.
  private func isOfPatient(_ group: Int) -> Bool {
    leaves(of: "PID", within: group).contains { leaf in
      guard !leaves[leaf].repeats else { return false }
      var next = leaves[leaf].group
      while next != group, let parent = groups[next].parent {
        if groups[next].repeats { return false }
        next = parent
      }
      return true
    }
  }
}
