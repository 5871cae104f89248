import ConnectorKit
import Messages
import Text

/// One reading of channel files, with what they have in common.
struct ChannelLoading {
  let loader: ChannelLoader
  private var expansion: ChannelExpansion
  private var neighbours = Neighbours()
  private var gathered = GatheredProblems()
  private var files: [LoadedChannels.File] = []
  private var sources: [String: String] = [:]
  private var read: [String: [UInt8]] = [:]
  /// Templates that were looked at by themselves.
  private var looked: Set<String> = []
  private var variablesUsed: Set<String> = []

  init(_ loader: ChannelLoader, environment: EnvironmentFile?) {
    self.loader = loader
    expansion = ChannelExpansion(files: loader.files, process: loader.environment, environment: environment)
    guard let environment else { return }
    if !environment.bytes.isEmpty {
      sources[environment.path] = environment.source.text
      read[environment.path] = environment.bytes
    }
    for problem in environment.problems { gathered.add(problem) }
  }

  private var hasBrokenEnvironment: Bool {
    expansion.environment?.problems.contains { $0.severity == .error } ?? false
  }

  var loaded: LoadedChannels {
    var loaded = LoadedChannels(files: files, problems: gathered.problems, sources: sources)
    loaded.read = read
    loaded.templateCount = looked.count
    loaded.hasBrokenEnvironment = hasBrokenEnvironment
    return loaded
  }

  /// A channel, read and not yet looked at beside the others.
  struct Part {
    let source: WrittenChannel
    var file: LoadedChannels.File
    let draft: ChannelDraft?
  }

  mutating func load(_ paths: [String]) {
    var parts: [Part] = []
    for path in paths {
      let bytes: [UInt8]
      do {
        // Somewhat more than is read, so that the reader can say how large it is.
        bytes = try loader.files.read(path, bytesMax: HiltCompiling.fileBytesMax)
      } catch {
        let code = if case .tooLarge = error { "C115" } else { "C123" }
        let place = Place(file: path, line: 1, column: 1)
        add(
          LoadedChannels.File(
            path: path, name: nil, definition: nil,
            problems: [Problem(code, "the channel file \(path) \(error)", at: place)]))
        continue
      }
      if ChannelTemplate.isTemplate(bytes) {
        look(template: path)
        continue
      }
      for source in expansion.channels(in: path, bytes) {
        // What is wrong with a template shows best while nothing stands in its parameters.
        if let template = source.template?.path { look(template: template) }
        let (file, draft) = assemble(source)
        parts.append(Part(source: source, file: file, draft: draft))
      }
    }
    let handOns = handOns(parts)
    let dependencies = dependencies(parts)
    let laterAnswers = laterAnswers(parts)
    for part in parts {
      let origin = part.source.origin
      settle(part, [handOns, dependencies, laterAnswers].flatMap { $0[origin] ?? [] })
    }
  }

  /// The channels of a file as far as they say who they are and where they take messages from; their problems are not
  /// looked at.
  mutating func drafts(in path: String) -> [ChannelDraft] {
    guard let bytes = try? loader.files.read(path, bytesMax: HiltCompiling.fileBytesMax),
      !ChannelTemplate.isTemplate(bytes)
    else { return [] }
    return expansion.channels(in: path, bytes).compactMap { source in
      source.node.flatMap {
        ChannelReader(registry: loader.registry, reader: reader(source), zone: loader.zone).read($0)
      }
    }
  }

  /// Looks at a channel beside those before it.
  private mutating func settle(_ part: Part, _ others: [Problem]) {
    let (source, draft) = (part.source, part.draft)
    var file = part.file
    if let draft {
      let found = neighbours.problems(of: draft, in: source.origin) + others
      file.problems += found.filter { problem in !source.holes.contains { $0.meets(problem.place) } }
    }
    if file.problems.contains(where: { $0.severity == .error }) || hasBrokenEnvironment {
      file.definition = nil
    } else if let draft {
      neighbours.add(draft, in: source.origin)
    }
    // The channel file first, then what it reaches.
    let path = source.path
    file.problems =
      file.problems.filter { $0.place.file == path }.sorted { ($0.place, $0.code) < ($1.place, $1.code) }
      + file.problems.filter { $0.place.file != path }
    add(file, from: source)
  }

  private mutating func add(_ file: LoadedChannels.File, from source: WrittenChannel? = nil) {
    files.append(file)
    for problem in file.problems { gathered.add(problem, of: source) }
  }

  /// Keeps what was read and reached for one channel.
  private mutating func keep(_ source: WrittenChannel, _ hilt: HiltCompiling?, _ reader: SettingReader) {
    let secrets = Dictionary(grouping: reader.problems.filter { $0.code == "C105" }.map(\.place), by: \.file)
    for (path, text) in source.texts {
      // What was hidden for one channel stays hidden.
      if let places = secrets[path] {
        sources[path] = SourceText(file: path, text: sources[path] ?? text.text).hiding(places)
      } else if sources[path] == nil {
        sources[path] = text.text
      }
    }
    read.merge(source.read) { first, _ in first }
    sources.merge(hilt?.sources ?? [:]) { first, _ in first }
    for file in hilt?.reached ?? [] { read[file.path] = file.bytes }
    variablesUsed.formUnion(source.variables.keys)
  }

  private func assemble(
    _ source: WrittenChannel, _ reader: SettingReader, _ hilt: HiltCompiling
  ) -> (definition: ChannelDefinition?, draft: ChannelDraft?) {
    let settings = ChannelReader(registry: loader.registry, reader: reader, zone: loader.zone)
    guard let draft = source.node.flatMap({ settings.read($0) }) else { return (nil, nil) }
    let assembly = ChannelAssembly(
      draft: draft, reader: reader, hilt: hilt, keep: loader.keep, limits: loader.limits, alerts: loader.alerts,
      file: source.isRow ? nil : source.path, processing: source.processing)
    if loader.looksAround { assembly.lookAround() }
    var definition = assembly.definition { reached in
      let folder = RelativePath.folder(of: source.path)
      return Revision(
        channel: Revision.File(path: RelativePath.name(of: source.path), bytes: source.bytes),
        reached: (source.reached + reached).map {
          Revision.File(path: RelativePath.relative($0.path, to: folder), bytes: $0.bytes)
        }, variables: source.variables)
    }
    definition?.keepValues(of: source.node)
    return (definition, draft)
  }

  private mutating func assemble(_ source: WrittenChannel) -> (file: LoadedChannels.File, draft: ChannelDraft?) {
    var file = LoadedChannels.File(
      path: source.path, name: source.name.map { ChannelName($0) }, definition: nil, problems: source.problems)
    let reader = self.reader(source)
    let keyPlaces = KeyPlaces(
      environment: loader.environment, isTrial: loader.isTrial, looksAround: loader.looksAround)
    let hilt = HiltCompiling(source: source, files: loader.files, keyPlaces: keyPlaces)
    let (definition, draft) = assemble(source, reader, hilt)
    file.name = draft?.name ?? (source.isRow ? file.name : nil)
    file.problems += (reader.problems + hilt.problems)
      .filter { problem in !source.holes.contains { $0.meets(problem.place) } }
    file.definition = definition
    file.settings = source.node
    keep(source, hilt, reader)
    return (file, draft)
  }

  private func reader(_ source: WrittenChannel) -> SettingReader {
    let folder = { RelativePath.folder(of: loader.files.absolute($0)) }
    return SettingReader(
      folder: folder(source.path),
      folders: Dictionary(uniqueKeysWithValues: source.texts.keys.map { ($0, folder($0)) }))
  }

  // MARK: - Templates and environments

  /// Looks at a template by itself: a mistake in it is found before a channel is made from it, and is shown once.
  mutating func look(template path: String) {
    guard looked.insert(path).inserted else { return }
    let template: ChannelTemplate
    do throws(FileReadingError) {
      template = try expansion.template(at: path)
    } catch {
      gathered.add(Problem("C123", "the template \(path) \(error)", at: Place(file: path, line: 1, column: 1)))
      return
    }
    var source = WrittenChannel(
      path: path, bytes: template.bytes, problems: template.problems, texts: [path: template.source], variables: [:],
      read: [path: template.bytes], origin: path)
    source.isRow = true
    let filling = template.filling(template.sample(), expansion.variables)
    if let base = template.node.flatMap(filling.fill), case .map(let entries) = base.kind {
      let name = SettingNode.Entry(
        key: "channel", keyPlace: base.place, value: SettingNode(.scalar("x"), at: base.place))
      source.node = SettingNode(.map([name] + entries), at: base.place)
    }
    source.problems += filling.problems
    source.holes = filling.holes
    source.unsafe = filling.unsafe
    source.variables = template.variables.merging(filling.variables.used) { first, _ in first }
    source.processing = nil
    for problem in assemble(source).file.problems { gathered.add(problem, alone: path) }
  }

  /// What the environment names and no channel has.
  mutating func checkEnvironment() {
    guard let environment = expansion.environment else { return }
    let known = files.compactMap { $0.name?.text }
    for entry in environment.overrides where !known.contains(entry.key) {
      gathered.add(
        Problem(
          "C164", "there is no channel `\(entry.key)`", at: entry.keyPlace,
          label: nearest(to: entry.key, among: known).map { "did you mean `\($0)`?" },
          help: ["a channel goes by the name in its file, or in its row of a table"]))
    }
    // What can't be read may use them.
    guard files.allSatisfy({ $0.settings != nil }) else { return }
    for (name, place) in environment.valuePlaces.sorted(by: { $0.value < $1.value })
    where !variablesUsed.contains(name) {
      gathered.add(
        Problem(
          "C165", "no channel uses `${\(name)}`", at: place, severity: .warning,
          label: nearest(to: name, among: variablesUsed.sorted()).map { "did you mean `\($0)`?" },
          help: ["remove it"]))
    }
  }
}

extension ChannelTemplate {
  /// A file is a template that declares parameters, or says that there are none.
  static func isTemplate(_ bytes: [UInt8]) -> Bool {
    let word = Array((key + ":").utf8)
    return bytes.starts(with: word)
      || bytes.split(separator: 0x0A).contains { $0.starts(with: word) }
  }
}

extension ChannelLoader {
  /// The environment that the channels of a folder are for. One that can't be read has a problem that says so.
  func environment(beside folder: String) -> EnvironmentFile? {
    guard let name = environmentName else { return nil }
    let path = EnvironmentFile.path(name, beside: folder)
    let absolute = RelativePath.folder(of: files.absolute(path))
    let bytes: [UInt8]
    do throws(FileReadingError) {
      bytes = try files.read(path, bytesMax: YAMLReader.fileBytesMax + 1)
    } catch {
      // A revision of a channel of which its environment says nothing has no file of it.
      if files.isComplete == false { return .empty(name, path: path) }
      return .missing(name, path: path, error, known: environmentNames(beside: folder))
    }
    return EnvironmentFile(name: name, path: path, bytes: bytes, folder: absolute, process: environment)
  }

  /// The environments that there are.
  package func environmentNames(beside folder: String) -> [String] {
    let names = (try? files.names(in: RelativePath.joined(folder, "../" + EnvironmentFile.folder))) ?? []
    return names.filter { $0.hasSuffix(".yaml") }.map { String($0.dropLast(5)) }.sorted()
  }
}

extension Place {
  /// Whether one of them lies in the other.
  fileprivate func meets(_ other: Place) -> Bool {
    file == other.file && line == other.line && column < other.column + other.length && other.column < column + length
  }
}
