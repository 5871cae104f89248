/// The private blocks of one data set or item: whose they are, and which have something left in them.
struct DICOMPrivateBlocks {
  private var creators: [DICOMTag: String] = [:]
  private var used: Set<DICOMTag> = []

  var isEmpty: Bool { creators.isEmpty }

  /// Notes what it says, where it does. One that stands behind its elements is too late, and speaks for none of them.
  mutating func isCreator(_ element: DICOMElement) -> Bool {
    guard element.tag.isPrivateCreator, element.entry.kind == .element, let name = element.creatorName else {
      return false
    }
    if creators[element.tag] == nil { creators[element.tag] = name }
    return true
  }

  func creator(_ tag: DICOMTag) -> String? { tag.privateCreator.flatMap { creators[$0] } }

  mutating func use(_ tag: DICOMTag) { if let creator = tag.privateCreator { used.insert(creator) } }

  /// A creator of nothing.
  func isUnused(_ tag: DICOMTag) -> Bool { tag.isPrivateCreator && !used.contains(tag) }
}

extension DICOMDeidentifyingWalk {
  /// What somebody vouches for, unless an identifier stands in it.
  mutating func privateNode(_ element: DICOMElement, _ creator: String?, _ manner: Manner) -> DICOMLevel.Node? {
    let tag = element.tag
    guard has(.retainSafePrivate), manner != .dummies, !tag.isOutsideOfDataSets, let creator,
      rules.safePrivate.contains(
        DICOMDeidentification.SafePrivate(
          group: tag.group, creator: creator, element: UInt8(truncatingIfNeeded: tag.element)))
    else { return removed(.privateRemoved) }
    let vr = element.vr
    switch vr {
    case .sq: return sequence(element, .cleaned)
    case .pn: return removed(.privateRemoved)
    case .da, .dt, .tm: return dated(element, vr)
    case .ui: return has(.retainUIDs) ? kept(element, vr, manner) : mapped(element)
    case .un, .ob:
      guard element.valueRange.count <= 1 << 16, let bytes = try? element.bytes() else {
        return removed(.privateRemoved)
      }
      guard !identifiers.stand(in: DICOMText.shown(bytes)) else { return removed(.found) }
      return kept(element, vr, manner)
    default: return kept(element, vr, manner)
    }
  }
}
