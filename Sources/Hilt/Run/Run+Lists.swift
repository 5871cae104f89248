import HL7

extension Run {
  /// E122: a list takes the place of segments only where all of them stand together in one group. Else those of the
  /// second order would come to stand in the first, under another patient even.
  ///
  /// - Parameter old: the segments that are there, in the order of the message.
  func checkReplaces(_ old: [Int], of place: HL7Place) throws {
    guard let whole = try whole(place.message, place.within, at: place.span) else { return }
    try step(bytes: whole.segments.count << 3, at: place.span)
    let ordinals = whole.segments.indices.filter { old.contains(whole.segments[$0]) }
    try checkOwnSegments(between: ordinals, whole, place)
    guard let grammar = whole.grammar else {
      guard stand(ordinals, together: whole, nil, place) else { throw several(place, []) }
      return
    }
    let outline = try outline(
      of: whole.segments, grammar.structure, grammar.group, in: place.message, at: place.span)
    let meant = grammar.structure.place(of: place.code, within: grammar.group)
    if let draft = place.message.draft, newDrafts.contains(draft),
      let group = (ordinals.compactMap { outline.leaves[$0] }.first ?? meant).flatMap({ outline.severalAround($0) })
    {
      throw several(place, [grammar.structure.groups[group].name])
    }
    guard let first = ordinals.first else { return }
    let leaves = Set(ordinals.compactMap { outline.leaves[$0] })
    let homes = Set(ordinals.map { outline.home(of: $0) })
    let isMeant = meant.map { leaves.isEmpty || leaves == [$0] } ?? (leaves.count <= 1)
    guard isMeant, homes.count == 1, stand(ordinals, together: whole, outline, place) else {
      let home = outline.instances[outline.home(of: first)].group
      let groups = leaves.sorted().map { grammar.structure.leaves[$0].group }
      let named = homes.count > 1 && home != grammar.group && leaves.count == 1 ? [home] : groups
      var names: [String] = []
      for group in named where group != grammar.group && !names.contains(grammar.structure.groups[group].name) {
        names.append(grammar.structure.groups[group].name)
      }
      throw several(place, names)
    }
  }

  /// E122: a segment of the site's own between those that a list replaces belongs to one of them, and would come to
  /// another.
  private func checkOwnSegments(between ordinals: [Int], _ whole: GroupValue, _ place: HL7Place) throws {
    guard !place.code.isLocal, let first = ordinals.first, let last = ordinals.last else { return }
    let codes = (first...last).lazy.compactMap { self.code(of: whole.segments[$0], in: place.message) }
    guard let own = codes.first(where: \.isLocal) else { return }
    throw Interrupt.failure(
      Failure(
        .stopping, .openPlace,
        "\(own) stands between the \(place.code) that a list would replace, and belongs to one of them", at: place.span,
        path: place.code.description, help: ["remove \(place.owner).\(own)[*]"]))
  }

  /// Whether nothing stands between segments but what belongs to them and goes with them.
  private func stand(
    _ ordinals: [Int], together whole: GroupValue, _ outline: HL7Outline?, _ place: HL7Place
  ) -> Bool {
    guard let first = ordinals.first, let last = ordinals.last else { return true }
    let own = Set(ordinals)
    var going = outline?.remainders(without: own) ?? []
    let notes = Set(
      strayNotes(behind: Set(own.map { whole.segments[$0] }), among: whole.segments, outline, place.message))
    for (ordinal, segment) in whole.segments.enumerated() where notes.contains(segment) { going.insert(ordinal) }
    return (first...last).allSatisfy { own.contains($0) || going.contains($0) }
  }

  private func several(_ place: HL7Place, _ groups: [String]) -> Interrupt {
    let (code, owner) = (place.code, place.owner)
    return .failure(
      Failure(
        .stopping, .openPlace, "\(code) stands in several groups here, and a list is written to one of them",
        at: place.span, path: code.description,
        help: groups.map { "for x in \(owner).each \($0) { x.\(code) = … }" } + ["\(owner).add \(code) after …"]))
  }
}

extension HL7Outline {
  /// The instance that a segment is in, above the groups that it begins itself: the order, of a result.
  fileprivate func home(of ordinal: Int) -> Int {
    guard let leaf = leaves[ordinal] else { return owners[ordinal] }
    var instance = owners[ordinal]
    while let parent = instances[instance].parent, structure.opens(leaf, instances[instance].group) {
      instance = parent
    }
    return instance
  }
}
