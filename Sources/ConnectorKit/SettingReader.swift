public import Messages
import Synchronization

/// A piece of a channel file with the place where it stands.
public struct SettingNode: Sendable {
  public struct Entry: Sendable {
    public var key: String
    public var keyPlace: Place
    public var value: SettingNode

    public init(key: String, keyPlace: Place, value: SettingNode) {
      self.key = key
      self.keyPlace = keyPlace
      self.value = value
    }
  }

  public indirect enum Kind: Sendable {
    /// The text as it was written, after YAML's quotes and the file's `${NAME}` are resolved. It gets its type from the
    /// setting: `1:30`, `no` and `on` mean what they look like.
    case scalar(String)
    case list([SettingNode])
    case map([Entry])
  }

  public var kind: Kind
  public var place: Place

  public init(_ kind: Kind, at place: Place) {
    self.kind = kind
    self.place = place
  }

  /// The value of a key; `nil` where this is no map or has no such key.
  public subscript(key: String) -> SettingNode? {
    guard case .map(let entries) = kind else { return nil }
    return entries.first { $0.key == key }?.value
  }

  public var scalar: String? {
    guard case .scalar(let text) = kind else { return nil }
    return text
  }
}

/// Collects the problems of one file while its settings are read, and knows what they are relative to.
public final class SettingReader: Sendable {
  /// The folder of the file, as an absolute path: relative paths in it are resolved against this.
  public let folder: String
  /// The folders of other files that settings came from (a template, an environment), by the file's name in `Place`.
  public let folders: [String: String]
  private let found = Mutex<[Problem]>([])

  public init(folder: String, folders: [String: String] = [:]) {
    self.folder = folder
    self.folders = folders
  }

  /// What relative paths are resolved against that are written at a place: the folder of the file that names them.
  public func folder(of place: Place) -> String { folders[place.file] ?? folder }

  public var problems: [Problem] { found.withLock { $0 } }
  public var errorCount: Int { found.withLock { $0.count { $0.severity == .error } } }

  public func problem(
    _ code: String, _ message: String, at place: Place, severity: Problem.Severity = .error, label: String? = nil,
    help: [String] = []
  ) {
    found.withLock { $0.append(Problem(code, message, at: place, severity: severity, label: label, help: help)) }
  }

  /// Reports what was found elsewhere.
  public func add(_ problem: Problem) { found.withLock { $0.append(problem) } }

  /// Reports a key that isn't one, with the nearest that is.
  public func unknown(_ entry: SettingNode.Entry, known: [String]) {
    let near = nearest(to: entry.key, among: known)
    problem(
      "C101", "there is no setting `\(entry.key)` here", at: entry.keyPlace,
      label: near.map { "did you mean `\($0)`?" },
      help: ["known here: " + known.map { "`\($0)`" }.joined(separator: ", ")])
  }

  /// Reports that something else should stand here.
  public func expected(_ what: String, _ node: SettingNode, help: [String] = []) {
    problem("C103", "\(what) is needed here", at: node.place, help: help)
  }
}
