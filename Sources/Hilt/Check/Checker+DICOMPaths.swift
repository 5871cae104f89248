import DICOM
import Messages

/// Paths into DICOM: `Modality`, `msg.RequestAttributesSequence[1].ScheduledProcedureStepID`.
extension Checker {
  var readsDICOM: Bool { input?.format == .dicom }

  /// DICOM comes in or goes out.
  var knowsDICOM: Bool { readsDICOM || outputs.contains { $0.format == .dicom } }

  /// `msg`
  func object(_ span: Span) -> Typed {
    Typed(.object(.input), at: span, path: "msg") { .dataSet(.read(try $0.object(at: span).dataSet)) }
  }

  /// `Modality`: an element of the message.
  mutating func keyword(_ name: String, _ span: Span) -> Cursor {
    element(name, of: ElementOwner(object(span), .input, isObject: true), name: span, span)
  }

  /// An element by its keyword; reported where the standard has none of that name.
  mutating func element(_ name: String, of owner: ElementOwner, name nameSpan: Span, _ span: Span) -> Cursor {
    guard let attribute = attribute(name, at: nameSpan) else { return .broken }
    return .element(ElementPlace(owner: owner, kind: ElementKind(.standard(attribute.tag)), span: span))
  }

  /// What the dictionary has for a keyword; reported where it has nothing.
  mutating func attribute(_ name: String, at span: Span) -> DICOMAttribute? {
    if let known = DICOMDictionary.attribute(keyword: name), known.isOfObjects { return known }
    let near = problems.isOpen ? DICOMAttribute.nearest(to: name) : nil
    problems.report(
      .unknownElement, "DICOM has no element '\(name)'" + (near.map { "; did you mean '\($0)'?" } ?? ""), at: span,
      help: near == nil ? ["tag(gggg,eeee)"] : [], fix: near.map { (span, $0) })
    return nil
  }

  // MARK: Steps

  /// What follows an object or an item.
  mutating func advance(
    _ value: Typed, in reference: DataSetReference, isObject: Bool, _ step: Step, _ span: Span
  ) -> Cursor {
    let owner = ElementOwner(value, reference, isObject: isObject)
    switch step.kind {
    case .member(let name): return element(name, of: owner, name: step.nameSpan, span)
    case .tag(let tag): return .element(ElementPlace(owner: owner, kind: ElementKind(tag), span: span))
    default:
      return brokenCursor(
        .path, "a keyword or a tag follows \(value.type.name)", at: step.span, help: [".Modality", ".tag(0008,0060)"])
    }
  }

  /// What follows an element.
  mutating func advance(_ given: ElementPlace, _ step: Step, _ span: Span) -> Cursor {
    var place = given
    switch step.kind {
    case .select(let selector): return select(&place, selector, step.span, span)
    case .member, .tag:
      guard place.kind.mayHaveItems else { break }
      guard !place.isWhole else {
        let text = source.text(Span(Int(place.span.start), Int(step.span.start)))
        let rest = source.text(step.span)
        return brokenCursor(
          .repeats, "\(place.path) is a list; a single item is needed here", at: place.span,
          help: ["\(text)[1]\(rest)", "\(text)[where …]\(rest)", "\(text)[*]\(rest) is a list again"])
      }
      if case .all = place.pick { return advanceEach(items(of: place), step, span) }
      let owner = ElementOwner(place)
      if case .tag(let tag) = step.kind {
        return .element(ElementPlace(owner: owner, kind: ElementKind(tag), span: span))
      }
      return element(step.name ?? "", of: owner, name: step.nameSpan, span)
    default: break
    }
    return advance(value(of: place), step, span)
  }

  private mutating func select(
    _ place: inout ElementPlace, _ selector: Selector, _ step: Span, _ span: Span
  ) -> Cursor {
    guard place.isWhole else { return brokenCursor(.path, "one selector is enough", at: step) }
    guard place.kind.values != .bytes, place.kind.values != .pixels else {
      return brokenCursor(.path, "\(place.path) is one stretch of bytes", at: step)
    }
    place.span = span
    switch selector {
    case .last: place.pick = .last
    case .keys(let keys):
      guard let number = index(keys, step) else { return .broken }
      place.pick = .index(number)
    case .all where place.kind.values != .sequence: place.pick = .all
    case .all: return .many(value(of: place))
    case .firstWhere where !place.kind.mayHaveItems, .allWhere where !place.kind.mayHaveItems:
      return brokenCursor(
        .path, "values are selected by their number, and items by a condition", at: step,
        help: ["[1]", "[last]", "[*]"]
      )
    case .firstWhere, .allWhere, .allOf:
      return select(items(of: place), .dataSet(place.owner.reference), selector, step, span)
    }
    return .element(place)
  }

  /// `CodeValue` in `[where CodeValue == "T-D3000"]`: an element of the item that is selected.
  func selectedKeyword(_ name: String, _ span: Span) -> Cursor? {
    guard case .value(let slot, .dataSet(let reference))? = selected,
      let attribute = DICOMDictionary.attribute(keyword: name), attribute.isOfObjects
    else { return nil }
    let item = Typed(.dataSet(reference), at: span) { $0.slots[slot] }
    let owner = ElementOwner(item, reference, isObject: false)
    return .element(ElementPlace(owner: owner, kind: ElementKind(.standard(attribute.tag)), span: span))
  }

  // MARK: Values

  /// An element as a value: one of it, or a list where there are several.
  mutating func value(of place: ElementPlace) -> Typed {
    guard checkMeta(place) else { return .broken(place.span) }
    if place.owner.reference == .input { scope.read(place.path) }
    let (span, path) = (place.span, place.path)
    var isList = false
    let one: Type
    switch place.kind.values {
    case .pixels:
      return broken(
        .type, "pixels are passed on as they are, and not read", at: span, help: ["\(path) is valued"])
    case .sequence:
      one = .dataSet(place.owner.reference)
      isList = place.isWhole
    case .text, .open: one = .text
    case .name: one = .personName
    case .number: one = .number
    case .bytes: one = .bytes
    }
    if case .all = place.pick { isList = true }
    let isSequence = place.kind.values == .sequence
    if isList {
      return Typed(.list(one), at: span, path: path) { run in
        let all = try place.readAll(run)
        if !isSequence, case .dataSet? = all.first { throw place.unreadable("it is a sequence here") }
        return .list(all)
      }
    }
    if place.isWhole, place.kind.isMany {
      let text = source.text(span)
      return broken(
        .repeats, "\(path) may have several values; a single value is needed here", at: span,
        help: ["\(text)[1]", "\(text)[*]"])
    }
    let isKnown = place.owner.reference == .input && isFact(span)
    var value = Typed(one, mayBeAbsent: !isKnown, at: span, path: path) { run in
      let datum = try place.read(run)
      if !isSequence, case .dataSet = datum { throw place.unreadable("it is a sequence here") }
      return datum
    }
    value.isRequired = place.owner.isMessage && place.kind.isRequired
    return value
  }

  /// Group 0002 is of the message alone; reported where an item or an output is asked for it.
  mutating func checkMeta(_ place: ElementPlace) -> Bool {
    guard place.kind.isMeta, !place.owner.isMessage else { return true }
    problems.report(
      .path, "\(place.kind.name) stands in front of the message, and in no output or item", at: place.span,
      help: ["msg.\(place.kind.name)"])
    return false
  }

  /// An element as a list of items: that a private one has them, its path says.
  private mutating func items(of place: ElementPlace) -> Typed {
    if place.owner.reference == .input { scope.read(place.path) }
    return Typed(.list(.dataSet(place.owner.reference)), at: place.span, path: place.path) { run in
      let items = try place.readAll(run)
      for item in items { guard case .dataSet = item else { throw place.unreadable("it is no sequence here") } }
      return .list(items)
    }
  }

  /// Of each of `items[*]` what a path has come to: of an element with several values all of them.
  mutating func each(_ place: ElementPlace) -> Typed {
    var place = place
    if place.isWhole, place.kind.isMany, place.kind.values != .bytes, place.kind.values != .sequence {
      place.pick = .all
    }
    return value(of: place)
  }
}

extension DICOMAttribute {
  /// Not of the commands that go before an object, and no delimiter.
  var isOfObjects: Bool { tag.group != 0 && !vrs.isEmpty && !keyword.isEmpty }

  /// The keyword of one that was surely meant.
  static func nearest(to name: String) -> String? {
    DICOMDictionary.nearestKeyword(to: name).flatMap { DICOMDictionary.attribute(keyword: $0) }
      .flatMap { $0.isOfObjects ? $0.keyword : nil }
  }
}
