import DICOM

/// What is written of a value, as the VR of its element has it.
typealias ElementValue = @Sendable (Datum, Run) throws -> DICOMValue

/// Values that go to elements of DICOM.
extension Checker {
  /// How one value is written to an element; reported, and `nil`, where it can't be.
  mutating func elementValue(_ given: Typed, _ kind: ElementKind) -> ElementValue? {
    let (span, name) = (given.span, kind.name)
    switch kind.values {
    case .pixels:
      problems.report(.readOnly, "pixels are passed on as they are", at: span, help: ["remove out.\(name)"])
      return nil
    case .sequence:
      mismatch(given, wanted: "a list of items", help: ["[{ CodeValue: … }]"])
      return nil
    case .bytes: return bytesValue(given, kind)
    case .number: return numberValue(given, kind)
    case .name, .text: return textValue(given, kind)
    case .open: break
    }
    // Nothing is known of a private element: what it is shows by what it is given.
    switch given.type {
    case .bytes: return { datum, _ in .bytes(datum.argumentBytes) }
    default:
      if given.type != .number, text(given).type == .broken { return nil }
      return { datum, _ in .text(datum.elementText) }
    }
  }

  private mutating func bytesValue(_ given: Typed, _ kind: ElementKind) -> ElementValue? {
    guard given.type == .bytes || given.type == .nothing else {
      mismatch(given, wanted: "a stretch of bytes", help: given.type.isTextual ? ["base64(…) catch …"] : [])
      return nil
    }
    guard kind.vr == .ob || kind.vr == .un else {
      problems.report(
        .readOnly, "\(kind.name) holds numbers of several bytes, which are copied and not written", at: given.span,
        help: ["out.\(kind.name) = msg.\(kind.name)"])
      return nil
    }
    return { datum, _ in .bytes(datum.argumentBytes) }
  }

  private mutating func numberValue(_ given: Typed, _ kind: ElementKind) -> ElementValue? {
    let (span, name, vr) = (given.span, kind.name, kind.vr ?? kind.attribute?.vrs.first ?? .ds)
    if given.type == .nothing || given.type == .never { return { _, _ in .texts([]) } }
    guard given.type == .number || vr.isText && given.type.isTextual else {
      mismatch(given, wanted: "a number", help: given.type.isTextual ? ["number(…) catch …"] : [])
      return nil
    }
    if vr.isText {
      guard let given = checked(given.type == .number ? given : text(given), vr, name) else { return nil }
      _ = given
      return Self.fitting(vr, name, span)
    }
    return { datum, _ in
      let number = datum.argumentNumber
      if vr == .fl || vr == .fd { return .floats([Double(number.description) ?? 0]) }
      guard let whole = number.integer else { throw Self.misfit(name, "\(vr) is a whole number", at: span) }
      return .integer(whole)
    }
  }

  private mutating func textValue(_ given: Typed, _ kind: ElementKind) -> ElementValue? {
    let (span, name, vr) = (given.span, kind.name, kind.vr ?? kind.attribute?.vrs.first ?? .lo)
    if given.type == .nothing || given.type == .never { return { _, _ in .texts([]) } }
    if vr == .at {
      guard text(given).type != .broken else { return nil }
      return { datum, _ in
        guard let tag = DICOMTag(datum.elementText) else { throw Self.misfit(name, "AT is a tag: 0010,0020", at: span) }
        return .tags([tag])
      }
    }
    switch (given.type, vr) {
    case (.stamp, .da), (.stamp, .dt), (.stamp, .tm), (.time, .tm): return Self.dateValue(vr, name, span)
    case (.number, _):
      mismatch(given, wanted: "a text", help: ["\"{…}\""])
      return nil
    case (.personName, .pn): break
    default:
      guard checked(text(given), vr, name) != nil else { return nil }
    }
    return Self.fitting(vr, name, span)
  }

  /// What is written in the program is checked with it.
  private mutating func checked(_ value: Typed, _ vr: DICOMVR, _ name: String) -> Typed? {
    if value.type == .broken { return nil }
    let written: String? =
      switch value.constant {
      case .text(let text)?: text
      case .number(let number)?: number.description
      default: nil
      }
    guard let written, let refusal = vr.refusal(of: written) else { return value }
    problems.report(.elementForm, "\(name) can't be this: \(refusal)", at: value.span)
    return nil
  }

  private static func fitting(_ vr: DICOMVR, _ name: String, _ span: Span) -> ElementValue {
    { datum, run in
      let text = datum.elementText
      try run.step(bytes: text.utf8.count, at: span)
      if let refusal = vr.refusal(of: text) { throw misfit(name, refusal, at: span) }
      return .text(text)
    }
  }

  private static func dateValue(_ vr: DICOMVR, _ name: String, _ span: Span) -> ElementValue {
    { datum, _ in
      let text: String
      switch (datum, vr) {
      case (.stamp(let stamp), .da):
        guard stamp.precision >= .day else { throw misfit(name, "DA is exact to the day", at: span) }
        text = stamp.hl7(.day)
      case (.stamp(let stamp), .dt): text = stamp.hl7()
      case (.stamp(let stamp), _):
        guard let time = TimeOfDay(stamp) else { throw misfit(name, "the date has no time of day", at: span) }
        text = time.withoutOffset
      case (.time(let time), _): text = time.withoutOffset
      default: text = ""
      }
      return .text(text)
    }
  }

  static func misfit(_ name: String, _ why: String, at span: Span) -> Interrupt {
    .failure(Failure(.stopping, .unwritable, "\(name) can't be written: \(why)", at: span, path: name))
  }
}

extension Datum {
  /// As an element takes it.
  fileprivate var elementText: String {
    switch self {
    case .text(let text): text
    case .number(let number): number.description
    case .stamp(let stamp): stamp.hl7()
    case .time(let time): time.withoutOffset
    case .boolean(let flag): flag ? "true" : "false"
    default: ""
    }
  }
}

extension TimeOfDay {
  /// TM has none.
  fileprivate var withoutOffset: String { String(hl7().prefix { $0 != "+" && $0 != "-" }) }
}
