import ConnectorKit
import Messages
import Text

/// What a channel file says, before the Hilt in it is compiled. What could not be read is `nil`: its problem is
/// reported, and the rest is looked at all the same.
struct ChannelDraft {
  struct Destination {
    let name: String
    let place: Place
    let settings: DestinationSettings?
    let connector: ConnectorDefinition?
    /// Where the connector's block stands, for what the connector says of its settings.
    let block: SettingNode?
  }

  var name: ChannelName?
  var namePlace: Place
  var settings: ChannelSettings?
  var source: SourceDefinition?
  var sourceBlock: SettingNode?
  var hl7: HL7Settings?
  /// `prepare:` beside the source's connector.
  var prepare: TransformSetting?
  var split: SplitSetting?
  var splitPlace: Place?
  /// `schedule:` beside the source's connector.
  var schedule: Schedule?
  /// Where `silence` stands among the alerts.
  var alertsPlace: Place?
  var destinations: [Destination] = []
  /// Keys that were read by themselves, so that a mistake elsewhere hides none of their problems.
  var transform: TransformSetting?
  var duplicates: DuplicateSettings?
  var duplicatesPlace: Place?
  var columns: ColumnSettings?
  var format: Format?
  /// The channels that start before it.
  var depends: [(name: String, place: Place)] = []
}

/// Reads the settings of one channel file.
struct ChannelReader {
  let registry: ConnectorRegistry
  let reader: SettingReader
  /// By whose clock a schedule is that doesn't say.
  let zone: String

  func read(_ root: SettingNode) -> ChannelDraft? {
    guard case .map = root.kind else {
      reader.expected("a channel", root, help: ["`key: value` lines, beginning with `channel: NAME`"])
      return nil
    }
    let known = ChannelSettings.keys
    let node = withoutMisplaced(NotYet.refuse(NotYet.channel, in: root, declared: known, reader), known)
    var draft = ChannelDraft(namePlace: node["channel"]?.place ?? root.place)
    draft.settings = ChannelSettings.read(node, reader)
    node.meant("limits", among: known).map { LimitSettings.checkRanges(reader, $0) }
    node.meant("alerts", among: known).map { AlertSettings.checkRanges(reader, $0) }
    let quiet = SettingReader(folder: reader.folder, folders: reader.folders)
    draft.transform = node.meant("transform", among: known).flatMap { TransformSetting.read($0, quiet) }
    draft.duplicates = node.meant("duplicates", among: known).flatMap { DuplicateSettings.read($0, quiet) }
    draft.duplicatesPlace = node["duplicates"]?.place
    draft.alertsPlace = node["alerts"].map { ($0["silence"] ?? $0).place }
    draft.columns = node.meant("columns", among: known).flatMap { ColumnSettings.read($0, quiet) }
    draft.format = node.meant("format", among: known).flatMap { FormatSetting.read($0, quiet)?.format }
    if let name = node["channel"]?.scalar, Names.check(name, "a channel", at: draft.namePlace, reader) {
      draft.name = ChannelName(name)
    }
    if let depends = node["depends"] {
      let nodes = if case .list(let nodes) = depends.kind { nodes } else { [depends] }
      draft.depends = nodes.compactMap { node in node.scalar.map { ($0, node.place) } }
    }
    if let source = node.meant("source", among: known) { read(source: source, into: &draft) }
    if let destinations = node.meant("destinations", among: known) {
      draft.destinations = read(destinations: destinations)
    }
    return draft
  }

  /// What stands beside `channel:` and belongs to a destination is said as that, once.
  private func withoutMisplaced(_ root: SettingNode, _ known: [String]) -> SettingNode {
    guard case .map(let entries) = root.kind else { return root }
    let isMisplaced = { (key: String) in !known.contains(key) && DestinationSettings.keys.contains(key) }
    for entry in entries where isMisplaced(entry.key) {
      reader.problem(
        "C101", "there is no setting `\(entry.key)` here", at: entry.keyPlace, label: "it belongs to a destination",
        help: ["destinations: {NAME: {\(entry.key): …}}"])
    }
    return SettingNode(.map(entries.filter { !isMisplaced($0.key) }), at: root.place)
  }

  // MARK: - The source

  /// What may stand beside a source's connector.
  private static let besideSource = ["hl7", "prepare"] + SplitSettings.keys + ScheduleBeside.keys

  private func read(source: SettingNode, into draft: inout ChannelDraft) {
    guard case .map = source.kind else {
      reader.expected("a connector", source, help: ["one of " + registry.sourceNames.joined(separator: ", ")])
      return
    }
    let node = NotYet.refuse(NotYet.source, in: source, declared: registry.sourceNames + Self.besideSource, reader)
    let choice = ConnectorChoice(
      names: registry.sourceNames, others: registry.destinationNames, role: "source", settings: Self.besideSource)
    let (chosen, rest) = choice.find(in: node, reader)
    if case .map(let entries) = rest.kind {
      for entry in entries where !Self.besideSource.contains(entry.key) {
        reader.unknown(entry, known: registry.sourceNames + Self.besideSource)
      }
    }
    draft.prepare = node["prepare"].flatMap { TransformSetting.read($0, reader) }
    draft.hl7 = HL7Settings()
    if let block = node["hl7"] { draft.hl7 = hl7(block) }
    guard let chosen, let type = registry.source(named: chosen.key) else { return }
    let format = draft.format ?? type.format
    if let block = node["hl7"], let format, format != .hl7v2 {
      reader.problem(
        "C130", "`hl7:` says how HL7 v2 is read, and this source brings \(format.rawValue)", at: block.place,
        help: ["remove it, or say `format: hl7v2`"])
    }
    draft.format = format
    draft.split = SplitSettings.read(beside: node, format, of: chosen.key, reader)
    draft.splitPlace = node["split"]?.place
    draft.schedule = ScheduleBeside.read(
      beside: node, polls: type is any PollingSource.Type, of: chosen.key, zone: zone, reader)
    if format == nil {
      reader.problem(
        "C102", "`format` is missing: `\(chosen.key)` can bring anything", at: chosen.keyPlace,
        help: ["format: hl7v2", "format: text", "format: bytes"])
    }
    let block = NotYet.refuse(NotYet.connector, in: chosen.value, declared: type.settingKeys, reader)
    draft.sourceBlock = block
    draft.source = type.definition(block, reader)
    refuseNumbers(in: block, but: [])
    draft.source?.schedule = draft.schedule
    draft.source?.written = block.written + (draft.schedule.map { "\nschedule \($0.words)" } ?? "")
    // Whether it is mended tells a source where to take its answers from.
    draft.source?.writtenHL7 = (node["hl7"]?.written ?? "") + (draft.prepare == nil ? "" : "\nprepare")
  }

  private func hl7(_ block: SettingNode) -> HL7Settings? {
    guard let settings = HL7Settings.read(block, reader) else { return nil }
    if let charset = settings.charset, Charset(named: charset) == nil {
      reader.problem(
        "C133", "`\(charset)` is no character set that is known here", at: block["charset"]?.place ?? block.place,
        label: nearest(to: charset, among: Charset.knownNames).map { "did you mean `\($0)`?" },
        help: ["for example " + Charset.knownNames.prefix(6).joined(separator: ", ")])
    }
    return settings
  }

  // MARK: - Destinations

  private func read(destinations node: SettingNode) -> [ChannelDraft.Destination] {
    guard case .map(let entries) = node.kind, !entries.isEmpty else {
      reader.expected("at least one destination", node, help: ["a name, and under it one connector"])
      return []
    }
    return entries.map { entry in
      Names.check(entry.key, "a destination", at: entry.keyPlace, reader)
      return read(destination: entry)
    }
  }

  private func read(destination entry: SettingNode.Entry) -> ChannelDraft.Destination {
    func draft(
      _ settings: DestinationSettings? = nil, _ connector: ConnectorDefinition? = nil, _ block: SettingNode? = nil
    )
      -> ChannelDraft.Destination
    {
      ChannelDraft.Destination(
        name: entry.key, place: entry.keyPlace, settings: settings, connector: connector, block: block)
    }
    guard case .map = entry.value.kind else {
      reader.expected(
        "a connector", entry.value, help: ["one of " + registry.destinationNames.joined(separator: ", ")])
      return draft()
    }
    let keys = DestinationSettings.keys
    let names = registry.destinationNames
    let node = NotYet.refuse(NotYet.destination, in: entry.value, declared: keys + names, reader)
    let choice = ConnectorChoice(names: names, others: registry.sourceNames, role: "destination", settings: keys)
    let (chosen, rest) = choice.find(in: node, reader)
    let settings = DestinationSettings.read(rest, reader)
    DestinationSettings.checkRanges(reader, rest)
    CollectSettings.checkNeighbours(reader, rest, connector: chosen.map { ($0.key, $0.keyPlace) })
    guard let chosen, let type = registry.destination(named: chosen.key) else { return draft(settings) }
    let block = NotYet.refuse(NotYet.connector, in: chosen.value, declared: type.settingKeys, reader)
    var connector = type.definition(block, reader)
    connector?.written = entry.value.written(without: ["when", "transform"])
    refuseNumbers(in: block, but: connector?.options.templates.map(\.key) ?? type.settingKeys)
    return draft(settings, connector, block)
  }
}

extension ChannelReader {
  /// A number that the commit gives stands in a template; in any other text it would be taken as it is written.
  ///
  /// - Parameter templates: the settings, each with the keys that lead to it, that are templates.
  private func refuseNumbers(in node: SettingNode, but templates: [String], at path: String = "") {
    if templates.contains(path) { return }
    switch node.kind {
    case .list(let nodes): for one in nodes { refuseNumbers(in: one, but: templates, at: path) }
    case .map(let entries):
      for entry in entries {
        refuseNumbers(in: entry.value, but: templates, at: path.isEmpty ? entry.key : "\(path).\(entry.key)")
      }
    case .scalar(let text):
      guard text.filter({ !$0.isWhitespace }).contains("{sequence(") else { return }
      let others = templates.isEmpty ? "" : "; here \(templates.map { "`\($0)`" }.joined(separator: ", ")) can"
      reader.problem(
        "E161", "`\(path)` can't have the number of a sequence in it\(others)", at: node.place,
        help: ["the name of a destination's files can: file: {name: 'lab-{sequence(\"lab\", 6)}.hl7'}"])
    }
  }
}

extension SettingNode {
  /// The value of a key, or of the key that was meant for it.
  fileprivate func meant(_ key: String, among known: [String]) -> SettingNode? {
    if let value = self[key] { return value }
    guard case .map(let entries) = kind else { return nil }
    return entries.first { !known.contains($0.key) && nearest(to: $0.key, among: known) == key }?.value
  }
}

extension Settings {
  /// The declared keys.
  static var keys: [String] {
    guard case .group(let entries) = kind else { return [] }
    return entries.map(\.key)
  }
}

extension Connector {
  static var settingKeys: [String] { Options.keys }
}
