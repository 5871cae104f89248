import HL7

extension Run {
  /// E122: in a message that the program makes, from top to bottom, a segment comes behind what its group begins with:
  /// a result without an order would be the next order's.
  func checkOrder(_ addition: Addition, _ leaf: Int, _ outline: HL7Outline) throws {
    guard let missing = outline.missing(before: leaf) else { return }
    let (code, name) = (addition.code, addition.name)
    throw Interrupt.failure(
      Failure(
        .stopping, .openPlace, "there is no \(missing) yet to which \(code) could belong: \(missing) is added first",
        at: addition.span, path: code.description,
        help: ["\(name).add \(missing) with …", "\(name).add \(code) after …"]))
  }

  /// E122: in a message that the program makes, a segment does not go back behind what was added before it, where it
  /// could stand at the end as well: the result of an order, or that of its specimen.
  func checkEnd(_ addition: Addition, _ leaf: Int, _ ordinal: Int, _ outline: HL7Outline) throws {
    guard addition.isStatement, case .structure = addition.placement, ordinal < outline.owners.count else { return }
    let structure = outline.structure
    let others = structure.leaves(of: addition.code, within: outline.instances[0].group).filter { other in
      other != leaf && outline.missing(before: other) == nil && outline.endCanTake(other)
        && outline.hasInstance(around: other)
        && outline.insertionOrdinal(ofLeaf: other, in: 0, appending: true) > ordinal
    }
    guard !others.isEmpty else { return }
    let open = structure.openPlace(addition.code, [leaf] + others, named: addition.name)
    throw Interrupt.failure(
      Failure(
        .stopping, .openPlace, open.message, at: addition.span, path: addition.code.description, help: open.help))
  }
}

extension Run {
  /// E122: a message that the program makes is written from top to bottom, so the last of its groups is meant. A
  /// segment of an earlier one isn't changed by a name that says no more than what it is.
  func checkIsLast(_ segment: Int, _ place: HL7Place) throws {
    let all = segmentIDs(in: place.message)
    guard let structure = structure(of: place.message), let ordinal = all.firstIndex(of: segment) else { return }
    let outline = try outline(of: all, structure, 0, in: place.message, at: place.span)
    guard let group = outline.earlierGroup(around: ordinal) else { return }
    let (code, name, field) = (place.code, structure.groups[group].name, place.field.map { "-\($0)" } ?? "")
    throw Interrupt.failure(
      Failure(
        .stopping, .openPlace, "the only \(code) is in an earlier \(name), and the last one has none", at: place.span,
        path: place.path,
        help: ["\(place.owner).add \(code) with …", "\(place.owner).\(code)[1]\(field) = …"]))
  }
}

extension Addition {
  /// E122: it could belong to a group that is there, or begin another.
  func joinsOrBegins(_ leaf: Int, _ outline: HL7Outline) -> Interrupt {
    let group = outline.structure.groups[outline.structure.leaves[leaf].group].name
    return .failure(
      Failure(
        .stopping, .openPlace, "\(code) could belong to the last \(group), which has none, or begin a new one",
        at: span, path: code.description,
        help: [
          "for x in \(name).each \(group) where … { x.add \(code) }", "\(name).add \(code) in \(group) (a new one)",
        ]))
  }
}

extension HL7Outline {
  /// The segment that a repeating group must have before a leaf of it, where there is no such group yet.
  func missing(before leaf: Int) -> HL7SegmentCode? {
    var group = structure.leaves[leaf].group
    while group != instances[0].group, let parent = structure.groups[group].parent {
      if instances.contains(where: { $0.group == group }) { return nil }
      if structure.groups[group].repeats, !structure.opens(leaf, group) {
        let first = structure.groups[group].leaves.first { structure.leaves[$0].isRequired && $0 < leaf }
        return first.flatMap { structure.leaves[$0].code }
      }
      group = parent
    }
    return nil
  }

  /// A repeating group around a segment behind which another of its kind stands in the same group.
  func earlierGroup(around ordinal: Int) -> Int? {
    var next: Int? = owners[ordinal]
    while let number = next {
      let instance = instances[number]
      if structure.groups[instance.group].repeats,
        instances[(number + 1)...].contains(where: { $0.group == instance.group && $0.parent == instance.parent })
      {
        return instance.group
      }
      next = instance.parent
    }
    return nil
  }

  /// Whether the group of a leaf is there.
  func hasInstance(around leaf: Int) -> Bool {
    instances.contains { $0.group == structure.leaves[leaf].group }
  }
}
