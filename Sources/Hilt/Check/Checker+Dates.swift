import HL7
import Messages
import Text

extension Checker {
  /// A zone by its name; reported where this machine has none of that name.
  mutating func zoneRules(_ name: String, _ code: Code, at span: Span) -> TimeZoneRules? {
    do {
      return try TimeZoneRules(named: name)
    } catch {
      let (message, help) =
        switch error {
        case .unknown: ("there is no time zone '\(name)'", ["its region and city: \"Europe/London\""])
        case .noDatabase:
          (
            "this machine has no time zones: \(TimeZoneRules.folder) is missing",
            ["install the system's package tzdata"]
          )
        case .unreadable: ("the time zone '\(name)' can't be read from \(TimeZoneRules.folder)", ["tzdata"])
        }
      problems.report(code, message, at: span, help: help)
      return nil
    }
  }

  /// XML writes dates as ISO 8601 does, or, as CDA, in the form of HL7: the two are never confused.
  private var readsXML: Bool { input?.format == .xml }

  // MARK: Forms

  /// A date's form that is written in a program; `nil` where it is none.
  private mutating func form(_ expression: Expression, for use: DateForm.Use) -> DateForm? {
    guard case .text(let text)? = argument(typed(expression), .literal).constant else { return nil }
    do {
      return try DateForm(text, for: use)
    } catch {
      var span = expression.span
      // Without escapes the text's bytes stand in the program as they are, behind the quote.
      let start = Int(span.start) + 1
      if source.text(span) == "\"\(text)\"", !error.range.isEmpty {
        span = Span(start + error.range.lowerBound, start + error.range.upperBound)
      }
      problems.report(.dateForm, error.message, at: span, help: error.help)
      return nil
    }
  }

  /// `date(x)`, `date(x, "dd/MM/yyyy")` and `datetime`.
  mutating func date(_ call: Call, upTo precision: Stamp.Precision?) -> Typed {
    let name = call.function.name
    let malformed = FunctionError(kind: .parse, message: "\(name)() was given a text of another form")
    let given = call[0].map { typed($0) } ?? .broken(call.span)
    let takesISO = given.type == .json || readsXML
    let value = given.type == .json ? jsonText(given, name) : given
    guard let written = call[1] else {
      return read(value, .stamp, call.span) { text in
        guard let stamp = takesISO ? Stamp(iso: text) ?? Stamp(hl7: text) : Stamp(hl7: text) else { throw malformed }
        return .stamp(precision.map { stamp.truncated($0) } ?? stamp)
      }
    }
    guard let form = form(written, for: .readingDate) else { return .broken(call.span) }
    return read(value, .stamp, call.span) { text in
      guard let stamp = form.read(text) else { throw malformed }
      return .stamp(precision.map { stamp.truncated($0) } ?? stamp)
    }
  }

  /// `time(x)`, `time(x, "HH:mm")`, and the time of day of a date.
  mutating func time(_ call: Call) -> Typed {
    let malformed = FunctionError(kind: .parse, message: "time() was given a text of another form")
    let value = call[0].map { typed($0) } ?? .broken(call.span)
    if let written = call[1] {
      guard let form = form(written, for: .readingTime) else { return .broken(call.span) }
      return read(value, .time, call.span) { text in
        guard let stamp = form.read(text), let time = TimeOfDay(stamp) else { throw malformed }
        return .time(time)
      }
    }
    guard value.type == .stamp else {
      let takesISO = readsXML
      return read(value, .time, call.span) { text in
        guard let time = TimeOfDay(hl7: text) ?? (takesISO ? TimeOfDay(iso: text) : nil) else { throw malformed }
        return .time(time)
      }
    }
    let (evaluate, span) = (value.evaluate, call.span)
    return Typed(.time, mayBeAbsent: value.mayBeAbsent, at: span) { run in
      let datum = try evaluate(run)
      guard case .stamp(let stamp) = datum else { return datum }
      guard let time = TimeOfDay(stamp) else {
        throw FunctionError(kind: .range, message: "time() was given a date without hours").interrupt(at: span)
      }
      return .time(time)
    }
  }

  /// What a text says; absent of absent, null of null.
  private mutating func read(
    _ value: Typed, _ type: Type, _ span: Span, _ body: @escaping @Sendable (String) throws -> Datum
  ) -> Typed {
    let text = argument(value, .text)
    if text.type == .broken { return text }
    let evaluate = text.evaluate
    return Typed(type, mayBeAbsent: text.mayBeAbsent, at: span) { run in
      let datum = try evaluate(run)
      guard case .text(let text) = datum else { return datum }
      try run.step(bytes: text.utf8.count, at: span)
      do {
        return try body(text)
      } catch let error as FunctionError {
        throw error.interrupt(at: span)
      }
    }
  }

  /// `written(d, "dd.MM.yyyy")`
  mutating func written(_ call: Call) -> Typed {
    let value = call[0].map { argument(typed($0), .stampOrTime) } ?? .broken(call.span)
    let form = call[1].flatMap { self.form($0, for: value.type == .time ? .writingTime : .writing) }
    guard let form, value.type != .broken else { return .broken(call.span) }
    let (evaluate, span) = (value.evaluate, call.span)
    return Typed(.text, mayBeAbsent: value.mayBeAbsent, at: span) { run in
      let datum = try evaluate(run)
      try run.step(at: span)
      let stamp: Stamp
      switch datum {
      case .stamp(let date): stamp = date
      case .time(let time): stamp = time.stamp
      default: return datum
      }
      guard let text = form.write(stamp) else {
        throw FunctionError(kind: .range, message: "written() was given a date that is less exact than its form")
          .interrupt(at: span)
      }
      return .text(text)
    }
  }

  // MARK: Zones

  /// `in_zone(d, "Europe/Paris")`
  mutating func inZone(_ call: Call) -> Typed {
    let value = call[0].map { argument(typed($0), .stamp) } ?? .broken(call.span)
    let name = call[1].map { argument(typed($0), .literal) } ?? .broken(call.span)
    guard case .text(let text)? = name.constant, let zone = zoneRules(text, .arguments, at: name.span),
      value.type != .broken
    else { return .broken(call.span) }
    let (evaluate, span) = (value.evaluate, call.span)
    return Typed(.stamp, mayBeAbsent: value.mayBeAbsent, at: span) { run in
      let datum = try evaluate(run)
      try run.step(at: span)
      guard case .stamp(let stamp) = datum else { return datum }
      guard let moved = stamp.moved(to: zone) else {
        throw FunctionError(
          kind: .range, message: "in_zone() was given a time without an offset; instant() gives it one"
        )
        .interrupt(at: span)
      }
      return .stamp(moved)
    }
  }

  /// `instant(x)`: a time with an offset: its own, else that of MSH-7, else the one of the program's zone; or, with
  /// `zone: "Europe/Paris"`, its own, else the one of that zone.
  mutating func instant(_ call: Call) -> Typed {
    let value = call[0].map { typed($0) } ?? .broken(call.span)
    let input = value.type == .stamp ? value : argument(value, .text)
    if input.type == .broken { return input }
    var own: TimeZoneRules?
    if let written = call[1] {
      let name = argument(typed(written), .literal)
      guard case .text(let text)? = name.constant, let rules = zoneRules(text, .arguments, at: name.span) else {
        return .broken(call.span)
      }
      own = rules
    }
    // A library's functions take the zone of the program that imports it.
    if own == nil, zone == nil, !isExpression, !isZoneBroken, !modules[0].tree.isLibrary {
      return broken(
        .noZone, "a time without an offset is nowhere, and this transform names no zone", at: call.span,
        help: ["zone \"Europe/London\" in the head"])
    }
    let takesISO = readsXML
    let (evaluate, span, zone, hasMessage) = (input.evaluate, call.span, own ?? zone, hasMessage && own == nil)
    return Typed(.stamp, mayBeAbsent: input.mayBeAbsent, at: span) { run in
      let datum = try evaluate(run)
      try run.step(at: span)
      let stamp: Stamp
      switch datum {
      case .stamp(let date): stamp = date
      case .text(let text):
        guard let date = takesISO ? Stamp(iso: text) ?? Stamp(hl7: text) : Stamp(hl7: text) else {
          throw FunctionError(kind: .parse, message: "instant() was given a text that is no date and time")
            .interrupt(at: span)
        }
        stamp = date
      default: return datum
      }
      guard stamp.precision >= .minute else {
        throw FunctionError(kind: .range, message: "instant() was given a date that is not exact to the minute")
          .interrupt(at: span)
      }
      return .stamp(try run.withOffset(stamp, zone, asksMessage: hasMessage, "instant()", at: span))
    }
  }
}
