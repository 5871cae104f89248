/// A condition as a program says it.
enum HiltCondition: Equatable {
  /// It holds always, or never: what it asks for isn't there in this version.
  case constant(Bool)
  case text(String)
}

/// What a path of the guide is at some place of a program.
enum HiltPlace {
  /// The version has no such field.
  case none
  case value(String)
  /// Of what repeats: all of it, and what of each is meant (`.9`).
  case list(String, of: String)
}

extension GuideCondition {
  /// - Parameter place: what a path is; `nil` where a program can't say it there.
  func hilt(_ place: (Path) -> HiltPlace?) throws(Malformed) -> HiltCondition {
    switch self {
    case .valued(let path): return try Self.test(path, place, "is valued", "any")
    case .not(.valued(let path)): return try Self.test(path, place, "is not valued", "none", counterpart: "is valued")
    case .isOneOf(let path, let texts): return try Self.test(path, place, Self.oneOf(texts), "any")
    case .not(.isOneOf(let path, let texts)):
      return try Self.test(path, place, Self.noneOf(texts), "none", counterpart: Self.oneOf(texts))
    case .count(let path, let comparison, let number):
      switch try Self.found(path, place) {
      case .none: return .constant(comparison.holds(0, number))
      case .value(let text):
        // One that doesn't repeat is there or it isn't.
        let (none, one) = (comparison.holds(0, number), comparison.holds(1, number))
        return none == one ? .constant(none) : .text("\(text) is \(one ? "" : "not ")valued")
      case .list(let all, _): return .text("count(\(all)) \(comparison.rawValue) \(number)")
      }
    case .length(let path, let comparison, let number):
      guard case .value(let text) = try Self.found(path, place) else {
        throw Malformed(reason: "\(path.shown) has no length here")
      }
      return .text("length(raw(\(text))) \(comparison.rawValue) \(number)")
    case .not(let inner):
      switch try inner.hilt(place) {
      case .constant(let holds): return .constant(!holds)
      case .text(let text): return .text("not (\(text))")
      }
    case .and(let left, let right): return try Self.joined(try left.hilt(place), try right.hilt(place), "and", false)
    case .or(let left, let right): return try Self.joined(try left.hilt(place), try right.hilt(place), "or", true)
    }
  }

  private static func found(_ path: Path, _ place: (Path) -> HiltPlace?) throws(Malformed) -> HiltPlace {
    guard let found = place(path) else { throw Malformed(reason: "\(path.shown) can't be reached from here") }
    return found
  }

  /// - Parameter counterpart: what no repetition may say, of a test that denies.
  private static func test(
    _ path: Path, _ place: (Path) -> HiltPlace?, _ words: String, _ all: String, counterpart: String? = nil
  ) throws(Malformed) -> HiltCondition {
    switch try found(path, place) {
    case .none: return .constant(counterpart != nil)
    case .value(let text): return .text("\(text) \(words)")
    case .list(let list, let part): return .text("(\(all) one in \(list) where one\(part) \(counterpart ?? words))")
    }
  }

  private static func oneOf(_ texts: [String]) -> String {
    texts.count == 1
      ? "== \(HiltText.literal(texts[0]))" : "in [\(texts.map(HiltText.literal).joined(separator: ", "))]"
  }

  private static func noneOf(_ texts: [String]) -> String {
    texts.count == 1
      ? "!= \(HiltText.literal(texts[0]))" : "not in [\(texts.map(HiltText.literal).joined(separator: ", "))]"
  }

  /// - Parameter absorbing: the constant that decides the whole.
  private static func joined(
    _ left: HiltCondition, _ right: HiltCondition, _ word: String, _ absorbing: Bool
  ) throws(Malformed) -> HiltCondition {
    switch (left, right) {
    case (.constant(absorbing), _), (_, .constant(absorbing)): return .constant(absorbing)
    case (.constant, let other), (let other, .constant): return other
    case (.text(let a), .text(let b)):
      let other = word == "and" ? " or " : " and "
      let parts = [a, b].map { $0.contains(other) && !$0.hasPrefix("(") ? "(\($0))" : $0 }
      return .text("\(parts[0]) \(word) \(parts[1])")
    }
  }
}

extension GuideCondition.Comparison {
  func holds(_ a: Int, _ b: Int) -> Bool {
    switch self {
    case .equal: a == b
    case .less: a < b
    case .lessOrEqual: a <= b
    case .greater: a > b
    case .greaterOrEqual: a >= b
    }
  }
}

/// Texts of a program.
enum HiltText {
  /// In quotes, with nothing in it that a program would take for more than text.
  static func literal(_ text: String) -> String {
    var quoted = ""
    for character in text {
      switch character {
      case "\"", "\\": quoted += "\\\(character)"
      case "{": quoted += "\\{"
      case "}": quoted += "\\}"
      default: quoted.append(character)
      }
    }
    return "\"\(quoted)\""
  }

  /// `lower_snake`: `DiagnosticReport[1]` is `diagnostic_report_1`.
  static func name(_ text: String) -> String {
    var name = ""
    var previous: Character = "_"
    for character in text {
      if character.isUppercase, previous.isLowercase || previous.isNumber, previous != "_" { name += "_" }
      name += character.isLetter || character.isNumber ? character.lowercased() : name.hasSuffix("_") ? "" : "_"
      previous = character
    }
    while name.hasSuffix("_") { name.removeLast() }
    return name
  }
}
