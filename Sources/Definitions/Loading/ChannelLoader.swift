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

  /// - Parameters:
  ///   - environment: gives the value of a `${NAME}`, or `nil` where there is none.
  ///   - keep: what a channel keeps that doesn't say.
  ///   - limits: what limits a channel that doesn't say.
  ///   - alerts: when people are told of a channel that doesn't say.
  ///   - looksAround: whether certificates, keys and folders that connectors name are looked at on this machine. An
  ///     engine doesn't: it tries until they are there.
  package init(
    registry: ConnectorRegistry, files: any DefinitionFiles = DiskFiles(),
    environment: @escaping @Sendable (String) -> String? = { _ in nil }, keep: Keep = Keep(),
    limits: ChannelLimits = ChannelLimits(), alerts: AlertRules = AlertRules(), looksAround: Bool = false
  ) {
    self.registry = registry
    self.files = files
    self.environment = environment
    self.keep = keep
    self.limits = limits
    self.alerts = alerts
    self.looksAround = looksAround
  }

  /// The channel files of a folder: `*.yaml` and `*.yml`, those in folders within it left out.
  package func load(folder: String) -> LoadedChannels {
    do {
      let names = try files.names(in: folder).filter {
        !$0.hasPrefix(".") && ($0.hasSuffix(".yaml") || $0.hasSuffix(".yml"))
      }
      return load(names.sorted().map { RelativePath.joined(folder, $0) })
    } catch {
      return LoadedChannels(
        files: [],
        problems: [Problem("C123", "the folder \(folder) \(error)", at: Place(file: folder, line: 1, column: 1))],
        sources: [:])
    }
  }

  /// Channel files by path, in this order. What is wrong with one keeps no other from being loaded; of two that can't
  /// be had together, the first is.
  package func load(_ paths: [String]) -> LoadedChannels {
    var loaded = LoadedChannels(files: [], problems: [], sources: [:])
    var neighbours = Neighbours()
    let parts = paths.map { ($0, load($0)) }
    let handOns = handOns(parts.map { ($0.0, $0.1.draft, $0.1.file.definition) })
    for (path, part) in parts {
      var (file, sources, draft) = part
      if let draft { file.problems += neighbours.problems(of: draft, in: path) }
      file.problems += handOns[path] ?? []
      if file.problems.contains(where: { $0.severity == .error }) {
        file.definition = nil
      } else if let draft {
        neighbours.add(draft, in: path)
      }
      // The channel file first, then what it reaches.
      file.problems =
        file.problems.filter { $0.place.file == path }.sorted { ($0.place, $0.code) < ($1.place, $1.code) }
        + file.problems.filter { $0.place.file != path }
      loaded.files.append(file)
      // Two channels may use one transform: what is wrong with it is shown once.
      for problem in file.problems where !loaded.problems.contains(problem) { loaded.problems.append(problem) }
      loaded.sources.merge(sources) { first, _ in first }
    }
    return loaded
  }

  private func load(_ path: String) -> (file: LoadedChannels.File, sources: [String: String], draft: ChannelDraft?) {
    var file = LoadedChannels.File(path: path, name: nil, definition: nil, problems: [])
    let bytes: [UInt8]
    do {
      // Somewhat more than is read, so that the reader can say how large it is.
      bytes = try files.read(path, bytesMax: HiltCompiling.fileBytesMax)
    } catch {
      let code = if case .tooLarge = error { "C115" } else { "C123" }
      file.problems = [
        Problem(code, "the channel file \(path) \(error)", at: Place(file: path, line: 1, column: 1))
      ]
      return (file, [:], nil)
    }
    let yaml = YAMLReader.read(bytes, file: path, environment: environment)
    file.problems = yaml.problems
    let reader = SettingReader(folder: RelativePath.folder(of: files.absolute(path)))
    guard let node = yaml.node, let draft = ChannelReader(registry: registry, reader: reader).read(node) else {
      file.problems += reader.problems
      return (file, [path: yaml.source.hiding(secrets(reader))], nil)
    }
    file.name = draft.name
    let hilt = HiltCompiling(source: yaml.source, files: files)
    let assembly = ChannelAssembly(draft: draft, reader: reader, hilt: hilt, keep: keep, limits: limits, alerts: alerts)
    if looksAround { assembly.lookAround() }
    let parts = assembly.definition { reached in
      let folder = RelativePath.folder(of: path)
      return Revision(
        channel: Revision.File(path: RelativePath.name(of: path), bytes: bytes),
        reached: reached.map { Revision.File(path: RelativePath.relative($0.path, to: folder), bytes: $0.bytes) },
        variables: yaml.variables)
    }
    // A value without its variable is wrong in other ways too, and they are no news.
    let holes = yaml.problems.filter { $0.code == "C117" }.map(\.place)
    file.problems += (reader.problems + hilt.problems).filter { problem in
      !holes.contains { $0.lies(in: problem.place) }
    }
    file.definition = parts
    return (file, hilt.sources.merging([path: yaml.source.hiding(secrets(reader))]) { first, _ in first }, draft)
  }

  /// A channel file as far as it says who it is and where it takes messages from; its problems are not looked at.
  func draft(_ path: String) -> ChannelDraft? {
    guard let bytes = try? files.read(path, bytesMax: HiltCompiling.fileBytesMax) else { return nil }
    let reader = SettingReader(folder: RelativePath.folder(of: files.absolute(path)))
    return YAMLReader.read(bytes, file: path, environment: environment).node.flatMap {
      ChannelReader(registry: registry, reader: reader).read($0)
    }
  }

  private func secrets(_ reader: SettingReader) -> [Place] {
    reader.problems.filter { $0.code == "C105" }.map(\.place)
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
  }

  /// In the order in which they were given.
  package var files: [File]
  /// All problems of all files, each once.
  package var problems: [Problem]
  /// The texts of channel files and transforms, by the file's name in `Place`.
  package var sources: [String: String]

  /// The channels that can be put to work.
  package var definitions: [ChannelDefinition] { files.compactMap(\.definition) }
  package var hasErrors: Bool { problems.contains { $0.severity == .error } }

  /// All problems as a person sees them, one below the other.
  package func rendered() -> String {
    problems.map { $0.rendered(source: sources[$0.place.file]) + "\n" }.joined()
  }
}

extension Place {
  fileprivate func lies(in other: Place) -> Bool {
    file == other.file && line == other.line && column >= other.column && column < other.column + other.length
  }
}
