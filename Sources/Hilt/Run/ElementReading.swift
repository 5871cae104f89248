import Text

/// How the value of an element is read, whether it came or was made.
enum ElementReading: Sendable {
  case text, number, boolean, stamp, time
  /// Of a type that has elements itself.
  case object

  init(_ type: Type) {
    self =
      switch type {
      case .text: .text
      case .number: .number
      case .boolean: .boolean
      case .stamp: .stamp
      case .time: .time
      default: .object
      }
  }

  func read(_ datum: Datum, _ path: String, at span: Span) throws -> Datum {
    switch datum {
    case .absent, .null: return .absent
    case .json(let node):
      if node.kind == .null { return .absent }
      return try read(node, path, at: span)
    case .text(let text) where self == .stamp: return try stamp(text, path, at: span)
    case .text(let text) where self == .time: return try time(text, path, at: span)
    default: return datum
    }
  }

  private func read(_ node: JSONNode, _ path: String, at span: Span) throws -> Datum {
    switch self {
    case .object: return .json(node)
    case .boolean: return node.boolean.map { .boolean($0) } ?? .absent
    case .number:
      guard let text = node.number else { return .absent }
      guard let number = Decimal(json: text) else {
        throw Failure.unreadable("\(path) has more than \(Decimal.digitsMax) digits", path, at: span)
      }
      return .number(number)
    case .text: return node.text.map { .text($0) } ?? .absent
    case .stamp: return try node.text.map { try stamp($0, path, at: span) } ?? .absent
    case .time: return try node.text.map { try time($0, path, at: span) } ?? .absent
    }
  }

  private func stamp(_ text: String, _ path: String, at span: Span) throws -> Datum {
    guard let stamp = Stamp(iso: text) else { throw Failure.unreadable("\(path) is no date", path, at: span) }
    return .stamp(stamp)
  }

  private func time(_ text: String, _ path: String, at span: Span) throws -> Datum {
    guard let time = TimeOfDay(iso: text) else { throw Failure.unreadable("\(path) is no time of day", path, at: span) }
    return .time(time)
  }
}

/// What a value of JSON can be asked for: `x is text`.
enum JSONTest: String, Sendable, CaseIterable {
  case text, number, boolean, list, record

  var type: Type {
    switch self {
    case .text: .text
    case .number: .number
    case .boolean: .boolean
    case .list: .list(.json)
    case .record: .json
    }
  }

  func holds(_ datum: Datum) -> Bool {
    guard case .json(let node) = datum else { return false }
    return switch self {
    case .text: node.kind == .text
    case .number: node.kind == .number
    case .boolean: node.kind == .boolean
    case .list: node.kind == .list
    case .record: node.kind == .object
    }
  }

  /// The value of a type, where it is of that; else absent. An empty text is none.
  func read(_ datum: Datum, _ path: String, at span: Span) throws -> Datum {
    guard holds(datum), case .json(let node) = datum else { return .absent }
    switch self {
    case .text:
      guard let text = node.text, !text.isEmpty else { return .absent }
      return .text(text)
    case .number: return try ElementReading.number.read(datum, path, at: span)
    case .boolean: return try ElementReading.boolean.read(datum, path, at: span)
    case .list: return .list(node.elements.map { Datum(json: $0) })
    case .record: return datum
    }
  }
}

extension Datum {
  /// A value of JSON as it came: null is null.
  init(json node: JSONNode) { self = node.kind == .null ? .null : .json(node) }

  /// Of a resource which it is.
  var resourceType: String? {
    switch self {
    case .json(let node): node["resourceType"]?.text
    case .record(let record): record.resource
    default: nil
    }
  }
}

extension Decimal {
  /// A number as JSON writes it, which may have an exponent; `nil` beyond 18 digits.
  init?(json text: String) {
    guard let sign = text.firstIndex(where: { $0 == "e" || $0 == "E" }) else {
      self.init(text)
      return
    }
    guard let mantissa = Decimal(text[..<sign]), let exponent = Int(text[text.index(after: sign)...]),
      (-40...40).contains(exponent)
    else { return nil }
    let scale = mantissa.scale - exponent
    // What is less than a digit of the 18 behind the point can't be had.
    guard scale <= 2 * Self.digitsMax, scale >= -Self.digitsMax else { return nil }
    let digits = Int128(mantissa.digits) * Self.power(-scale)
    self.init(digits: digits, scale: max(0, scale))
  }
}

extension Failure {
  /// What came and can't be taken for what it should be, though it has the right form.
  static func unreadable(_ message: String, _ path: String, at span: Span) -> Interrupt {
    .failure(Failure(.stopping, .unreadable, message, at: span, path: path))
  }
}

extension TimeOfDay {
  /// `08:30:00`, as FHIR writes it.
  init?(iso text: String) {
    guard let stamp = Stamp(iso: "0001-01-01T" + text), stamp.offset == nil else { return nil }
    self.init(stamp)
  }
}
