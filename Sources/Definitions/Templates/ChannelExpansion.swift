import ConnectorKit
import Messages
import Text

/// Puts channels together from their files, from templates and tables, and from an environment. Each template and
/// table is read once, however many channels are made from it.
struct ChannelExpansion {
  let files: any DefinitionFiles
  let process: @Sendable (String) -> String?
  let environment: EnvironmentFile?
  /// By path; those that could not be read are `nil`.
  private(set) var templates: [String: ChannelTemplate?] = [:]

  init(files: any DefinitionFiles, process: @escaping @Sendable (String) -> String?, environment: EnvironmentFile?) {
    self.files = files
    self.process = process
    self.environment = environment
  }

  /// Resolves `${NAME}`: what the environment's file says comes before the variables of the process.
  var variables: Variables {
    let values = environment?.values ?? [:]
    return Variables(environment: { [process] in values[$0] ?? process($0) }, known: values.keys.sorted())
  }

  /// The channels of a file: one, or one for each row of its instances.
  mutating func channels(in path: String, _ bytes: [UInt8]) -> [WrittenChannel] {
    let yaml = YAMLReader.read(bytes, file: path, variables)
    var source = WrittenChannel(
      path: path, bytes: bytes, node: yaml.node, name: yaml.node?["channel"]?.scalar, problems: yaml.problems,
      texts: [path: yaml.source], variables: yaml.variables, read: [path: bytes], origin: path)
    // A value without its variable is wrong in other ways too, and they are no news.
    source.holes = Set(yaml.problems.filter { $0.code == "C117" }.map(\.place))
    let reader = SettingReader(folder: "/")
    guard let root = yaml.node, root["template"] != nil || root["instances"] != nil || root["with"] != nil else {
      finish(&source)
      return [source]
    }
    guard let named = root.entry("template") else {
      for key in ["with", "instances"] {
        guard let entry = root.entry(key) else { continue }
        let help =
          key == "with"
          ? ["template: templates/NAME.yaml", "of a transform: transform: {file: …, with: {…}}"]
          : ["template: templates/NAME.yaml"]
        reader.problem("C161", "`\(key)` belongs to a template, and none is named", at: entry.keyPlace, help: help)
      }
      return [source.broken(reader)]
    }
    guard let template = template(named.value, of: path, reader) else { return [source.broken(reader)] }
    source.template = (template.path, named.value.place)
    source.texts[template.path] = template.source
    source.read[template.path] = template.bytes
    source.reached.append(Revision.File(path: template.path, bytes: template.bytes))
    source.variables.merge(template.variables) { first, _ in first }
    source.problems += template.problems
    let use = TemplateUse(template: template, file: path, root: root, variables: variables)
    let given = use.given(root.entry("with"), reader)
    guard let instances = root.entry("instances") else {
      var name = root["channel"].map { InstancesFile.Cell(text: $0.scalar ?? "", place: $0.place) }
      if name == nil {
        reader.problem(
          "C102", "`channel` is missing: the name of the channel that is made from the template", at: named.keyPlace,
          help: ["channel: NAME", "instances: sites.csv makes several"])
        name = InstancesFile.Cell(text: "x", place: named.keyPlace)
        source.holes.insert(named.keyPlace)
      }
      source.problems += reader.problems
      fill(&source, use, given, name: name)
      return [source]
    }
    return rows(instances, of: source, use, given, reader)
  }

  private mutating func rows(
    _ instances: SettingNode.Entry, of source: WrittenChannel, _ use: TemplateUse,
    _ given: [String: InstancesFile.Cell], _ reader: SettingReader
  ) -> [WrittenChannel] {
    var source = source
    if let name = use.root.entry("channel") {
      reader.problem(
        "C162", "each row of the instances has its own name, in the column `channel`", at: name.keyPlace,
        help: ["remove `channel`", "remove `instances`"])
    }
    guard let table = table(instances.value, of: source.path, reader) else { return [source.broken(reader)] }
    source.texts[table.path] = table.source
    // The table as it is on the disk; a revision holds a row of it.
    source.read[table.path] = table.bytes
    source.problems += reader.problems
    use.check(columns: table, given, &source.problems)
    var all: [WrittenChannel] = []
    // What is wrong with the table itself is shown, whatever becomes of its rows.
    if !table.problems.isEmpty {
      var broken = source
      broken.problems += table.problems
      broken.node = nil
      broken.origin = table.path
      all.append(broken)
    }
    guard !table.isUnusable else { return all }
    for row in table.rows {
      var channel = source
      channel.isRow = true
      channel.origin = "\(table.path):\(row.line)"
      channel.reached.append(Revision.File(path: table.path, bytes: row.alone))
      channel.name = row.name.text
      fill(&channel, use, given, row: row, name: row.name)
      all.append(channel)
    }
    return all
  }

  /// Puts the values into the template, and over it what the channel's file and the environment say.
  private func fill(
    _ source: inout WrittenChannel, _ use: TemplateUse, _ given: [String: InstancesFile.Cell],
    row: InstancesFile.Row? = nil, name: InstancesFile.Cell?
  ) {
    let reader = SettingReader(folder: "/")
    // The table's cells before what holds for all its rows, and what the environment says before both.
    var given = given.merging(row?.cells ?? [:]) { _, cell in cell }
    if let override = name.flatMap({ environment?.override(of: $0.text) }) {
      given.merge(use.given(override.entry("with"), reader)) { _, other in other }
    }
    let values = use.values(given, name: name, blanks: row?.blanks ?? [:], reader)
    source.problems += reader.problems
    let filling = use.template.filling(values, variables)
    guard let base = use.template.node.flatMap(filling.fill) else {
      source.node = nil
      return
    }
    // What the template says of a parameter that isn't there is said once, with the template.
    source.problems += filling.problems
    source.variables.merge(filling.variables.used) { first, _ in first }
    source.holes.formUnion(filling.holes)
    source.uses = filling.uses
    source.unsafe = filling.unsafe
    var node = base.overlaid(with: use.root.without(["template", "with", "instances", "channel"]))
    if let name { node = Self.named(name, node) }
    source.node = node
    finish(&source)
  }

  private static func named(_ name: InstancesFile.Cell, _ node: SettingNode) -> SettingNode {
    guard case .map(let entries) = node.kind else { return node }
    let entry = SettingNode.Entry(
      key: "channel", keyPlace: name.place, value: SettingNode(.scalar(name.text), at: name.place))
    return SettingNode(.map([entry] + entries), at: node.place)
  }

  /// Lays what the environment says over the settings.
  private func finish(_ source: inout WrittenChannel) {
    guard let environment, !environment.bytes.isEmpty else { return }
    source.texts[environment.path] = environment.source
    source.read[environment.path] = environment.bytes
    source.processing = environment.processing.map { ($0, environment.name) }
    guard let name = source.name, let node = source.node else { return }
    if let override = environment.override(of: name) {
      let reader = SettingReader(folder: "/")
      let applicable = EnvironmentFile.applicable(override, to: name, node, reader)
      if source.template == nil, let with = override.entry("with") {
        reader.problem(
          "C164", "`with` gives a template's parameters, and `\(name)` is made from none", at: with.keyPlace)
      }
      source.problems += reader.problems
      source.node = node.overlaid(with: applicable)
    }
    if let alone = environment.alone(name, used: Set(source.variables.keys)) {
      source.reached.append(Revision.File(path: environment.path, bytes: alone))
    }
  }

  // MARK: - Files

  private mutating func template(
    _ node: SettingNode, of path: String, _ reader: SettingReader
  ) -> ChannelTemplate? {
    guard let written = node.scalar, !written.isEmpty, !written.utf8.contains(0) else {
      reader.expected("the path of a template", node, help: ["template: templates/lab.yaml"])
      return nil
    }
    let found = RelativePath.joined(RelativePath.folder(of: path), written)
    do throws(FileReadingError) {
      return try template(at: found)
    } catch {
      let code = if case .tooLarge = error { "C115" } else { "C123" }
      reader.problem(
        code, "the template \(found) \(error)", at: node.place,
        help: ["paths are relative to the folder of the file that names them"])
      return nil
    }
  }

  /// A template, read once.
  mutating func template(at path: String) throws(FileReadingError) -> ChannelTemplate {
    if let known = templates[path], let template = known { return template }
    let bytes = try files.read(path, bytesMax: HiltCompiling.fileBytesMax)
    let template = ChannelTemplate(
      path: path, bytes: bytes, folder: RelativePath.folder(of: files.absolute(path)), variables: variables)
    templates[path] = template
    return template
  }

  private func table(_ node: SettingNode, of path: String, _ reader: SettingReader) -> InstancesFile? {
    guard let written = node.scalar, !written.isEmpty, !written.utf8.contains(0) else {
      reader.expected("the path of a table", node, help: ["instances: sites.csv"])
      return nil
    }
    let found = RelativePath.joined(RelativePath.folder(of: path), written)
    do throws(FileReadingError) {
      return InstancesFile(path: found, bytes: try files.read(found, bytesMax: HiltCompiling.fileBytesMax))
    } catch {
      let code = if case .tooLarge = error { "C115" } else { "C123" }
      reader.problem(code, "the table \(found) \(error)", at: node.place, help: ["channel,port,… and a row each"])
      return nil
    }
  }
}

extension WrittenChannel {
  /// Nothing can be made of it.
  fileprivate func broken(_ reader: SettingReader) -> WrittenChannel {
    var source = self
    source.problems += reader.problems
    source.node = nil
    return source
  }
}
