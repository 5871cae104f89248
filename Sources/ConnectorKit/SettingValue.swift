public import Messages

/// A type that a setting can have.
public protocol SettingValue: Sendable {
  /// Reads a value, or reports what is wrong and gives `nil`.
  static func read(_ node: SettingNode, _ reader: SettingReader) -> Self?
  /// What may be written, for the reference page.
  static var kind: SettingKind { get }
  /// The value as one would write it.
  var text: String { get }
  /// Looks at what the value points to outside of the file, on this machine: files and folders that are missing or
  /// can't be used. Blocks. Only `hilum check` asks; a connector finds it out when it opens them.
  func look(_ node: SettingNode, _ reader: SettingReader)
}

extension SettingValue {
  public func look(_ node: SettingNode, _ reader: SettingReader) {}
}

/// A setting with a few possible words: an enum with `String` raw values.
public protocol SettingChoice: SettingValue, RawRepresentable<String>, CaseIterable {}

extension SettingChoice {
  public static func read(_ node: SettingNode, _ reader: SettingReader) -> Self? {
    let words = allCases.map(\.rawValue)
    guard let text = node.scalar else {
      reader.expected("one of " + words.joined(separator: ", "), node)
      return nil
    }
    if let value = Self(rawValue: text) { return value }
    reader.problem(
      "C104", "`\(text)` is not one of the words that may stand here", at: node.place,
      label: nearest(to: text, among: words).map { "did you mean `\($0)`?" },
      help: ["one of " + words.joined(separator: ", ")])
    return nil
  }

  public static var kind: SettingKind { .choice(allCases.map(\.rawValue)) }
  public var text: String { rawValue }
}

extension String: SettingValue {
  public static func read(_ node: SettingNode, _ reader: SettingReader) -> String? {
    guard let text = node.scalar else {
      reader.expected("a text", node)
      return nil
    }
    return text
  }
  public static var kind: SettingKind { .scalar("text") }
  public var text: String { self }
}

extension Int: SettingValue {
  public static func read(_ node: SettingNode, _ reader: SettingReader) -> Int? {
    guard let text = node.scalar, let number = Int(text), number >= 0 else {
      reader.expected("a whole number, 0 or more", node)
      return nil
    }
    return number
  }
  public static var kind: SettingKind { .scalar("number") }
  public var text: String { String(self) }
}

extension Bool: SettingValue {
  public static func read(_ node: SettingNode, _ reader: SettingReader) -> Bool? {
    switch node.scalar {
    case "yes", "true": return true
    case "no", "false": return false
    default:
      reader.expected("yes or no", node)
      return nil
    }
  }
  public static var kind: SettingKind { .choice(["yes", "no"]) }
  public var text: String { self ? "yes" : "no" }
}

extension Optional: SettingValue where Wrapped: SettingValue {
  public static func read(_ node: SettingNode, _ reader: SettingReader) -> Wrapped?? {
    Wrapped.read(node, reader).map { .some($0) }
  }
  public static var kind: SettingKind { Wrapped.kind }
  public var text: String { self?.text ?? "" }
  public func look(_ node: SettingNode, _ reader: SettingReader) { self?.look(node, reader) }
}

extension Array: SettingValue where Element: SettingValue {
  /// A single value stands for a list of one.
  public static func read(_ node: SettingNode, _ reader: SettingReader) -> [Element]? {
    guard case .list(let nodes) = node.kind else { return Element.read(node, reader).map { [$0] } }
    let elements = nodes.map { Element.read($0, reader) }
    return elements.contains { $0 == nil } ? nil : elements.compactMap(\.self)
  }
  public static var kind: SettingKind { .list(Element.kind) }
  public var text: String { "[" + map(\.text).joined(separator: ", ") + "]" }
}

extension Dictionary: SettingValue where Key == String, Value: SettingValue {
  public static func read(_ node: SettingNode, _ reader: SettingReader) -> [String: Value]? {
    guard case .map(let entries) = node.kind else {
      reader.expected("a block of `name: value` lines", node)
      return nil
    }
    var values: [String: Value] = [:]
    var whole = true
    for entry in entries {
      if let value = Value.read(entry.value, reader) { values[entry.key] = value } else { whole = false }
    }
    return whole ? values : nil
  }
  public static var kind: SettingKind { .dictionary(Value.kind) }
  public var text: String {
    "{" + sorted { $0.key < $1.key }.map { "\($0.key): \($0.value.text)" }.joined(separator: ", ") + "}"
  }
}

extension Duration: SettingValue {
  /// `500ms`, `30s`, `5m`, `72h`, `30d`.
  public static func read(_ node: SettingNode, _ reader: SettingReader) -> Duration? {
    let units: [(String, Int64)] = [("ms", 1), ("s", 1000), ("m", 60_000), ("h", 3_600_000), ("d", 86_400_000)]
    guard let text = node.scalar, let (unit, milliseconds) = units.first(where: { text.hasSuffix($0.0) }),
      let number = Int64(text.dropLast(unit.count)), number >= 0,
      case (let total, false) = number.multipliedReportingOverflow(by: milliseconds)
    else {
      reader.expected("a duration", node, help: ["a whole number with its unit: 500ms, 30s, 5m, 72h, 30d"])
      return nil
    }
    return .milliseconds(total)
  }

  public static var kind: SettingKind { .scalar("duration") }

  public var text: String {
    let total = milliseconds
    for (unit, size) in [("d", 86_400_000), ("h", 3_600_000), ("m", 60_000), ("s", 1000)] as [(String, Int64)]
    where total > 0 && total % size == 0 {
      return "\(total / size)\(unit)"
    }
    return "\(total)ms"
  }

  /// Whole milliseconds; what is beyond 292 million years is cut to it.
  public var milliseconds: Int64 {
    let (seconds, attoseconds) = components
    let (scaled, overflow) = seconds.multipliedReportingOverflow(by: 1000)
    return overflow ? (seconds < 0 ? .min : .max) : scaled &+ attoseconds / 1_000_000_000_000_000
  }
}

/// A number of bytes: `64KiB`, `10MiB`, `1GiB`, `512B`.
public struct ByteSize: SettingValue, Hashable {
  public var bytes: Int
  public init(bytes: Int) { self.bytes = bytes }
  public static func kibibytes(_ count: Int) -> ByteSize { ByteSize(bytes: count << 10) }
  public static func mebibytes(_ count: Int) -> ByteSize { ByteSize(bytes: count << 20) }
  public static func gibibytes(_ count: Int) -> ByteSize { ByteSize(bytes: count << 30) }

  private static let units = [("KiB", 10), ("MiB", 20), ("GiB", 30), ("TiB", 40), ("B", 0)]

  public static func read(_ node: SettingNode, _ reader: SettingReader) -> ByteSize? {
    guard let text = node.scalar, let (unit, shift) = units.first(where: { text.hasSuffix($0.0) }),
      let number = Int(text.dropLast(unit.count)), number >= 0, number <= Int.max >> shift
    else {
      reader.expected("a size", node, help: ["a whole number with its unit: 512B, 64KiB, 10MiB, 1GiB"])
      return nil
    }
    return ByteSize(bytes: number << shift)
  }

  public static var kind: SettingKind { .scalar("size") }
  public var text: String {
    for (unit, shift) in Self.units.prefix(4).reversed() where bytes > 0 && bytes % (1 << shift) == 0 {
      return "\(bytes >> shift)\(unit)"
    }
    return "\(bytes)B"
  }
}

/// A TCP port; 0 asks the system for a free one.
public struct Port: SettingValue, Hashable {
  public var number: Int
  public init(_ number: Int) { self.number = number }

  public static func read(_ node: SettingNode, _ reader: SettingReader) -> Port? {
    guard let text = node.scalar, let number = UInt16(text) else {
      reader.expected("a port", node, help: ["a number from 1 to 65535; 0 takes a free one"])
      return nil
    }
    return Port(Int(number))
  }
  public static var kind: SettingKind { .scalar("port") }
  public var text: String { String(number) }
}

/// A file or folder, resolved against the folder of the file that names it.
public struct FilePath: SettingValue, Hashable {
  /// Absolute.
  public var path: String
  public init(_ path: String) { self.path = path }

  public static func read(_ node: SettingNode, _ reader: SettingReader) -> FilePath? {
    guard let text = node.scalar, !text.isEmpty, !text.utf8.contains(0) else {
      reader.expected("a path", node)
      return nil
    }
    return FilePath(text.hasPrefix("/") ? text : reader.folder(of: node.place) + "/" + text)
  }
  public static var kind: SettingKind { .scalar("path") }
  public var text: String { path }
}

/// A secret, only ever by reference: `{file: /run/secrets/key}` or `{env: NAME}`. A secret that stands in the file
/// itself is refused.
public struct Secret: SettingValue, Hashable {
  public enum Reference: Sendable, Hashable {
    case file(String)
    case environment(String)
  }
  public var reference: Reference
  public init(_ reference: Reference) { self.reference = reference }

  public static func read(_ node: SettingNode, _ reader: SettingReader) -> Secret? {
    if case .map(let entries) = node.kind, entries.count == 1, let entry = entries.first {
      switch entry.key {
      case "file": return FilePath.read(entry.value, reader).map { Secret(.file($0.path)) }
      case "env": return String.read(entry.value, reader).map { Secret(.environment($0)) }
      default: break
      }
    }
    reader.problem(
      "C105", "a secret is given by reference, never in the file itself", at: node.place,
      help: ["{file: /run/secrets/NAME}", "{env: NAME}"])
    return nil
  }
  public static var kind: SettingKind { .scalar("secret") }
  public var text: String { "" }
}

/// Text with `{…}` in it: each is an expression over the message that is sent, evaluated before the commit.
///
/// The engine compiles it and renders it into the delivery (`Delivery.rendered`, under the setting's key); a
/// connector never sees the language.
public struct Template: SettingValue, Hashable {
  public var source: String
  /// Where it stands, for the problems that compiling it finds.
  public var place: Place?
  public init(_ source: String, at place: Place? = nil) {
    self.source = source
    self.place = place
  }

  public static func read(_ node: SettingNode, _ reader: SettingReader) -> Template? {
    String.read(node, reader).map { Template($0, at: node.place) }
  }
  public static var kind: SettingKind { .scalar("template") }
  public var text: String { source }
}

extension Settings {
  /// The templates among the settings of this group, by key: what the engine compiles, and renders for each delivery.
  public var templates: [(key: String, template: Template)] {
    declared.flatMap { setting -> [(key: String, template: Template)] in
      switch setting.cell.content {
      case let template as Template: [(setting.key, template)]
      case let group as any Settings: group.templates.map { ("\(setting.key).\($0.key)", $0.template) }
      default: []
      }
    }
  }
}
