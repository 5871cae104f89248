import FHIR
import HL7
import Messages
import Text

/// Values of Hilt as the primitives of FHIR.
extension Checker {
  mutating func primitivePlacing(
    _ value: Typed, _ type: Type, _ primitive: FHIRPrimitive, _ codes: [String], _ target: Target
  ) -> Placing? {
    let (span, place) = (value.span, target.place)
    switch (primitive, type) {
    case (.boolean, .boolean), (.decimal, .number):
      return Placing(type: .placed)
    case (.integer, .number), (.unsignedInt, .number), (.positiveInt, .number):
      return wholePlacing(primitive, place, span)
    case (.date, .stamp):
      return Placing(
        type: .placed,
        place: { datum, _ in
          guard case .stamp(let stamp) = datum else { return .absent }
          return .text(stamp.iso(upTo: .day))
        })
    case (.dateTime, .stamp), (.instant, .stamp): return stampPlacing(primitive, place, span)
    case (.time, .time):
      return Placing(
        type: .placed,
        place: { datum, _ in
          guard case .time(let time) = datum else { return .absent }
          return .text(time.iso)
        })
    case (.base64Binary, .bytes):
      return Placing(
        type: .placed,
        place: { datum, run in
          guard case .bytes(let bytes) = datum, !bytes.isEmpty else { return .absent }
          try run.step(bytes: bytes.count, at: span)
          return .text(String(decoding: Base64Text.text(bytes), as: UTF8.self))
        })
    case (.boolean, _), (.decimal, _), (.integer, _), (.unsignedInt, _), (.positiveInt, _), (.date, _), (.dateTime, _),
      (.instant, _), (.time, _):
      reportPrimitive(value, type, primitive, place)
      return nil
    default: return textPlacing(value, type, primitive, codes, target)
    }
  }

  private mutating func reportPrimitive(_ value: Typed, _ type: Type, _ primitive: FHIRPrimitive, _ place: String) {
    let text = source.text(value.span)
    let help: [String]
    switch primitive {
    case .boolean: help = value.constant == nil ? ["\(text) == \"Y\""] : ["true", "false"]
    case .decimal: help = ["number(\(text)) catch absent"]
    case .integer, .unsignedInt, .positiveInt: help = ["integer(\(text)) catch absent"]
    case .date: help = ["date(\(text)) catch absent"]
    case .dateTime: help = ["datetime(\(text)) catch absent"]
    case .instant: help = ["instant(\(text)) catch absent"]
    default: help = ["time(\(text)) catch absent"]
    }
    problems.report(
      .type, "\(place) is of type \(primitive.rawValue), and this is \(type.name)", at: value.span,
      help: type.isTextual ? help : [])
  }

  private func wholePlacing(_ primitive: FHIRPrimitive, _ place: String, _ span: Span) -> Placing {
    Placing(
      type: .placed,
      place: { datum, _ in
        guard case .number(let number) = datum else { return .absent }
        if let fault = primitive.problem(number.description) { throw Failure.form(place, fault, at: span) }
        return datum
      },
      check: { datum in
        guard case .number(let number) = datum else { return nil }
        return primitive.problem(number.description)
      })
  }

  // MARK: Dates

  /// E140 where a time could come to FHIR and no zone is known that its offset could be taken from.
  private mutating func stampPlacing(_ primitive: FHIRPrimitive, _ place: String, _ span: Span) -> Placing? {
    if zone == nil, !isExpression, !isZoneBroken, !modules[0].tree.isLibrary, !saidNoZone {
      saidNoZone = true
      // The transform is what lacks it, also where a library's function makes the time.
      let found = source.place(of: span)
      let isOwn = found.file == source.file
      problems.report(
        .noZone,
        (isOwn ? "" : "\(found.file):\(found.line): ")
          + "\(place) is of type \(primitive.rawValue): a time in it needs an offset, and this transform names no zone",
        at: isOwn ? span : modules[0].tree.name.span, help: ["zone \"Europe/London\" in the head"])
    }
    let (zone, hasMessage) = (zone, hasMessage)
    return Placing(
      type: .placed,
      place: { datum, run in
        guard case .stamp(let stamp) = datum else { return .absent }
        try run.step(at: span)
        if primitive == .instant, stamp.precision < .minute {
          throw Failure.form(place, "a date that is not exact to the minute is no instant", at: span)
        }
        guard stamp.precision >= .hour else { return .text(stamp.iso()) }
        return .text(try run.withOffset(stamp, zone, asksMessage: hasMessage, place, at: span).iso())
      })
  }

  // MARK: Texts

  private mutating func textPlacing(
    _ value: Typed, _ type: Type, _ primitive: FHIRPrimitive, _ codes: [String], _ target: Target
  ) -> Placing? {
    let (span, path, place) = (value.span, value.path, target.place)
    let firstLeaf: Bool
    switch type {
    case .text, .attribute, .personName: firstLeaf = false
    case .content(let kind):
      guard checkText(value, kind) else { return nil }
      firstLeaf = kind.givesFirstLeaf
    default:
      var one = value
      one.type = type
      if case .fhir = type {
        problems.report(.type, "\(place) is one text (\(primitive.rawValue)), and this is \(type.name)", at: span)
      } else {
        _ = text(one)
      }
      return nil
    }
    let isAnyText = primitive == .string || primitive == .markdown
    // What a table gives or a literal says was looked at when the program was checked.
    let wanted = codes.isEmpty ? nil : Set(codes)
    return Placing(
      type: .placed,
      place: { datum, run in
        guard case .text(let text) = try TextReading.text(datum, firstLeaf: firstLeaf, run: run, at: span, path: path)
        else { return .absent }
        try run.step(bytes: text.utf8.count, at: span)
        if isAnyText ? !text.isPlain : primitive != .code || !text.isPlainCode {
          if text.isEmpty { return .absent }
          if let fault = primitive.problem(text) { throw Failure.form(place, fault, at: span, path: path) }
        }
        if let wanted, !wanted.contains(text) {
          throw Interrupt.failure(
            Failure(
              .stopping, .notACode, "what comes to \(place) here is none of its codes", at: span, path: path,
              help: [codes.joined(separator: ", ")]))
        }
        return .text(text)
      },
      check: { datum in
        guard case .text(let text) = datum, !text.isEmpty else { return nil }
        return primitive.problem(text)
      })
  }
}

extension TimeOfDay {
  /// As FHIR writes it, which knows no offset here.
  var iso: String {
    let text = stamp.iso().dropFirst(11)
    return String(text.prefix { $0 != "Z" && $0 != "+" && $0 != "-" })
  }
}

extension String {
  /// Nothing in it that a text of FHIR can't hold, and it isn't empty.
  fileprivate var isPlain: Bool {
    var count = 0
    for byte in utf8 {
      if byte < 0x20 { return false }
      count += 1
    }
    return count > 0 && count <= 1 << 20
  }

  fileprivate var isPlainCode: Bool {
    var isPlain = false
    for byte in utf8 {
      if byte <= 0x20 || byte >= 0x7F { return false }
      isPlain = true
    }
    return isPlain
  }
}

extension Failure {
  /// A value that its element can't hold; its text says why and never what.
  static func form(_ place: String, _ fault: String, at span: Span, path: String? = nil) -> Interrupt {
    .failure(Failure(.stopping, .elementForm, "what comes to \(place) here: \(fault)", at: span, path: path))
  }
}
