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

  /// Whether the group of a leaf is there.
  func hasInstance(around leaf: Int) -> Bool {
    instances.contains { $0.group == structure.leaves[leaf].group }
  }
}
