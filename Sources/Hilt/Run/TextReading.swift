import HL7

/// Values as text.
enum TextReading {
  /// The text of a value that is textual.
  ///
  /// - Parameters:
  ///   - firstLeaf: a composite gives its first leaf (TS, CE, CX…); otherwise only a composite with a single leaf is
  ///     one
  ///     text, and any other is E121.
  ///   - path: the place in the message, for the error.
  static func text(
    _ datum: Datum, firstLeaf: Bool, run: Run, at span: Span, path: String?
  ) throws -> OptionalText {
    switch datum {
    case .absent: return .absent
    case .null: return .null
    case .text(let text): return .text(text)
    case .piece(let piece): return try text(piece, firstLeaf: firstLeaf, run: run, at: span, path: path)
    case .number(let number): return .text(number.description)
    case .boolean(let flag): return .text(flag ? "true" : "false")
    case .stamp(let stamp): return .text(stamp.hl7())
    case .time(let time): return .text(time.hl7())
    case .duration(let seconds): return .text("\(seconds)s")
    case .composite(let parts):
      let valued = parts.filter { Datum($0).isValued }
      guard valued.count == 1, let only = parts.first, Datum(only).isValued else {
        throw Interrupt.failure(composite(at: span, path: path))
      }
      return try text(Datum(only), firstLeaf: firstLeaf, run: run, at: span, path: path)
    case .list, .row, .bytes, .group, .record, .choice, .json, .element, .dataSet:
      throw Interrupt.failure(Failure(.convert, "this is no single text", at: span, path: path))
    }
  }

  private static func text(
    _ piece: HL7Piece, firstLeaf: Bool, run: Run, at span: Span, path: String?
  ) throws -> OptionalText {
    try run.step(bytes: piece.byteCount, at: span)
    if let text = piece.plainText { return .text(text) }
    var leaf = piece
    if piece.level < .subcomponent {
      if piece.level == .field, piece.repetitionCount > 1 {
        throw Interrupt.failure(
          Failure(
            .stopping, .repeats, "\(path ?? "this field") repeats in this message; a single value is needed here",
            at: span, path: path, help: path.map { ["\($0)[1]", "for x in \($0)[*]"] } ?? []))
      }
      if !firstLeaf || piece.level == .component, holdsSeveral(piece) {
        throw Interrupt.failure(composite(at: span, path: path))
      }
      leaf = piece.leaf
      if leaf.isEmpty { return .absent }
      if leaf.isNull { return .null }
    }
    do {
      return .text(try leaf.text())
    } catch {
      throw Interrupt.failure(
        Failure(
          .stopping, .unreadable, "\(path ?? "this place") can't be read as text: \(error)", at: span, path: path,
          help: ["charset: … of the channel's hl7 settings"]))
    }
  }

  /// Whether more than the first leaf of a composite is valued.
  private static func holdsSeveral(_ piece: HL7Piece) -> Bool {
    let delimiters = piece.delimiters
    guard
      let separator = piece.bytes.firstIndex(where: { byte in
        byte == delimiters.subcomponent || byte == delimiters.component && piece.level < .component
      })
    else { return false }
    return piece.bytes[separator...].contains { $0 != delimiters.component && $0 != delimiters.subcomponent }
  }

  private static func composite(at span: Span, path: String?) -> Failure {
    let name = path ?? "this value"
    return Failure(
      .stopping, .composite, "\(name) has several components here; one of them is needed", at: span, path: path,
      help: path.map { ["\($0).1"] } ?? [".1"])
  }
}

// MARK: - Parts

extension Datum {
  /// What was put together, as a value.
  init(_ content: HL7Content) {
    switch content {
    case .absent: self = .absent
    case .null: self = .null
    case .text(let text), .formatted(let text): self = text.isEmpty ? .absent : .text(text)
    case .piece(let piece): self.init(piece)
    case .parts(let parts):
      self = parts.contains { Datum($0).isValued || Datum($0).isNull } ? .composite(parts) : .absent
    case .repetitions(let repetitions):
      self = repetitions.count == 1 ? Datum(repetitions[0]) : .list(repetitions.map { Datum($0) })
    }
  }

  /// The n-th component, from 1; of a component the n-th subcomponent. A primitive is its own first.
  func component(_ number: Int) -> Datum {
    switch self {
    case .piece(let piece):
      switch piece.level {
      case .field, .repetition: return Datum(piece.component(number))
      default: return Datum(piece.subcomponent(number))
      }
    case .composite(let parts): return number <= parts.count ? Datum(parts[number - 1]) : .absent
    case .absent, .null: return .absent
    default: return number == 1 ? self : .absent
    }
  }

  /// What is written to one place. Dates and numbers go as their text.
  func content(formatted: Bool) -> HL7Content {
    switch self {
    case .absent: .absent
    case .null: .null
    case .text(let text): text.isEmpty ? .absent : formatted ? .formatted(Self.withBreaks(text)) : .text(text)
    case .number(let number): .text(number.description)
    case .stamp(let stamp): .text(stamp.hl7())
    case .time(let time): .text(time.hl7())
    case .boolean(let flag): .text(flag ? "true" : "false")
    case .duration(let seconds): .text("\(seconds)s")
    case .piece(let piece): .piece(piece)
    case .composite(let parts): .parts(parts)
    case .list(let values): .repetitions(values.map { $0.content(formatted: formatted) })
    case .row, .bytes, .group, .record, .choice, .json, .element, .dataSet: .absent
    }
  }

  /// Line ends of a formatted text are written as `\.br\` (HL7 v2.9 chapter 2.7.6).
  private static func withBreaks(_ text: String) -> String {
    guard text.utf8.contains(where: { $0 == 0x0A || $0 == 0x0D }) else { return text }
    let lines = text.split(omittingEmptySubsequences: false) { $0 == "\n" || $0 == "\r\n" || $0 == "\r" }
    return HL7FormattedText.joined(lines.map(String.init))
  }

  /// The components of what `with` copies.
  var parts: [HL7Content] {
    switch self {
    case .piece(let piece):
      switch piece.level {
      case .field, .repetition: piece.components.map { .piece($0) }
      default: piece.subcomponents.map { .piece($0) }
      }
    case .composite(let parts): parts
    case .absent, .null: []
    default: [content(formatted: false)]
    }
  }
}
