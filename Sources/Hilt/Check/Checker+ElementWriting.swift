import DICOM

/// Writes a value to an element, whose path it gets.
typealias ElementWrite = @Sendable (Datum, ElementTarget, Run) throws -> Void

/// An element of an output.
struct ElementTarget: Sendable {
  var draft: Int
  var path: DICOMPath
  var span: Span
}

/// Elements of outputs of DICOM: `out.PatientID = …`, `out.ImageType += …`, `remove item.X`.
extension Checker {
  /// Whether a target of a statement is in an object of DICOM.
  func isElementOfDICOM(_ target: Expression) -> Bool {
    var root = target
    if case .path(let first, _) = target.kind { root = first }
    guard case .name(let name) = root.kind else { return false }
    switch scope.find(name)?.kind {
    case .object?, .value(_, .object, _, _)?, .value(_, .dataSet, _, _)?: return true
    case nil:
      return module == 0 && readsDICOM && (name == "msg" || DICOMDictionary.attribute(keyword: name) != nil)
    default: return false
    }
  }

  /// `out.PatientID = …`
  mutating func assignElement(_ target: Expression, _ expression: Expression) -> Execute {
    let place = writtenElement(target)
    scope.forgetReads()
    let given: Cursor
    switch expression.kind {
    case .name, .path: given = cursor(expression)
    default: given = .value(typed(expression))
    }
    if case .element(let source) = given, let place, copies(source, to: place) { return copy(source, to: place) }
    let value = value(given, expression)
    guard let place, value.type != .broken else { return { _ in } }
    guard let write = place.isWhole ? elementWrite(value, place.kind) : valueWrite(value, place) else {
      return { _ in }
    }
    let evaluate = value.evaluate
    return { run in
      let datum = try evaluate(run)
      try write(datum, place.target(run), run)
      if run.isTraced { run.record(datum, at: place.span) }
    }
  }

  /// The element that a statement writes; reported where it can't be.
  private mutating func writtenElement(_ target: Expression) -> ElementPlace? {
    switch cursor(target) {
    case .broken: return nil
    case .element(var place):
      place.span = target.span
      guard checkWritten(place, isRemoval: false) else { return nil }
      if case .all = place.pick {
        problems.report(
          .manyPlaces, "this names several values, and one is written at a time", at: target.span,
          help: ["\(source.text(target.span).dropLast(3)) = [ … ]"])
        return nil
      }
      return place
    case .many:
      problems.report(
        .manyPlaces, "this names several places, and one is written at a time", at: target.span,
        help: ["for item in \(source.text(target.span).prefix { $0 != "]" })] { … }"])
    default:
      problems.report(
        .readOnly, "'\(source.text(target.span))' is no element of an output", at: target.span,
        help: ["let out = copy msg", "out.PatientID = …"])
    }
    return nil
  }

  private mutating func checkWritten(_ place: ElementPlace, isRemoval: Bool) -> Bool {
    guard place.owner.reference.draft != nil else {
      let text = source.text(place.span)
      let path = text.hasPrefix("msg.") ? String(text.dropFirst(4)) : text
      let change = isRemoval ? "remove out.\(path)" : "out.\(path) = …"
      problems.report(
        .readOnly, "the input is never changed", at: place.span,
        help: ["let out = copy msg", place.owner.isMessage ? change : "for item in out.…[*] { … }"])
      return false
    }
    if place.kind.isMeta {
      problems.report(
        .readOnly, "\(place.kind.name) stands in front of the data set, and follows from it", at: place.span)
      return false
    }
    if !isRemoval, let why = place.kind.refusesWriting {
      problems.report(.readOnly, why, at: place.span, help: place.kind.isLoose ? ["tag(0019,\"MAKER\",10)"] : [])
      return false
    }
    return true
  }

  // MARK: Copies

  /// Whether an element is copied as it stands, with its VR and all its values.
  private func copies(_ source: ElementPlace, to place: ElementPlace) -> Bool {
    guard source.isWhole, place.isWhole, source.kind.values != .pixels, place.kind.values != .pixels else {
      return false
    }
    // What stands in an output may be no stretch of anything any more.
    if source.kind.values == .sequence, source.owner.reference.draft != nil { return false }
    if place.kind.values == .open { return true }
    if source.kind.isMany, !place.kind.isMany { return false }
    return source.kind.attribute != nil && source.kind.attribute?.vrs == place.kind.attribute?.vrs
  }

  private mutating func copy(_ source: ElementPlace, to place: ElementPlace) -> Execute {
    if source.owner.reference == .input { scope.read(source.path) }
    return { run in
      let target = try place.target(run)
      guard let held = try source.copied(run) else { return try run.remove(target) }
      try run.step(bytes: held.valueRange.count, at: place.span)
      try run.editObject(target.draft, target.path, at: place.span) { (object) throws(DICOMError) in
        try object.draft.copy(held, to: target.path)
        if held.isSequence { object.noteRemoval(target.path.steps) }
      }
      if run.isTraced { run.record(.text("\(held)"), at: place.span) }
    }
  }

  // MARK: What is written

  /// How a value takes the place of a whole element; reported, and `nil`, where it can't.
  mutating func elementWrite(_ value: Typed, _ kind: ElementKind) -> ElementWrite? {
    guard case .list(let element) = value.type else {
      guard kind.values != .sequence || value.type == .nothing || value.type == .never else {
        mismatch(value, wanted: "a list of items", help: ["[\(source.text(value.span))]"])
        return nil
      }
      if kind.values == .sequence {
        return { datum, target, run in try run.remove(target, leavingEmpty: datum.isNull) }
      }
      guard let placed = elementValue(value, kind) else { return nil }
      return { datum, target, run in
        guard datum.isValued else { return try run.remove(target, leavingEmpty: datum.isNull) }
        try run.write(try placed(datum, run), to: target, kind)
      }
    }
    switch element {
    case .fields, .dataSet: return itemsWrite(value, element, kind)
    case .nothing where kind.values == .sequence:
      return { _, target, run in try run.remove(target, leavingEmpty: true) }
    default: break
    }
    guard kind.isMany || kind.values == .open else {
      mismatch(value, wanted: kind.values == .sequence ? "a list of items" : "a single value", help: ["[1]"])
      return nil
    }
    if let most = kind.valuesMax, case .list(let written)? = value.constant, written.count > most {
      problems.report(.elementForm, "\(kind.name) has \(most) values at most", at: value.span)
      return nil
    }
    var one = value
    one.type = element
    one.constant = nil
    guard let placed = elementValue(one, kind), checkWritten(value, kind) else { return nil }
    return { datum, target, run in
      let values = try datum.argumentList.map { $0.isValued ? try placed($0, run) : .texts([""]) }
      try run.write(DICOMValue.joined(values), to: target, kind)
    }
  }

  /// The values of a list that is written in the program.
  private mutating func checkWritten(_ list: Typed, _ kind: ElementKind) -> Bool {
    guard case .list(let values)? = list.constant else { return true }
    return values.allSatisfy { value in
      guard case .text = value else { return true }
      return elementValue(.constant(value, .text, at: list.span), kind) != nil
    }
  }

  /// How one value of several is written: `out.ImageType[3] = "LOCALIZER"`.
  private mutating func valueWrite(_ value: Typed, _ place: ElementPlace) -> ElementWrite? {
    guard place.kind.values != .sequence else {
      problems.report(
        .readOnly, "an item is written element by element", at: place.span, help: ["\(source.text(place.span)).… = …"])
      return nil
    }
    guard let placed = elementValue(value, place.kind) else { return nil }
    return { datum, target, run in
      var values = try place.readAll(run)
      let number = if case .index(let number) = place.pick { number } else { max(1, values.count) }
      guard number <= values.count + 1 else {
        throw Failure.unwritable(target.path, "it has \(values.count) values", at: target.span)
      }
      if number > values.count { values.append(datum) } else { values[number - 1] = datum }
      let all = try values.map { $0.isValued ? try placed($0, run) : .texts([""]) }
      try run.write(DICOMValue.joined(all), to: target, place.kind)
    }
  }

  /// `out.ImageType += "MPR"`, `out.RequestAttributesSequence += { … }`
  mutating func appendElement(_ target: Expression, _ expression: Expression) -> Execute {
    let place = writtenElement(target)
    scope.forgetReads()
    let value = typed(expression)
    guard let place, value.type != .broken else { return { _ in } }
    guard place.isWhole, place.kind.isMany || [.sequence, .open].contains(place.kind.values) else {
      problems.report(
        .repeats, "\(place.path) has one value; nothing can be added to it", at: target.span,
        help: ["\(source.text(target.span)) = …"])
      return { _ in }
    }
    var one = value
    var isList = false
    if case .list(let element) = value.type { (one.type, isList) = (element, true) }
    let evaluate = value.evaluate
    switch one.type {
    case .fields, .dataSet:
      guard let write = itemWrite(one) else { return { _ in } }
      return { [isList] run in
        let datum = try evaluate(run)
        for item in isList ? datum.argumentList : [datum] where item.isValued {
          let count = try place.readAll(run).count
          var target = try place.target(run)
          target.path.steps[target.path.steps.count - 1].item = count + 1
          try write(item, target, run)
        }
      }
    default: break
    }
    guard let placed = elementValue(one, place.kind) else { return { _ in } }
    return { [isList] run in
      let datum = try evaluate(run)
      let more = (isList ? datum.argumentList : [datum]).filter(\.isValued)
      if more.isEmpty { return }
      let all = try (try place.readAll(run) + more).map { $0.isValued ? try placed($0, run) : .texts([""]) }
      try run.write(DICOMValue.joined(all), to: try place.target(run), place.kind)
    }
  }

  // MARK: Removing

  /// `remove out.PatientAddress`, `remove item`, `remove out.X[* where …]`
  mutating func removeElement(_ target: Expression) -> Execute {
    let span = target.span
    switch cursor(target) {
    case .broken: return { _ in }
    case .element(var place):
      place.span = span
      guard checkWritten(place, isRemoval: true) else { return { _ in } }
      if place.isWhole { return { [place] run in try run.remove(try place.target(run)) } }
      guard place.kind.mayHaveItems else {
        problems.report(
          .readOnly, "one of several values is not removed; the list is written anew", at: span,
          help: ["\(place.kind.name) = [ … ]"])
        return { _ in }
      }
      return { [place] run in
        if case .dataSet(let item) = try place.read(run) { try run.remove(item, at: span) }
      }
    case .value(let value), .many(let value):
      switch value.type {
      case .dataSet(.draft), .list(.dataSet(.draft)):
        let evaluate = value.evaluate
        return { run in
          let datum = try evaluate(run)
          let items = if case .list(let items) = datum { items } else { [datum] }
          for case .dataSet(let item) in items { try run.remove(item, at: span) }
        }
      case .broken: return { _ in }
      default: break
      }
    default: break
    }
    problems.report(
      .readOnly, "'\(source.text(span))' is no element or item of an output", at: span,
      help: ["remove out.PatientAddress"])
    return { _ in }
  }
}
