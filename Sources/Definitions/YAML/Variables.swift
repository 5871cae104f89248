import ConnectorKit
import Messages

/// Puts the values of `${NAME}` and `${NAME:-default}` into settings. `$${` stands for `${` itself.
struct Variables {
  private let environment: @Sendable (String) -> String?
  /// What was read, by name: part of a channel's revision, because a channel with other values is another channel.
  private(set) var used: [String: String] = [:]
  /// In a template, what its parameters stand for: `${port}`. A name in capitals is a variable there too.
  var parameters: [String: String]?
  /// The parameters that were put in.
  private(set) var parametersUsed: [String] = []
  /// Variables that a file names, for the one that was meant.
  private let known: [String]

  init(environment: @escaping @Sendable (String) -> String?, known: [String] = []) {
    self.environment = environment
    self.known = known
  }

  /// Whether a name is one of the environment, and of no parameter: capitals, digits and `_`.
  static func isInCapitals(_ name: String) -> Bool {
    !name.isEmpty
      && name.utf8.allSatisfy { (0x41...0x5A).contains($0) || (0x30...0x39).contains($0) || $0 == UInt8(ascii: "_") }
  }

  /// The text with its variables resolved. What is missing or malformed is reported at the place of the text.
  mutating func resolve(
    _ text: String, at place: Place, in source: SourceText, problems: inout [Problem]
  ) -> String {
    guard text.utf8.contains(UInt8(ascii: "$")) else { return text }
    var resolved = ""
    var rest = text[...]
    while let dollar = rest.firstIndex(of: "$") {
      resolved += rest[..<dollar]
      rest = rest[dollar...]
      if rest.hasPrefix("$${") {
        resolved += "${"
        rest = rest.dropFirst(3)
      } else if rest.hasPrefix("${") {
        let close = rest.firstIndex(of: "}")
        let shown = String(close.map { rest[...$0] } ?? rest)
        resolved += variable(&rest, at: Self.narrowed(place, to: shown, in: source), problems: &problems)
      } else {
        resolved += "$"
        rest = rest.dropFirst()
      }
    }
    return resolved + rest
  }

  /// Takes one `${…}` from the front of the text.
  private mutating func variable(_ rest: inout Substring, at place: Place, problems: inout [Problem]) -> String {
    guard let close = rest.firstIndex(of: "}") else {
      problems.append(
        Problem("C117", "`${` is not closed", at: place, help: ["${NAME}", "${NAME:-default}", "$${ for `${` itself"]))
      rest = ""
      return ""
    }
    let inside = rest[..<close].dropFirst(2)
    rest = rest[rest.index(after: close)...]
    let name = String(inside.prefix { $0 != ":" })
    let behind = inside.dropFirst(name.count)
    if let parameters, !name.isEmpty, !Self.isInCapitals(name) {
      return parameter(name, hasDefault: !behind.isEmpty, among: parameters, at: place, problems: &problems)
    }
    guard Self.isName(name), behind.isEmpty || behind.hasPrefix(":-") else {
      problems.append(
        Problem(
          "C117", "`${\(inside)}` is no variable: a name has letters, digits and `_`", at: place,
          help: ["${NAME}", "${NAME:-default}"]))
      return ""
    }
    if let value = environment(name), !value.isEmpty || behind.isEmpty {
      used[name] = value
      return value
    }
    if behind.isEmpty {
      problems.append(
        Problem(
          "C117", "the environment has no variable \(name)", at: place,
          label: nearest(to: name, among: known).map { "did you mean `\($0)`?" },
          help: ["set it where the engine starts", "give it a default: ${\(name):-…}"]))
    }
    return String(behind.dropFirst(2))
  }

  /// A name with small letters is a parameter and never a variable, be there one of that name or not.
  private mutating func parameter(
    _ name: String, hasDefault: Bool, among parameters: [String: String], at place: Place, problems: inout [Problem]
  ) -> String {
    guard let value = parameters[name] else {
      let names = parameters.keys.sorted()
      problems.append(
        Problem(
          "C160", "this template has no parameter `\(name)`", at: place,
          label: nearest(to: name, among: names).map { "did you mean `\($0)`?" },
          help: [
            names.isEmpty ? "it has none" : "its parameters: " + names.map { "`\($0)`" }.joined(separator: ", "),
            "a variable of the environment is in capitals here: ${NAME}",
          ]))
      return ""
    }
    if hasDefault {
      problems.append(
        Problem(
          "C160", "the default of a parameter stands where it is declared", at: place,
          help: ["parameters: {\(name): {type: …, default: …}}", "${\(name)} here"]))
    }
    parametersUsed.append(name)
    return value
  }

  /// The place of the variable itself, where it can be found in the line.
  private static func narrowed(_ place: Place, to shown: String, in source: SourceText) -> Place {
    let rest = source.rest(at: place)
    guard let found = rest.firstRange(of: shown) else { return place }
    var place = place
    place.column += rest.distance(from: rest.startIndex, to: found.lowerBound)
    place.length = shown.count
    return place
  }

  private static func isName(_ name: String) -> Bool {
    guard let first = name.utf8.first, !(0x30...0x39).contains(first) else { return false }
    return name.utf8.allSatisfy { byte in
      (0x41...0x5A).contains(byte) || (0x61...0x7A).contains(byte) || (0x30...0x39).contains(byte) || byte == 0x5F
    }
  }
}
