import DICOM

/// Which object of DICOM a value is, or is an item of.
enum DataSetReference: Sendable, Hashable {
  case input
  /// An output, by its number.
  case draft(Int)

  var draft: Int? { if case .draft(let number) = self { number } else { nil } }
}

/// Where a path of DICOM has come to: an element of a data set or an item, all of it or one of its values or items.
struct ElementPlace: Sendable {
  enum Pick: Sendable {
    case whole, last, all
    case index(Int)
  }
  var owner: ElementOwner
  var kind: ElementKind
  var pick = Pick.whole
  var span: Span

  /// As a person writes it: `RequestAttributesSequence[1].ScheduledProcedureStepID`.
  var path: String {
    let whole = owner.path.isEmpty ? kind.name : "\(owner.path).\(kind.name)"
    switch pick {
    case .whole: return whole
    case .last: return "\(whole)[last]"
    case .all: return "\(whole)[*]"
    case .index(let number): return "\(whole)[\(number)]"
    }
  }

  var isWhole: Bool { if case .whole = pick { true } else { false } }
}

/// The data set or item that an element is in.
struct ElementOwner: Sendable {
  var reference: DataSetReference
  /// It is the message that came, with group 0002 in front.
  var isMessage = false
  /// It is a whole object, and no item.
  var isObject = false
  /// `RequestAttributesSequence[1]`; empty for a whole object.
  var path = ""
  /// It as it is; `nil` where it isn't there.
  var find: @Sendable (Run) throws -> DataSetValue?
  /// Where it is in its output, there or not: what is written makes it. `nil` where nobody can say.
  var steps: @Sendable (Run) throws -> [DICOMPath.Step]?

  /// - Parameter reference: of the value's type.
  init(_ value: Typed, _ reference: DataSetReference, isObject: Bool) {
    self.reference = reference
    self.isObject = isObject
    isMessage = isObject && reference == .input
    path = isObject ? "" : value.path ?? "item"
    let evaluate = value.evaluate
    let find: @Sendable (Run) throws -> DataSetValue? = { run in
      if case .dataSet(let value) = try evaluate(run) { return value }
      return nil
    }
    self.find = find
    steps = { run in try find(run).flatMap { run.steps(of: $0) } }
  }

  /// The items that a path goes on from: one of a sequence.
  init(_ place: ElementPlace) {
    reference = place.owner.reference
    path = place.path
    let find: @Sendable (Run) throws -> DataSetValue? = { run in
      let datum = try place.read(run)
      if case .dataSet(let value) = datum { return value }
      if datum.isValued { throw place.unreadable("it is no sequence here") }
      return nil
    }
    self.find = find
    let (outer, tag) = (place.owner.steps, place.kind.tag)
    if case .index(let number) = place.pick {
      steps = { run in try outer(run).map { $0 + [DICOMPath.Step(tag, item: number)] } }
    } else {
      steps = { run in try find(run).flatMap { run.steps(of: $0) } }
    }
  }
}
