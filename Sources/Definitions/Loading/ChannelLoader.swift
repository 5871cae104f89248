import ConnectorKit
package import Messages
import Text

/// Reads channel files and what they reach, and gives the channels that can be put to work and all that is wrong with
/// the others.
package struct ChannelLoader: Sendable {
  let registry: ConnectorRegistry
  let files: any DefinitionFiles
  let environment: @Sendable (String) -> String?
  let keep: Keep
  let limits: ChannelLimits
  let alerts: AlertRules
  let looksAround: Bool
  /// By whose clock a schedule is that doesn't say: a name of the time zone database.
  let zone: String
  /// The environment that the channels are for: `environments/NAME.yaml` beside their folder.
  package var environmentName: String?
  /// The channel that the engine's alerts go to: one of those of a folder.
  package var alertChannel: AlertChannel?
  /// Channels are tried and not put to work: no key is read, and each name stands for the same one everywhere.
  package var isTrial = false

  /// - Parameters:
  ///   - environment: gives the value of a `${NAME}`, or `nil` where there is none.
  ///   - keep: what a channel keeps that doesn't say.
  ///   - limits: what limits a channel that doesn't say.
  ///   - alerts: when people are told of a channel that doesn't say.
  ///   - zone: by whose clock a schedule is that doesn't say.
  ///   - looksAround: whether certificates, keys and folders that connectors name are looked at on this machine. An
  ///     engine doesn't: it tries until they are there.
  package init(
    registry: ConnectorRegistry, files: any DefinitionFiles = DiskFiles(),
    environment: @escaping @Sendable (String) -> String? = { _ in nil }, keep: Keep = Keep(),
    limits: ChannelLimits = ChannelLimits(), alerts: AlertRules = AlertRules(), zone: String = "UTC",
    looksAround: Bool = false
  ) {
    self.zone = zone
    self.registry = registry
    self.files = files
    self.environment = environment
    self.keep = keep
    self.limits = limits
    self.alerts = alerts
    self.looksAround = looksAround
  }

  /// The channel files of a folder: `*.yaml` and `*.yml`, those in folders within it left out; and the templates in its
  /// folder `templates`, whether or not a channel is made from them.
  package func load(folder: String) -> LoadedChannels {
    do {
      let names = try files.names(in: folder).filter(Self.isYAML)
      let inner = RelativePath.joined(folder, "templates")
      let templates = ((try? files.names(in: inner)) ?? []).filter(Self.isYAML).sorted()
      var loading = ChannelLoading(self, environment: environment(beside: folder))
      loading.load(names.sorted().map { RelativePath.joined(folder, $0) })
      for name in templates { loading.look(template: RelativePath.joined(inner, name)) }
      loading.checkEnvironment()
      var loaded = loading.loaded
      if let problem = alertChannel?.problem(in: loaded) {
        let file = problem.place.file
        let bytes = try? files.read(file, bytesMax: YAMLReader.fileBytesMax)
        loaded.problems.append(problem)
        loaded.sources[file] = bytes.map { String(decoding: $0, as: UTF8.self) }
      }
      return loaded
    } catch {
      return LoadedChannels(
        files: [],
        problems: [Problem("C123", "the folder \(folder) \(error)", at: Place(file: folder, line: 1, column: 1))],
        sources: [:])
    }
  }

  private static func isYAML(_ name: String) -> Bool {
    !name.hasPrefix(".") && (name.hasSuffix(".yaml") || name.hasSuffix(".yml"))
  }

  /// Channel files by path, in this order. What is wrong with one keeps no other from being loaded; of two that can't
  /// be had together, the first is.
  package func load(_ paths: [String]) -> LoadedChannels {
    var loading = ChannelLoading(self, environment: environment(beside: RelativePath.folder(of: paths.first ?? "")))
    loading.load(paths)
    return loading.loaded
  }
}

/// What came of a set of channel files.
package struct LoadedChannels: Sendable {
  /// One channel file.
  package struct File: Sendable {
    package var path: String
    /// The channel's name, where it could be read.
    package var name: ChannelName?
    /// `nil` where the file has an error.
    package var definition: ChannelDefinition?
    /// What is wrong with the file and with what it reaches; warnings too.
    package var problems: [Problem]
    /// What it says, with its template, its row and its environment put together.
    var settings: SettingNode?
  }

  /// In the order in which they were given.
  package var files: [File]
  /// All problems of all files, each once.
  package var problems: [Problem]
  /// The texts of channel files and transforms, by the file's name in `Place`.
  package var sources: [String: String]

  /// What was read of the disk, by path.
  var read: [String: [UInt8]] = [:]
  /// How many templates were looked at.
  package var templateCount = 0
  /// The environment can't be read: no channel was made.
  package var hasBrokenEnvironment = false

  /// The channels that can be put to work.
  package var definitions: [ChannelDefinition] { files.compactMap(\.definition) }
  package var hasErrors: Bool { problems.contains { $0.severity == .error } }

  /// All problems as a person sees them, one below the other.
  package func rendered() -> String {
    problems.map { $0.rendered(source: sources[$0.place.file]) + "\n" }.joined()
  }
}
