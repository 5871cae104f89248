import DICOM

/// Writing to outputs of DICOM.
extension Run {
  /// - Parameter kind: what the element is; of a private one that isn't there yet the VR follows from the value.
  func write(_ value: DICOMValue, to target: ElementTarget, _ kind: ElementKind) throws {
    try step(bytes: value.byteCount, at: target.span)
    var (value, vr) = (value, kind.vr)
    if kind.values == .open {
      switch objects[target.draft]?.draft.held(target.path) {
      case .value(let element)?:
        vr = element.vr
        value = try adapted(value, to: element.vr, target)
      case nil: vr = value.fallbackVR
      case .sequence?: throw Failure.unwritable(target.path, "it is a sequence", at: target.span)
      }
    }
    try editObject(target.draft, target.path, at: target.span) { (object) throws(DICOMError) in
      try object.draft.set(target.path, value, vr: vr)
    }
  }

  /// A text for an element of which the data says that it holds numbers.
  private func adapted(_ value: DICOMValue, to vr: DICOMVR, _ target: ElementTarget) throws -> DICOMValue {
    guard case .texts(let texts) = value, !vr.isText else { return value }
    switch vr {
    case .us, .ss, .ul, .sl, .uv, .sv:
      let numbers = texts.compactMap { Int128($0) }
      if numbers.count == texts.count { return .integers(numbers) }
    case .fl, .fd:
      let numbers = texts.compactMap { Double($0) }
      if numbers.count == texts.count { return .floats(numbers) }
    case .un: return .bytes(Array(texts.joined(separator: "\\").utf8))
    default: break
    }
    throw Failure.unwritable(target.path, "it holds \(vr) here, and this is a text", at: target.span)
  }

  /// Takes an element out.
  ///
  /// - Parameter leavingEmpty: it stays, without a value.
  func remove(_ target: ElementTarget, leavingEmpty: Bool = false) throws {
    try editObject(target.draft, target.path, at: target.span) { (object) throws(DICOMError) in
      let held = object.draft.held(target.path)
      let isSequence = if case .sequence? = held { true } else { false }
      if !leavingEmpty {
        try object.draft.remove(target.path)
      } else if isSequence || target.isOfSequence {
        try object.draft.setItems(target.path, count: 0)
      } else {
        // Of what is there the VR stays; what nobody knows is a text.
        try object.draft.set(target.path, .bytes([]), vr: held == nil && !target.isKnown ? .lo : nil)
      }
      if isSequence { object.noteRemoval(target.path.steps) }
    }
  }

  /// Takes an item out of its sequence.
  func remove(_ item: DataSetValue, at span: Span) throws {
    guard case .item(let place) = item, let steps = steps(of: item), !steps.isEmpty else { return }
    let path = DICOMPath(steps)
    try editObject(place.draft, path, at: span) { (object) throws(DICOMError) in
      try object.draft.remove(path)
      object.noteRemoval(steps)
    }
  }
}

extension ElementTarget {
  fileprivate var isKnown: Bool { path.steps.last.map { ElementKind($0.tag).attribute != nil } ?? false }

  /// By the dictionary.
  fileprivate var isOfSequence: Bool { path.steps.last.map { ElementKind($0.tag).values == .sequence } ?? false }
}

extension ElementPlace {
  /// Where it is in its output.
  func target(_ run: Run) throws -> ElementTarget {
    guard let draft = owner.reference.draft, let steps = try owner.steps(run) else {
      throw Interrupt.failure(
        Failure(
          .stopping, .unwritable, "\(path) can't be written: there is no such item in the output", at: span, path: path)
      )
    }
    return ElementTarget(draft: draft, path: DICOMPath(steps + [DICOMPath.Step(kind.tag)]), span: span)
  }

  /// The element, to be copied; `nil` where there is none.
  func copied(_ run: Run) throws -> DICOMElement? {
    guard let owner = try self.owner.find(run) else { return nil }
    switch owner {
    case .read(let whole):
      let dataSet = self.owner.isMessage && kind.isMeta ? try run.object(at: span).meta : whole
      let found = dataSet.find(kind.tag)
      try run.step(bytes: found.passed << 2, at: span)
      return found.element
    case .item(let item):
      guard let object = run.objects[item.draft], let steps = object.steps(of: item) else { return nil }
      switch object.draft.held(DICOMPath(steps + [DICOMPath.Step(kind.tag)])) {
      case nil: return nil
      case .value(let element)?: return element
      case .sequence?:
        throw unreadable("a sequence of an output is copied item by item; `msg` has it as it came")
      }
    }
  }
}

extension DICOMValue {
  /// What a private element is that comes into being: nobody else says it.
  fileprivate var fallbackVR: DICOMVR? {
    switch self {
    case .texts(let texts): texts.contains { $0.unicodeScalars.count > 64 } ? .uc : .lo
    case .bytes: .ob
    case .integers, .floats, .tags: nil
    }
  }

  fileprivate var byteCount: Int {
    switch self {
    case .texts(let texts): texts.reduce(0) { $0 + $1.utf8.count }
    case .integers(let numbers): numbers.count << 3
    case .floats(let numbers): numbers.count << 3
    case .tags(let tags): tags.count << 2
    case .bytes(let bytes): bytes.count
    }
  }

  /// Single values as those of one element.
  static func joined(_ values: [DICOMValue]) -> DICOMValue {
    var (texts, integers, floats, tags): ([String], [Int128], [Double], [DICOMTag]) = ([], [], [], [])
    for value in values {
      switch value {
      case .texts(let more): texts += more
      case .integers(let more): integers += more
      case .floats(let more): floats += more
      case .tags(let more): tags += more
      case .bytes(let bytes): return .bytes(bytes)
      }
    }
    if !integers.isEmpty { return .integers(integers) }
    if !floats.isEmpty { return .floats(floats) }
    return tags.isEmpty ? .texts(texts) : .tags(tags)
  }
}
