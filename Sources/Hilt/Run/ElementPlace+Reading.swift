import DICOM

/// What stands at a place of DICOM.
extension ElementPlace {
  /// An element as it is found.
  enum Held {
    case value(DICOMElement)
    case items([DataSetValue])

    var isEmpty: Bool {
      switch self {
      case .value(let element): element.isEmpty
      case .items(let items): items.isEmpty
      }
    }
  }

  /// `nil`: there is no such element.
  func held(_ run: Run) throws -> Held? {
    guard let owner = try self.owner.find(run) else { return nil }
    switch owner {
    case .read(let whole):
      let dataSet = self.owner.isMessage && kind.isMeta ? try run.object(at: span).meta : whole
      let found = dataSet.find(kind.tag)
      try run.step(bytes: found.passed << 2, at: span)
      guard let element = found.element else { return nil }
      guard element.isSequence else { return .value(element) }
      let items = element.items
      try run.step(bytes: items.count << 4, at: span)
      return .items(items.map { .read($0) })
    case .item(let item):
      guard let object = run.objects[item.draft], let steps = object.steps(of: item) else { return nil }
      let path = DICOMPath(steps + [DICOMPath.Step(kind.tag)])
      try run.step(bytes: object.draft.siblingCount(path) << 2, at: span)
      switch object.draft.held(path) {
      case nil: return nil
      case .value(let element)?: return .value(element)
      case .sequence(let count)?:
        try run.step(bytes: count << 4, at: span)
        let items = (0..<count).map { number in
          DataSetValue.item(
            DraftItem(
              draft: item.draft, steps: steps + [DICOMPath.Step(kind.tag, item: number + 1)], seen: object.removalCount
            ))
        }
        return .items(items)
      }
    }
  }

  func presence(_ run: Run) throws -> Presence {
    guard isWhole else {
      let datum = try read(run)
      return datum.isValued ? .valued : datum.isNull ? .null : .absent
    }
    return try held(run).map { $0.isEmpty ? .null : .valued } ?? .absent
  }

  /// One value or item; of an element without values null.
  func read(_ run: Run) throws -> Datum {
    switch try held(run) {
    case nil: return .absent
    case .items(let items)?:
      guard kind.mayHaveItems else { throw unreadable("it is a sequence here") }
      return one(items.map { .dataSet($0) })
    case .value(let element)?:
      if element.isEmpty { return isWhole ? .null : .absent }
      if kind.values == .sequence { throw unreadable("it is no sequence here") }
      if kind.values == .bytes { return .bytes(try bytes(of: element, run)) }
      let values = try values(of: element, run)
      guard isWhole, values.count > 1 else { return values.isEmpty ? .null : one(values) }
      // A backslash in a text that should be one: both parts are what the sender meant.
      let texts = values.compactMap { value in
        if case .text(let text) = value { text } else { value.isAbsent ? "" : nil }
      }
      guard texts.count == values.count else { throw unreadable("it has \(values.count) values") }
      return .text(texts.joined(separator: "\\"))
    }
  }

  /// All values or items.
  func readAll(_ run: Run) throws -> [Datum] {
    switch try held(run) {
    case nil: return []
    case .items(let items)?:
      guard kind.mayHaveItems else { throw unreadable("it is a sequence here") }
      return items.map { .dataSet($0) }
    case .value(let element)?:
      if element.isEmpty { return [] }
      if kind.values == .sequence { throw unreadable("it is no sequence here") }
      return try values(of: element, run)
    }
  }

  private func one(_ values: [Datum]) -> Datum {
    switch pick {
    case .whole, .all: values.first ?? .absent
    case .last: values.last ?? .absent
    case .index(let number): number <= values.count ? values[number - 1] : .absent
    }
  }

  private func bytes(of element: DICOMElement, _ run: Run) throws -> [UInt8] {
    try run.step(bytes: element.valueRange.count, at: span)
    do throws(DICOMError) {
      return Array(try element.bytes())
    } catch {
      throw unreadable(error.reason)
    }
  }

  /// The values as what the dictionary says that they are; an empty one is absent.
  private func values(of element: DICOMElement, _ run: Run) throws -> [Datum] {
    try run.step(bytes: element.valueRange.count, at: span)
    let texts: [String]
    do throws(DICOMError) {
      texts = try element.textsOfAnyKind()
    } catch {
      throw unreadable(error.reason)
    }
    try run.step(bytes: texts.count << 4, at: span)
    return try texts.map { text in
      if text.isEmpty { return .absent }
      guard kind.values == .number else { return .text(text) }
      guard let number = Decimal(dicom: text) else {
        throw unreadable("it is no number of up to \(Decimal.digitsMax) digits")
      }
      return .number(number)
    }
  }

  func unreadable(_ why: String) -> Interrupt {
    .failure(Failure(.stopping, .unreadable, "\(path) can't be read: \(why)", at: span, path: path))
  }
}

extension DICOMElement {
  /// Values as texts, whatever their VR is: numbers as they are written, tags as `(gggg,eeee)`.
  fileprivate func textsOfAnyKind() throws(DICOMError) -> [String] {
    let vr = vr
    if vr.isText { return try texts() }
    switch vr {
    case .us, .ss, .ul, .sl, .uv, .sv: return try integers().map { String($0) }
    case .fl: return try floats().map { "\(Float($0))" }
    case .fd: return try floats().map { "\($0)" }
    case .at: return try tags().map(\.description)
    default: break
    }
    // What was passed on without a VR is text where it can be nothing else.
    var bytes = Array(try bytes())
    while let last = bytes.last, last == 0 || last == 0x20 { bytes.removeLast() }
    guard vr == .un, bytes.allSatisfy({ (0x20..<0x7F).contains($0) }) else {
      throw DICOMError(.kindOfValue(vr), offset: range.lowerBound, path: path)
    }
    return String(decoding: bytes, as: UTF8.self).split(separator: "\\", omittingEmptySubsequences: false)
      .map { $0.trimmingPrefix { $0 == " " } }.map(String.init)
  }
}

extension Decimal {
  /// A number of DS or IS, which may have a plus and leave out zeros around its point; `nil` beyond 18 digits.
  init?(dicom text: String) {
    var text = Substring(text)
    let isNegative = text.hasPrefix("-")
    if isNegative || text.hasPrefix("+") { text = text.dropFirst() }
    if text.hasPrefix(".") { text = "0" + text }
    if text.hasSuffix(".") { text = text.dropLast() }
    guard let first = text.utf8.first, (0x30...0x39).contains(first) else { return nil }
    self.init(json: (isNegative ? "-" : "") + text)
  }
}
