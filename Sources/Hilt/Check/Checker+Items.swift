import DICOM

/// Items of sequences that a program makes: records whose keys are keywords, and items of the message.
extension Checker {
  /// A list takes the place of all items.
  mutating func itemsWrite(_ list: Typed, _ element: Type, _ kind: ElementKind) -> ElementWrite? {
    guard kind.values == .sequence || kind.values == .open else {
      mismatch(list, wanted: kind.isMany ? "a list of values" : "a single value")
      return nil
    }
    var one = list
    one.type = element
    guard let write = itemWrite(one) else { return nil }
    return { datum, target, run in
      let items = datum.argumentList.filter(\.isValued)
      try run.step(bytes: items.count << 6, at: target.span)
      try run.editObject(target.draft, target.path, at: target.span) { (object) throws(DICOMError) in
        try object.draft.setItems(target.path, count: items.count)
        object.noteRemoval(target.path.steps)
      }
      for (number, item) in items.enumerated() {
        var inner = target
        inner.path.steps[inner.path.steps.count - 1].item = number + 1
        try write(item, inner, run)
      }
    }
  }

  /// How one item is written; its target's last step has its number.
  mutating func itemWrite(_ item: Typed) -> ElementWrite? {
    switch item.type {
    case .fields(let fields): return recordWrite(fields, item.span)
    case .dataSet(.input):
      return { datum, target, run in
        guard case .dataSet(.read(let dataSet)) = datum else { return }
        for element in dataSet.elements where !element.tag.isGroupLength {
          let path = DICOMPath(target.path.steps + [DICOMPath.Step(.standard(element.tag))])
          try run.step(bytes: element.valueRange.count, at: target.span)
          try run.editObject(target.draft, path, at: target.span) { (object) throws(DICOMError) in
            try object.draft.copy(element, to: path)
          }
        }
      }
    default:
      mismatch(item, wanted: "a record or an item of the message", help: ["{ CodeValue: … }"])
      return nil
    }
  }

  /// `{ CodeValue: "T-D3000", CodingSchemeDesignator: "SRT" }`
  private mutating func recordWrite(_ fields: [Type.Field], _ span: Span) -> ElementWrite? {
    var writes: [(tag: DICOMTag, write: ElementWrite)] = []
    var isBroken = false
    for field in fields {
      guard let attribute = attribute(field.name, at: span) else {
        isBroken = true
        continue
      }
      let kind = ElementKind(.standard(attribute.tag))
      let value = Typed(field.type, mayBeAbsent: field.mayBeAbsent, at: span) { _ in .absent }
      guard let write = elementWrite(value, kind) else {
        isBroken = true
        continue
      }
      writes.append((attribute.tag, write))
    }
    if isBroken { return nil }
    let all = writes
    return { datum, target, run in
      guard case .row(let values) = datum else { return }
      for (field, value) in zip(all, values) where !value.isAbsent {
        var inner = target
        inner.path.steps.append(DICOMPath.Step(.standard(field.tag)))
        try field.write(value, inner, run)
      }
    }
  }
}
