import Messages

/// A group of settings: one struct of `@Setting` declarations with `init()`.
///
/// From those declarations come reading and validation (all problems at once, unknown keys with a suggestion) and the
/// reference page. A property's name in kebab-case is its key: `frameBytesMax` is `frame-bytes-max`.
public protocol Settings: SettingValue {
  init()
  /// What no single setting shows: called when every setting was read without a problem.
  func check(_ reader: SettingReader, _ node: SettingNode)
}

extension Settings {
  public func check(_ reader: SettingReader, _ node: SettingNode) {}

  public static func read(_ node: SettingNode, _ reader: SettingReader) -> Self? {
    guard case .map(let entries) = node.kind else {
      reader.problem(
        "C103", "a block of settings is needed here", at: node.place, help: ["write it as `key: value` lines"])
      return nil
    }
    let settings = Self()
    let declared = settings.declared
    let before = reader.errorCount
    var found = Set(entries.map(\.key))
    for entry in entries {
      if let setting = declared.first(where: { $0.key == entry.key }) {
        setting.cell.read(entry.value, reader)
        continue
      }
      reader.unknown(entry, known: declared.map(\.key))
      // It is taken for the setting that was meant: that one isn't missing as well, and what is wrong in it is seen
      // at once.
      if let meant = nearest(to: entry.key, among: declared.map(\.key)), found.insert(meant).inserted {
        declared.first { $0.key == meant }?.cell.read(entry.value, reader)
      }
    }
    for setting in declared where setting.cell.isRequired && !found.contains(setting.key) {
      let example = setting.cell.entry.example.map { ["\(setting.key): \($0)"] } ?? []
      reader.problem("C102", "`\(setting.key)` is missing", at: node.place, help: [setting.cell.about] + example)
    }
    guard reader.errorCount == before else { return nil }
    settings.check(reader, node)
    return reader.errorCount == before ? settings : nil
  }

  public static var kind: SettingKind { .group(Self().declared.map(\.entry)) }
  public var text: String { "" }

  /// Looks at what each setting that was written points to.
  public func look(_ node: SettingNode, _ reader: SettingReader) {
    for setting in declared { node[setting.key].map { setting.cell.content?.look($0, reader) } }
  }

  /// The declared settings in the order of their declaration.
  var declared: [DeclaredSetting] {
    Mirror(reflecting: self).children.compactMap { child in
      guard let label = child.label, let cell = child.value as? any SettingCell else { return nil }
      return DeclaredSetting(key: Self.key(label), cell: cell)
    }
  }

  /// `_frameBytesMax` to `frame-bytes-max`; a run of capitals is one word (`missingControlID`: `missing-control-id`).
  private static func key(_ label: String) -> String {
    var key = ""
    var wasUpper = true
    for letter in label.drop(while: { $0 == "_" }) {
      if letter.isUppercase, !wasUpper { key += "-" }
      key += letter.lowercased()
      wasUpper = letter.isUppercase
    }
    return key
  }
}

/// One setting of a group, declared once.
///
/// ```swift
/// @Setting("Seconds to wait for the answer.", default: .seconds(30)) public var timeout: Duration
/// ```
///
/// A setting without a default must be there, unless its type is optional.
@propertyWrapper
public struct Setting<Content: SettingValue>: Sendable, SettingCell {
  public let about: String
  public let example: String?
  let standard: Content?
  let isRequired: Bool
  private let box: Box

  public init(_ about: String, default standard: Content, example: String? = nil) {
    self.init(about, standard, example, required: false)
  }

  public init(_ about: String, example: String? = nil) {
    self.init(about, nil, example, required: true)
  }

  // `where Content == Wrapped?` with a parameter of its own would lose to the initializer above, and the setting be
  // required.
  public init(_ about: String, example: String? = nil) where Content: ExpressibleByNilLiteral {
    self.init(about, .some(nil), example, required: false)
  }

  private init(_ about: String, _ standard: Content?, _ example: String?, required: Bool) {
    self.about = about
    self.example = example
    self.standard = standard
    self.isRequired = required
    self.box = Box(standard)
  }

  /// The value. A setting that is required and was not read has none: the group it is in is not handed out then.
  public var wrappedValue: Content {
    get {
      guard let content = box.content else { preconditionFailure("a required setting was read before it was set") }
      return content
    }
    nonmutating set { box.content = newValue }
  }

  func read(_ node: SettingNode, _ reader: SettingReader) {
    if let content = Content.read(node, reader) { box.content = content }
  }

  var content: (any SettingValue)? { box.content }

  var entry: SettingEntry {
    SettingEntry(
      key: "", about: about, kind: Content.kind, required: isRequired, standard: standard.map(\.text), example: example)
  }

  /// Mirror gives copies of the wrapper: the content stands behind a reference that they share. Written while the
  /// group is read (or built by a test), on one thread; read only from then on.
  private final class Box: @unchecked Sendable {
    var content: Content?
    init(_ content: Content?) { self.content = content }
  }
}

/// What `Settings` needs of a `Setting`, whatever it holds.
protocol SettingCell {
  var about: String { get }
  var isRequired: Bool { get }
  var entry: SettingEntry { get }
  var content: (any SettingValue)? { get }
  func read(_ node: SettingNode, _ reader: SettingReader)
}

struct DeclaredSetting {
  let key: String
  let cell: any SettingCell

  var entry: SettingEntry {
    var entry = cell.entry
    entry.key = key
    return entry
  }
}

/// One setting as the reference page shows it.
public struct SettingEntry: Sendable {
  public var key: String
  public var about: String
  public var kind: SettingKind
  public var required: Bool
  /// The default as one would write it; `nil` where there is none.
  public var standard: String?
  public var example: String?
}

/// What may be written for a setting.
public indirect enum SettingKind: Sendable {
  /// A scalar; the text names it for people: `text`, `duration`, `port`.
  case scalar(String)
  case choice([String])
  case list(SettingKind)
  /// Any keys, each with a value of this kind.
  case dictionary(SettingKind)
  case group([SettingEntry])
  /// One of several ways to write it.
  case either([SettingKind])
}
